"""The outbox of one process: records appended to memory-mapped segments, durable as soon as they are there."""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from footfall.delivery.journal.codec import Kind
from footfall.delivery.journal.folder import Folder, Presence
from footfall.delivery.journal.outbox import FULL, TOO_LARGE, UNWRITABLE
from footfall.delivery.journal.segments import START, SegmentWriter, frame
from footfall.delivery.native import native

__all__ = ["Journal"]

_SEGMENT_BYTES = 4 * 1024 * 1024
_FIRST_BYTES = 256 * 1024  # the first segment's; each is twice as large as the one before
_SMALLEST_SEGMENT = 64 * 1024
_RESERVE = 16 * 1024 * 1024  # bytes of the disk that are left to the spool, for its log of changes
_PAUSE = 1.0  # seconds until a file is tried again that could not be created: no system call an event meanwhile


class Journal:
    """Appends records without waiting: one lock, held for a few instructions, and no file touched meanwhile.

    A signal handler may strike the main thread between any two calls, and append too, or raise. So the lock is one
    of C, held by ``with`` alone, and each change that it guards can be cut off at any point, and be done again. No
    such block has a loop in it: struck at the jump back of a loop that ends it, CPython leaves the lock taken.
    """

    def __init__(self, folder: Path, *, limit: int, to_disk: bool = False, unattended: bool = False) -> None:
        """Take a name in *folder*, and create nothing more yet.

        Args:
            folder: Where the segments go; created if it is missing.
            limit: Bytes that this process's unread segments may take up, and that the spool may hold.
            to_disk: Every `append` waits until the disk has it.
            unattended: This process moves no records itself; others are told to.

        Raises:
            OSError: The folder cannot be written to.
        """
        self._folder = Folder(folder)
        self._folder.create()
        self._presence = Presence(folder)
        self.full = False  #: the spool is, when last measured: nothing but erasures is taken then
        self._limit = limit
        self._to_disk = to_disk
        self._unattended = unattended
        self._size = max(min(_SEGMENT_BYTES, limit // 4), _SMALLEST_SEGMENT)
        self._lock = native("_thread", "RLock")()
        self._newborn = count()
        self._number = -1  # of the current segment
        self._current: SegmentWriter | None = None
        self._spare: SegmentWriter | None = None
        self._retired: deque[SegmentWriter] = deque()  # nothing is written there any more
        self._own: list[SegmentWriter] = []
        self._cut = False  # somebody has emptied a file, and that was not said yet
        self._blocked_until = 0.0
        self._blocked_as = UNWRITABLE
        self._closed = False

    @property
    def token(self) -> str:
        """This process's name: its segments begin with it, and its leases are on it."""
        return self._presence.token

    def append(self, records: Sequence[tuple[int, bytes]], *, always: bool = False) -> str | None:
        """Append records, all or none. They survive the death of this process from here on.

        Args:
            records: Kind and payload of each.
            always: Ignore the bound on bytes.

        Returns:
            None when they are in; else why not: `FULL`, `UNWRITABLE` or `TOO_LARGE`.
        """
        if self.full and not always:
            return FULL
        stamp = time.time_ns()
        framed = b"".join([frame(stamp, kind, payload) for kind, payload in records])
        while True:
            segment = self._current
            if segment is not None and not segment.is_whole():
                self._abandon(segment)
                continue
            end = None
            with self._lock:
                if segment is not None and segment is self._current:
                    end = segment.append(framed)
            if end is None:
                refusal = self._go_on(segment, len(framed), always=always)
                if refusal is not None:
                    return refusal
            elif segment is not None:
                return self._sync(segment, end - len(framed), end) if self._to_disk else None

    def _sync(self, segment: SegmentWriter, start: int, end: int) -> str | None:
        """Wait for the disk; returns why what was written does not count, and takes it back."""
        try:
            segment.sync(end)
        except OSError as error:
            # A record of whom to erase that names nobody: every release reads it, and does nothing.
            segment.void(start, end, Kind.ERASE)
            return _reason_of(error)
        return None

    def prepare(self, *, first: bool = False) -> None:
        """Create the next segment ahead of its need, so that no event waits for a file.

        Args:
            first: Also while this process has written nothing yet.

        Raises:
            OSError: It cannot be created.
        """
        while self._retired:
            self._retired.popleft().close()
        current = self._current
        wanted = self._spare is None and (first if current is None else current.position > current.size // 2)
        if wanted and not self._closed and self._leaves_room():
            self._make_spare(0)
            if current is None:
                with self._lock:
                    if self._current is None:
                        self._advance()

    def restore(self) -> bool:
        """Begin anew if somebody has taken away the files that records are written to; says whether that was so.

        Raises:
            OSError: The folder cannot be written to.
        """
        if self._closed:
            return False
        current = self._current
        if current is not None and not current.is_whole():
            self._abandon(current)
        elif current is not None and not current.path.exists():
            self._drop()
            self._cut = True
        if not self._presence.is_intact():
            self._folder.create()
            self._presence.restore()
            self._drop()
            self._cut = True
        cut, self._cut = self._cut, False
        return cut

    def measured(self, held: int) -> None:
        """Take note of how many bytes the spool holds, and tell the journals of all processes if it is full."""
        self.full = held >= self._limit
        self._folder.mark_full(self.full)

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's files."""
        for segment in (self._current, self._spare, *self._retired):
            if segment is not None:
                segment.leave_behind()
        self._presence.leave_behind()

    def close(self) -> None:
        """Append nothing more. What was not moved yet stays for others."""
        before, self._closed = self._closed, True
        self._drop()
        while self._retired:
            self._retired.popleft().close()
        if not before:
            self._presence.close()

    def _advance(self) -> None:
        # With the lock held. Cut off at any point, it is begun again by the next to find the segment full.
        following = self._spare
        if following is None or self._closed:
            return
        self._retire(self._current)
        number = self._number + 1
        try:
            following.publish(self._folder.segment_path(self.token, number))
        except FileNotFoundError:
            self._spare = None
            raise
        if self._spare is following:  # no handler was here first
            self._current, self._spare, self._number = following, None, number

    def _drop(self) -> None:
        with self._lock:
            self._retire(self._current)
            self._retire(self._spare)
            self._current = self._spare = None

    def _retire(self, segment: SegmentWriter | None) -> None:
        if segment is not None:
            segment.seal()
            self._retired.append(segment)

    def _abandon(self, segment: SegmentWriter) -> None:
        """Leave a file that somebody has emptied, or cut: a write to what is gone would be the process's death."""
        with self._lock:
            if self._current is segment:
                self._retired.append(segment)
                self._current = None
                self._cut = True

    def _go_on(self, full: SegmentWriter | None, needed: int, *, always: bool) -> str | None:
        """Have a segment to append to that is not the one that was full; returns why there is none."""
        if needed > self._size - START:
            return TOO_LARGE
        if self._closed:
            return UNWRITABLE
        if time.monotonic() < self._blocked_until:
            return self._blocked_as
        try:
            if not always and not self._has_room():
                return self._block(FULL, _PAUSE / 10)
            spare = self._spare
            if spare is None or spare.size - START < needed:
                self._make_spare(needed)
            with self._lock:
                if self._current is full:
                    self._advance()
        except OSError as error:
            return self._block(_reason_of(error), _PAUSE)
        return None

    def _make_spare(self, needed: int) -> None:
        # Without the lock, for a file takes its time; two at once make one too many.
        size = min(self._size, _FIRST_BYTES << min(self._number + 1, 8))
        if size - START < needed:
            size = self._size
        path = self._folder.path / f"{self.token}.{next(self._newborn)}.new"
        newborn = SegmentWriter(path, size, unattended=self._unattended, to_disk=self._to_disk)
        with self._lock:
            former = self._spare
            if (former is None or former.size - START < needed) and not self._closed:
                self._spare = newborn
            else:
                former = newborn
        if former is not None:
            former.close()
        self._own.append(newborn)

    def _block(self, reason: str, seconds: float) -> str:
        self._blocked_until = time.monotonic() + seconds
        self._blocked_as = reason
        return reason

    def _has_room(self) -> bool:
        if self._folder.is_full():
            return False
        self._own = [segment for segment in self._own if segment.path.exists()]
        held = sum(segment.size for segment in self._own)
        return held + self._size <= self._limit and self._leaves_room()

    def _leaves_room(self) -> bool:
        # Filled to its end, a disk could not be emptied by delivering: the spool needs room for all that is to be
        # moved, and to note what was delivered. What is written to at this moment is moved within a second.
        full = sum(len(stream.segments) - 1 for stream in self._folder.streams())
        return self._folder.free_bytes() >= (full + 2) * self._size + _RESERVE


def _reason_of(error: OSError) -> str:
    return FULL if error.errno in {errno.ENOSPC, errno.EDQUOT} else UNWRITABLE
