"""The thread that moves records from the journal into the spool, and looks after what dead processes left."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar, cast

from footfall.delivery.journal.outbox import Outbox, Source
from footfall.delivery.native import Signal
from footfall.delivery.notices import Notices
from footfall.delivery.spool.refusals import Refusals
from footfall.delivery.spool.spool import Spool
from footfall.errors import SpoolError

__all__ = ["OLDER", "Ended", "Mover"]

OLDER = (
    "older than its journals: an older copy was put back, its file was moved without its -wal, or it was begun anew; "
    "its counts are those of then, what came since is missing, and what was delivered since is sent again"
)

# An event makes no system call, so nothing wakes this thread: it looks. Each look, and each transaction, takes the
# interpreter away from a page, whatever it moves: few with many records cost pages less than many with few.
_PAUSE = 0.1  # seconds
_MANY = 500  # records: where one batch was as large, the next is moved at once
_TEND_EVERY = 1.0
_AFTER_TROUBLE = 1.0


T = TypeVar("T")


class Ended(SpoolError):
    """The mover's thread has ended before it came to what it was asked for."""


class _Errand(Generic[T]):
    """What another thread asks the mover's to do."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._error: Exception | None = None
        self.done = Signal()
        self.is_wanted = True

    def run(self) -> None:
        if self.is_wanted:
            try:
                self._results.append(self._work())
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                self._error = error
        self.done.set()

    def abandon(self) -> None:
        self._error = Ended("the spool is being closed")
        self.done.set()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]


class Mover:
    """Moves records in batches. Its steps are taken by a thread of its own, or by whoever waits in `flush`."""

    def __init__(
        self,
        spool: Spool,
        source: Source,
        outbox: Outbox,
        refusals: Refusals,
        notices: Notices,
        *,
        on_moved: Callable[[], None],
        on_drop: Callable[[str, str, int], None] | None,
        on_tend: Callable[[], None],
    ) -> None:
        self._spool = spool
        self._source = source
        self._outbox = outbox
        self._refusals = refusals
        self._notices = notices
        self._on_moved = on_moved
        self._on_drop = on_drop
        self._on_tend = on_tend
        self._next_tending = 0.0
        self._errands: deque[_Errand[object]] = deque()
        self._stopping = self._left = False
        self.signal = Signal()  #: set it to have the journal looked at now

    def run(self) -> None:
        """Take steps until told to stop; nothing that goes wrong ends this."""
        while not self._stopping:
            pause = _PAUSE
            self._run_errands()
            try:
                if self.step() >= _MANY:
                    continue
            except (SpoolError, OSError) as error:
                self._notices.say(logging.ERROR, f"events stay in the journal: {error}")
                pause = _AFTER_TROUBLE
            except Exception as error:  # noqa: BLE001 - this thread must outlive what it does not foresee
                self._notices.say(logging.ERROR, f"events stay in the journal: {type(error).__name__}", trouble=True)
                pause = _AFTER_TROUBLE
            self.signal.wait(pause)
        self._run_errands()

    def ask(self, work: Callable[[], T], timeout: float) -> T:
        """Have the mover's thread do something, so that a thread of the site's holds no lock and waits for no file.

        Raises:
            Ended: The thread has ended: do it where you are.
            SpoolError: It was not done after *timeout* seconds.
        """
        errand = self.post(work)
        if not errand.done.wait(timeout):
            errand.is_wanted = False
            raise SpoolError("the spool is in use: nothing can be counted or opened for now; try again")
        return errand.result()

    def post(self, work: Callable[[], T]) -> _Errand[T]:
        """Have the mover's thread do something when it comes to it."""
        errand = _Errand(work)
        self._errands.append(cast("_Errand[object]", errand))
        self.signal.set()
        if self._left:
            self._abandon()
        return errand

    def _run_errands(self) -> None:
        while self._errands:
            self._errands.popleft().run()

    def leave(self) -> None:
        """Let nobody wait for what this thread does not come to any more: the last that it does."""
        self._left = True
        self._abandon()

    def _abandon(self) -> None:
        with suppress(IndexError):  # two threads may empty it at once
            while True:
                self._errands.popleft().abandon()

    def stop(self) -> None:
        """Let `run` return after its present step."""
        self._stopping = True
        self.signal.set()

    def step(self) -> int:
        """Move one batch, and do what is due now and then; returns how many records were moved.

        Raises:
            SpoolError: The spool cannot take them. They stay where they are.
            OSError: The journal cannot be read.
        """
        moved = 0
        tending = time.monotonic() >= self._next_tending
        if self._source.has_more() or (tending and self._source.has_more_of_others()):
            batch = self._spool.drain(self._source.batch)
            self._source.moved(batch)
            self._source.clear()
            moved = len(batch.records)
            if moved:
                self._on_moved()
        if tending:
            self._next_tending = time.monotonic() + _TEND_EVERY
            self.tend()
        return moved

    def tend(self) -> None:
        """Announce drops, hand counts over, free what dead processes hold, measure the spool."""
        self._announce()
        if self._outbox.restore():
            self._notices.say(
                logging.ERROR, "journal files were removed or emptied while in use: what was in them alone is lost"
            )
        self._refusals.hand_over(self._spool.refuse)
        self._source.clear()
        self._make_room()
        self._outbox.measured(self._spool.prune(time.time(), self._source.segments()))
        if self._source.is_ahead(self._spool.latest):
            self._notices.say(logging.ERROR, f"the spool is {OLDER}")
        owners = self._spool.owners() | self._spool.couriers()
        if orphaned := owners.intersection(self._source.clear_dead(owners)):
            self._spool.orphan(orphaned)
        self._on_tend()
        try:
            self._outbox.prepare()
        except OSError as error:  # the next event meets the same, and is counted
            self._notices.say(logging.ERROR, f"another journal file cannot be made yet: {error.strerror}")

    def _make_room(self) -> None:
        number, purchases = self._spool.drop_failed()
        if number:
            self._notices.say(
                logging.WARNING,
                "the oldest failed requests were dropped, for too many are kept; "
                "see why with `footfall spool failed`, and purge what needs no look",
                number=number,
            )
        if purchases:
            self._notices.say(
                logging.ERROR,
                "purchases that were sent and never answered were dropped from the failed before anybody decided on "
                "them, for too many are kept; look at the others with `footfall spool failed --reason unanswered`",
                number=purchases,
            )

    def _announce(self) -> None:
        for tracker, reason, number in self._refusals.take_drops():
            self._notices.say(
                logging.WARNING, f"requests dropped, not accepted: {reason}", number=number, tracker=tracker
            )
            if self._on_drop is not None:
                try:
                    self._on_drop(tracker, reason, number)
                except Exception as error:  # noqa: BLE001 - the site's own code
                    self._notices.say(logging.ERROR, f"on_drop raised {type(error).__name__}")
