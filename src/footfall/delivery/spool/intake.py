"""What happens to records on their way from the journal into a spool's tables."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Literal

from footfall.delivery.journal.codec import Kind, decode_requests, decode_texts, tracker_of
from footfall.delivery.journal.segments import Record
from footfall.wire import WireRequest

__all__ = ["REPEATED", "UNREADABLE", "add_requests", "count", "count_repeated", "erase", "last_id", "store"]

REPEATED = "repeated"  #: a request whose `once` key was seen before
_SHOWN = 1024  # bytes of an unreadable record
UNREADABLE = "cannot be read back: a part of it is of another type than it should be"


def store(db: sqlite3.Connection, records: Sequence[Record], now: float, *, forwards: bool = False) -> None:
    """Carry out records in their order: store requests, file what was set aside, erase what is to be forgotten.

    Args:
        db: Within a transaction.
        records: From the journal.
        now: Seconds since 1970.
        forwards: Note whom an engine is to erase, too.
    """
    before = last_id(db)
    if forwards:
        db.executemany(
            "INSERT INTO erasures (visitor, at) VALUES (?, ?)",
            [(one, r.stamp / 1e9) for r in records if r.kind == Kind.ERASE for one in _visitors([r]) if one],
        )
    # What is there already has no index by visitor, so that it is looked through once a batch at most.
    erase(db, _visitors([record for record in records if record.kind == Kind.ERASE]), among="all")
    for kind, run in groupby(records, key=_runs_with):
        if kind == Kind.REQUEST:
            _store_requests(db, [record for record in run if not _is_repeated(db, record, now)], now)
        elif kind == Kind.ERASE:
            erase(db, _visitors(run), among="new", after=before)
        else:
            for record in run:
                _set_aside(db, record, now)


def add_requests(db: sqlite3.Connection, requests: Sequence[str], *, again: bool = False) -> None:
    """Store requests behind all others: JSON arrays as the codec writes them, time of acceptance last.

    Args:
        db: Within a transaction.
        requests: In order.
        again: They were accepted, and counted so, before.
    """
    if not requests:
        return
    last = last_id(db)
    # One statement a batch: each one lets go of the interpreter's lock, and a busy application is slow to return it.
    db.execute(
        """
        INSERT INTO requests (tracker, visitor, set_aside, accepted, due, request)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[2]'), json_extract(value, '$[4]') IS 1,
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
    if among == "all":
        _erase_outgoing(db, of_them, some)
    db.execute(f"DELETE FROM once WHERE {of_them}", (some,))  # noqa: S608 - our own parts
    db.execute(f"PRAGMA secure_delete = {'FAST' if usual == 2 else usual}")


def _erase_outgoing(db: sqlite3.Connection, of_them: str, some: str) -> None:
    query = f"""
        SELECT tracker, count(*) FROM outgoing o WHERE {of_them} AND EXISTS (
            SELECT 1 FROM parcels p WHERE p.tracker = o.tracker AND p.seq = o.seq AND p.confirmed IS NULL
        ) GROUP BY tracker"""  # noqa: S608 - our own parts
    for tracker, number in db.execute(query, (some,)).fetchall():
        count(db, tracker, "erased", number)
        count(db, tracker, "pending", -number)
    db.execute(f"DELETE FROM outgoing WHERE {of_them}", (some,))  # noqa: S608 - our own parts


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
        if record.kind == Kind.REQUEST_ONCE and (request := _read(record)) is not None:
            key = _key(request.once)
            known = key in seen or bool(db.execute("SELECT 1 FROM once WHERE key = ?", (key,)).fetchone())
            repeated[request.tracker] += known
            seen.add(key)
    return repeated


def _key(once: str) -> bytes:
    return blake2b(once.encode(), digest_size=16).digest()


def last_id(db: sqlite3.Connection) -> int:
    """Tell the number of the latest request that was ever stored."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'requests'").fetchone()
    return row[0] if row else 0


def _visitors(records: Iterable[Record]) -> list[str]:
    return [visitor for record in records for visitor in decode_texts(record.payload, 1) or ()]


def _runs_with(record: Record) -> int:
    return Kind.REQUEST if record.kind == Kind.REQUEST_ONCE else record.kind


def _read(record: Record) -> WireRequest | None:
    return decode_requests([record.payload.decode("latin-1")])[0]


def _is_repeated(db: sqlite3.Connection, record: Record, now: float) -> bool:
    if record.kind != Kind.REQUEST_ONCE or (request := _read(record)) is None:
        return False
    if db.execute("INSERT OR IGNORE INTO once VALUES (?, ?, ?)", (_key(request.once), request.visitor, now)).rowcount:
        return False
    db.execute(
        "INSERT INTO refused VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET value = value + 1", (request.tracker, REPEATED)
    )
    return True


def _store_requests(db: sqlite3.Connection, records: Sequence[Record], now: float) -> None:
    try:
        add_requests(db, [_timed(record) for record in records])
    except (sqlite3.Error, UnicodeDecodeError):
        # One that SQLite cannot take apart would hold up all behind it, over restarts.
        readable = [_read(record) is not None for record in records]
        if all(readable) or not db.in_transaction:
            raise
        add_requests(db, [_timed(record) for record, good in zip(records, readable, strict=True) if good])
        for record, good in zip(records, readable, strict=True):
            if not good:
                _set_aside(db, record, now)


def _timed(record: Record) -> str:
    return f"{record.payload.decode('ascii')[:-1]},{record.stamp / 1e9:.6f}]"


def _set_aside(db: sqlite3.Connection, record: Record, now: float) -> None:
    texts = decode_texts(record.payload, 4) if record.kind == Kind.ASIDE else None
    # What cannot be read is kept for a person to see, where a tracker's words are: it may hold a visitor's.
    answer = "" if texts else record.payload[:_SHOWN].decode("latin-1").encode("unicode_escape").decode("ascii")
    tracker, kind, visitor, reason = texts or (tracker_of(record.payload), "", "", UNREADABLE)
    db.execute(
        "INSERT INTO failed (tracker, kind, visitor, reason, answer, accepted, failed) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (tracker, kind, visitor, reason, answer, record.stamp / 1e9, now),
    )
    count(db, tracker, "accepted", 1)
    count(db, tracker, "failed", 1)
