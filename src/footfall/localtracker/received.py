"""One request as the local tracker keeps it, and the filter that selects some of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypedDict

from footfall.localtracker.assessment import Assessment, Problem

__all__ = ["Asked", "Count", "Filter", "Look", "Received", "answered", "look_of"]

#: How a request looks at a glance: as documented; accepted, with something to look at; refused; or answered by a fault
#: that was ordered.
Look = Literal["right", "doubtful", "wrong", "fault"]
#: What a filter may select: a look, or ``accepted`` (right or doubtful), or ``refused`` (wrong or fault).
Asked = Literal["accepted", "refused", "right", "doubtful", "wrong", "fault"]


class Filter(TypedDict, total=False):
    """Which requests to select. What is left out or ``None`` does not narrow the selection."""

    tracker: str | None  #: ``raptor``, ``yoochoose`` or ``unknown``
    kind: str | None
    visitor: str | None
    status: int | None
    verdict: Asked | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Received:
    """One request that came in."""

    number: int  #: counts up from 1, and goes on after a clearing
    at: float  #: in Unix seconds
    method: str
    target: str  #: path and query as they came
    assessment: Assessment
    remarks: tuple[Problem, ...] = ()  #: what earlier requests, or a closer look, make doubtful
    fault: str = ""  #: the fault that replaced the answer: ``503``, ``hang``, ``cut``...

    @property
    def tracker(self) -> str:
        """``raptor``, ``yoochoose`` or ``unknown``."""
        return self.assessment.tracker

    @property
    def kind(self) -> str:
        """The event in the tracker's own word."""
        return self.assessment.kind

    @property
    def visitor(self) -> str:
        """Raptor's ``coid``, YOOCHOOSE's ``userid``."""
        return self.assessment.visitor

    @property
    def session(self) -> str:
        """Raptor's ``sid``."""
        return self.assessment.session

    @property
    def status(self) -> int:
        """The status that was answered; 0: none, because of a fault."""
        return self.assessment.status

    @property
    def look(self) -> Look:
        """How the request looks at a glance."""
        return look_of(self.assessment, self.remarks, self.fault)

    @property
    def params(self) -> Mapping[str, str]:
        """The decoded parts of path and query; of a repeated name, the first."""
        return dict(reversed(self.assessment.params))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong or doubtful about this request alone, by its document."""
        return self.assessment.problems

    def to_json(self) -> dict[str, object]:
        """Return what JSON holds of it."""
        return {
            "number": self.number,
            "at": self.at,
            "method": self.method,
            "target": self.target,
            "tracker": self.tracker,
            "customer": self.assessment.customer,
            "kind": self.kind,
            "visitor": self.visitor,
            "session": self.session,
            "status": self.status,
            "look": self.look,
            "fault": self.fault,
            "params": self.params,
            "problems": [asdict(problem) for problem in self.problems],
            "remarks": [asdict(problem) for problem in self.remarks],
        }

    def __repr__(self) -> str:
        """Name the request without its visitor."""
        return f"<Received {self.number}: {self.tracker} {self.kind or 'request'} answered {self.status}>"


def look_of(assessment: Assessment, remarks: tuple[Problem, ...], fault: str) -> Look:
    """Tell how a request looks at a glance."""
    if fault:
        return "fault"
    if not assessment.accepted:
        return "wrong"
    return "doubtful" if assessment.problems or remarks else "right"


def answered(assessment: Assessment, fault: str) -> Assessment:
    """Return the assessment with the status that was really answered."""
    return replace(assessment, status=int(fault) if fault.isdigit() else 0) if fault else assessment


@dataclass(frozen=True, slots=True)
class Count:
    """How many requests of one tracker and kind got the same status."""

    tracker: str
    kind: str
    status: int
    count: int
