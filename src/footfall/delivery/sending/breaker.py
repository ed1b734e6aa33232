"""How long to wait before the next try, of one request and of a tracker that is down."""

from __future__ import annotations

from collections.abc import Callable

from footfall.delivery.spool.leases import Room

__all__ = ["Breaker", "backoff"]

_FIRST_WAIT = 0.5  # seconds
_LONGEST_WAIT = 600.0
_FAILURES = 5  # in a row, and the tracker counts as down
_FIRST_PROBE = 0.25  # seconds
_LONGEST_PROBE = 3.0  # a tracker that is back must be noticed within four


def backoff(attempts: int, chance: float) -> float:
    """Say how many seconds to wait after so many attempts: exponential, with full jitter.

    Args:
        attempts: That failed so far, this one included.
        chance: From 0 to 1, drawn anew each time, so that what failed together does not come back together.
    """
    return chance * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempts, 32))


class Breaker:
    """Whether one tracker is up. While it is down, it gets one request now and then, to see."""

    def __init__(self, limit: int, chance: Callable[[], float]) -> None:
        self._limit = limit
        self._chance = chance
        self._failures = 0
        self._interval = 0.0
        self._next_probe = 0.0
        self._paused_until = 0.0
        self.open = False  #: the tracker is down

    def room(self, now: float, in_flight: int) -> Room:
        """Say how many requests may be sent now. Asking changes nothing."""
        if now < self._paused_until:
            return Room(0)
        if self.open:
            # An earlier probe may still hang: the next one does not wait for it.
            return Room(1 if now >= self._next_probe else 0, probe=True)
        return Room(self._limit - in_flight)

    def sent(self, now: float) -> None:
        """Note that requests were sent."""
        if self.open:
            self._interval = min(_LONGEST_PROBE, self._interval * 2 or _FIRST_PROBE)
            self._next_probe = now + self._interval * (0.5 + self._chance() / 2)

    def succeeded(self) -> bool:
        """Note an answer; says whether the tracker is back because of it."""
        self._failures = 0
        back, self.open = self.open, False
        self._interval = 0.0
        return back

    def failed(self, now: float, pause: float | None) -> bool:
        """Note a failure, and how long the tracker wants to be left alone; says whether it now counts as down."""
        self._failures += 1
        if pause is not None:
            self._paused_until = max(self._paused_until, now + pause)
        if self.open or self._failures < _FAILURES:
            return False
        self.open = True
        self._interval = 0.0
        self._next_probe = now + _FIRST_PROBE * self._chance()
        return True
