"""Hands requests to delivery no faster than it sends them, and waits for the last ones, but not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from footfall.delivery import Counters
from footfall.errors import SpoolError

if TYPE_CHECKING:
    from footfall.delivery import Delivery
    from footfall.wire import WireRequest

__all__ = ["Sender"]

_MOST_WAITING = 20_000  # requests; more would only make the spool large
_LOOK = 0.1  # seconds between two looks at the counters


class Sender:
    """Sends one tracker's requests through a delivery."""

    def __init__(self, delivery: Delivery, tracker: str, *, patience: float, delivers: bool = True) -> None:
        """Take a delivery, which its maker closes.

        Args:
            delivery: Takes the requests.
            tracker: The tracker's name.
            patience: Seconds to wait while nothing moves.
            delivers: Whether the delivery sends what it takes; else another process does.
        """
        self._delivery = delivery
        self._tracker = tracker
        self._patience = patience
        self._delivers = delivers

    def send(self, requests: Sequence[WireRequest], watch: Callable[[Counters], None]) -> None:
        """Hand requests over; they are durable when this returns.

        Args:
            requests: After an error none, some or all may have been taken. Each has a key that lets it in only once.
            watch: Called with the counters from time to time, while there is no room.

        Raises:
            SpoolError: There was no room, or nothing was delivered, for as long as patience lasts.
        """
        if self._delivers and self._wait(_has_room, watch).pending >= _MOST_WAITING:
            raise SpoolError(
                f"nothing was delivered for {self._patience:g} seconds, and {_MOST_WAITING:,} requests wait: "
                "is the tracker up? The same command goes on from here"
            )
        deadline = time.monotonic() + self._patience
        while not self._delivery.accept(requests):
            if time.monotonic() >= deadline:
                raise SpoolError(
                    "the spool takes nothing more: its disk or its bound is full, or it cannot be written; "
                    "mend that and run the same command again, it goes on from here"
                )
            time.sleep(_LOOK)

    def settle(self, watch: Callable[[Counters], None]) -> Counters:
        """Wait until all is delivered or failed, or until nothing was for as long as patience lasts."""
        if not self._delivers:
            self._delivery.flush(self._patience)
            return self.counters()
        return self._wait(lambda counters: not counters.pending, watch)

    def counters(self) -> Counters:
        """Count this tracker's requests in the spool.

        Raises:
            SpoolError: The spool cannot be read.
        """
        return self._delivery.stats().trackers.get(self._tracker, Counters())

    def _wait(self, enough: Callable[[Counters], bool], watch: Callable[[Counters], None]) -> Counters:
        seen = self.counters()
        deadline = time.monotonic() + self._patience
        while not enough(seen):
            watch(seen)
            time.sleep(_LOOK)
            now = self.counters()
            if (now.delivered, now.failed) != (seen.delivered, seen.failed):
                deadline = time.monotonic() + self._patience
            elif time.monotonic() >= deadline:
                return now
            seen = now
        return seen


def _has_room(counters: Counters) -> bool:
    return counters.pending < _MOST_WAITING
