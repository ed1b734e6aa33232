"""The requests that were set aside: listed, tried again, or thrown away, by a person's decision."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from footfall.delivery.spool.database import Database
from footfall.delivery.spool.existing import open_existing
from footfall.delivery.spool.intake import add_requests, count

__all__ = ["FailedReason", "FailedRequest", "Which", "count_failed", "list_failed", "purge_failed", "retry_failed"]

_STEP = 500  # rows a transaction: nobody else waits long


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FailedRequest:
    """One request that is not sent again unless a person says so."""

    id: int
    tracker: str
    kind: str
    reason: str
    status: int | None  #: what the tracker answered, if it did
    answer: str  #: its words, escaped and cut; they may repeat what was sent
    accepted: datetime
    failed: datetime
    attempts: int
    url: str | None  #: what was asked for: it says what a visitor did. None: the event never became a request

    @property
    def can_retry(self) -> bool:
        """Whether there is something to send."""
        return self.url is not None

    def __repr__(self) -> str:
        """Name the row, never what is in it."""
        return f"<FailedRequest {self.id}: {self.kind} to {self.tracker}, {self.reason}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedReason:
    """All requests to one tracker that failed for one reason."""

    tracker: str
    reason: str
    number: int
    can_retry: int  #: how many of them there is something to send of
    kinds: Sequence[str]  #: of the events, in the tracker's words
    first: datetime  #: when the first of them failed
    last: datetime


class Which(NamedTuple):
    """Which of the failed requests are meant; None: no matter."""

    tracker: str | None = None
    reason: str | None = None  #: it begins so
    since: datetime | None = None
    before: datetime | None = None


def count_failed(spool: str, which: Which) -> list[FailedReason]:
    """Count what failed by its reasons, the most frequent first.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be read.
    """
    where, values = _where(which)
    query = f"""
        SELECT tracker, reason, count(*), count(request), json_group_array(DISTINCT kind), min(failed), max(failed)
        FROM failed WHERE {where} GROUP BY tracker, reason ORDER BY count(*) DESC, tracker, reason"""  # noqa: S608 - our own parts
    with open_existing(spool) as database, database.transaction() as db:
        rows = db.execute(query, [0, *values]).fetchall()
    return [
        FailedReason(
            tracker=name,
            reason=why,
            number=number,
            can_retry=can_retry,
            kinds=sorted(json.loads(kinds)),
            first=datetime.fromtimestamp(first, UTC),
            last=datetime.fromtimestamp(last, UTC),
        )
        for name, why, number, can_retry, kinds, first, last in rows
    ]


def list_failed(spool: str, which: Which) -> Iterator[FailedRequest]:
    """Read what failed, oldest first; raises as `count_failed` does."""
    where, values = _where(which)
    with open_existing(spool) as database:
        yield from _read(database, where, values)


def retry_failed(spool: str, which: Which) -> int:
    """Have what failed sent again, behind what its visitors did since; returns how many.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be written.
    """
    where, values = _where(which)
    now = time.time()
    with open_existing(spool) as database:
        return _in_steps(database, f"{where} AND request IS NOT NULL", values, lambda db, ids: _retry(db, ids, now))


def purge_failed(spool: str, which: Which) -> int:
    """Throw away what failed; returns how many. Raises as `retry_failed` does."""
    where, values = _where(which)
    with open_existing(spool) as database:
        return _in_steps(database, where, values, _purge)


def _where(which: Which) -> tuple[str, list[object]]:
    """Write which failed requests are meant as a condition of SQL after ``id > ?``, and its values."""
    tracker, reason, since, before = which
    parts, values = ["id > ?"], list[object]()
    if tracker is not None:
        parts.append("tracker = ?")
        values.append(tracker)
    if reason is not None:
        parts.append("substr(reason, 1, length(?)) = ?")
        values += [reason, reason]
    if since is not None:
        parts.append("failed >= ?")
        values.append(since.timestamp())
    if before is not None:
        parts.append("failed < ?")
        values.append(before.timestamp())
    return " AND ".join(parts), values


def _read(database: Database, where: str, values: list[object]) -> Iterator[FailedRequest]:
    last = 0
    while True:
        with database.transaction() as db:
            rows = db.execute(
                "SELECT id, tracker, kind, reason, status, answer, accepted, failed, attempts, "  # noqa: S608 - our own parts
                f"json_extract(request, '$[6]') FROM failed WHERE {where} ORDER BY id LIMIT {_STEP}",
                [last, *values],
            ).fetchall()
        for row in rows:
            last = row[0]
            yield FailedRequest(
                id=row[0],
                tracker=row[1],
                kind=row[2],
                reason=row[3],
                status=row[4],
                answer=row[5],
                accepted=datetime.fromtimestamp(row[6], UTC),
                failed=datetime.fromtimestamp(row[7], UTC),
                attempts=row[8],
                url=row[9],
            )
        if len(rows) < _STEP:
            return


def _in_steps(
    database: Database, where: str, values: list[object], act: Callable[[sqlite3.Connection, str], None]
) -> int:
    query = f"SELECT id FROM failed WHERE {where} ORDER BY id LIMIT {_STEP}"  # noqa: S608 - our own parts
    last = total = 0
    while True:
        with database.transaction(write=True) as db:
            ids = [row for (row,) in db.execute(query, [last, *values])]
            if not ids:
                return total
            act(db, json.dumps(ids))
        last = ids[-1]
        total += len(ids)


def _retry(db: sqlite3.Connection, ids: str, now: float) -> None:
    rows = db.execute(
        "SELECT tracker, request FROM failed WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (ids,)
    ).fetchall()
    # Its time of acceptance is now: it is tried again for as long as a new one.
    add_requests(db, [json.dumps([*json.loads(request)[:9], now]) for _, request in rows], again=True)
    for tracker, _ in rows:
        count(db, tracker, "failed", -1)
    _purge(db, ids)


def _purge(db: sqlite3.Connection, ids: str) -> None:
    db.execute("DELETE FROM failed WHERE id IN (SELECT value FROM json_each(?))", (ids,))
