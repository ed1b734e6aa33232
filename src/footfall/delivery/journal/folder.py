"""The folder beside a spool in which every process keeps its segments, and shows that it lives."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from footfall.delivery.native import RAISE_FILES, is_out_of_files
from footfall.errors import SpoolError

__all__ = ["Folder", "Presence", "Stream", "leave_presences", "streams_of"]

_SEGMENT = ".segment"
_ALIVE = ".alive"
_FULL = "full"
_LATEST = "latest"

_presences: list[Presence] = []


class Presence:
    """Says that this process lives: a file locked until its death, however it dies."""

    def __init__(self, folder: Path) -> None:
        """Take a name of its own in *folder*.

        Raises:
            OSError: The folder cannot be written to.
        """
        self.token = os.urandom(8).hex()
        self._pid = os.getpid()
        self._path = folder / f"{self.token}{_ALIVE}"
        self.fd = self._create()
        _presences.append(self)

    def restore(self) -> None:
        """Come back under the same name, after somebody has removed the file.

        Raises:
            OSError: The folder cannot be written to.
        """
        former, self.fd = self.fd, self._create()
        os.close(former)

    def is_intact(self) -> bool:
        """Tell whether others still see it: somebody may have removed the folder's files."""
        try:
            status = self._path.stat()
        except OSError:
            return False
        return status.st_ino == os.fstat(self.fd).st_ino

    def _create(self) -> int:
        newborn = self._path.with_suffix(".new")
        fd = os.open(newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        newborn.rename(self._path)  # nobody sees it unlocked
        return fd

    def leave_behind(self) -> None:
        """In a forked child: the parent is present by itself, and to be seen so."""
        if self.fd >= 0 and self._pid != os.getpid():
            os.close(self.fd)
            self.fd = -1

    def close(self) -> None:
        """Leave: what this process still held is free for others."""
        try:
            self._path.unlink(missing_ok=True)
        finally:
            _presences.remove(self)
            os.close(self.fd)


def leave_presences() -> None:
    """In a forked child: leave behind what another thread of the parent had only begun, too."""
    for presence in _presences:
        presence.leave_behind()


class Stream:
    """The segments that one writer fills one after the other, oldest first."""

    def __init__(self, name: str, segments: Sequence[str]) -> None:
        self.name = name
        self.segments = segments

    @property
    def token(self) -> str:
        """Whose they are."""
        return self.name.partition("-")[0]


class Folder:
    """Where the processes that share a spool keep their journals."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the folder, for nobody else's eyes.

        Raises:
            OSError: It cannot be made.
        """
        self.path.mkdir(mode=0o700, exist_ok=True)

    def segment_path(self, stream: str, number: int) -> Path:
        """Name a segment so that a stream's segments sort in their order."""
        return self.path / f"{stream}.{number:010d}{_SEGMENT}"

    def streams(self) -> list[Stream]:
        """List what there is to read; nothing where no process ever wrote.

        Raises:
            OSError: The folder cannot be read.
        """
        found: dict[str, list[str]] = {}
        for name in self._names():
            if name.endswith(_SEGMENT):
                found.setdefault(name.partition(".")[0], []).append(name)
        return [Stream(name, sorted(segments)) for name, segments in found.items()]

    def tokens(self) -> set[str]:
        """Name every process that has left something here, but for one that is just coming: it is not locked yet."""
        seen = (name for name in self._names() if name.endswith((_SEGMENT, _ALIVE)))
        return {name.partition(".")[0].partition("-")[0] for name in seen}

    def mark_full(self, full: bool) -> None:
        """Tell the writers of all processes whether the spool has reached its bound."""
        if full:
            (self.path / _FULL).touch(mode=0o600)
        else:
            (self.path / _FULL).unlink(missing_ok=True)

    def is_full(self) -> bool:
        """Tell whether the spool was last seen at its bound."""
        return (self.path / _FULL).exists()

    def note_latest(self, number: int) -> None:
        """Keep the number of the latest request that the spool has had: it only ever grows.

        Raises:
            OSError: It cannot be written.
        """
        newborn = self.path / f"{_LATEST}.{os.getpid()}.new"
        newborn.touch(mode=0o600)
        newborn.write_text(str(number))
        newborn.rename(self.path / _LATEST)

    def latest(self) -> int:
        """Read what was noted last; 0 where nothing was."""
        try:
            return int((self.path / _LATEST).read_text())
        except (OSError, ValueError):
            return 0

    def free_bytes(self) -> int:
        """Tell how much room the disk has left for this user.

        Raises:
            OSError: Nobody can tell.
        """
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def is_alive(self, token: str) -> bool:
        """Tell whether the process of that name still runs."""
        try:
            fd = os.open(self.path / f"{token}{_ALIVE}", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def forget(self, token: str) -> None:
        """Remove what a dead process left besides its segments."""
        for name in self._names():
            if name == f"{token}{_ALIVE}" or (name.startswith(token) and name.endswith(".new")):
                (self.path / name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self.path)  # noqa: PTH208 - many times a second: names will do
        except FileNotFoundError:
            return []


def streams_of(folder: Folder) -> Sequence[Stream]:
    """Find the streams in a folder of journals.

    Raises:
        SpoolError: The folder cannot be read.
    """
    try:
        return folder.streams()
    except OSError as error:
        what = RAISE_FILES if is_out_of_files(error) else "look as the user that the site runs as"
        raise SpoolError(f"journal folder {folder.path} cannot be read ({error.strerror}): {what}") from error
