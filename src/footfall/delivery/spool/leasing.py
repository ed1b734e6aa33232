"""Which requests may be sent now, and what becomes of those that were: the tables of a spool, and one visitor's order.

A request is stored as due. Nothing is kept to find a visitor's others by: such an index would dirty a page for each
request, and slow a spool down the more it holds. Order is kept when requests are leased, oldest first: one whose
visitor has another under way, or waiting to be tried again, is *held*: it stands in line, and steps forward when the
one before it is settled. Only held rows are indexed by visitor, and they are few.

So a request that may be due is one of three: *new* (not looked at yet), *next* (the first of its line), or to be sent
*again*. Each has an index of its own, so that however many there are of one, the others are found at once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from typing import NamedTuple

from footfall.delivery.journal.codec import decode_requests
from footfall.delivery.spool.intake import UNREADABLE, count
from footfall.delivery.spool.leases import UNANSWERED, Failure, Lease, Room, Settlement

__all__ = ["ORPHANED", "hasten", "is_due", "lease_due", "release_lost", "renew", "settle", "waiting"]

ORPHANED = f"{UNANSWERED}its process ended while it was under way"

_PROBE_AMONG = 1000  # rows that a probe is chosen from
_ROUNDS = 20  # looks at the oldest rows, if all of them turn out to stand in line

# Written as their indexes are, not handed over: or SQLite could not tell which one is meant.
_NEW = "attempts = 0 AND held = 0"
_NEXT = "attempts = 0 AND held = 1 AND due IS NOT NULL"
_AGAIN = "attempts > 0"
_FRESH = (_NEXT, _NEW)


class _Row(NamedTuple):
    id: int
    due: float
    visitor: str
    held: int
    set_aside: int
    accepted: float
    attempts: int
    owner: str | None
    request: str


class _Sorted(NamedTuple):
    free: list[_Row]  # may be sent
    behind: list[_Row]  # have another of their visitor before them
    lost: list[_Row]  # must go once, and may have gone
    busy: set[str]  # visitors of whom one is under way, or waits


def waiting(db: sqlite3.Connection) -> list[str]:
    """Name the trackers that have something pending."""
    return [tracker for (tracker,) in db.execute("SELECT tracker FROM counters WHERE name = 'pending' AND value > 0")]


def is_due(db: sqlite3.Connection, tracker: str, room: Room, now: float) -> bool:
    """Tell whether a look at a tracker's requests could be worth it."""
    if room.limit <= 0:
        return False
    kinds = _FRESH if room.again <= 0 else (*_FRESH, _AGAIN)
    return any(_due(db, tracker, [kind], now, 1) for kind in kinds)


def lease_due(db: sqlite3.Connection, tracker: str, room: Room, *, owner: str, now: float, until: float) -> list[Lease]:
    """Lease the oldest requests that are due and have no other of their visitor before them."""

    def lease(kinds: Sequence[str], number: int) -> list[Lease]:
        leased: list[Lease] = []
        for _ in range(_ROUNDS):
            missing = number - len(leased)
            if missing <= 0:
                break
            wanted = _PROBE_AMONG if room.probe else missing
            rows = _due(db, tracker, kinds, now, wanted)
            if not rows:
                break
            leased += _lease_some(db, tracker, rows, missing, probe=room.probe, owner=owner, now=now, until=until)
            if len(rows) < wanted:
                break
        return leased

    if room.probe:
        return lease(_FRESH, room.limit) or lease([_AGAIN], room.limit)
    again = lease([_AGAIN], min(room.limit, room.again))
    return again + lease(_FRESH, room.limit - len(again))


def _lease_some(
    db: sqlite3.Connection,
    tracker: str,
    rows: Sequence[_Row],
    number: int,
    *,
    probe: bool,
    owner: str,
    now: float,
    until: float,
) -> list[Lease]:
    free, behind, lost, busy = _sort(db, tracker, rows)
    # A probe is likely to fail: rather one that may be repeated, and the youngest. The oldest have most in common
    # with what fails already: were they to hang, one after the other, nobody would learn that the tracker is well.
    chosen = sorted(free, key=lambda row: (row.set_aside, -row.id))[:number] if probe else free[:number]
    taken, unreadable = _take(db, chosen, owner, until)
    # None may stand in line behind one that was left as it was: that one would then wait for it.
    ahead = busy.union(row.visitor for row in [*chosen, *lost])
    _hold(db, [row.id for row in behind if row.visitor in ahead])
    _fail(db, [*[Failure(row.id, ORPHANED) for row in lost], *unreadable], now)
    return taken


def release_lost(db: sqlite3.Connection, now: float) -> None:
    """End leases that have run out, where nobody leases any more: what must go once and may have gone is set aside."""
    query = "SELECT id, set_aside FROM requests WHERE owner IS NOT NULL AND due <= ?"
    lost = db.execute(query, (now,)).fetchall()
    _fail(db, [Failure(row, ORPHANED) for row, set_aside in lost if set_aside], now)
    for row, _ in lost:
        db.execute("UPDATE requests SET owner = NULL WHERE id = ?", (row,))


def renew(db: sqlite3.Connection, under_way: Collection[int], owner: str, until: float) -> None:
    """Prolong an owner's own leases, which it is still busy with."""
    db.execute(
        "UPDATE requests SET due = ? WHERE id IN (SELECT value FROM json_each(?)) AND owner = ?",
        (until, json.dumps(list(under_way)), owner),
    )


def settle(db: sqlite3.Connection, settled: Settlement, owner: str, now: float) -> None:
    """Carry out verdicts. An erasure, or another process after a lease that ran out, may have been quicker."""
    if settled.delivered:
        _leave(db, "delivered", _still_leased(db, settled.delivered, owner))
    if settled.failed:
        mine = set(_still_leased(db, [failure.id for failure in settled.failed], owner))
        _fail(db, [failure for failure in settled.failed if failure.id in mine], now)
    for row, due in settled.postponed:
        db.execute(
            """
            UPDATE requests SET owner = NULL, due = ?, attempts = attempts + 1, failing = coalesce(failing, ?)
            WHERE id = ? AND owner = ?""",
            (due, now, row, owner),
        )


def hasten(db: sqlite3.Connection, tracker: str, *, later_than: float, now: float, untried: bool = False) -> None:
    """Let requests that wait, and would wait longer than to a moment, be tried now.

    Args:
        db: Within a transaction.
        tracker: Whose.
        later_than: The moment.
        now: The present one.
        untried: Only those that have no reason to wait, but that the clock was set back.
    """
    for kind in _FRESH if untried else (*_FRESH, _AGAIN):
        db.execute(
            f"UPDATE requests SET due = ? WHERE tracker = ? AND {kind} AND due > ? AND owner IS NULL",  # noqa: S608 - our own parts
            (now, tracker, later_than),
        )


def _due(db: sqlite3.Connection, tracker: str, kinds: Sequence[str], now: float, limit: int) -> list[_Row]:
    query = " UNION ALL ".join(
        "SELECT id, due, visitor, held, set_aside, accepted, attempts, owner, request "  # noqa: S608 - our own parts
        f"FROM requests WHERE tracker = :tracker AND {kind} AND due <= :now"
        for kind in kinds
    )
    named = {"tracker": tracker, "now": now, "limit": limit}  # by name: Python 3.12 warns of numbers
    rows = db.execute(f"{query} ORDER BY due, id LIMIT :limit", named).fetchall()
    return [_Row(*row) for row in rows]


def _sort(db: sqlite3.Connection, tracker: str, rows: Sequence[_Row]) -> _Sorted:
    busy = _busy(db, tracker, {row.visitor for row in rows if row.visitor and not row.held})
    taken: set[str] = set()
    found = _Sorted([], [], [], busy)
    for row in rows:
        # What is held and due is the first of its line: it has waited for its next try, or has just stepped forward.
        if row.visitor and (row.visitor in taken or (not row.held and row.visitor in busy)):
            found.behind.append(row)
            continue
        taken.add(row.visitor)
        if row.owner is not None and row.set_aside:
            found.lost.append(row)
        else:
            found.free.append(row)
    return found


def _busy(db: sqlite3.Connection, tracker: str, visitors: Collection[str]) -> set[str]:
    # Asked of each visitor, and answered by the first row: a line may be as long as the spool.
    query = """
        SELECT value FROM json_each(?) WHERE EXISTS (
            SELECT 1 FROM requests WHERE held = 1 AND visitor = value AND tracker = ?
        )"""
    return {visitor for (visitor,) in db.execute(query, (json.dumps(list(visitors)), tracker))} if visitors else set()


def _hold(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    if ids:
        some = json.dumps(ids)
        db.execute("UPDATE requests SET due = NULL, held = 1 WHERE id IN (SELECT value FROM json_each(?))", (some,))


def _take(db: sqlite3.Connection, rows: Sequence[_Row], owner: str, until: float) -> tuple[list[Lease], list[Failure]]:
    if not rows:
        return [], []
    db.execute(
        """
        UPDATE requests SET owner = ?, due = ?, held = (visitor <> '')
        WHERE id IN (SELECT value FROM json_each(?))""",
        (owner, until, json.dumps([row.id for row in rows])),
    )
    read = list(zip(rows, decode_requests([row.request for row in rows]), strict=True))
    leased = [
        Lease(id=row.id, request=request, accepted=row.accepted, attempts=row.attempts, until=until)
        for row, request in read
        if request is not None
    ]
    return leased, [Failure(row.id, UNREADABLE) for row, request in read if request is None]


def _still_leased(db: sqlite3.Connection, ids: Sequence[int], owner: str) -> list[int]:
    query = "SELECT id FROM requests WHERE id IN (SELECT value FROM json_each(?)) AND owner = ?"
    return [row for (row,) in db.execute(query, (json.dumps(ids), owner))]


def _fail(db: sqlite3.Connection, failures: Sequence[Failure], now: float) -> None:
    for row, reason, status, answer in failures:
        db.execute(
            """
            INSERT INTO failed (
                tracker, kind, visitor, reason, status, answer, accepted, failed, attempts, request, unanswered
            )
            SELECT tracker, CASE WHEN json_valid(request) THEN coalesce(json_extract(request, '$[1]'), '') ELSE '' END,
                visitor, :reason, :status,
                CASE WHEN :reason = :unreadable THEN substr(request, 1, 1024) ELSE :answer END, accepted, :now,
                attempts + 1, CASE WHEN :reason <> :unreadable THEN request END, :unanswered
            FROM requests WHERE id = :row""",
            {
                "reason": reason,
                "status": status,
                "answer": answer,
                "now": now,
                "row": row,
                "unreadable": UNREADABLE,
                "unanswered": reason.startswith(UNANSWERED),
            },
        )
    _leave(db, "failed", [failure.id for failure in failures])


def _leave(db: sqlite3.Connection, name: str, ids: Sequence[int]) -> None:
    """Remove requests whose verdict is final, and let those behind them step forward."""
    if not ids:
        return
    some = json.dumps(ids)
    db.execute(
        """
        UPDATE requests SET due = accepted WHERE id IN (
            SELECT (
                SELECT n.id FROM requests n
                WHERE n.held = 1 AND n.visitor = r.visitor AND n.tracker = r.tracker AND n.due IS NULL
                ORDER BY n.id LIMIT 1
            )
            FROM requests r WHERE r.held = 1 AND r.id IN (SELECT value FROM json_each(?))
        )""",
        (some,),
    )
    for tracker, number in db.execute(
        "SELECT tracker, count(*) FROM requests WHERE id IN (SELECT value FROM json_each(?)) GROUP BY tracker", (some,)
    ).fetchall():
        count(db, tracker, name, number)
        count(db, tracker, "pending", -number)
    db.execute("DELETE FROM requests WHERE id IN (SELECT value FROM json_each(?))", (some,))
