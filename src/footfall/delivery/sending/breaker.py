"""How long to wait before the next try, of one request and of a tracker that is down."""

from __future__ import annotations

from collections.abc import Callable, Hashable

__all__ = ["Breaker", "backoff"]

_FIRST_WAIT = 0.5  # seconds
_LONGEST_WAIT = 600.0
_SILENCE = 1.0  # seconds without a success, and whether a tracker is up is open to doubt
_VISITORS = 5  # whose requests fail meanwhile, and it is down
_TOLD = 2  # visitors whose requests are told to wait, and it is meant for all
_FIRST_PROBE = 0.1  # seconds
_LONGEST_PROBE = 3.0  # a tracker that is back must be noticed within four
_PROBE_SHARE = 8  # the next probe waits for this part of the time that a tracker has been down


def backoff(attempts: int, chance: float) -> float:
    """Say how many seconds to wait after so many attempts: exponential, with full jitter.

    Args:
        attempts: That failed so far, this one included.
        chance: From 0 to 1, drawn anew each time, so that what failed together does not come back together.
    """
    return chance * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempts, 32))


class Breaker:
    """Whether one tracker is up. While it is down, it gets one request now and then, to see.

    It is down when nothing gets through: several visitors' requests failed, and none has succeeded for a second.
    One request that always fails says nothing of its tracker, however often it is tried; nor do many of them, among
    others that succeed. It is paused when two visitors' requests were told to come back later, and none succeeded
    between them.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failing: set[Hashable] = set()  # whose requests failed since the last success
        self._told: set[Hashable] = set()  # whose were told to come back later, since the last success
        self._succeeded = float("-inf")
        self._since = 0.0
        self._next_probe = 0.0
        self._paused_until = float("-inf")
        self.is_down = False

    def is_silent(self, now: float) -> bool:
        """Tell whether nothing has succeeded for a while."""
        return now - self._succeeded > _SILENCE

    def may_probe(self, now: float) -> bool:
        """Tell whether a tracker that is down may be sent a request. An earlier probe may still hang."""
        return now >= self._next_probe

    def sent(self, now: float) -> None:
        """Note that something was sent."""
        if self.is_down:
            interval = min(max((now - self._since) / _PROBE_SHARE, _FIRST_PROBE), _LONGEST_PROBE)
            self._next_probe = now + interval * (0.5 + self._chance() / 2)

    def succeeded(self, now: float) -> bool:
        """Note a success; says whether the tracker is back because of it."""
        self._succeeded = now
        self._failing.clear()
        self._told.clear()
        if not self.is_down or now < self._paused_until:  # what was under way when it asked for a pause ends none
            return False
        self.is_down = False
        return True

    def failed(self, whose: Hashable, now: float) -> bool:
        """Note a failure; says whether the tracker is down because of it.

        Args:
            whose: The visitor's; or what is one's own, if it is no fault of the request's.
            now: Seconds.
        """
        if len(self._failing) < _VISITORS:
            self._failing.add(whose)
        if self.is_down or len(self._failing) < _VISITORS or not self.is_silent(now):
            return False
        self._go_down(now)
        self._next_probe = now + _FIRST_PROBE * self._chance()
        return True

    def told_to_wait(self, whose: Hashable, now: float, pause: float) -> bool:
        """Note that a request was told when to come back; says whether the tracker pauses because of it."""
        if len(self._told) < _TOLD:
            self._told.add(whose)
        if len(self._told) < _TOLD:
            return False
        self._go_down(now)
        self._paused_until = max(self._paused_until, now + pause)
        self._next_probe = self._paused_until
        return True

    def _go_down(self, now: float) -> None:
        if not self.is_down:
            self.is_down = True
            self._since = now
