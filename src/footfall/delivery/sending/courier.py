"""The thread that sends what is due, and settles what came back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from random import Random

from footfall.delivery.notices import Notices
from footfall.delivery.sending.breaker import backoff
from footfall.delivery.sending.lane import Lane
from footfall.delivery.sending.transport import Transport
from footfall.delivery.sending.verdict import Delivered, NoReply, Refused, TryAgain, judge
from footfall.delivery.spool.leases import Failure, Lease, Postponement, Room, Settlement, Standing, Store
from footfall.errors import SpoolError
from footfall.wire import WireReply

__all__ = ["Courier"]

_IDLE = 0.25  # seconds between two looks at the spool: another process may have put something there
_GATHER = 0.005  # seconds in which answers are gathered, to be settled in one transaction
_GATHER_MOST = 256
_LEASE_MARGIN = 20.0  # seconds that a lease outlives the longest exchange
_RENEW_AT = 1 / 3  # of a lease's time is left, and it is renewed
_AFTER_TROUBLE = 1.0
_SEEN_EVERY = 60.0  # seconds of work, after which it is written down again that somebody delivers
# One of our own, for the application may seed the module's: retries of all its processes would fall together.
_chance = Random()  # noqa: S311 - it spreads retries, and keeps no secret


class Courier:
    """Leases, sends and settles. Its steps are taken by one thread."""

    def __init__(
        self,
        spool: Store,
        notices: Notices,
        *,
        owner: str,
        timeout: float,
        retry_for: float,
        concurrency: int,
        proxy: str | None = None,
        lease: float | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _chance.random,
        transport: Transport | None = None,
    ) -> None:
        """Open nothing but what sending needs.

        Args:
            spool: Where requests are leased: the spool, or an engine.
            notices: Where what happened is told.
            owner: Under which name; its process must be known to live by it.
            timeout: Seconds for one exchange.
            retry_for: Seconds after its acceptance in which a request is tried again.
            concurrency: How many requests one tracker is sent at a time.
            proxy: As the transport takes it.
            lease: Seconds that a lease lasts unless it is renewed; None: longer than the longest exchange.
            clock: Seconds since 1970.
            monotonic: Seconds since whenever, that nobody sets.
            chance: From 0 to 1.
            transport: What sends; None: over real sockets.
        """
        self._spool = spool
        self._notices = notices
        self._owner = owner
        self._retry_for = retry_for
        self._concurrency = concurrency
        self._clock = clock
        self._monotonic = monotonic
        self._chance = chance
        self._lease = timeout + _LEASE_MARGIN if lease is None else lease
        self._timeout = timeout
        self._transport = transport or Transport(timeout=timeout, connections=concurrency * 2, proxy=proxy)
        self._under_way: dict[int, Lease] = {}
        self._lanes: dict[str, Lane] = {}
        self._settlement = Settlement()
        self._oldest: float | None = None  # when the first of what is to be settled came back
        self._next_look = 0.0
        self._renewed_until = 0.0
        self._reported: dict[str, Standing] | None = None
        self._next_report = 0.0
        self._blocked_until = 0.0
        self._stopping = False
        self._grace = 0.0

    def run(self) -> None:
        """Take steps until told to stop; nothing that goes wrong ends this."""
        while not self._stopping:
            try:
                self.step(_IDLE)
            except SpoolError as error:
                self._notices.say(logging.ERROR, f"nothing can be sent: {error}")
                self._blocked_until = self._monotonic() + _AFTER_TROUBLE
            except Exception as error:  # noqa: BLE001 - this thread must outlive what it does not foresee
                self._notices.say(logging.ERROR, f"nothing can be sent: {type(error).__name__}", trouble=True)
                self._blocked_until = self._monotonic() + _AFTER_TROUBLE

        try:
            self.finish(self._grace)
        except SpoolError as error:
            self._notices.say(logging.ERROR, f"what was under way will be sent again: {error}")

    def stop(self, grace: float) -> None:
        """Let `run` return once what is under way is answered, *grace* seconds from now at the latest."""
        self._grace = grace
        self._stopping = True
        self._transport.wake()

    def is_down(self, tracker: str) -> bool:
        """Tell whether a tracker counts as down: nothing but a probe is sent to it."""
        lane = self._lanes.get(tracker)
        return lane is not None and lane.breaker.is_down

    def wake(self) -> None:
        """Have the spool looked at now. Any thread may call this."""
        self._next_look = 0.0
        self._transport.wake()

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's connections."""
        self._transport.leave_behind()

    def step(self, longest: float) -> None:
        """Wait for answers at most *longest* seconds, then settle and lease if it is time to.

        Raises:
            SpoolError: The spool cannot be used. What came back is kept, to be settled later.
        """
        now = self._monotonic()
        until = self._blocked_until if self._blocked_until > now else self._next_look
        if self._oldest is not None:
            until = max(min(until, self._oldest + _GATHER), self._blocked_until)
        for key, outcome in self._transport.wait(min(longest, max(until - now, 0.0))):
            self._judge(key, outcome)
        if self._is_time():
            self._turn(self._room)

    def finish(self, timeout: float) -> None:
        """Wait at most *timeout* seconds for what is under way, lease nothing more, and let go of everything.

        Raises:
            SpoolError: What came back could not be settled; it will be sent again.
        """
        deadline = self._monotonic() + timeout
        while self._under_way and (left := deadline - self._monotonic()) > 0:
            for key, outcome in self._transport.wait(min(left, _IDLE)):
                self._judge(key, outcome)
        for key, outcome in self._transport.under_way():
            self._judge(key, outcome)
        try:
            self._turn(lambda _: Room(0))
            self._spool.leave(self._owner)
        finally:
            self._transport.close()

    def _is_time(self) -> bool:
        now = self._monotonic()
        if now < self._blocked_until:
            return False
        if now >= self._next_look:
            return True
        if self._oldest is None:
            return False
        settled = self._settlement
        return now >= self._oldest + _GATHER or len(settled.delivered) >= _GATHER_MOST or not self._under_way

    def _room(self, tracker: str) -> Room:
        return self._lane(tracker).room(self._monotonic())

    def _turn(self, room: Callable[[str], Room]) -> None:
        now = self._clock()
        oldest = next(iter(self._under_way.values()), None)
        # Renewed in time, for others would take what has run out: an exchange may be longer than its lease, and
        # where it is not, somebody has set the clock, or all has stood still.
        busy: list[int] = []
        if oldest is not None and max(oldest.until, self._renewed_until) - now < self._lease * _RENEW_AT:
            busy = list(self._under_way)
        leased = self._spool.turn(self._settlement, room, owner=self._owner, now=now, lease=self._lease, renewed=busy)
        self._settlement = Settlement()
        self._oldest = None
        if busy:
            self._renewed_until = now + self._lease
        for lease in leased:
            self._send(lease)
        self._next_look = self._monotonic() + (_GATHER if leased else _IDLE)
        self._report(now, working=bool(leased))

    def _report(self, now: float, *, working: bool) -> None:
        standings = {name: lane.standing for name, lane in self._lanes.items() if lane.standing is not None}
        if standings != self._reported or (working and self._monotonic() >= self._next_report):
            self._spool.report(self._owner, standings, now)
            self._reported = standings
            self._next_report = self._monotonic() + _SEEN_EVERY

    def _send(self, lease: Lease) -> None:
        try:
            self._transport.send(lease.id, lease.request)
        except ValueError as error:
            self._fail(lease, Refused(str(error)))
        else:
            self._under_way[lease.id] = lease
            self._lane(lease.request.tracker).sent(lease, self._monotonic())

    def _judge(self, key: int, outcome: WireReply | NoReply) -> None:
        lease = self._under_way.pop(key)
        self._lane(lease.request.tracker).ended(lease)
        now = self._clock()
        verdict = judge(outcome, lease.request.when_unanswered, now=now)
        self._tell_breaker(lease, verdict)
        if self._oldest is None:
            self._oldest = self._monotonic()
        if isinstance(verdict, Delivered):
            self._settlement.delivered.append(key)
        elif isinstance(verdict, Refused):
            self._fail(lease, verdict)
        else:
            wait = max(backoff(lease.attempts + 1, self._chance()), verdict.after or 0.0)
            if now + wait > lease.accepted + self._retry_for:
                self._fail(lease, Refused(f"given up: {verdict.reason}", _status(outcome)))
            else:
                self._settlement.postponed.append(Postponement(key, now + wait))

    def _tell_breaker(self, lease: Lease, verdict: Delivered | TryAgain | Refused) -> None:
        tracker = lease.request.tracker
        lane, now = self._lane(tracker), self._monotonic()
        if isinstance(verdict, Delivered) or verdict.healthy:
            if lane.breaker.succeeded(now):
                lane.standing = None
                self._say("a tracker is back", tracker)
            return
        whose: Hashable = lease.request.visitor or lease.id
        since = lane.standing.since if lane.standing is not None else self._clock()
        if isinstance(verdict, TryAgain):
            if verdict.after is not None and lane.breaker.told_to_wait(whose, now, verdict.after):
                lane.standing = Standing("paused", since, self._clock() + verdict.after, verdict.reason)
                self._say(f"a tracker asks for a pause, its requests wait: {verdict.reason}", tracker)
                return
            if verdict.unreached:
                whose = (lease.id, lease.attempts)  # no request's fault: each try counts
        if lane.breaker.failed(whose, now):
            lane.standing = Standing("down", since, None, verdict.reason)
            self._say(f"a tracker is down, its requests wait: {verdict.reason}", tracker)

    def _say(self, what: str, tracker: str) -> None:
        self._notices.say(logging.WARNING, what, tracker=tracker)

    def _fail(self, lease: Lease, verdict: Refused) -> None:
        if self._oldest is None:
            self._oldest = self._monotonic()
        self._settlement.failed.append(Failure(lease.id, verdict.reason, verdict.status, verdict.answer))
        self._notices.say(
            logging.WARNING,
            f"a request failed: {verdict.reason}; `footfall spool failed` lists what failed",
            tracker=lease.request.tracker,
            event=lease.request.kind,
            status=verdict.status,
        )

    def _lane(self, tracker: str) -> Lane:
        lane = self._lanes.get(tracker)
        if lane is None:
            lane = self._lanes[tracker] = Lane(self._concurrency, self._chance)
        return lane


def _status(outcome: WireReply | NoReply) -> int | None:
    return outcome.status if isinstance(outcome, WireReply) else None
