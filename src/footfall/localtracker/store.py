"""Keeps what the local tracker received, in memory or in a file, and counts it."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from footfall.errors import ConfigError
from footfall.localtracker.verdicts import Problem, Verdict

__all__ = ["Count", "Filter", "Received", "Store"]

_VERSION = 1
_MAGIC = b"SQLite format 3\0"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS received (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    tracker TEXT NOT NULL,
    customer TEXT NOT NULL,
    kind TEXT NOT NULL,
    visitor TEXT NOT NULL,
    session TEXT NOT NULL,
    status INTEGER NOT NULL,
    params TEXT NOT NULL,
    problems TEXT NOT NULL
)
"""
_COLUMNS = "number, at, method, target, tracker, customer, kind, visitor, session, status, params, problems"
_MATCHES = """
    (:tracker IS NULL OR tracker = :tracker) AND (:kind IS NULL OR kind = :kind)
    AND (:visitor IS NULL OR visitor = :visitor) AND (:status IS NULL OR status = :status)
    AND (:verdict IS NULL OR (status < 300) = (:verdict = 'accepted'))
"""
_INSERT = f"INSERT INTO received ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  (constants)
_OLDEST = f"SELECT {_COLUMNS} FROM received WHERE number > :after AND {_MATCHES} ORDER BY number LIMIT :limit"  # noqa: S608
_NEWEST = f"SELECT {_COLUMNS} FROM received WHERE {_MATCHES} ORDER BY number DESC LIMIT :limit"  # noqa: S608
_COUNT = f"SELECT count(*) FROM received WHERE {_MATCHES}"  # noqa: S608
_COUNTS = "SELECT tracker, kind, status, count(*) FROM received GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"


class Filter(TypedDict, total=False):
    """Which requests are meant; what is left out or ``None`` leaves all."""

    tracker: str | None  #: ``raptor``, ``yoochoose`` or ``unknown``
    kind: str | None
    visitor: str | None
    status: int | None
    verdict: Literal["accepted", "refused"] | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Received:
    """One request that came in."""

    number: int  #: counts up from 1, over a clearing too
    at: float  #: in Unix seconds
    method: str
    target: str  #: path and query as they came
    judged: Verdict

    @property
    def tracker(self) -> str:
        """``raptor``, ``yoochoose`` or ``unknown``."""
        return self.judged.tracker

    @property
    def kind(self) -> str:
        """The event in the tracker's own word."""
        return self.judged.kind

    @property
    def visitor(self) -> str:
        """Raptor's ``coid``, YOOCHOOSE's ``userid``."""
        return self.judged.visitor

    @property
    def session(self) -> str:
        """Raptor's ``sid``."""
        return self.judged.session

    @property
    def status(self) -> int:
        """What it was answered."""
        return self.judged.status

    @property
    def params(self) -> Mapping[str, str]:
        """The decoded parts of the path and the query; of a repeated name the first."""
        return dict(reversed(self.judged.params))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong or doubtful."""
        return self.judged.problems

    def to_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "number": self.number,
            "at": self.at,
            "method": self.method,
            "target": self.target,
            "tracker": self.tracker,
            "customer": self.judged.customer,
            "kind": self.kind,
            "visitor": self.visitor,
            "session": self.session,
            "status": self.status,
            "params": self.params,
            "problems": [asdict(problem) for problem in self.problems],
        }

    def __repr__(self) -> str:
        """Name the request without its visitor."""
        return f"<Received {self.number}: {self.tracker} {self.kind or 'request'} answered {self.status}>"


@dataclass(frozen=True, slots=True)
class Count:
    """How many requests of one tracker and kind were given one answer."""

    tracker: str
    kind: str
    status: int
    count: int


class Store:
    """What was received. Any thread may add and read; each call takes the one connection for itself.

    Args:
        keep: The file to keep it in, made if it is missing; ``None`` keeps it in memory.

    Raises:
        ConfigError: The file is something else, or cannot be written.
    """

    def __init__(self, keep: Path | None = None) -> None:
        _check_file(keep)
        self._changed = threading.Condition()
        self._added = 0
        self._closed = False
        try:
            self._database = sqlite3.connect(
                keep if keep is not None else ":memory:", check_same_thread=False, isolation_level=None, timeout=5.0
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
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        tables = self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if version != _VERSION and tables:
            raise ConfigError(f"its version is {version}, not {_VERSION}")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(_SCHEMA)
        self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def add(self, at: float, method: str, target: str, verdict: Verdict) -> None:
        """Keep one request, received *at* Unix seconds."""
        row = (
            *(at, method, target, verdict.tracker, verdict.customer, verdict.kind, verdict.visitor, verdict.session),
            *(verdict.status, json.dumps(verdict.params), json.dumps([asdict(one) for one in verdict.problems])),
        )
        with self._changed:
            self._database.execute(_INSERT, row)
            self._added += 1
            self._changed.notify_all()

    def received(
        self, *, after: int = 0, limit: int | None = None, newest_first: bool = False, **wanted: Unpack[Filter]
    ) -> list[Received]:
        """Return what was received and matches *wanted*.

        Args:
            after: Only numbers above it; not with *newest_first*.
            limit: At most so many.
            newest_first: The latest, latest first; else in the order in which they came.
            wanted: Which ones.
        """
        values = _bind(wanted, after=after, limit=-1 if limit is None else limit)
        with self._changed:
            rows = self._database.execute(_NEWEST if newest_first else _OLDEST, values).fetchall()
        return [_read(row) for row in rows]

    def count(self, **wanted: Unpack[Filter]) -> int:
        """Count what was received and matches *wanted*."""
        with self._changed:
            return self._count(_bind(wanted))

    def _count(self, values: Mapping[str, object]) -> int:
        return int(self._database.execute(_COUNT, values).fetchone()[0])

    def counts(self) -> list[Count]:
        """Count by tracker, kind and status."""
        with self._changed:
            return [Count(*row) for row in self._database.execute(_COUNTS)]

    def wait_until(self, count: int, timeout: float, **wanted: Unpack[Filter]) -> int:
        """Wait until *count* requests match *wanted*, at most *timeout* seconds; returns how many do by then."""
        values = _bind(wanted)
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._closed:
                found = self._count(values)
                if found >= count:
                    return found
                # Counting at each arrival would be quadratic: as many as are missing must arrive first.
                enough = self._added + count - found
                while self._added < enough and not self._closed:
                    if not self._changed.wait(deadline - time.monotonic()):
                        return self._count(values)
        return 0

    def clear(self) -> None:
        """Forget everything that was received."""
        with self._changed:
            self._database.execute("DELETE FROM received")

    def close(self) -> None:
        """Let go of the file, and of everybody who waits. Closing twice is closing once."""
        with self._changed:
            self._closed = True
            self._database.close()
            self._changed.notify_all()


def _check_file(keep: Path | None) -> None:
    """Refuse a file that is no database: SQLite takes a very short one for an empty database, and overwrites it."""
    if keep is None or not keep.is_file():
        return
    with keep.open("rb") as file:
        head = file.read(len(_MAGIC))
    if head and head != _MAGIC:
        raise ConfigError(f"keep: {keep} is no database; name a new file, or one that the local tracker made")


def _bind(wanted: Filter, **more: object) -> dict[str, object]:
    return {**dict.fromkeys(("tracker", "kind", "visitor", "status", "verdict")), **wanted, **more}


def _read(row: tuple[Any, ...]) -> Received:
    number, at, method, target, tracker, customer, kind, visitor, session, status, params, problems = row
    verdict = Verdict(
        tracker=tracker,
        customer=customer,
        kind=kind,
        visitor=visitor,
        session=session,
        status=status,
        params=tuple((name, value) for name, value in json.loads(params)),
        problems=tuple(Problem(**problem) for problem in json.loads(problems)),
    )
    return Received(number=number, at=at, method=method, target=target, judged=verdict)
