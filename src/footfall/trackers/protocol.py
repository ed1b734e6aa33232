"""What a tracker is to the rest of the house: a name, and events turned into wire requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from footfall.events import Event
from footfall.identity.visitor import Visitor
from footfall.wire import WireRequest

__all__ = ["Explains", "Parameter", "Tracker"]


@runtime_checkable
class Tracker(Protocol):
    """A remote service that takes events, and the dialect it speaks.

    A third one is a class with these two members; it needs no base class. It is pure: it opens
    nothing, waits for nothing, and asks neither clock nor chance. It is never given a wrong event.
    """

    @property
    def name(self) -> str:
        """Its key in counters, in the spool and in log lines; unique within a site."""
        ...

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        """Turn one event of one visitor into the requests that report it.

        Returns:
            A list, empty for a kind of event that this tracker does not have: that is no error. What is anything
            but a list of `WireRequest` with values of the types they declare is set aside.

        Raises:
            EventError: The event is wrong for this tracker. Names field, finding and remedy; quotes no visitor.
            NoIdentity: The tracker takes nothing from a visitor without an id, and this one has none.
        """
        ...


class Parameter(NamedTuple):
    """One value in a request, for a person to read. It may be a visitor's: it belongs on a screen, not in a log."""

    name: str  #: as it stands in the URL (``p2``), or what a segment of the path is called (``itemid``)
    value: str  #: decoded
    meaning: str
    source: str  #: which document says so


@runtime_checkable
class Explains(Protocol):
    """A tracker that can say what its requests mean; one that cannot is shown as bare URLs."""

    def explain(self, request: WireRequest) -> Sequence[Parameter]:
        """Take one of this tracker's own requests apart, in the order of its URL."""
        ...
