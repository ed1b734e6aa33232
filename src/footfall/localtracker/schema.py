"""The local tracker's tables, and the statements that are run on them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any, Final

from footfall.localtracker.assessment import Assessment, Problem
from footfall.localtracker.received import Filter, Received, look_of

__all__ = ["digest_of", "matching", "read_row", "write_row"]

VERSION: Final = 2
MAGIC: Final = b"SQLite format 3\0"
TABLES: Final = """
CREATE TABLE IF NOT EXISTS received (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    tracker TEXT NOT NULL,
    customer TEXT NOT NULL,
    kind TEXT NOT NULL,
    visitor TEXT NOT NULL,
    other TEXT NOT NULL,  -- whom the visitor becomes by a login
    session TEXT NOT NULL,
    status INTEGER NOT NULL,
    look TEXT NOT NULL,
    fault TEXT NOT NULL,
    digest TEXT NOT NULL,  -- how an application's trace names the request
    params TEXT NOT NULL,
    problems TEXT NOT NULL,
    remarks TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_visitor ON received (visitor);
CREATE INDEX IF NOT EXISTS by_kind ON received (kind);
CREATE INDEX IF NOT EXISTS by_digest ON received (digest);
CREATE INDEX IF NOT EXISTS by_look ON received (look) WHERE look <> 'right';
CREATE INDEX IF NOT EXISTS by_other ON received (other) WHERE other <> '';
CREATE TABLE IF NOT EXISTS tally (
    tracker TEXT NOT NULL, kind TEXT NOT NULL, status INTEGER NOT NULL, look TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (tracker, kind, status, look)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes (
    minute INTEGER NOT NULL, look TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (minute, look)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mends (
    tracker TEXT NOT NULL, field TEXT NOT NULL, mend TEXT NOT NULL, finding TEXT NOT NULL, source TEXT NOT NULL,
    fatal INTEGER NOT NULL, count INTEGER NOT NULL, latest INTEGER NOT NULL,
    PRIMARY KEY (tracker, field, mend)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS traces (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, line TEXT NOT NULL, trace TEXT NOT NULL
);
"""
_TABLES = ("received", "tally", "minutes", "mends", "traces")
_COLUMNS = "at, method, target, tracker, customer, kind, visitor, session, status, fault, params, problems, remarks"
_CONDITIONS = {
    "tracker": "tracker = :tracker",
    "kind": "kind = :kind",
    "visitor": "visitor = :visitor",
    "status": "status = :status",
}
# The first condition lets SQLite use the index of the few rows that are not right.
_LOOKS = {
    "accepted": "look IN ('right', 'doubtful')",
    "refused": "look <> 'right' AND look IN ('wrong', 'fault')",
    "right": "look = 'right'",
    "doubtful": "look <> 'right' AND look = 'doubtful'",
    "wrong": "look <> 'right' AND look = 'wrong'",
    "fault": "look <> 'right' AND look = 'fault'",
}
SELECT: Final = f"SELECT number, {_COLUMNS} FROM received"  # noqa: S608 - constants, here and below
INSERT: Final = (
    f"INSERT INTO received ({_COLUMNS}, other, look, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
)
ADD_TALLY: Final = (
    "INSERT INTO tally (tracker, kind, status, look, count) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET count = count + excluded.count"
)
ADD_MINUTE: Final = (
    "INSERT INTO minutes (minute, look, count) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET count = count + excluded.count"
)
ADD_MEND: Final = (
    "INSERT INTO mends (tracker, field, mend, finding, source, fatal, count, latest) VALUES (?, ?, ?, ?, ?, ?, 1, ?)"
    " ON CONFLICT DO UPDATE SET finding = excluded.finding, count = count + 1, latest = excluded.latest"
)
MENDS: Final = (
    "SELECT tracker, field, finding, mend, source, fatal, count, latest FROM mends"
    " ORDER BY fatal DESC, count DESC, latest DESC LIMIT :limit"
)
FORGET: Final = "BEGIN; " + "".join(f"DELETE FROM {table}; " for table in _TABLES) + "COMMIT"  # noqa: S608
COUNTS: Final = "SELECT tracker, kind, status, sum(count) FROM tally GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
TALLY: Final = "SELECT tracker, kind, status, look, count FROM tally ORDER BY count DESC LIMIT :limit"
MINUTES: Final = "SELECT minute, look, count FROM minutes WHERE minute > :after ORDER BY minute"
#: The other ids of a visitor's person: the id that a login led to, and the ids whose login led here.
ALIASES: Final = (
    "SELECT DISTINCT other FROM received WHERE other <> '' AND visitor = :visitor"
    " UNION SELECT DISTINCT visitor FROM received WHERE other <> '' AND other = :visitor LIMIT :limit"
)


def log_ahead(database: sqlite3.Connection, patience: float) -> None:
    """Switch on write-ahead logging, so that others can read meanwhile; wait *patience* seconds for other processes."""
    deadline = time.monotonic() + patience
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # SQLite itself does not wait where two processes want it at once
        else:
            return


def matching(wanted: Filter) -> str:
    """Write the condition for a filter; its values are bound by its names."""
    values: Mapping[str, object] = wanted
    conditions = [condition for name, condition in _CONDITIONS.items() if values.get(name) is not None]
    verdict = wanted.get("verdict")
    if verdict is not None:
        conditions.append(_LOOKS[verdict])
    return " AND ".join(conditions) or "1"


def digest_of(method: str, target: str) -> str:
    """Name a request in eight characters, as an application's trace does."""
    return hashlib.sha256(f"{method} {target}".encode("latin-1", "replace")).hexdigest()[:8]


def write_row(
    at: float, method: str, target: str, one: Assessment, remarks: tuple[Problem, ...], fault: str
) -> tuple[object, ...]:
    """Return the values of INSERT. *one* has the status that was answered."""
    other = ""
    if one.kind in ("login", "transfer") and one.accepted:
        other = dict(one.params).get("targetuserid", "")
    return (
        *(at, method, target, one.tracker, one.customer, one.kind, one.visitor, one.session),
        *(one.status, fault, json.dumps(one.params), _write_problems(one.problems)),
        *(_write_problems(remarks), other, look_of(one, remarks, fault), digest_of(method, target)),
    )


def _write_problems(problems: tuple[Problem, ...]) -> str:
    if not problems:
        return ""
    return json.dumps([(one.field, one.finding, one.mend, one.source, one.fatal) for one in problems])


def _read_problems(text: str) -> tuple[Problem, ...]:
    return tuple(
        Problem(field=field, finding=finding, mend=mend, source=source, fatal=fatal)
        for field, finding, mend, source, fatal in (json.loads(text) if text else ())
    )


def read_row(row: tuple[Any, ...]) -> Received:
    """Read a row of SELECT."""
    number, at, method, target, tracker, customer, kind, visitor, session, status, fault, params, problems, remarks = (
        row
    )
    one = Assessment(
        tracker=tracker,
        customer=customer,
        kind=kind,
        visitor=visitor,
        session=session,
        status=status,
        params=tuple((name, value) for name, value in json.loads(params)),
        problems=_read_problems(problems),
    )
    remarked = _read_problems(remarks)
    return Received(number=number, at=at, method=method, target=target, assessment=one, remarks=remarked, fault=fault)
