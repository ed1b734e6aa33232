"""Who delivers from a spool, and what keeps them from it: written down for other processes to read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import NamedTuple

from footfall.delivery.spool.leases import Standing

__all__ = ["Report", "leave", "read_reports", "report"]

_NOBODY = ""  # the owner of what the last of those who are gone has left: when it was seen


class Report(NamedTuple):
    """What one process that delivers has written down."""

    owner: str  #: ``""``: one that is gone
    seen: float  #: seconds since 1970
    standings: Mapping[str, Standing]  #: by tracker; one that is up has none


def report(db: sqlite3.Connection, owner: str, standings: Mapping[str, Standing], now: float) -> None:
    """Write down that a process delivers, and how its trackers stand."""
    db.execute("INSERT OR REPLACE INTO couriers VALUES (?, ?, ?)", (owner, now, json.dumps(standings)))


def leave(db: sqlite3.Connection, owners: Collection[str]) -> None:
    """Keep of processes that deliver no more when the last of them was seen."""
    some = json.dumps([_NOBODY, *owners])
    where = "owner IN (SELECT value FROM json_each(?))"
    (seen,) = db.execute(f"SELECT max(seen) FROM couriers WHERE {where}", (some,)).fetchone()  # noqa: S608 - our own
    if seen is not None:
        db.execute(f"DELETE FROM couriers WHERE {where}", (some,))  # noqa: S608 - our own
        report(db, _NOBODY, {}, seen)


def read_reports(db: sqlite3.Connection) -> list[Report]:
    """Read what everybody has written down."""
    return [
        Report(owner, seen, {tracker: Standing(*fields) for tracker, fields in json.loads(standings).items()})
        for owner, seen, standings in db.execute("SELECT owner, seen, trackers FROM couriers")
    ]
