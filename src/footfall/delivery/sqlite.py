"""The spool in a SQLite file: what is accepted outlives the process, and several processes share it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from footfall.delivery.intake import count_repeated, store
from footfall.delivery.leasing import hasten, is_due, lease_due, renew, settle, waiting
from footfall.delivery.native import native
from footfall.delivery.schema import explain, open_database
from footfall.delivery.segments import Record
from footfall.delivery.spool import Batch, Lease, Room, Settlement, Snapshot
from footfall.delivery.stats import Counters
from footfall.errors import SpoolError

__all__ = ["SqliteSpool"]

_LOCK_WAIT = 10.0  # seconds: longer than SQLite itself waits for another process
_KEEP_OFFSETS = 3600.0  # seconds: longer than anybody reads on in a segment that has been removed
_KEEP_ONCE = 366 * 86400.0  # seconds: as long as a device's cookie lives
_LATEST = 2 * 3600.0  # seconds: no request is due later than this, unless the clock was set back
_VACUUM_PAGES = 256
# The file is all right. Let go of on a full disk, it could not even be opened for reading: that takes room.
_PASSING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class SqliteSpool:
    """One connection, one transaction a method. Threads of one process take turns; processes do so in SQLite."""

    def __init__(
        self,
        path: str,
        *,
        to_disk: bool = False,
        forbidden: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open nothing yet.

        Args:
            path: The file; its folder must exist.
            to_disk: Sync the disk also when a request is leased or settled, not only when it is stored.
            forbidden: Why this process must not touch the file, if that is so.
            clock: Seconds since 1970.
        """
        self.path = path
        self._to_disk = to_disk
        self._forbidden = forbidden
        self._clock = clock
        self._lock = native("_thread", "allocate_lock")()
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

    def drain(self, source: Callable[[Mapping[str, int]], Batch]) -> Batch:
        """Take records over from the journal, each once; on the disk when this returns."""
        with self.transaction(write=True, to_disk=True) as db:
            batch = source(dict(db.execute("SELECT name, offset FROM segments")))
            now = self._clock()
            store(db, batch.records, now)
            for name, offset in batch.offsets.items():
                db.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, ?)", (name, offset, now))
        return batch

    def turn(
        self,
        settled: Settlement,
        room: Callable[[str], Room],
        *,
        owner: str,
        now: float,
        lease: float,
        renewed: Collection[int] = (),
    ) -> list[Lease]:
        """Settle leased requests, and lease others that are due."""
        if not settled:
            with self.transaction() as db:  # an idle worker takes no write lock
                if not any(is_due(db, tracker, now) for tracker in waiting(db) if room(tracker).limit > 0):
                    return []
        with self.transaction(write=True) as db:
            settle(db, settled, owner, now)
            if renewed:
                renew(db, renewed, owner, now + lease)
            leased: list[Lease] = []
            for tracker in waiting(db):
                leased += lease_due(db, tracker, room(tracker), owner=owner, now=now, until=now + lease)
        return leased

    def refuse(self, counts: Iterable[tuple[str, str, int]]) -> None:
        """Add to the counts of what was never accepted."""
        with self.transaction(write=True) as db:
            db.executemany(
                "INSERT INTO refused VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value", counts
            )

    def owners(self) -> set[str]:
        """Name everyone who has requests on lease."""
        with self.transaction() as db:
            return {owner for (owner,) in db.execute("SELECT DISTINCT owner FROM requests WHERE owner IS NOT NULL")}

    def orphan(self, owners: Iterable[str]) -> None:
        """End the leases of processes that are no more; what they had under way may have arrived, or not."""
        with self.transaction(write=True) as db:
            db.execute(
                "UPDATE requests SET due = accepted WHERE owner IN (SELECT value FROM json_each(?))",
                (json.dumps(list(owners)),),
            )

    def tend(self, now: float, segments: Collection[str]) -> int:
        """Drop what nobody asks for any more, give room back to the disk; returns the bytes in use."""
        with self.transaction(write=True) as db:
            # The offset of a segment that is still there must stay, or its records would be taken over again.
            db.execute(
                "DELETE FROM segments WHERE at < ? AND name NOT IN (SELECT value FROM json_each(?))",
                (now - _KEEP_OFFSETS, json.dumps(list(segments))),
            )
            db.execute("DELETE FROM once WHERE at < ?", (now - _KEEP_ONCE,))
            for tracker in waiting(db):
                hasten(db, tracker, later_than=now + _LATEST, now=now)
                hasten(db, tracker, later_than=now, now=now, untried=True)
            used, free, size = (
                int(db.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
        if free > _VACUUM_PAGES and free > used // 4:
            self._shrink()
        return (used - free) * size

    def snapshot(self, unmoved: Callable[[Mapping[str, int]], Iterable[Record]] | None = None) -> Snapshot:
        """Count everything at one moment."""
        with self.transaction() as db:
            counts: dict[str, dict[str, int]] = {}
            for tracker, name, value in db.execute("SELECT tracker, name, value FROM counters"):
                counts.setdefault(tracker, {})[name] = value
            refused: dict[str, dict[str, int]] = {}
            for tracker, reason, value in db.execute("SELECT tracker, reason, value FROM refused"):
                refused.setdefault(tracker, {})[reason] = value
            offsets = dict(db.execute("SELECT name, offset FROM segments"))
            repeated = count_repeated(db, () if unmoved is None else unmoved(offsets))
        trackers = {name: _counters(counts.get(name, {}), refused.get(name, {})) for name in counts | refused}
        return Snapshot(trackers=trackers, offsets=offsets, repeated=repeated)

    def close(self) -> None:
        """Let go of the file. The next use opens it again."""
        with self._turn_of_mine():
            self._forget_connection()

    @property
    def is_open(self) -> bool:
        """Whether the file is open now: a child that was forked meanwhile must never open it."""
        return self._connection is not None

    def park(self, patience: float) -> bool:
        """Let go of the file and hold still, because this process is about to fork; says whether that was possible.

        If it was, `unpark` must follow, in the parent alone.
        """
        if not self._lock.acquire(True, patience):  # noqa: FBT003 - a lock's own signature
            return False
        self._forget_connection()
        return True

    def unpark(self) -> None:
        """Go on."""
        self._lock.release()

    @contextmanager
    def transaction(self, *, write: bool = False, to_disk: bool = False) -> Generator[sqlite3.Connection]:
        """Run a block as one transaction: committed at its end, undone if it raises.

        Raises:
            SpoolError: The file cannot be used.
        """
        with self._turn_of_mine(), self._explained():
            db = self._open(full=to_disk or (write and self._to_disk))
            db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.rollback()
                raise

    @contextmanager
    def _turn_of_mine(self) -> Generator[None]:
        if self._forbidden is not None:
            raise SpoolError(f"spool {self.path} must not be used by this process: {self._forbidden}")
        if not self._lock.acquire(True, _LOCK_WAIT):  # noqa: FBT003 - a lock's own signature
            raise SpoolError(f"spool {self.path} has been in use for {_LOCK_WAIT:.0f} seconds: its disk is too slow")
        try:
            yield
        finally:
            self._lock.release()

    def _open(self, *, full: bool) -> sqlite3.Connection:
        if self._connection is not None and self._identity != self._identify():
            self._forget_connection()  # somebody has moved the file away
        if self._connection is None:
            self._connection = self._connect()
            self._identity = self._identify()
            self._synchronous = ""
        synchronous = "FULL" if full else "NORMAL"
        if synchronous != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous = {synchronous}")
            self._synchronous = synchronous
        return self._connection

    def _shrink(self) -> None:
        with self._turn_of_mine(), self._explained():
            # As a script, for it works on while it is stepped, and a single statement is stepped but once.
            self._open(full=False).executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _PASSING:
                self._forget_connection()  # the file may be another one by the next time
            raise explain(error, self.path) from error

    def _identify(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path)  # noqa: PTH116 - before every transaction
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _connect(self) -> sqlite3.Connection:
        return open_database(self.path)

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _counters(counts: Mapping[str, int], refused: Mapping[str, int]) -> Counters:
    return Counters(
        accepted=counts.get("accepted", 0),
        delivered=counts.get("delivered", 0),
        pending=counts.get("pending", 0),
        failed=counts.get("failed", 0),
        erased=counts.get("erased", 0),
        refused=MappingProxyType(dict(refused)),
    )
