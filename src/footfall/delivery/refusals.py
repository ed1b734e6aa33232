"""Counts what was never accepted, until the spool has the counts."""

from __future__ import annotations

from collections.abc import Iterable

from footfall.delivery.native import native

__all__ = ["Refusals"]


class Refusals:
    """Counts of one process, by tracker and reason. A kill loses what the spool does not have yet."""

    def __init__(self) -> None:
        self._lock = native("_thread", "allocate_lock")()
        self._counts: dict[tuple[str, str], int] = {}
        self._drops: dict[tuple[str, str], int] = {}

    def add(self, tracker: str, reason: str, number: int, *, dropped: bool = False) -> None:
        """Count. *dropped*: it should have been accepted, and the site is to hear of it."""
        key = (tracker, reason)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + number
            if dropped:
                self._drops[key] = self._drops.get(key, 0) + number

    def take(self) -> list[tuple[str, str, int]]:
        """Hand over the counts, and begin anew."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return _flat(counts)

    def take_drops(self) -> list[tuple[str, str, int]]:
        """Hand over what the site has not heard of yet."""
        with self._lock:
            drops, self._drops = self._drops, {}
        return _flat(drops)

    def put_back(self, counts: Iterable[tuple[str, str, int]]) -> None:
        """Take counts back that could not be stored."""
        for tracker, reason, number in counts:
            self.add(tracker, reason, number)

    def peek(self) -> list[tuple[str, str, int]]:
        """Read the counts."""
        with self._lock:
            return _flat(self._counts)


def _flat(counts: dict[tuple[str, str], int]) -> list[tuple[str, str, int]]:
    return [(tracker, reason, number) for (tracker, reason), number in counts.items()]
