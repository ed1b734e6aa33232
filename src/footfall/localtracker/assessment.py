"""What the local tracker makes of one request: who, what, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from footfall.errors import ConfigError

__all__ = ["Findings", "Problem", "Rules", "TrackerName", "Assessment"]

_is_name = re.compile(r"[A-Za-z0-9_.-]{1,40}").fullmatch

TrackerName = Literal["raptor", "yoochoose", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a customer's contract leaves open. The defaults are what the two documents say."""

    customers: frozenset[str] | None = None  #: the ids that exist; others are answered 404; ``None``: all exist
    credentials: Mapping[str, str] = field(default_factory=dict[str, str])
    """The licence keys of customers whose requests need ``Authorization: Basic`` with customer id and key."""
    max_item_type: int = 5  #: the YOOCHOOSE document has 1 to 5, today's documentation 1 to 2147483647
    text_item_ids: bool = False  #: whether item ids need not be numbers: supported, but discouraged
    buy_optional: bool = False  #: whether ``quantity`` and ``fullprice`` may be missing, as in today's documentation
    ibexa: bool = False
    """Whether to speak YOOCHOOSE as its successor documents it today: with events for an item that leaves the basket
    and for messages, any item type, ``quantity`` and ``fullprice`` optional."""
    max_target: int = 8_192  #: longer request targets are answered 414; no document names a limit
    replayed: bool = False
    """Whether the visits took place earlier, so that the times at which requests arrive say nothing about them."""

    @property
    def largest_item_type(self) -> int:
        """The highest item type that is accepted."""
        return 2_147_483_647 if self.ibexa else self.max_item_type

    def __post_init__(self) -> None:
        """Refuse limits that no request could meet."""
        for name, least in (("max_item_type", 1), ("max_target", 64)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name}: is {getattr(self, name)}; write {least} or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong or doubtful, for a person to read. It quotes no visitor's id."""

    field: str  #: the parameter's name, or ``path``, ``method``...
    finding: str
    mend: str
    source: str  #: document and section
    fatal: bool  #: whether the request is refused for it; otherwise it is only worth a look

    def __str__(self) -> str:
        """Write it in one line."""
        return f"{self.field}: {self.finding}; {self.mend} ({self.source})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Assessment:
    """One request, decoded and assessed."""

    tracker: TrackerName
    customer: str = ""
    kind: str = ""  #: the event in the tracker's own word: ``visit``, ``click``
    visitor: str = ""  #: Raptor's ``coid``; YOOCHOOSE's ``userid``, of a login the ``sourceuserid``
    session: str = ""  #: Raptor's ``sid``; YOOCHOOSE is not told of sessions
    params: tuple[tuple[str, str], ...] = ()  #: decoded; the parts of the path first, by the document's names
    status: int
    problems: tuple[Problem, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the tracker took the event."""
        return 200 <= self.status < 300

    def __repr__(self) -> str:
        """Name the assessment without the visitor."""
        return f"<Assessment {self.status} on {self.tracker} {self.kind or 'request'}>"


class Findings:
    """Collects what is wrong while a request is read, in the order of its URL."""

    def __init__(self, document: str) -> None:
        self._document = document
        self._problems: list[Problem] = []

    def wrong(self, field: str, finding: str, mend: str, section: str) -> None:
        """Note something that the tracker refuses."""
        self._add(field, finding, mend, section, fatal=True)

    def doubtful(self, field: str, finding: str, mend: str, section: str) -> None:
        """Note something that the tracker accepts, but that is rarely intended."""
        self._add(field, finding, mend, section, fatal=False)

    def _add(self, field: str, finding: str, mend: str, section: str, *, fatal: bool) -> None:
        source = f"{self._document}, '{section}'"
        # A parameter's name is the sender's text: part of an address that was not encoded may have become one.
        field = field if _is_name(field) else "a parameter"
        self._problems.append(Problem(field=field, finding=finding, mend=mend, source=source, fatal=fatal))

    @property
    def fatal(self) -> bool:
        """Whether the request is refused."""
        return any(problem.fatal for problem in self._problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that was noted."""
        return tuple(self._problems)
