"""The outbox of one process: records appended to memory-mapped segments, durable as soon as they are there."""

from __future__ import annotations

import errno
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from footfall.delivery.journal.folder import Folder, Presence
from footfall.delivery.journal.outbox import FULL, TOO_LARGE, UNWRITABLE
from footfall.delivery.journal.segments import START, SegmentWriter, frame
from footfall.delivery.native import native

__all__ = ["Journal"]

_SEGMENT_BYTES = 4 * 1024 * 1024
_SMALLEST_SEGMENT = 64 * 1024
_RESERVE = 16 * 1024 * 1024  # bytes of the disk that are left to the spool, for its log of changes
_PATIENCE = 0.25  # seconds; whoever holds the lock holds it for microseconds
_PAUSE = 1.0  # seconds until a file is tried again that could not be created: no system call an event meanwhile


class Journal:
    """Appends records without waiting for anything: no system call, one lock held for microseconds."""

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
        self._yield = native("time", "sleep")
        self._busy = False
        self._number = count()
        self._apart = count()
        self._current: SegmentWriter | None = None
        self._spare: SegmentWriter | None = None
        self._filled = self._spare_number = -1
        self._own: list[Path] = []
        self._blocked_until = 0.0
        self._closed = False
        self._blocked_as = UNWRITABLE

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
        lock = self._lock
        if not (lock.acquire(False) or self._get(lock)):  # noqa: FBT003 - a lock's own signature
            return self._append_apart(framed)
        if self._busy:  # a signal handler has interrupted its own thread right here
            lock.release()
            return self._append_apart(framed)
        self._busy = True
        try:
            segment = self._current
            if segment is None or segment.position + len(framed) > segment.size:
                following = self._rotate(len(framed), always=always)
                if isinstance(following, str):
                    return following
                segment = following
            segment.append(framed)
            position = segment.position
        finally:
            self._busy = False
            lock.release()
        if self._to_disk:
            segment.sync(position)
        return None

    def prepare(self, *, first: bool = False) -> None:
        """Create the next segment ahead of its need, so that no event waits for a file.

        Args:
            first: Also while this process has written nothing yet.

        Raises:
            OSError: It cannot be created.
        """
        current = self._current
        wanted = self._spare is None and (first if current is None else current.position > current.size // 2)
        if wanted and self._leaves_room():
            number = next(self._number)
            spare = self._create(self._presence.token, number)
            with self._alone():
                if self._current is None:
                    self._current, self._filled = spare, number
                elif self._filled < number:
                    self._spare, self._spare_number = spare, number
                else:  # an event could not wait: its segment comes after this one, which then must stay empty
                    spare.seal()
                    spare.close()

    def restore(self) -> bool:
        """Begin anew if somebody has removed the files that records are written to; says whether that was so.

        Raises:
            OSError: The folder cannot be written to.
        """
        with self._alone():
            current = self._current
            if self._closed or (self._presence.is_intact() and (current is None or current.path.exists())):
                return False
            self._folder.create()
            self._presence.restore()
            for segment in (self._current, self._spare):
                if segment is not None:
                    segment.seal()
                    segment.close()
            self._current = self._spare = None
        return True

    def measured(self, held: int) -> None:
        """Take note of how many bytes the spool holds, and tell the journals of all processes if it is full."""
        self.full = held >= self._limit
        self._folder.mark_full(self.full)

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's files."""
        for segment in (self._current, self._spare):
            if segment is not None:
                segment.leave_behind()
        self._presence.leave_behind()

    def close(self) -> None:
        """Append nothing more. What was not moved yet stays for others."""
        with self._alone():
            for segment in (self._current, self._spare):
                if segment is not None:
                    segment.seal()
                    segment.close()
            self._current = self._spare = None
            before, self._closed = self._closed, True
        if not before:
            self._presence.close()

    @contextmanager
    def _alone(self) -> Generator[None]:
        with self._lock:
            self._busy = True  # what a signal handler appends meanwhile goes elsewhere
            try:
                yield
            finally:
                self._busy = False

    def _rotate(self, needed: int, *, always: bool) -> SegmentWriter | str:
        if needed > self._size - START:
            return TOO_LARGE
        if self._closed:
            return UNWRITABLE
        if time.monotonic() < self._blocked_until:
            return self._blocked_as
        try:
            if not always and not self._has_room():
                return self._block(FULL, _PAUSE / 10)
            following, self._spare = self._spare, None
            number = self._spare_number
            if following is None:
                number = next(self._number)
                following = self._create(self._presence.token, number)
        except OSError as error:
            return self._block(FULL if error.errno in {errno.ENOSPC, errno.EDQUOT} else UNWRITABLE, _PAUSE)
        if self._current is not None:
            if self._to_disk:
                self._current.sync(self._current.position)
            self._current.seal()
            self._current.close()
        self._current, self._filled = following, number
        return following

    def _block(self, reason: str, seconds: float) -> str:
        self._blocked_until = time.monotonic() + seconds
        self._blocked_as = reason
        return reason

    def _get(self, lock: Any) -> bool:
        # Not by waiting for it: woken with the lock, a thread would hold it while it waits for the interpreter's,
        # and the next one to come would find it taken, and so on. Its holder needs but a turn.
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self._yield(0)
            if lock.acquire(False):  # noqa: FBT003 - a lock's own signature
                return True
        return False

    def _append_apart(self, framed: bytes) -> str | None:
        # A stream of its own needs nobody's lock.
        if len(framed) > self._size - START:
            return TOO_LARGE
        try:
            segment = self._create(f"{self._presence.token}-{next(self._apart)}", 0, START + len(framed))
        except OSError:
            return UNWRITABLE
        segment.append(framed)
        if self._to_disk:
            segment.sync(segment.position)
        segment.seal()
        segment.close()
        return None

    def _create(self, stream: str, number: int, size: int | None = None) -> SegmentWriter:
        path = self._folder.segment_path(stream, number)
        segment = SegmentWriter(path, size or self._size, unattended=self._unattended, to_disk=self._to_disk)
        self._own.append(path)
        return segment

    def _has_room(self) -> bool:
        if self._folder.is_full():
            return False
        if (len(self._own) + 1) * self._size > self._limit:
            self._own = [path for path in self._own if path.exists()]
        return (len(self._own) + 1) * self._size <= self._limit and self._leaves_room()

    def _leaves_room(self) -> bool:
        # Filled to its end, a disk could not be emptied by delivering: the spool needs room for all that is to be
        # moved, and to note what was delivered.
        segments = sum(len(stream.segments) for stream in self._folder.streams()) + 1
        return self._folder.free_bytes() >= (segments + 1) * self._size + _RESERVE
