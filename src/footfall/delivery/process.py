"""All that delivery has open in one process: its journal, its spool, its two threads. A forked child has its own."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from footfall.delivery.counting import tally
from footfall.delivery.forking import left_behind
from footfall.delivery.journal.collector import Collector
from footfall.delivery.journal.folder import Folder
from footfall.delivery.journal.journal import Journal
from footfall.delivery.journal.memory import MemoryOutbox
from footfall.delivery.journal.outbox import Outbox, Source
from footfall.delivery.native import Thread
from footfall.delivery.notices import Notices
from footfall.delivery.settings import Settings
from footfall.delivery.spool.mover import Mover
from footfall.delivery.spool.refusals import Refusals
from footfall.delivery.spool.spool import Spool
from footfall.errors import SpoolError

if TYPE_CHECKING:
    from footfall.delivery.sending.courier import Courier
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
            on_tend: Called now and then, by the mover's thread.

        Raises:
            OSError: The journal's folder cannot be written to.
        """
        self._settings = settings
        self._refusals = refusals
        self._notices = notices
        self._threads: list[Thread] = []
        self._stopping = False
        self.pid = os.getpid()
        self._unattended = unattended
        self.courier: Courier | None = None
        self.outbox: Outbox
        self._source: Source
        if settings.path is None:
            self.outbox = self._source = MemoryOutbox(limit=settings.limit)
        else:
            self.outbox = Journal(
                settings.folder, limit=settings.limit, to_disk=settings.to_disk, unattended=unattended is not None
            )
            self._source = Collector(Folder(settings.folder), self.outbox.token, notices)
        self.spool = Spool(settings.path, to_disk=settings.to_disk, forbidden=forbidden, kept_bytes=settings.kept_bytes)
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
        """Start the threads, where threads can be had."""
        if self._unattended is not None:
            self._notices.say(
                logging.WARNING,
                f"events are kept, and not delivered by this process: {self._unattended}; "
                "run `footfall deliver` beside it, with the same spool",
            )
            return
        try:
            self._threads.append(Thread("footfall-mover", self.mover.run))
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
        # The source is asked before the spool: what the spool has by then is left out.
        with self._source.unmoved() as unmoved, self._refusals.still():
            return tally(self.spool, unmoved.records, self._refusals.peek)

    def pending(self) -> Pending:
        """Count what is pending, without looking at each request.

        Raises:
            SpoolError: The spool cannot be read.
        """
        with self._source.unmoved() as unmoved:
            totals = self.spool.totals()
            number = unmoved.count(totals.offsets)
        return Pending(number, {name: one.pending for name, one in totals.trackers.items() if one.pending})

    def work(self, seconds: float) -> None:
        """Let the threads get on for a moment; where there are none, do their work."""
        if self._threads:
            self.mover.signal.set()
            time.sleep(seconds)
            return
        try:
            while self.mover.step():
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
        self.mover.stop()
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
            self.outbox.close()
            while self.mover.step():
                pass
            self.mover.tend()
        except (SpoolError, OSError) as error:
            self._notices.say(logging.ERROR, f"events stay in the journal: {error}")
        finally:
            self._source.close()
            self.spool.close()

    def leave_behind(self) -> None:
        """In a forked child: let go of what is the parent's, without touching what they share."""
        left_behind.append(self)
        self.outbox.leave_behind()
        self._source.close()
        if self.courier is not None:
            self.courier.leave_behind()

    def _courier(self) -> Courier:
        if self.courier is None:
            from footfall.delivery.sending.courier import (
                Courier,  # libcurl takes a while to load: not while a page waits
            )

            self.courier = Courier(
                self.spool,
                self._notices,
                owner=self.outbox.token,
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
