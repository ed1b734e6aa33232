"""Keeps what the local tracker received, in memory or in a file, and counts it.

Added requests gather and are written together: by the store's thread a moment later or, when many come, by the thread
that adds, for the store's would hardly get a turn. Reading writes them first, so that all read what they added.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Unpack

from footfall.errors import ConfigError
from footfall.localtracker import schema
from footfall.localtracker.assessment import Assessment, Problem
from footfall.localtracker.received import Count, Filter, Received, answered, look_of
from footfall.localtracker.watch import Watch

__all__ = ["Count", "Filter", "Received", "Store"]

logger = logging.getLogger("footfall.localtracker")

_MOST_IN_MEMORY = 100_000
_MOST_TRACES = 2_000
_MOST_WAITING = 1_000_000  # requests that wait while a full disk prevents writing
_MANY = 128  # requests that are written together when many come
_TOO_MANY = 2_048  # requests that may gather while somebody reads
_PAUSE = 0.01  # seconds in which requests gather
_PATIENCE = 5.0  # seconds that another process may hold the file
_AT_ONCE = 1_000  # rows that an export reads before others may use the database
_MOST_ALIASES = 20
# Ids that many people share.
_EVERYBODY = frozenset(("", "not_defined"))

_Arrival = tuple[float, str, str, Assessment, str]


class Store:
    """What was received. Any thread may add and read.

    Args:
        keep: The file to keep requests in, made if missing; several processes may share it. ``None``: in memory.
        replayed: `Rules.replayed`.
        most: How many to keep in memory. Beyond that the oldest go; their counts stay.

    Raises:
        ConfigError: The file is another program's, or cannot be written.
    """

    def __init__(self, keep: Path | None = None, *, replayed: bool = False, most: int = _MOST_IN_MEMORY) -> None:
        _check_file(keep)
        self._most = most if keep is None else None
        self.kept = keep is not None  #: whether requests are kept in a file
        self._watch = Watch(replayed=replayed)
        self._changed = threading.Condition()  # its holder may use the database
        self._gathered: list[_Arrival] = []
        self._gathering = threading.Lock()
        self._wake = threading.Event()
        self._writer: threading.Thread | None = None
        self._added = 0
        self._dropped = False
        self._failing = False
        self._closed = False
        self.telling = True  #: whether callers may go on waiting for what comes in
        try:
            self._database = sqlite3.connect(
                keep if keep is not None else ":memory:",
                check_same_thread=False,
                isolation_level=None,
                timeout=_PATIENCE,
            )
        except sqlite3.Error as error:
            raise ConfigError(
                f"keep: {keep} cannot be opened ({error}); name a file in a directory that exists"
            ) from None
        try:
            self._prepare()
        except (sqlite3.Error, ConfigError) as error:
            self._database.close()
            raise ConfigError(
                f"keep: {keep} is no file of ours ({error}); name a new file, or one that the local tracker made"
            ) from None

    def _prepare(self) -> None:
        # In one statement: between two, another process may make the tables.
        version, tables = self._database.execute(
            "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version"
        ).fetchone()
        if version != schema.VERSION and tables:
            raise ConfigError(f"its version is {version}, not {schema.VERSION}")
        schema.log_ahead(self._database, _PATIENCE)
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(f"BEGIN IMMEDIATE; {schema.TABLES} PRAGMA user_version = {schema.VERSION}; COMMIT")

    # Writing

    def add(self, at: float, method: str, target: str, assessment: Assessment, fault: str = "") -> None:
        """Keep one request, usually without waiting.

        Args:
            at: When it came, in Unix seconds.
            method: In upper case.
            target: Path and query as they came.
            assessment: What it was found to be.
            fault: The fault that replaced the answer, if any.
        """
        with self._gathering:
            self._gathered.append((at, method, target, assessment, fault))
            many = len(self._gathered)
            if self._writer is None and not self._closed:
                self._writer = threading.Thread(target=self._write, name="footfall local tracker's store", daemon=True)
                self._writer.start()
        if many >= _MANY and not self._failing and self._changed.acquire(blocking=many >= _TOO_MANY):
            try:
                self._flush()
            finally:
                self._changed.release()
        elif not self._wake.is_set():
            self._wake.set()

    def _write(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            with self._changed:
                self._flush()
            time.sleep(_PAUSE)

    def _flush(self) -> None:
        """Write what has gathered. The caller holds ``_changed``."""
        with self._gathering:
            gathered, self._gathered = self._gathered, []
        if not gathered or self._closed:
            return
        try:
            self._insert(gathered)
        except sqlite3.Error as error:
            if not self._failing:
                logger.error("what was received cannot be kept, and waits: %s", error)
            self._failing = True
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            with self._gathering:
                self._gathered = (gathered + self._gathered)[-_MOST_WAITING:]
            return
        self._failing = False
        self._added += len(gathered)
        self._changed.notify_all()

    def _insert(self, gathered: list[_Arrival]) -> None:
        rows: list[tuple[object, ...]] = []
        tally: Counter[tuple[str, str, int, str]] = Counter()
        minutes: Counter[tuple[int, str]] = Counter()
        found: list[tuple[int, str, Problem]] = []
        for at, method, target, assessed, fault in gathered:
            assessment = answered(assessed, fault)
            remarks = self._watch.notice(at, assessment)
            look = look_of(assessment, remarks, fault)
            rows.append(schema.write_row(at, method, target, assessment, remarks, fault))
            tally[assessment.tracker, assessment.kind, assessment.status, look] += 1
            minutes[int(at // 60), look] += 1
            # After a fault the request is sent again, and its problems are counted then.
            found += [(len(rows), assessment.tracker, one) for one in (*assessment.problems, *remarks) if not fault]
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(schema.INSERT, rows)
        last: int = self._database.execute("SELECT max(number) FROM received").fetchone()[0]
        mends = [
            (tracker, one.field, one.mend, one.finding, one.source, one.fatal, last - len(rows) + place)
            for place, tracker, one in found
        ]
        self._database.executemany(schema.ADD_MEND, mends)
        self._database.executemany(schema.ADD_TALLY, [(*key, count) for key, count in tally.items()])
        self._database.executemany(schema.ADD_MINUTE, [(*key, count) for key, count in minutes.items()])
        self._drop_oldest(last)
        self._database.execute("COMMIT")

    def _drop_oldest(self, last: int) -> None:
        if self._most is None:
            return
        first: int = self._database.execute("SELECT min(number) FROM received").fetchone()[0]
        # A twentieth at once, so that not every request costs a deletion.
        if last - first >= self._most * 1.05:
            self._database.execute("DELETE FROM received WHERE number <= ?", (last - self._most,))
            self._dropped = True

    def add_trace(self, at: float, line: str, trace: str) -> None:
        """Keep what an application tells of one of its responses: the request line, and the ``Footfall-Trace``."""
        with self._changed:
            if self._closed:
                return
            try:
                cursor = self._database.execute(
                    "INSERT INTO traces (at, line, trace) VALUES (?, ?, ?)", (at, line, trace)
                )
                self._database.execute(
                    "DELETE FROM traces WHERE number <= ?", ((cursor.lastrowid or 0) - _MOST_TRACES,)
                )
            except sqlite3.Error as error:
                logger.error("a trace cannot be kept: %s", error)

    def clear(self) -> None:
        """Forget everything that was received."""
        with self._changed:
            self._flush()
            self._database.executescript(schema.FORGET)
            self._watch.forget()
            self._dropped = False

    def close(self) -> None:
        """Close the file, and release everybody who waits. Closing twice is harmless."""
        with self._changed:
            if not self._closed:
                self._flush()
            self._closed, self.telling = True, False
            self._database.close()
            self._changed.notify_all()
        with self._gathering:
            writer, self._writer = self._writer, None
        self._wake.set()
        if writer is not None:
            writer.join(5.0)

    def stop_telling(self) -> None:
        """Release everybody who waits for what comes in: the store is about to be closed."""
        with self._changed:
            self.telling = False
            self._changed.notify_all()

    # Reading

    def _query(self, statement: str, values: Mapping[str, object] | None = None) -> list[Any]:
        with self._changed:
            self._flush()
            return self._database.execute(statement, values or {}).fetchall()

    def received(
        self,
        *,
        after: int = 0,
        limit: int | None = None,
        newest_first: bool = False,
        up_to: int = 2**62,
        offset: int = 0,
        **wanted: Unpack[Filter],
    ) -> list[Received]:
        """Return what was received and matches *wanted*.

        Args:
            after: Only numbers above it.
            limit: At most so many.
            newest_first: Whether to return the latest ones, latest first; else in the order in which they came.
            up_to: Only numbers not above it.
            offset: How many to skip at the beginning.
            wanted: What they must match.
        """
        order = "DESC" if newest_first else "ASC"
        statement = (
            f"{schema.SELECT} WHERE {schema.matching(wanted)} AND number > :after AND number <= :up_to"
            f" ORDER BY number {order} LIMIT :limit OFFSET :offset"
        )
        bounds = {"after": after, "up_to": up_to, "limit": -1 if limit is None else limit, "offset": offset}
        return [schema.read_row(row) for row in self._query(statement, {**wanted, **bounds})]

    def all_received(self, **wanted: Unpack[Filter]) -> Iterator[Received]:
        """Go through what matches in the order in which it came, part by part, so that others may add meanwhile."""
        after = 0
        while some := self.received(after=after, limit=_AT_ONCE, **wanted):
            yield from some
            after = some[-1].number

    def arrivals(self, digests: Collection[str]) -> list[tuple[str, int, float, int, str]]:
        """Return the requests that traces name, as far as they arrived: digest, number, time, status and look."""
        marks = ", ".join("?" * len(digests))
        statement = f"SELECT digest, number, at, status, look FROM received WHERE digest IN ({marks}) ORDER BY number"  # noqa: S608
        with self._changed:
            self._flush()
            return self._database.execute(statement, sorted(digests)).fetchall()

    def count(self, **wanted: Unpack[Filter]) -> int:
        """Count what was received and matches *wanted*, also what memory has no room for any more.

        With a visitor, only what is still there is counted.
        """
        with self._changed:
            self._flush()
            return self._count(wanted)

    def _count(self, wanted: Filter) -> int:
        # The tally has the counts by tracker and kind, so that no rows need to be read.
        sums = (
            "SELECT coalesce(sum(count), 0) FROM tally"
            if wanted.get("visitor") is None
            else "SELECT count(*) FROM received"
        )
        return int(self._database.execute(f"{sums} WHERE {schema.matching(wanted)}", {**wanted}).fetchone()[0])

    def count_kept(self, **wanted: Unpack[Filter]) -> int:
        """Count what matches *wanted* and is still there."""
        with self._changed:
            self._flush()
            if not self._dropped:
                return self._count(wanted)
            statement = f"SELECT count(*) FROM received WHERE {schema.matching(wanted)}"  # noqa: S608
            return int(self._database.execute(statement, {**wanted}).fetchone()[0])

    def last_number(self) -> int:
        """Return the latest request's number; 0: there is none."""
        return int(self._query("SELECT coalesce(max(number), 0) FROM received")[0][0])

    def counts(self) -> list[Count]:
        """Count by tracker, kind and status."""
        return [Count(*row) for row in self._query(schema.COUNTS)]

    def tally(self, limit: int = 500) -> list[tuple[str, str, int, str, int]]:
        """Count by tracker, kind, status and look; the most frequent first."""
        return self._query(schema.TALLY, {"limit": limit})

    def minutes(self, after: int) -> list[tuple[int, str, int]]:
        """Count by minute of Unix time, for minutes above *after*, and by look."""
        return self._query(schema.MINUTES, {"after": after})

    def mends(self, limit: int = 200) -> list[tuple[str, str, str, str, str, int, int, int]]:
        """Return what is to mend, the gravest first.

        Each has tracker, field, the latest finding, mend, source, whether it is refused, how often, the latest number.
        """
        return self._query(schema.MENDS, {"limit": limit})

    def traces(self, limit: int = 200, *, digest: str = "") -> list[tuple[int, float, str, str]]:
        """Return the latest traces, latest first: number, time, request line and trace.

        Args:
            limit: At most so many.
            digest: Only those that name this request.
        """
        statement = (
            "SELECT number, at, line, trace FROM traces WHERE instr(trace, :digest) ORDER BY number DESC LIMIT :limit"
        )
        return self._query(statement, {"limit": limit, "digest": digest})

    def aliases(self, visitor: str) -> set[str]:
        """Return every id of a visitor's person, as logins connect them."""
        known: set[str] = set()
        open_ = [visitor]
        while open_ and len(known) < _MOST_ALIASES:
            one = open_.pop()
            known.add(one)
            if one not in _EVERYBODY:
                found = self._query(schema.ALIASES, {"visitor": one, "limit": _MOST_ALIASES})
                open_ += [other for (other,) in found if other not in known and other not in _EVERYBODY]
        return known

    def of_visitors(self, visitors: set[str], limit: int) -> list[Received]:
        """Return the latest requests of several ids, in the order in which they came."""
        marks = ", ".join("?" * len(visitors))
        statement = f"{schema.SELECT} WHERE visitor IN ({marks}) ORDER BY number DESC LIMIT {limit:d}"
        with self._changed:
            self._flush()
            rows = self._database.execute(statement, sorted(visitors)).fetchall()
        return [schema.read_row(row) for row in reversed(rows)]

    def wait_until(self, count: int, timeout: float, **wanted: Unpack[Filter]) -> int:
        """Wait until *count* requests match *wanted*, at most *timeout* seconds, and return how many do."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self.telling:
                self._flush()
                found = self._count(wanted)
                if found >= count:
                    return found
                # Counting at each arrival would be quadratic, so as many as are missing must arrive first.
                enough = self._added + count - found
                while self._added < enough and self.telling:
                    if not self._changed.wait(deadline - time.monotonic()):
                        return 0 if self._closed else self._count(wanted)
        return 0


def _check_file(keep: Path | None) -> None:
    """Refuse a file that is no database: SQLite would take a very short one for an empty database, and overwrite it."""
    if keep is None or not keep.is_file():
        return
    with keep.open("rb") as file:
        head = file.read(len(schema.MAGIC))
    if head and head != schema.MAGIC:
        raise ConfigError(f"keep: {keep} is no database; name a new file, or one that the local tracker made")
