"""What failed in a PostgreSQL engine: counted, listed, tried again, thrown away."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from footfall.delivery.journal.codec import decode_requests
from footfall.delivery.spool.failed import FailedReason, FailedRequest, Which

if TYPE_CHECKING:
    import psycopg

    Cursor = psycopg.Cursor[tuple[Any, ...]]

__all__ = ["count_failed", "list_failed", "purge_some", "retry_some"]

_STEP: Final = "500"  # rows a transaction: nobody else waits long
_WHICH: Final = """
    (%(tracker)s::text IS NULL OR tracker = %(tracker)s)
    AND (%(reason)s::text IS NULL OR starts_with(reason, %(reason)s))
    AND (%(since)s::float8 IS NULL OR failed >= %(since)s)
    AND (%(before)s::float8 IS NULL OR failed < %(before)s)"""


def count_failed(db: Cursor, which: Which) -> list[FailedReason]:
    """Count what failed by its reasons, the most frequent first."""
    rows = db.execute(
        f"""
        SELECT tracker, reason, count(*), count(request), array_agg(DISTINCT kind ORDER BY kind),
            min(failed), max(failed)
        FROM footfall_failed WHERE {_WHICH} GROUP BY tracker, reason ORDER BY count(*) DESC, tracker, reason""",
        _values(which),
    )
    return [
        FailedReason(
            tracker=tracker,
            reason=reason,
            number=number,
            can_retry=can_retry,
            kinds=kinds,
            first=datetime.fromtimestamp(first, UTC),
            last=datetime.fromtimestamp(last, UTC),
        )
        for tracker, reason, number, can_retry, kinds, first, last in rows
    ]


def list_failed(db: Cursor, which: Which, after: int) -> list[FailedRequest]:
    """Read the next of what failed, oldest first."""
    rows = db.execute(
        f"""
        SELECT id, tracker, kind, reason, status, answer, accepted, failed, attempts, request
        FROM footfall_failed WHERE id > %(after)s AND {_WHICH} ORDER BY id LIMIT {_STEP}""",
        {**_values(which), "after": after},
    )
    return [
        FailedRequest(
            id=row[0],
            tracker=row[1],
            kind=row[2],
            reason=row[3],
            status=row[4],
            answer=row[5],
            accepted=datetime.fromtimestamp(row[6], UTC),
            failed=datetime.fromtimestamp(row[7], UTC),
            attempts=row[8],
            url=_url(row[9]),
        )
        for row in rows
    ]


def retry_some(db: Cursor, which: Which, clock: float) -> Counter[str]:
    """Have some of what failed sent again, behind what its visitors did since; returns how many, by tracker."""
    rows = db.execute(
        f"""
        WITH gone AS (
            DELETE FROM footfall_failed WHERE id IN (
                SELECT id FROM footfall_failed WHERE request IS NOT NULL AND {_WHICH} ORDER BY id LIMIT {_STEP}
            ) RETURNING id, tracker, visitor, set_aside, request
        )
        INSERT INTO footfall_requests (tracker, visitor, set_aside, counted, accepted, due, request)
        SELECT tracker, visitor, set_aside, true, %(clock)s, %(clock)s, request FROM gone ORDER BY id
        RETURNING tracker""",
        {**_values(which), "clock": clock},
    )
    return Counter(tracker for (tracker,) in rows)


def purge_some(db: Cursor, which: Which) -> int:
    """Throw some of what failed away, which stays counted as failed; returns how many."""
    return db.execute(
        f"""
        DELETE FROM footfall_failed WHERE id IN (
            SELECT id FROM footfall_failed WHERE {_WHICH} ORDER BY id LIMIT {_STEP}
        )""",
        _values(which),
    ).rowcount


def _values(which: Which) -> dict[str, object]:
    return {
        "tracker": which.tracker,
        "reason": which.reason,
        "since": None if which.since is None else which.since.timestamp(),
        "before": None if which.before is None else which.before.timestamp(),
    }


def _url(request: str | None) -> str | None:
    read = None if request is None else decode_requests([request])[0]
    return None if read is None else read.url
