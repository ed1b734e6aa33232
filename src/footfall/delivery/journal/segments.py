"""One file of the journal: how it is laid out, written and read back.

A segment is a header of 64 bytes, then records, then zeros. One process appends, through a shared memory mapping:
what it copied there outlives it, because the page cache belongs to the system. Any process may read at any time;
a record that is only half there has a wrong checksum and is not there yet.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
import sys
import zlib
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from footfall.delivery.native import native
from footfall.errors import SpoolError

__all__ = ["START", "Record", "SegmentReader", "SegmentWriter", "frame"]

START = 64  #: where the first record is

# Magic, version of the layout, sealed (no record will follow), unattended (its process moves no records itself).
_HEADER = struct.Struct("<8sHBB")
_MAGIC = b"footfall"
_VERSION = 1
_SEALED_AT = 10
_UNATTENDED_AT = 11
# Up to where the disk has confirmed what is there, if its process waits for that: until then it is not there.
_CONFIRMED_AT = 16
_CONFIRMED = struct.Struct("<Q")
# Length and CRC-32 of what follows them; then nanoseconds since 1970, kind, payload.
_FRAME = struct.Struct("<II")
_STAMP = struct.Struct("<QB")
_WHOLE = struct.Struct("<IIQB")
_NOTHING = bytes(8)
_CHUNK = 64 * 1024  # bytes that are read at a time
_LONGEST = 64 * 1024 * 1024  # bytes of a record that are believed
# What may be a frame: of less than 4 MiB, of this century, of a kind that there may be.
_LIKELY = re.compile(rb"(?s)(?=..[\0-\x3f]\0....(?:.{7})[\x0d-\x3f][\1-\x0f])")


class Record(NamedTuple):
    """One record of the journal, and where the next one of its segment starts."""

    stamp: int  #: when it was about to be written, in nanoseconds since 1970
    kind: int
    payload: bytes
    segment: str
    end: int


def frame(stamp: int, kind: int, payload: bytes) -> bytes:
    """Put length and checksum before a record."""
    body = _STAMP.pack(stamp, kind) + payload
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


class SegmentWriter:
    """A segment that this process appends to. Its callers see to it that one thread writes at a time.

    It is nobody's until it is published: what others see was published in its order, however that was cut off.
    """

    def __init__(self, path: Path, size: int, *, unattended: bool, to_disk: bool) -> None:
        """Create the file, all its blocks allotted: a write through the mapping must never meet a full disk.

        Raises:
            OSError: The file cannot be created, or the disk has no room for it.
        """
        self.path = path
        self.size = size
        self.position = START
        self._published = self._sealed = False
        self._synced = 0
        self._lock = native("_thread", "RLock")()  # a signal handler may interrupt its own thread's sync
        self._fd = -1
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _allot(fd, size)
            self._map = mmap.mmap(fd, size)
            self._map[: _HEADER.size] = _HEADER.pack(_MAGIC, _VERSION, 0, int(unattended))
            if to_disk:
                self._fd = fd
                _CONFIRMED.pack_into(self._map, _CONFIRMED_AT, START)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            if self._fd < 0:  # the mapping has one of its own
                os.close(fd)

    def publish(self, path: Path) -> None:
        """Give the file the name that it is read by.

        Raises:
            OSError: It cannot be renamed: it is no longer there, say.
        """
        if not self._published:
            try:
                self.path.rename(path)
            except FileNotFoundError:
                if not path.exists():  # what was cut off right behind the renaming is done
                    raise
            self.path = path
            self._published = True

    def append(self, framed: bytes) -> int | None:
        """Copy finished records in; returns where they end, or None where there is no room for them.

        What stands in the file counts, whatever `position` says: a signal handler that raises may have cut this
        off, and one that appends may come in between, though only at a call. From the look to the copy there is none.
        """
        size = len(framed)
        while True:
            position = self.position
            end = position + size
            if end > self.size or self._sealed:
                return None
            if self._map[position : position + 8] == _NOTHING:
                self._map[position:end] = framed
                self.position = end
                return end
            length, _ = _FRAME.unpack_from(self._map, position)
            self.position = position + _FRAME.size + length

    def is_whole(self) -> bool:
        """Whether the file is as long as it was made: a write behind its end is this process's death (SIGBUS)."""
        try:
            return self._map.size() >= self.size
        except (ValueError, OSError):  # it was closed
            return False

    def sync(self, position: int) -> None:
        """Wait until everything before *position* is on the disk; what waits together is written together.

        Raises:
            OSError: The disk refuses.
        """
        with self._lock:
            if position > self._synced and self._fd >= 0:
                if not self._synced:
                    _sync_folder(self.path.parent)
                reached = self.position
                if sys.platform == "linux":
                    os.fdatasync(self._fd)  # writes what came through the mapping too, and lets other threads run
                else:
                    self._map.flush()
                self._synced = max(self._synced, reached, position)
                _CONFIRMED.pack_into(self._map, _CONFIRMED_AT, self._synced)

    def void(self, start: int, end: int, kind: int) -> None:
        """Take back records that the disk has not confirmed: each becomes one of *kind* that says nothing."""
        while start < end:
            length, _ = _FRAME.unpack_from(self._map, start)
            stamp, _ = _STAMP.unpack_from(self._map, start + _FRAME.size)
            nothing = frame(stamp, kind, b" " * (length - _STAMP.size))
            self._map[start : start + len(nothing)] = nothing
            start += len(nothing)

    def seal(self) -> None:
        """Say in the file that no record will follow; none is taken either."""
        if self.is_whole():
            self._sealed = True
            self._map[_SEALED_AT] = 1

    def leave_behind(self) -> None:
        """In a forked child: let go of the file, which is the parent's to write."""
        self._map.close()
        if self._fd >= 0:
            os.close(self._fd)

    def close(self) -> None:
        """Let go of the file; it stays for whoever moves its records, if anybody was to see it."""
        with self._lock:
            if self._map.closed:
                return
            whole = self.is_whole()
            if not self._published:
                self.path.unlink(missing_ok=True)
            elif not whole:
                _seal_cut(self.path)
            elif self._fd >= 0:
                with suppress(OSError):  # each record that counts was synced when it was written
                    self.sync(self.position)
            self._map.close()
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


class SegmentReader:
    """A segment as any process may read it, its writer alive or dead.

    By `os.pread`, not through a mapping: somebody may empty the file meanwhile, and a look at what is gone would
    be this process's death.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. One without a header has lost it in a power failure, or was emptied.

        Raises:
            FileNotFoundError: Somebody else has finished with it.
            SpoolError: It is no segment, or one of a newer release.
        """
        self.name = path.name
        self.skipped = False  #: something before what was read was unreadable
        self._chunk, self._chunk_at = b"", 0
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            header = os.pread(self._fd, _HEADER.size, 0)
            magic, version, _, unattended = _HEADER.unpack(header.ljust(_HEADER.size, b"\0"))
        except BaseException:
            os.close(self._fd)
            raise
        self.unattended = bool(unattended)  #: the process that writes it moves no records
        self.has_header = magic == _MAGIC
        if (header.strip(b"\0") and not self.has_header) or version > _VERSION:
            os.close(self._fd)
            found = f"of layout {version}, newer than this release" if self.has_header else "not one of footfall's"
            raise SpoolError(f"journal file {path} is {found}: upgrade footfall, or move the file away")

    @property
    def sealed(self) -> bool:
        """Whether no record will follow. Ask before reading to the end, or one may slip in between."""
        return os.pread(self._fd, 1, _SEALED_AT) == b"\1"

    @property
    def confirmed(self) -> int:
        """Up to where records are there as long as their process lives."""
        data = os.pread(self._fd, _CONFIRMED.size, _CONFIRMED_AT)
        (position,) = _CONFIRMED.unpack(data.ljust(_CONFIRMED.size, b"\0"))
        return position or sys.maxsize

    def look_anew(self) -> None:
        """Read from the file what comes next, though it was read before."""
        self._chunk = b""

    def read(self, offset: int) -> Record | None:
        """Read the record at *offset*; None where there is none, or not yet."""
        return self._parse(offset) or (self._parse(offset) if self._load(offset, _CHUNK) else None)

    def read_behind(self, offset: int) -> Record | None:
        """Read the next record behind something unreadable: a page that a power failure has taken, say.

        Only where no record will follow: this looks through all the rest.
        """
        rest = self._rest(offset)
        for found in _LIKELY.finditer(rest):
            at = offset + found.start()
            self._load(at, _CHUNK)
            if (record := self._parse(at)) is not None:
                self.skipped = True
                return record
        return None

    def count(self, offset: int, kinds: Collection[int]) -> int:
        """Count the records of some kinds from *offset* on, by their lengths alone; only the last one is read."""
        number = last = 0
        rest, start = self._rest(offset), offset
        while offset - start + _WHOLE.size <= len(rest):
            length, _, _, kind = _WHOLE.unpack_from(rest, offset - start)
            end = offset + _FRAME.size + length
            if length < _STAMP.size or end - start > len(rest):
                break
            last = offset if kind in kinds else 0
            number += kind in kinds
            offset = end
        return number if not last or self.read(last) is not None else number - 1

    def is_clean_after(self, offset: int) -> bool:
        """Whether only zeros follow: something else is a record cut off by its process's death, or damage."""
        return not self._rest(offset).strip(b"\0")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _parse(self, offset: int) -> Record | None:
        at = offset - self._chunk_at
        if at < 0 or at + _FRAME.size > len(self._chunk):
            return None
        length, checksum = _FRAME.unpack_from(self._chunk, at)
        if not _STAMP.size <= length <= _LONGEST:
            return None
        end = at + _FRAME.size + length
        if end > len(self._chunk):
            if not self._load(offset, max(_FRAME.size + length, _CHUNK)):
                return None
            at, end = 0, _FRAME.size + length
        body = self._chunk[at + _FRAME.size : end]
        if len(body) != length or zlib.crc32(body) != checksum:
            return None
        stamp, kind = _STAMP.unpack_from(body)
        return Record(stamp, kind, body[_STAMP.size :], self.name, offset + _FRAME.size + length)

    def _load(self, offset: int, size: int) -> bool:
        self._chunk, self._chunk_at = os.pread(self._fd, size, offset), offset
        return len(self._chunk) >= _FRAME.size

    def _rest(self, offset: int) -> bytes:
        return os.pread(self._fd, max(os.fstat(self._fd).st_size - offset, 0), offset)


def _seal_cut(path: Path) -> None:
    """Have what is left of a file read to its end, if anything is."""
    try:
        if path.stat().st_size <= START:
            path.unlink()
        else:
            with path.open("r+b", buffering=0) as file:
                file.seek(_SEALED_AT)
                file.write(b"\1")
    except FileNotFoundError:
        return


def _allot(fd: int, size: int) -> None:
    try:
        os.posix_fallocate(fd, 0, size)
    except AttributeError:  # macOS has no such call
        os.pwrite(fd, bytes(size), 0)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
