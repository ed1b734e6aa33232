"""How many more requests one tracker may be sent, by what became of those before."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from footfall.delivery.sending.breaker import Breaker
from footfall.delivery.spool.leases import Lease, Room, Standing

__all__ = ["Lane"]

_HANGS = 1.0  # seconds without an answer
_SHARE = 4  # one in so many slots is for what has failed before, or for scouts


class Lane:
    """What is under way to one tracker, and its breaker.

    What has failed before gets a share of the slots, and no more. What hangs gives its slot up, as long as others
    are answered: the tracker is well then. Where so many hang that no slot is left, a few scouts are sent past the
    head of the queue, for what stands there may all be of one kind; one a second, where nothing at all is answered.
    """

    def __init__(self, limit: int, chance: Callable[[], float]) -> None:
        """Begin with nothing under way.

        Args:
            limit: How many requests are sent at a time. Twice as many more may hang.
            chance: From 0 to 1.
        """
        self._limit = limit
        self._share = max(limit // _SHARE, 1)
        self._sent: dict[int, float] = {}  # when each was sent that is under way, oldest first
        self._again: set[int] = set()  # those that have failed before
        self.breaker = Breaker(chance)
        self.standing: Standing | None = None  #: why it is sent nothing but a probe, for others to read

    def room(self, now: float) -> Room:
        """Say how many requests may be sent now. Asking changes nothing."""
        if self.breaker.is_down:
            return Room(1 if self.breaker.may_probe(now) else 0, probe=True)
        hanging = sum(1 for _ in takewhile(lambda sent: now - sent > _HANGS, self._sent.values()))
        young = len(self._sent) - hanging
        if self.breaker.is_silent(now):
            free, scouts = self._limit - len(self._sent), 0 if young else 1
        else:
            free = self._limit - young - max(hanging - self._limit, 0)
            scouts = min(self._share - young, 3 * self._limit - len(self._sent))
        if free > 0:
            return Room(free, again=self._share - len(self._again))
        return Room(max(scouts, 0), probe=True)

    def sent(self, lease: Lease, now: float) -> None:
        """Note that a request is under way."""
        self._sent[lease.id] = now
        if lease.attempts:
            self._again.add(lease.id)
        self.breaker.sent(now)

    def ended(self, lease: Lease) -> None:
        """Note that it is not any more."""
        del self._sent[lease.id]
        self._again.discard(lease.id)
