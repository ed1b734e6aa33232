"""One file of the journal: how it is laid out, written and read back.

A segment is a header of 64 bytes, then records, then zeros. One process appends, through a shared memory mapping:
what it copied there outlives it, because the page cache belongs to the system. Any process may read at any time;
a record that is only half there has a wrong checksum and is not there yet.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import zlib
from collections.abc import Collection
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
# Length and CRC-32 of what follows them; then nanoseconds since 1970, kind, payload.
_FRAME = struct.Struct("<II")
_STAMP = struct.Struct("<QB")
_WHOLE = struct.Struct("<IIQB")


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
    """A segment that this process appends to. Its callers see to it that one thread writes at a time."""

    def __init__(self, path: Path, size: int, *, unattended: bool, to_disk: bool) -> None:
        """Create the file, all its blocks allotted: a write through the mapping must never meet a full disk.

        Raises:
            OSError: The file cannot be created, or the disk has no room for it.
        """
        self.path = path
        self.size = size
        self.position = START
        self._synced = START
        self._lock = native("_thread", "RLock")()  # a signal handler may interrupt its own thread's sync
        newborn = path.with_suffix(".new")
        self._fd = os.open(newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _allot(self._fd, size)
            self._map = mmap.mmap(self._fd, size)
            self._map[: _HEADER.size] = _HEADER.pack(_MAGIC, _VERSION, 0, int(unattended))
            newborn.rename(path)
            if to_disk:
                os.fsync(self._fd)
                _sync_folder(path.parent)
        except BaseException:
            os.close(self._fd)
            newborn.unlink(missing_ok=True)
            raise

    def append(self, framed: bytes) -> None:
        """Copy finished records in; the caller knows that they fit."""
        position = self.position
        self.position = end = position + len(framed)
        self._map[position:end] = framed

    def sync(self, position: int) -> None:
        """Wait until everything before *position* is on the disk; what waits together is written together."""
        with self._lock:
            if position > self._synced:
                reached = self.position
                if sys.platform == "linux":
                    os.fdatasync(self._fd)  # writes what came through the mapping too, and lets other threads run
                else:
                    self._map.flush()
                self._synced = max(self._synced, reached)

    def seal(self) -> None:
        """Say in the file that no record will follow."""
        self._map[_SEALED_AT] = 1

    def leave_behind(self) -> None:
        """In a forked child: let go of the file, which is the parent's to write."""
        self._map.close()
        os.close(self._fd)

    def close(self) -> None:
        """Let go of the file; it stays for whoever moves its records."""
        with self._lock:
            self._synced = self.size
            self._map.close()
            os.close(self._fd)


class SegmentReader:
    """A segment as any process may read it, its writer alive or dead."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            FileNotFoundError: Somebody else has finished with it.
            SpoolError: It is no segment, or one of a newer release.
        """
        self.name = path.name
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.size = os.fstat(fd).st_size
            if self.size < START:
                raise SpoolError(f"journal file {path} is cut short: remove it; nothing in it was ever accepted")
            self._map = mmap.mmap(fd, self.size, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)
        magic, version, _, unattended = _HEADER.unpack_from(self._map)
        self.unattended = bool(unattended)  #: the process that writes it moves no records
        if magic != _MAGIC or version > _VERSION:
            self._map.close()
            found = f"of layout {version}, newer than this release" if magic == _MAGIC else "not one of footfall's"
            raise SpoolError(f"journal file {path} is {found}: upgrade footfall, or move the file away")

    @property
    def sealed(self) -> bool:
        """Whether no record will follow. Ask before reading to the end, or one may slip in between."""
        return self._map[_SEALED_AT] == 1

    def read(self, offset: int) -> Record | None:
        """Read the record at *offset*; None where there is none, or not yet."""
        if offset + _FRAME.size > self.size:
            return None
        length, checksum = _FRAME.unpack_from(self._map, offset)
        end = offset + _FRAME.size + length
        if length < _STAMP.size or end > self.size:
            return None
        body = self._map[offset + _FRAME.size : end]
        if zlib.crc32(body) != checksum:
            return None
        stamp, kind = _STAMP.unpack_from(body)
        return Record(stamp, kind, body[_STAMP.size :], self.name, end)

    def count(self, offset: int, kinds: Collection[int]) -> int:
        """Count the records of some kinds from *offset* on, by their lengths alone; only the last one is read."""
        number = last = 0
        while offset + _FRAME.size + _STAMP.size <= self.size:
            length, _, _, kind = _WHOLE.unpack_from(self._map, offset)
            end = offset + _FRAME.size + length
            if length < _STAMP.size or end > self.size:
                break
            last = offset if kind in kinds else 0
            number += kind in kinds
            offset = end
        return number if not last or self.read(last) is not None else number - 1

    def is_clean_after(self, offset: int) -> bool:
        """Whether only zeros follow: something else is a record cut off by its process's death, or damage."""
        return not self._map[offset:].strip(b"\0")

    def close(self) -> None:
        """Let go of the mapping."""
        self._map.close()


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
