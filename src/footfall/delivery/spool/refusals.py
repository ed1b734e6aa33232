"""Counts what was never accepted, until the spool has the counts."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from footfall.delivery.native import native

__all__ = ["Count", "Refusals"]

Count = tuple[str, str, int]  #: tracker, reason, how many

_MOST = 10_000  # entries, then they are added up: a process without threads has nobody to do so


class Refusals:
    """Counts of one process, by tracker and reason. A kill loses what the spool does not have yet.

    Counting appends to a queue, which needs no lock. All else is done by the mover's thread, where there is one: so
    nobody sees a count both here and in the spool.
    """

    def __init__(self) -> None:
        self._lock = native("_thread", "RLock")()
        self._queue: deque[tuple[str, str, int, bool]] = deque()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._drops: Counter[tuple[str, str]] = Counter()

    def add(self, tracker: str, reason: str, number: int, *, dropped: bool = False) -> None:
        """Count. *dropped*: it should have been accepted, and the site is to hear of it."""
        self._queue.append((tracker, reason, number, dropped))
        if len(self._queue) > _MOST:
            with self._lock:
                if len(self._queue) > _MOST:
                    self._add_up()

    def hand_over(self, store: Callable[[list[Count]], None]) -> None:
        """Have the counts stored, and begin anew; if that raises, they stay."""
        counts = Counter({(tracker, reason): number for tracker, reason, number in self.peek()})
        if counts:
            store(_flat(counts))
            with self._lock:
                self._counts -= counts

    def take_drops(self) -> list[Count]:
        """Hand over what the site has not heard of yet."""
        with self._lock:
            self._add_up()
            drops, self._drops = self._drops, Counter()
        return _flat(drops)

    def peek(self) -> list[Count]:
        """Read the counts."""
        with self._lock:
            self._add_up()
            return _flat(self._counts)

    def _add_up(self) -> None:
        for _ in range(len(self._queue)):  # not what comes meanwhile: that may never end
            tracker, reason, number, dropped = self._queue.popleft()
            self._counts[tracker, reason] += number
            if dropped:
                self._drops[tracker, reason] += number


def _flat(counts: Counter[tuple[str, str]]) -> list[Count]:
    return [(tracker, reason, number) for (tracker, reason), number in counts.items()]
