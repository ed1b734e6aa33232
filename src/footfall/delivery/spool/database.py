"""One SQLite database: threads of a process take turns on its connection, and a fork never carries that along."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from footfall.delivery.native import native
from footfall.delivery.spool.schema import busy_ms, explain, open_database, open_memory
from footfall.errors import SpoolError

__all__ = ["Database"]

# The file is all right. Let go of on a full disk, it could not even be opened for reading: that takes room.
_PASSING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Database:
    """A file, opened when it is first used, or memory, which lasts until `close`."""

    def __init__(self, path: Path | None, *, to_disk: bool = False, forbidden: str | None = None) -> None:
        """Open nothing yet.

        Args:
            path: The file; its folder must exist. None: memory.
            to_disk: Sync the disk after every transaction that writes, not only after those that say so.
            forbidden: Why this process must not touch the file, if that is so.
        """
        self._path = path
        self._name = ":memory:" if path is None else str(path)
        self._to_disk = to_disk
        self._forbidden = forbidden
        self._lock = native("_thread", "RLock")()
        self.patience: float | None = None  #: seconds to wait for another process; None: as the schema says
        self._patience: float | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._synchronous = ""

    def open(self) -> None:
        """Open the file now, to learn what is wrong with it.

        Raises:
            SpoolError: It cannot be used.
        """
        with self.transaction():
            return

    @contextmanager
    def transaction(self, *, write: bool = False, to_disk: bool = False) -> Generator[sqlite3.Connection]:
        """Run a block as one transaction: committed at its end, undone if it raises.

        Raises:
            SpoolError: The file cannot be used.
        """
        with self._turn_of_mine(), self._explained():
            db = self._open(full=to_disk or (write and self._to_disk))
            if db.in_transaction:  # only where no thread of our own does all this
                raise SpoolError(f"spool {self._name} is in use by what a signal has interrupted: try again")
            db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.rollback()
                raise

    def shrink(self, pages: int) -> None:
        """Give at most so many free pages back to the disk.

        Raises:
            SpoolError: The file cannot be used.
        """
        with self._turn_of_mine(), self._explained():
            # As a script, for it works on while it is stepped, and a single statement is stepped but once.
            self._open(full=False).executescript(f"PRAGMA incremental_vacuum({pages})")

    def close(self) -> None:
        """Let go of the file; the next use opens it again. What is in memory is forgotten."""
        with self._turn_of_mine():
            self._disconnect()

    @property
    def is_open(self) -> bool:
        """Whether a file is open now: a child that was forked meanwhile must never open it."""
        return self._path is not None and self._connection is not None

    def hold_still(self, meanwhile: Callable[[], object]) -> None:
        """Let go of the file, because this process is about to fork, and open it no more before *meanwhile* is over."""
        with self._lock:
            if self._connection is None or not self._connection.in_transaction:
                self._let_go()
            meanwhile()

    @contextmanager
    def _turn_of_mine(self) -> Generator[None]:
        if self._forbidden is not None:
            raise SpoolError(f"spool {self._name} must not be used by this process: {self._forbidden}")
        with self._lock:
            yield

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _PASSING:
                self._let_go()  # the file may be another one by the next time
            raise explain(error, self._name) from error

    def _open(self, *, full: bool) -> sqlite3.Connection:
        if self._connection is not None and self._identity != self._identify():
            self._let_go()  # somebody has moved the file away
        if self._connection is None:
            patience = self._patience = self.patience
            self._connection = open_memory() if self._path is None else open_database(self._name, patience)
            self._identity = self._identify()
            self._synchronous = ""
        if self.patience != self._patience:
            self._connection.execute(f"PRAGMA busy_timeout = {busy_ms(self.patience)}")
            self._patience = self.patience
        synchronous = "FULL" if full else "NORMAL"
        if synchronous != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous = {synchronous}")
            self._synchronous = synchronous
        return self._connection

    def _identify(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            status = os.stat(self._path)  # noqa: PTH116 - before every transaction
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _let_go(self) -> None:
        if self._path is not None:  # memory has nothing but its connection: neither an error nor a fork ends that
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
