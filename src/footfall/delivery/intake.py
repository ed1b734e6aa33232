"""What happens to records on their way from the journal into a spool's tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from itertools import groupby

from footfall.delivery.codec import Kind
from footfall.delivery.segments import Record

__all__ = ["add_requests", "count", "erase", "store"]

REPEATED = "repeated"  #: a request whose `once` key was seen before


def store(db: sqlite3.Connection, records: Sequence[Record], now: float) -> None:
    """Carry out records in their order: store requests, file what was set aside, erase what is to be forgotten."""
    for kind, run in groupby(records, key=_runs_with):
        if kind == Kind.REQUEST:
            add_requests(db, [text for record in run if (text := _request(db, record, now)) is not None])
        elif kind == Kind.ASIDE:
            for record in run:
                _set_aside(db, record, now)
        elif kind == Kind.ERASE:
            for record in run:
                erase(db, json.loads(record.payload)[0])


def add_requests(db: sqlite3.Connection, requests: Sequence[str], *, again: bool = False) -> None:
    """Put requests at the end of their visitors' lines: JSON arrays as the codec writes them, time of acceptance last.

    Args:
        db: Within a transaction.
        requests: In order.
        again: They were accepted, and counted so, before.
    """
    if not requests:
        return
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'requests'").fetchone()
    last = row[0] if row else 0
    # One statement a batch: each one lets go of the interpreter's lock, and a busy application is slow to return it.
    db.execute(
        """
        INSERT INTO requests (tracker, visitor, set_aside, accepted, request)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[2]'), json_extract(value, '$[4]'),
            json_extract(value, '$[9]'), value
        FROM json_each(?)""",
        (f"[{','.join(requests)}]",),
    )
    db.execute(
        """
        UPDATE requests SET due = accepted WHERE id > ? AND (visitor = '' OR NOT EXISTS (
            SELECT 1 FROM requests e WHERE e.visitor = requests.visitor AND e.visitor <> ''
            AND e.tracker = requests.tracker AND e.id < requests.id
        ))""",
        (last,),
    )
    for tracker, number in db.execute(
        "SELECT tracker, count(*) FROM requests WHERE id > ? GROUP BY tracker", (last,)
    ).fetchall():
        if not again:
            count(db, tracker, "accepted", number)
        count(db, tracker, "pending", number)


def erase(db: sqlite3.Connection, visitor: str) -> None:
    """Drop all that is left of a visitor: pending, under way, failed, and the keys of what is sent only once."""
    if not visitor:
        return
    # Here alone what is deleted is overwritten whatever it costs: a file's free pages are read by backups too.
    (usual,) = db.execute("PRAGMA secure_delete").fetchone()
    db.execute("PRAGMA secure_delete = ON")
    for table, name in (("requests", "pending"), ("failed", "failed")):
        query = f"SELECT tracker, count(*) FROM {table} WHERE visitor = ? GROUP BY tracker"  # noqa: S608
        for tracker, number in db.execute(query, (visitor,)).fetchall():
            count(db, tracker, "erased", number)
            count(db, tracker, name, -number)
        db.execute(f"DELETE FROM {table} WHERE visitor = ?", (visitor,))  # noqa: S608
    db.execute("DELETE FROM once WHERE visitor = ?", (visitor,))
    db.execute(f"PRAGMA secure_delete = {'FAST' if usual == 2 else usual}")


def count(db: sqlite3.Connection, tracker: str, name: str, number: int) -> None:
    """Add to a counter, in the transaction that changes what it counts."""
    db.execute(
        "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
        (tracker, name, number),
    )


def _runs_with(record: Record) -> int:
    return Kind.REQUEST if record.kind == Kind.REQUEST_ONCE else record.kind


def _request(db: sqlite3.Connection, record: Record, now: float) -> str | None:
    text = record.payload.decode("ascii")
    if record.kind == Kind.REQUEST_ONCE:
        tracker, _, visitor, once, *_ = json.loads(text)
        key = blake2b(once.encode(), digest_size=16).digest()
        if db.execute("INSERT OR IGNORE INTO once VALUES (?, ?, ?)", (key, visitor, now)).rowcount == 0:
            db.execute(
                "INSERT INTO refused VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET value = value + 1", (tracker, REPEATED)
            )
            return None
    return f"{text[:-1]},{record.stamp / 1e9:.6f}]"


def _set_aside(db: sqlite3.Connection, record: Record, now: float) -> None:
    tracker, kind, visitor, reason = json.loads(record.payload)
    db.execute(
        "INSERT INTO failed (tracker, kind, visitor, reason, accepted, failed) VALUES (?, ?, ?, ?, ?, ?)",
        (tracker, kind, visitor, reason, record.stamp / 1e9, now),
    )
    count(db, tracker, "accepted", 1)
    count(db, tracker, "failed", 1)
