"""What a spool is: where wire requests wait, over restarts, until their verdict is final."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from footfall.delivery.segments import Record
from footfall.delivery.stats import Counters
from footfall.wire import WireRequest

__all__ = ["Batch", "Failure", "Lease", "Postponement", "Room", "Settlement", "Snapshot", "Spool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records on their way from the journal into the spool, in order."""

    records: Sequence[Record]
    offsets: Mapping[str, int]  #: by segment, up to where it is moved once this batch is stored


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Lease:
    """A request that is this process's to send, for a while."""

    id: int
    request: WireRequest
    accepted: float  #: seconds since 1970
    attempts: int  #: that were made before this one
    until: float = 0.0  #: seconds since 1970; then others may take it

    def __repr__(self) -> str:
        """Name the row, never what is in it."""
        return f"<Lease {self.id} of {self.request!r}>"


class Postponement(NamedTuple):
    """A leased request that is to be sent again."""

    id: int
    due: float  #: seconds since 1970


class Failure(NamedTuple):
    """A leased request that is not sent again unless a person says so."""

    id: int
    reason: str  #: in words that name no visitor
    status: int | None = None  #: what the tracker answered, if it did
    answer: str = ""  #: its words, escaped and cut

    def __repr__(self) -> str:
        """Leave the tracker's words out: they may repeat what was sent."""
        return f"<Failure of {self.id}: {self.reason}>"


@dataclass(slots=True, kw_only=True)
class Settlement:
    """What became of leased requests since the last turn."""

    delivered: list[int] = field(default_factory=list[int])
    postponed: list[Postponement] = field(default_factory=list[Postponement])
    failed: list[Failure] = field(default_factory=list[Failure])
    woken: set[str] = field(default_factory=set[str])  #: trackers that are back: what waits for them need not

    def __bool__(self) -> bool:
        return bool(self.delivered or self.postponed or self.failed or self.woken)


class Room(NamedTuple):
    """How many requests a tracker may be sent now."""

    limit: int
    probe: bool = False  #: it is likely to fail: rather one that may be repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Counters, and up to where the journal was moved, at one moment."""

    trackers: Mapping[str, Counters]
    offsets: Mapping[str, int]
    repeated: Mapping[str, int] = field(default_factory=dict[str, int])
    """By tracker, how many of the records asked about have a ``once`` key that is taken."""


class Spool(Protocol):
    """Where requests wait. Each method is one transaction; each may raise SpoolError, and none waits for ever."""

    def drain(self, source: Callable[[Mapping[str, int]], Batch]) -> Batch:
        """Take records over from the journal, each once: *source* is given up to where that was done already."""
        ...

    def turn(
        self,
        settled: Settlement,
        room: Callable[[str], Room],
        *,
        owner: str,
        now: float,
        lease: float,
        renewed: Collection[int] = (),
    ) -> list[Lease]:
        """Settle leased requests, and lease others that are due: *lease* seconds for *owner*, who then sends them.

        What it is busy with, though its lease has run out, is *renewed*: it would be leased anew, or taken for lost.
        Of one visitor at most one request a tracker is under way; the others wait for its verdict, in order.
        """
        ...

    def refuse(self, counts: Iterable[tuple[str, str, int]]) -> None:
        """Add to the counts of what was never accepted: tracker, reason, how many."""
        ...

    def owners(self) -> set[str]:
        """Name everyone who has requests on lease."""
        ...

    def orphan(self, owners: Iterable[str]) -> None:
        """End the leases of processes that are no more."""
        ...

    def tend(self, now: float, segments: Collection[str]) -> int:
        """Do what must be done now and then, while these *segments* exist; returns how many bytes the spool holds."""
        ...

    def snapshot(self, unmoved: Callable[[Mapping[str, int]], Iterable[Record]] | None = None) -> Snapshot:
        """Count everything at one moment; *unmoved* is given up to where the journal was moved, for `repeated`."""
        ...

    def close(self) -> None:
        """Let go of the file. The next use opens it again."""
        ...
