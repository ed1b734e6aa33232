"""What happens to records on their way from the journal into a spool's tables."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Literal, cast

from footfall.delivery.journal.codec import Kind
from footfall.delivery.journal.segments import Record

__all__ = ["REPEATED", "add_requests", "count", "count_repeated", "erase", "store"]

REPEATED = "repeated"  #: a request whose `once` key was seen before


def store(db: sqlite3.Connection, records: Sequence[Record], now: float) -> None:
    """Carry out records in their order: store requests, file what was set aside, erase what is to be forgotten."""
    before = _last_id(db)
    # What is there already has no index by visitor, so that it is looked through once a batch at most.
    erase(db, [_visitor(record) for record in records if record.kind == Kind.ERASE], among="all")
    for kind, run in groupby(records, key=_runs_with):
        if kind == Kind.REQUEST:
            add_requests(db, [text for record in run if (text := _request(db, record, now)) is not None])
        elif kind == Kind.ASIDE:
            for record in run:
                _set_aside(db, record, now)
        elif kind == Kind.ERASE:
            erase(db, [_visitor(record) for record in run], among="new", after=before)


def add_requests(db: sqlite3.Connection, requests: Sequence[str], *, again: bool = False) -> None:
    """Store requests behind all others: JSON arrays as the codec writes them, time of acceptance last.

    Args:
        db: Within a transaction.
        requests: In order.
        again: They were accepted, and counted so, before.
    """
    if not requests:
        return
    last = _last_id(db)
    # One statement a batch: each one lets go of the interpreter's lock, and a busy application is slow to return it.
    db.execute(
        """
        INSERT INTO requests (tracker, visitor, set_aside, accepted, due, request)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[2]'), json_extract(value, '$[4]'),
            json_extract(value, '$[9]'), json_extract(value, '$[9]'), value
        FROM json_each(?)""",
        (f"[{','.join(requests)}]",),
    )
    for tracker, number in db.execute(
        "SELECT tracker, count(*) FROM requests WHERE id > ? GROUP BY tracker", (last,)
    ).fetchall():
        if not again:
            count(db, tracker, "accepted", number)
        count(db, tracker, "pending", number)


def erase(
    db: sqlite3.Connection, visitors: Collection[str], *, among: Literal["all", "new"] = "all", after: int = 0
) -> None:
    """Drop all that is left of visitors: pending, under way, failed, and the keys of what is sent only once.

    Args:
        db: Within a transaction.
        visitors: Whose.
        among: Look through all requests, or only the new ones.
        after: The last request that is not new.
    """
    some = json.dumps([visitor for visitor in visitors if visitor])
    if some == "[]":
        return
    # Here alone what is deleted is overwritten whatever it costs: a file's free pages are read by backups too.
    (usual,) = db.execute("PRAGMA secure_delete").fetchone()
    db.execute("PRAGMA secure_delete = ON")
    new = after if among == "new" else 0
    of_them = "visitor IN (SELECT value FROM json_each(?)) AND visitor <> ''"
    for table, name, since in (("requests", "pending", new), ("failed", "failed", 0)):
        where = f"id > {since} AND {of_them}"
        query = f"SELECT tracker, count(*) FROM {table} WHERE {where} GROUP BY tracker"  # noqa: S608 - our own parts
        for tracker, number in db.execute(query, (some,)).fetchall():
            count(db, tracker, "erased", number)
            count(db, tracker, name, -number)
        db.execute(f"DELETE FROM {table} WHERE {where}", (some,))  # noqa: S608 - our own parts
    db.execute(f"DELETE FROM once WHERE {of_them}", (some,))  # noqa: S608 - our own parts
    db.execute(f"PRAGMA secure_delete = {'FAST' if usual == 2 else usual}")


def count(db: sqlite3.Connection, tracker: str, name: str, number: int) -> None:
    """Add to a counter, in the transaction that changes what it counts."""
    db.execute(
        "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
        (tracker, name, number),
    )


def count_repeated(db: sqlite3.Connection, records: Iterable[Record]) -> Counter[str]:
    """Count, by tracker, the requests among records that `store` would refuse, because their key is taken."""
    repeated: Counter[str] = Counter()
    seen: set[bytes] = set()
    for record in records:
        if record.kind == Kind.REQUEST_ONCE:
            tracker, _, _, once, *_ = json.loads(record.payload)
            key = _key(once)
            repeated[tracker] += key in seen or bool(db.execute("SELECT 1 FROM once WHERE key = ?", (key,)).fetchone())
            seen.add(key)
    return repeated


def _key(once: str) -> bytes:
    return blake2b(once.encode(), digest_size=16).digest()


def _last_id(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'requests'").fetchone()
    return row[0] if row else 0


def _visitor(record: Record) -> str:
    return cast("str", json.loads(record.payload)[0])


def _runs_with(record: Record) -> int:
    return Kind.REQUEST if record.kind == Kind.REQUEST_ONCE else record.kind


def _request(db: sqlite3.Connection, record: Record, now: float) -> str | None:
    text = record.payload.decode("ascii")
    if record.kind == Kind.REQUEST_ONCE:
        tracker, _, visitor, once, *_ = json.loads(text)
        key = _key(once)
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
