"""All that delivery has open in one process: its journal, its spool, its two threads. A forked child has its own."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from footfall.delivery.codec import REQUESTS
from footfall.delivery.collector import Collector, unmoved
from footfall.delivery.folder import Folder
from footfall.delivery.forking import close_inherited, left_behind
from footfall.delivery.journal import Journal
from footfall.delivery.memory import MemoryOutbox, MemorySpool, rest_of
from footfall.delivery.native import Thread
from footfall.delivery.notices import Notices
from footfall.delivery.refusals import Refusals
from footfall.delivery.settings import Settings
from footfall.delivery.sqlite import SqliteSpool
from footfall.delivery.tally import tally
from footfall.delivery.writer import Outbox, Source, Writer
from footfall.errors import SpoolError

if TYPE_CHECKING:
    from footfall.delivery.courier import Courier
    from footfall.delivery.stats import Stats

__all__ = ["Pending", "Process"]

_JOIN = 1.0  # seconds to wait for a thread beyond what it was given; it holds nothing that is not on disk


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
            on_tend: Called now and then, by the writer's thread.

        Raises:
            OSError: The journal's folder cannot be written to.
        """
        self._settings = settings
        self._refusals = refusals
        self._notices = notices
        self._threads: list[Thread] = []
        self._stopping = False
        self.pid = os.getpid()
        self.unattended = unattended
        self.courier: Courier | None = None
        self.outbox: Outbox
        self._source: Source
        if settings.path is None:
            memory = MemoryOutbox(limit=settings.limit)
            self.outbox, self._source = memory, memory
            self.spool: SqliteSpool = MemorySpool()
            self.token = "memory"  # noqa: S105 - a name, no secret
        else:
            journal = Journal(
                settings.folder, limit=settings.limit, to_disk=settings.to_disk, unattended=unattended is not None
            )
            self.outbox = journal
            self.token = journal.presence.token
            self._source = Collector(Folder(settings.folder), self.token, notices)
            self.spool = SqliteSpool(str(settings.path), to_disk=settings.to_disk, forbidden=forbidden)
        self.writer = Writer(
            self.spool,
            self._source,
            self.outbox,
            refusals,
            notices,
            limit=settings.limit,
            on_moved=self._wake_courier,
            on_drop=settings.on_drop,
            on_tend=on_tend,
        )

    def start(self) -> None:
        """Start the threads, where threads can be had."""
        if self.unattended is not None:
            self._notices.say(
                logging.WARNING,
                f"events are kept, and not delivered by this process: {self.unattended}; "
                "run `footfall deliver` beside it, with the same spool",
            )
            return
        try:
            self._threads.append(Thread("footfall-writer", self.writer.run))
            if self._settings.deliver_here:
                self._threads.append(Thread("footfall-courier", self._deliver))
        except RuntimeError:
            # The interpreter is on its way out: what is in the journal is moved by the next process.
            return

    def stats(self) -> Stats:
        """Count what was accepted, and what became of it.

        Raises:
            SpoolError: The spool cannot be read.
        """
        if isinstance(self._source, MemoryOutbox):
            records = self._source.unmoved()  # before the spool is asked: what it has by then is left out
            with self._refusals.still():
                return tally(self.spool, lambda offsets: rest_of(records, offsets), self._refusals.peek)
        with unmoved(Folder(self._settings.folder)) as view, self._refusals.still():
            return tally(self.spool, view.records, self._refusals.peek)

    def pending(self) -> Pending:
        """Count what is pending, without looking at each request.

        Raises:
            SpoolError: The spool cannot be read.
        """
        if isinstance(self._source, MemoryOutbox):
            records = self._source.unmoved()
            snapshot = self.spool.snapshot()
            unmoved_requests = sum(1 for record in rest_of(records, snapshot.offsets) if record.kind in REQUESTS)
        else:
            with unmoved(Folder(self._settings.folder)) as view:
                snapshot = self.spool.snapshot()
                unmoved_requests = view.count(snapshot.offsets)
        waiting = {name: counters.pending for name, counters in snapshot.trackers.items() if counters.pending}
        return Pending(unmoved_requests, waiting)

    def work(self, seconds: float) -> None:
        """Let the threads get on for a moment; where there are none, do their work."""
        if self._threads:
            self.writer.signal.set()
            time.sleep(seconds)
            return
        try:
            while self.writer.step():
                pass
            if self._settings.deliver_here:
                self._courier().step(seconds)
            else:
                time.sleep(seconds)
        except (SpoolError, OSError) as error:
            self._notices.say(logging.ERROR, f"events stay in the journal: {error}")
            time.sleep(seconds)

    def is_stuck(self, pending: Pending) -> bool:
        """Tell whether everything pending waits for trackers that are down."""
        courier = self.courier
        return courier is not None and not pending.unmoved and all(courier.is_down(name) for name in pending.spooled)

    def stop(self, grace: float) -> None:
        """End the threads: *grace* seconds for what is under way, and a moment to come to an end."""
        self._stopping = True
        self.writer.stop()
        if self.courier is not None:
            self.courier.stop(grace)
            if not self._threads:
                self.courier.run()
        ended = [thread.join(grace + _JOIN) for thread in reversed(self._threads)]
        if all(ended):
            self._threads.clear()

    def close(self) -> None:
        """Let go of everything; `stop` comes first. What is not moved yet stays for other processes."""
        if self._threads:
            return  # one still uses these: they end with the process
        try:
            if isinstance(self.outbox, Journal):
                self.outbox.close()
            while self.writer.step():
                pass
            self.writer.tend()
        except (SpoolError, OSError) as error:
            self._notices.say(logging.ERROR, f"events stay in the journal: {error}")
        finally:
            self._source.close()
            self.spool.close()

    def leave_behind(self) -> None:
        """In a forked child: let go of what is the parent's, without touching what they share."""
        left_behind.append(self)
        if isinstance(self.outbox, Journal):
            self.outbox.leave_behind()
        self._source.close()
        if self.courier is not None:
            close_inherited(self.courier.transport.sockets)

    def _courier(self) -> Courier:
        if self.courier is None:
            from footfall.delivery.courier import Courier  # libcurl takes a while to load: not while a page waits

            self.courier = Courier(
                self.spool,
                self._notices,
                owner=self.token,
                timeout=self._settings.timeout,
                retry_for=self._settings.retry_for,
                concurrency=self._settings.concurrency,
            )
        return self.courier

    def _deliver(self) -> None:
        try:
            courier = self._courier()
        except Exception as error:  # noqa: BLE001 - a thread's end must not go unseen
            self._notices.say(logging.ERROR, f"nothing can be sent by this process: {type(error).__name__}: {error}")
            return
        if self._stopping:
            courier.stop(0.0)
        courier.run()

    def _wake_courier(self) -> None:
        if self.courier is not None:
            self.courier.wake()
