"""How much is kept beside what waits: the oldest makes room, and a purchase that may have arrived goes last of all."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

__all__ = ["Bound", "Dropped", "drop_failed", "drop_keys", "kept_bytes"]

_STEP = 5_000  # rows at a time: nobody else waits long, and no more than that come in a second


class Bound(NamedTuple):
    """How much of one kind is kept."""

    number: int
    size: int  #: bytes


class Dropped(NamedTuple):
    """What failed and has made room. It stays counted as failed."""

    number: int
    unanswered: int  #: how many of them were sent and never answered, and must not be repeated: purchases


def drop_failed(db: sqlite3.Connection, bound: Bound) -> Dropped:
    """Drop the oldest of what failed, as far as more is kept than should be."""
    excess = _excess(db, "failed", bound)
    if not excess:
        return Dropped(0, 0)
    gone = dict(db.execute("SELECT id, unanswered FROM failed ORDER BY unanswered, id LIMIT ?", (excess,)))
    db.execute("DELETE FROM failed WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(gone)),))
    return Dropped(len(gone), sum(gone.values()))


def drop_keys(db: sqlite3.Connection, bound: Bound) -> None:
    """Drop the oldest keys of what is sent only once: should it come again, it would be sent again."""
    excess = _excess(db, "once", bound)
    if excess:
        db.execute("DELETE FROM once WHERE key IN (SELECT key FROM once ORDER BY at LIMIT ?)", (excess,))


def kept_bytes(db: sqlite3.Connection) -> int:
    """Say about how much room all takes that does not wait."""
    (used,) = db.execute("SELECT total(bytes) FROM sizes").fetchone()
    return int(used)


def _excess(db: sqlite3.Connection, name: str, bound: Bound) -> int:
    row: tuple[int, int] = db.execute("SELECT number, bytes FROM sizes WHERE name = ?", (name,)).fetchone()
    number, size = row
    by_size = -((bound.size - size) * number // size) if size > bound.size else 0
    return min(max(number - bound.number, by_size, 0), _STEP)
