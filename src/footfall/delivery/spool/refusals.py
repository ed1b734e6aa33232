"""Counts what was never accepted, until the spool has the counts."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager

from footfall.delivery.native import native

__all__ = ["Count", "Refusals"]

Count = tuple[str, str, int]  #: tracker, reason, how many

_MOST = 1000  # entries, then they are added up
_PATIENCE = 10.0  # seconds: no longer than the spool may take


class Refusals:
    """Counts of one process, by tracker and reason. A kill loses what the spool does not have yet.

    Counting appends to a queue, which needs no lock: a signal handler may count while its thread does.
    """

    def __init__(self) -> None:
        self._lock = native("_thread", "allocate_lock")()
        self._handing_over = native("_thread", "RLock")()
        self._queue: deque[tuple[str, str, int, bool]] = deque()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._drops: Counter[tuple[str, str]] = Counter()

    def add(self, tracker: str, reason: str, number: int, *, dropped: bool = False) -> None:
        """Count. *dropped*: it should have been accepted, and the site is to hear of it."""
        self._queue.append((tracker, reason, number, dropped))
        if len(self._queue) > _MOST and self._lock.acquire(False):  # noqa: FBT003 - a lock's own signature
            try:
                self._add_up()
            finally:
                self._lock.release()

    def hand_over(self, store: Callable[[list[Count]], None]) -> None:
        """Have the counts stored, and begin anew; if that raises, they stay."""
        with self.still():
            with self._lock:
                self._add_up()
                counts = self._counts.copy()
            if counts:
                store(_flat(counts))
                with self._lock:
                    self._counts -= counts

    @contextmanager
    def still(self) -> Generator[None]:
        """Let no counts be handed over for a block, so that here and in the spool each is seen once."""
        # A handler that interrupts its own thread's handing over may see them twice, rather than wait for ever.
        held = self._handing_over.acquire(True, _PATIENCE)  # noqa: FBT003 - a lock's own signature
        try:
            yield
        finally:
            if held:
                self._handing_over.release()

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
        while self._queue:
            tracker, reason, number, dropped = self._queue.popleft()
            self._counts[tracker, reason] += number
            if dropped:
                self._drops[tracker, reason] += number


def _flat(counts: Counter[tuple[str, str]]) -> list[Count]:
    return [(tracker, reason, number) for (tracker, reason), number in counts.items()]
