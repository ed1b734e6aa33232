"""All that delivery has open in one process: its journal, its spool, its two threads. A forked child has its own."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from footfall.delivery.counting import tally
from footfall.delivery.forking import left_behind
from footfall.delivery.journal.collector import Collector
from footfall.delivery.journal.folder import Folder
from footfall.delivery.journal.journal import Journal
from footfall.delivery.journal.memory import MemoryOutbox
from footfall.delivery.journal.outbox import Outbox, Source, Unmoved
from footfall.delivery.native import RAISE_FILES, Signal, Thread, is_isolated, is_out_of_files
from footfall.delivery.notices import Notices
from footfall.delivery.settings import Settings
from footfall.delivery.spool.mover import Ended, Mover
from footfall.delivery.spool.refusals import Refusals
from footfall.delivery.spool.spool import Spool, Totals
from footfall.errors import SpoolError

if TYPE_CHECKING:
    from footfall.delivery.engines.forwarder import Forwarder
    from footfall.delivery.sending.courier import Courier
    from footfall.delivery.stats import Stats

__all__ = ["Pending", "Process"]

_GRACE = 0.6  # of the time to stop: for what is under way; the rest is for settling it
_AFTER_TROUBLE = 1.0  # seconds until a thread is started again
_LOOK = 0.01  # seconds between two looks whether a thread has begun
_LONGEST_FORK = 10.0  # seconds

T = TypeVar("T")


class Pending(NamedTuple):
    """What has no final verdict yet, of all processes that share the spool."""

    unmoved: int  #: requests still in journals
    spooled: Mapping[str, int]  #: requests in the spool, by tracker

    @property
    def total(self) -> int:
        """Count them all."""
        return self.unmoved + sum(self.spooled.values())


class Process:
    """Lives from the first event of a process until its end. It is never closed by a fork, only left behind."""

    def __init__(
        self,
        settings: Settings,
        refusals: Refusals,
        notices: Notices,
        *,
        unattended: str | None,
        forbidden: str | None = None,
        on_tend: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the outbox, and nothing else yet.

        Args:
            settings: As the site wrote them.
            refusals: Counts of what was never accepted.
            notices: Where what happens is told.
            unattended: Why no thread may be started here, if that is so.
            forbidden: Why this process must not even touch the spool, if that is so.
            on_tend: Called now and then, by the mover's thread.

        Raises:
            OSError: The journal's folder cannot be written to.
        """
        self._settings = settings
        self._refusals = refusals
        self._notices = notices
        self._mover_thread = Thread("footfall-mover", self._move)
        self._threads = [self._mover_thread]
        if settings.deliver_here:
            self._threads.append(Thread("footfall-courier", self._deliver))
        self._start_again_at = 0.0
        self.lacks_threads = True  #: `start` has still something to do
        self._retry = Signal()  # a wait that gevent does not know of; set to stop
        self._resumed = Signal()
        self._totals = Totals(trackers={}, offsets={})
        self._stopping = self._for_good = False
        self._finished = False
        self.pid = os.getpid()
        self._unattended = unattended
        self.courier: Courier | Forwarder | None = None
        self.outbox: Outbox
        self._source: Source
        if settings.path is None:
            self.outbox = self._source = MemoryOutbox(limit=settings.limit)
        else:
            self.outbox = Journal(
                settings.folder, limit=settings.limit, to_disk=settings.to_disk, unattended=unattended is not None
            )
            self._source = Collector(Folder(settings.folder), self.outbox.token, notices)
        self.spool = Spool(
            settings.path,
            to_disk=settings.to_disk,
            forbidden=forbidden,
            kept_bytes=settings.kept_bytes,
            forwards=settings.engine is not None,
        )
        self.mover = Mover(
            self.spool,
            self._source,
            self.outbox,
            refusals,
            notices,
            on_moved=self._wake_courier,
            on_drop=settings.on_drop,
            on_tend=on_tend,
        )

    def start(self) -> None:
        """Start the threads, where threads can be had; what could not be started is tried again a moment later."""
        if self._unattended is not None:
            self._notices.say(
                logging.WARNING,
                f"events are kept, and not delivered by this process: {self._unattended}; "
                "run `footfall deliver` beside it, with the same spool",
            )
            self.lacks_threads = False
            return
        if all(thread.has_begun for thread in self._threads):
            self.lacks_threads = False
        if not self.lacks_threads or time.monotonic() < self._start_again_at:
            return
        self._start_again_at = time.monotonic() + _AFTER_TROUBLE
        try:
            for thread in self._threads:
                if not thread.has_begun:
                    thread.start()
        except RuntimeError as error:
            if "shutdown" in str(error):
                # The interpreter is on its way out: what is in the journal is moved by the next process.
                self._unattended = "it is at its end"
                self.lacks_threads = False
                return
            self._notices.say(
                logging.ERROR,
                f"events are kept, and not delivered yet: no thread can be started ({error}); raise the limit on "
                "processes (ulimit -u, or the container's pids); it is tried again",
            )

    @property
    def _attended(self) -> bool:
        return self._unattended is None and not self._mover_thread.has_ended

    def ask(self, work: Callable[[], T], timeout: float) -> T:
        """Have something done with files and spool by a thread of our own, or here where there is none.

        Raises:
            SpoolError: It cannot be done, or was not after *timeout* seconds.
        """
        if self._attended and not self._mover_thread.is_present():
            deadline = time.monotonic() + timeout
            while self.lacks_threads and not self._mover_thread.has_begun and time.monotonic() < deadline:
                self.start()
                Signal().wait(_LOOK)
            if self._attended:
                with suppress(Ended):
                    return self.mover.ask(work, max(deadline - time.monotonic(), _LOOK))
        self.spool.patience = timeout
        try:
            return work()
        finally:
            self.spool.patience = None

    def stats(self, timeout: float) -> Stats:
        """Count what was accepted, and what became of it.

        Raises:
            SpoolError: The spool cannot be read.
        """
        return self.ask(self._stats, timeout)

    def _stats(self) -> Stats:
        # The source is asked before the spool: what the spool has by then is left out.
        with self._source.unmoved() as unmoved:
            return tally(self.spool, unmoved.records, self._refusals.peek)

    def pending(self, timeout: float) -> Pending:
        """Count what is pending, without looking at each request.

        Raises:
            SpoolError: The spool cannot be read.
        """
        return self.ask(self._pending, timeout)

    def _pending(self) -> Pending:
        with self._source.unmoved() as unmoved:
            self._totals = totals = self.spool.totals()
            return _pending(unmoved, totals)

    def last_pending(self) -> Pending:
        """Count what is pending as far as that can be told without the spool: what it held when last looked at."""
        with self._source.unmoved() as unmoved:
            return _pending(unmoved, self._totals)

    def work(self, seconds: float) -> None:
        """Let the threads get on for a moment; where there are none, do their work."""
        if self._attended:
            if self.lacks_threads:
                self.start()
            self.mover.signal.set()
            time.sleep(seconds)
            return
        self.spool.patience = seconds
        try:
            while self.mover.step():
                pass
            if self._settings.deliver_here and not is_isolated():
                self._courier().step(seconds)
            else:
                time.sleep(seconds)
        except (SpoolError, OSError) as error:
            self._notices.say(logging.ERROR, f"events stay in the journal: {error}")
            time.sleep(seconds)
        finally:
            self.spool.patience = None

    def is_stuck(self, pending: Pending) -> bool:
        """Tell whether everything pending waits for trackers that are down."""
        courier = self.courier
        return courier is not None and not pending.unmoved and all(courier.is_down(name) for name in pending.spooled)

    def stop(self, timeout: float, *, for_good: bool) -> None:
        """End the threads within *timeout* seconds, most of them for what is under way.

        Args:
            timeout: Seconds. A thread that is not done by then ends by itself, or with the process.
            for_good: Let go of everything, too: nothing more is accepted. What is not moved yet stays for others.
        """
        deadline = time.monotonic() + timeout
        self._stopping = True
        self._retry.set()
        self._for_good = for_good
        if self.courier is not None:
            self.courier.stop(timeout * _GRACE)
        if self._unattended is not None:
            self.spool.patience = timeout
            if self.courier is not None:
                self.courier.run()
            self._finish()
            return
        for thread in self._threads[1:]:
            if thread.has_begun:
                thread.join(max(deadline - time.monotonic(), 0.0))
        self.mover.stop()
        if self._mover_thread.has_begun:
            self._mover_thread.join(max(deadline - time.monotonic(), 0.0))

    def hold_still(self, patience: float) -> None:
        """Let go of the spool's file until `go_on`, because this process is about to fork."""
        self._resumed = Signal()
        held = Signal()
        resumed = self._resumed

        def wait() -> None:
            held.set()
            resumed.wait(_LONGEST_FORK)

        if self._attended and not self._mover_thread.is_present():
            self.mover.post(lambda: self.spool.hold_still(wait))
            held.wait(patience)
        else:
            self.spool.hold_still(lambda: None)

    def go_on(self) -> None:
        """Open the spool's file again when it is needed: the fork is done."""
        self._resumed.set()

    def _move(self) -> None:
        try:
            self.mover.run()
            self._finish()
        finally:
            self.mover.leave()

    def _finish(self) -> None:
        if not self._for_good:
            return
        try:
            self.outbox.close()
            while self.mover.step():
                pass
            self.mover.tend()
            self._pending()
        except (SpoolError, OSError) as error:
            self._notices.say(logging.ERROR, f"events stay in the journal: {error}")
        finally:
            self._source.close()
            self._finished = True
            self.spool.close()

    def leave_behind(self) -> None:
        """In a forked child: let go of what is the parent's, without touching what they share."""
        left_behind.append(self)
        self.outbox.leave_behind()
        self._source.close()
        if self.courier is not None:
            self.courier.leave_behind()

    def _courier(self) -> Courier | Forwarder:
        if self.courier is None:
            self.courier = self._make_courier() if self._settings.engine is None else self._make_forwarder()
        return self.courier

    def _make_courier(self) -> Courier:
        from footfall.delivery.sending.courier import Courier  # libcurl takes a while to load: not while a page waits

        self.spool.take_back()
        return Courier(
            self.spool,
            self._notices,
            owner=self.outbox.token,
            timeout=self._settings.timeout,
            retry_for=self._settings.retry_for,
            concurrency=self._settings.concurrency,
            proxy=self._settings.proxy,
        )

    def _make_forwarder(self) -> Forwarder:
        from footfall.delivery.engines.forwarder import Forwarder
        from footfall.delivery.engines.opening import open_engine  # a driver takes a while to load, too

        return Forwarder(
            self.spool,
            open_engine(self._settings.engine or ""),
            self._notices,
            owner=self.outbox.token,
            trusted=self._settings.engine_durable,
        )

    def _deliver(self) -> None:
        while not self._stopping:
            try:
                courier = self._courier()
            except ImportError as error:  # a subinterpreter, most likely: libcurl's module takes the first one alone
                self._notices.say(
                    logging.ERROR,
                    f"events are kept, and not delivered by this process: {error}; "
                    "run `footfall deliver` beside it, with the same spool",
                )
                return
            except Exception as error:  # noqa: BLE001 - short of files, say; it must neither go unseen nor for ever
                what = RAISE_FILES if isinstance(error, OSError) and is_out_of_files(error) else "it is tried again"
                self._notices.say(logging.ERROR, f"nothing can be sent yet: {type(error).__name__}: {error}; {what}")
                self._retry.wait(_AFTER_TROUBLE)
                continue
            if self._stopping:
                courier.stop(0.0)
            courier.run()
        if self._finished:  # it was given too little time, and may have opened the spool again
            self.spool.close()

    def _wake_courier(self) -> None:
        if self.courier is not None:
            self.courier.wake()


def _pending(unmoved: Unmoved, totals: Totals) -> Pending:
    spooled = {name: one.pending for name, one in totals.trackers.items() if one.pending}
    return Pending(unmoved.count(totals.offsets), spooled)
