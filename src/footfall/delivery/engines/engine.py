"""What an engine is: a store that many machines share, and what it and a forwarder hand each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple, Protocol

from footfall.delivery.spool.couriers import Report
from footfall.delivery.spool.failed import FailedReason, FailedRequest, Which
from footfall.delivery.spool.leases import Store
from footfall.delivery.spool.outgoing import Erasure, Marker, Parcel
from footfall.delivery.stats import Stats

__all__ = ["ADOPTED_AFTER", "LEASE", "PATIENCE", "SEEN_FOR", "Depth", "Engine", "Finding", "name_visitor"]

LEASE = 15.0  #: seconds until the requests of a worker that died are another's; it renews them while it lives
PATIENCE = 10.0  #: seconds that one call may take
SEEN_FOR = 20.0  #: seconds after which a worker that has said nothing counts as gone
ADOPTED_AFTER = 2.0  #: seconds that what was written within an order's transaction lets others go ahead


class Finding(NamedTuple):
    """What is wrong with an engine, in words that name the line to change."""

    text: str
    durability: bool = False  #: it would lose what it has confirmed, as far as it can tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """What waits in an engine, at one moment."""

    stats: Stats
    under_way: int = 0  #: requests on lease to a worker
    waiting: int = 0  #: requests that failed once and wait for their next try
    oldest: Mapping[str, datetime] = field(default_factory=dict[str, datetime])  #: by tracker
    failing: Mapping[str, tuple[int, datetime | None, datetime | None]] = field(
        default_factory=dict[str, tuple[int, datetime | None, datetime | None]]
    )
    """By tracker: how many back off, since when, and when the next of them is due."""


class Engine(Store, Protocol):
    """Where forwarders publish and couriers lease. Each call is bounded, and may raise EngineError."""

    @property
    def name(self) -> str:
        """Where it is, without user and password."""
        ...

    def check(self) -> Sequence[Finding]:
        """Look for what would lose requests, or keep it from working; nothing found: it may be used."""
        ...

    def migrate(self) -> None:
        """Make what it keeps requests in, or bring it up to date."""
        ...

    def hurry(self) -> None:
        """Have the next turn look at once for what is otherwise looked for each second, new trackers above all."""
        ...

    def marker(self, tracker: str, source: str) -> Marker | None:
        """Tell up to which parcel of a source it has a tracker's requests."""
        ...

    def publish(self, tracker: str, source: str, parcel: Parcel, *, after: Marker | None) -> bool:
        """Take a parcel over, whole, and only if *after* is the last one that came from its source.

        Returns:
            False where the bound on what waits is reached, and nothing was taken.

        Raises:
            EngineError: It has had another parcel since, or cannot be used.
        """
        ...

    def sync(self) -> None:
        """Return once all that was published is as durable as this engine can make it."""
        ...

    def erase(self, erasures: Sequence[Erasure]) -> None:
        """Drop whatever there is of visitors, and what of theirs is published later and was accepted before."""
        ...

    def stats(self) -> Stats:
        """Count what was published and what became of it."""
        ...

    def depth(self) -> Depth:
        """Look at what waits."""
        ...

    def reports(self) -> list[Report]:
        """Read what its workers have written down; those that are gone have no name."""
        ...

    def count_failed(self, which: Which) -> list[FailedReason]:
        """Count what failed by its reasons, the most frequent first."""
        ...

    def list_failed(self, which: Which) -> Iterator[FailedRequest]:
        """Read what failed, oldest first."""
        ...

    def retry_failed(self, which: Which) -> int:
        """Have what failed sent again; returns how many requests."""
        ...

    def purge_failed(self, which: Which) -> int:
        """Throw away what failed; returns how many requests."""
        ...

    def listen(self, wake: Callable[[], None], is_over: Callable[[], bool]) -> bool:
        """Call *wake* whenever something was published, as far as that can be heard, until *is_over* says so.

        Returns:
            False where nothing can be heard, at once.
        """
        ...

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's connection without a word to the server."""
        ...

    def close(self) -> None:
        """Let go of the connection; the next call makes another."""
        ...


def name_visitor(visitor: str) -> int | None:
    """Name a visitor by a number of 64 bits, under which their requests keep their order; nobody has none."""
    if not visitor:
        return None
    return int.from_bytes(blake2b(visitor.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)
