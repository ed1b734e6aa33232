"""The thread that moves records from the journal into the spool, and looks after what dead processes left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from footfall.delivery.native import Signal
from footfall.delivery.notices import Notices
from footfall.delivery.refusals import Refusals
from footfall.delivery.spool import Batch, Spool
from footfall.errors import SpoolError

__all__ = ["OnDrop", "Outbox", "Source", "Writer"]

OnDrop = Callable[[str, str, int], None]  #: tracker, reason, how many

# An event makes no system call, so nothing wakes this thread: it looks. Each look, and each transaction, takes the
# interpreter away from a page, whatever it moves: few with many records cost pages less than many with few.
_PAUSE = 0.1  # seconds
_MANY = 500  # records: where one batch was as large, the next is moved at once
_TEND_EVERY = 1.0
_AFTER_TROUBLE = 1.0


class Outbox(Protocol):
    """Where this process's records go first."""

    def append(self, records: Sequence[tuple[int, bytes]], *, always: bool = False) -> str | None:
        """Append records, all or none; returns why not."""
        ...

    def restore(self) -> bool:
        """Begin anew if somebody has removed its files; says whether that was so."""
        ...

    def measured(self, held: int) -> None:
        """Take note of how many bytes the spool holds."""
        ...

    def prepare(self, *, first: bool = False) -> None:
        """Make ready for the next record, so that it need not wait."""
        ...


class Source(Protocol):
    """Where records come from: the journals of a folder, or this process's memory."""

    def has_more(self) -> bool:
        """Tell whether there is something to move."""
        ...

    def has_more_of_others(self) -> bool:
        """Tell whether any process has something to move, that cannot be bothered."""
        ...

    def batch(self, offsets: Mapping[str, int]) -> Batch:
        """Read the next records, given up to where they were moved already."""
        ...

    def moved(self, batch: Batch) -> None:
        """Note that the spool has a batch."""
        ...

    def clear(self) -> None:
        """Remove what is moved and done with."""
        ...

    def tend(self, spool: Spool, *, full: bool) -> None:
        """Look after what dead processes left."""
        ...

    def segments(self) -> Collection[str]:
        """Name the segments that exist."""
        ...

    def close(self) -> None:
        """Let go of all files."""
        ...


class Writer:
    """Moves records in batches. Its steps are taken by a thread of its own, or by whoever waits in `flush`."""

    def __init__(
        self,
        spool: Spool,
        source: Source,
        outbox: Outbox,
        refusals: Refusals,
        notices: Notices,
        *,
        limit: int,
        on_moved: Callable[[], None],
        on_drop: OnDrop | None,
        on_tend: Callable[[], None],
    ) -> None:
        self._spool = spool
        self._source = source
        self._outbox = outbox
        self._refusals = refusals
        self._notices = notices
        self._limit = limit
        self._on_moved = on_moved
        self._on_drop = on_drop
        self._on_tend = on_tend
        self._next_tending = 0.0
        self._stopping = False
        self.signal = Signal()  #: set it to have the journal looked at now

    def run(self) -> None:
        """Take steps until told to stop; nothing that goes wrong ends this."""
        while not self._stopping:
            pause = _PAUSE
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
            self._notices.say(logging.ERROR, "journal files were removed while in use: what was in them alone is lost")
        self._refusals.hand_over(self._spool.refuse)
        self._source.clear()
        held = self._spool.tend(time.time(), self._source.segments())
        self._source.tend(self._spool, full=held >= self._limit)
        self._outbox.measured(held)
        self._on_tend()
        try:
            self._outbox.prepare()
        except OSError as error:  # the next event meets the same, and is counted
            self._notices.say(logging.ERROR, f"no room for another journal file: {error.strerror}")

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
