"""What a spool and whoever sends from it hand each other: leases one way, what became of them the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from footfall.wire import WireRequest

__all__ = ["UNANSWERED", "Failure", "Lease", "Postponement", "Room", "Settlement", "Standing", "Store"]

UNANSWERED = "unanswered: "  #: how the reason begins where a request must go once, and may have gone


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

    def __bool__(self) -> bool:
        return bool(self.delivered or self.postponed or self.failed)


class Room(NamedTuple):
    """How many requests a tracker may be sent now."""

    limit: int
    again: int = 1_000_000  #: at most so many of them have failed before
    probe: bool = False  #: it is likely to fail: one that has not failed yet, and rather one that may be repeated


class Standing(NamedTuple):
    """Why a tracker is sent nothing but a probe. Times are seconds since 1970."""

    why: Literal["down", "paused"]
    since: float
    until: float | None  #: when the pause ends that it asked for
    reason: str  #: what it answered, in words that name no visitor


class Store(Protocol):
    """Where requests wait that a courier sends: a spool, or an engine that many machines share.

    Each call is bounded in time, may raise SpoolError, and has then changed nothing that cannot be asked for again.
    """

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
        """Settle leased requests, prolong what is *renewed*, and lease others that are due.

        Of one visitor at most one request a tracker is under way; the others wait for its verdict, in order.

        Args:
            settled: What became of leased requests.
            room: How many a tracker, by its name, may be sent now.
            owner: Whose leases they are.
            now: Seconds since 1970, by the owner's clock.
            lease: Seconds until others may take what the owner has not settled.
            renewed: What it is still busy with.
        """
        ...

    def report(self, owner: str, standings: Mapping[str, Standing], now: float) -> None:
        """Write down for others that this process delivers, and which trackers it sends nothing to, and why."""
        ...

    def leave(self, owner: str) -> None:
        """Write down that this process delivers no more."""
        ...
