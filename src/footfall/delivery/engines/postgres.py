"""PostgreSQL as an engine: one table of requests, from which many workers lease without waiting for each other.

A request may be leased if it is due and no earlier one of its visitor is there. Rows that others hold are skipped, so
nobody waits; and since a visitor's earlier row is gone only when its verdict is, their order holds over all workers.
What is found to stand behind another is *parked*, so that a line of any length is looked at once; whoever removes the
one before it lets it step forward, and what that misses (two workers who did not see each other) is found within a
second.

All times are reckoned by the server's clock; workers' own may differ.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, LiteralString, NamedTuple

import psycopg

from footfall.delivery.addresses import name_engine
from footfall.delivery.engines import postgres_failed
from footfall.delivery.engines.engine import ADOPTED_AFTER, PATIENCE, SEEN_FOR, Depth, Finding, name_visitor
from footfall.delivery.engines.tables import MIGRATIONS
from footfall.delivery.journal.codec import decode_requests
from footfall.delivery.spool.couriers import Report
from footfall.delivery.spool.failed import FailedReason, FailedRequest, Which
from footfall.delivery.spool.intake import REPEATED, UNREADABLE
from footfall.delivery.spool.leases import UNANSWERED, Failure, Lease, Room, Settlement, Standing
from footfall.delivery.spool.leasing import ORPHANED
from footfall.delivery.spool.outgoing import Erasure, Marker, Outgoing, Parcel
from footfall.delivery.spool.spool import KEEP_FAILED, KEEP_ONCE
from footfall.delivery.stats import Counters, Stats
from footfall.errors import EngineError

if TYPE_CHECKING:
    Cursor = psycopg.Cursor[tuple[Any, ...]]

__all__ = ["PostgresEngine"]

_CONNECT = 5  # seconds
_OLDEST = 120000  # PostgreSQL 12
_SLOTS = 16
_COPIED: Final = "tracker, visitor, set_aside, counted, accepted, due, request"
_TEND = 1.0  # seconds
_LISTEN = 0.5  # seconds between two looks whether to go on
_TEND_SELDOM = 60.0
_PROBE_AMONG = 1000
_ROUNDS = 20
_KEEP_ERASED = 7 * 86400.0  # seconds: longer than a host is away and comes back with what it had
_LOCK = 0x666F6F74  # advisory: "foot"
_NEW: Final = "counted AND NOT parked AND attempts = 0"
_AGAIN: Final = "NOT parked AND attempts > 0"
_HEADS: Final = """
    WITH RECURSIVE heads AS (
        (
            SELECT tracker, visitor, id FROM footfall_requests
            WHERE parked AND (tracker, visitor) > (%s, %s) ORDER BY tracker, visitor, id LIMIT 1
        )
        UNION ALL
        SELECT n.tracker, n.visitor, n.id FROM heads h CROSS JOIN LATERAL (
            SELECT tracker, visitor, id FROM footfall_requests
            WHERE parked AND (tracker, visitor) > (h.tracker, h.visitor) ORDER BY tracker, visitor, id LIMIT 1
        ) n
    )
    SELECT tracker, visitor, id FROM heads LIMIT %s"""
_SWEEP: Final = 2000  # lines that are looked at in a second
_START: Final = ("", -(2**63))


#: What a child has of its parent's connections: kept for ever, because their end would end the parent's session.
_parents: list[object] = []


class _Row(NamedTuple):
    id: int
    visitor: int | None
    set_aside: bool
    accepted: float
    attempts: int
    owner: str | None
    request: str
    behind: bool


class _Gone(NamedTuple):
    id: int
    tracker: str
    visitor: int | None
    set_aside: bool
    accepted: float
    attempts: int
    request: str


class PostgresEngine:
    """Requests in a PostgreSQL database. Used by one thread at a time; it connects when it is first asked."""

    def __init__(self, url: str, *, most_pending: int | None = None) -> None:
        """Connect to nothing yet.

        Args:
            url: As libpq takes it; several hosts and ``target_session_attrs=read-write`` find a new primary.
            most_pending: Requests a tracker that may wait; then nothing more is taken. None: any number.
        """
        self._url = url
        self._name = name_engine(url)
        self._most_pending = most_pending
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._pid = os.getpid()
        self._slot = random.SystemRandom().randrange(_SLOTS)
        self._mine: set[int] = set()  # what was leased here and is not settled
        self._uncertain = False  # the last turn may have leased something without our hearing of it
        self._next_tend = self._next_seldom = 0.0
        self._trackers: list[str] = []
        self._swept = _START  # the line that was looked at last

    @property
    def name(self) -> str:
        """Where it is, without user and password."""
        return self._name

    # What it is like

    def check(self) -> list[Finding]:
        """Look for what would lose requests, or keep it from working.

        Raises:
            EngineError: It cannot be reached.
        """
        with self._transaction() as db:
            findings = list(_durability(db))
            version = _version(db)
        if version == 0:
            findings.append(Finding("has no tables of ours; run: footfall deliver --engine URL --migrate"))
        elif version < len(MIGRATIONS):
            findings.append(Finding("has tables of an older release; run: footfall deliver --engine URL --migrate"))
        elif version > len(MIGRATIONS):
            findings.append(Finding("has tables of a newer release than this one; upgrade footfall here"))
        return findings

    def migrate(self) -> None:
        """Make the tables, or bring them up to date; several may try at once.

        Raises:
            EngineError: It cannot be reached, or its user may not make tables.
        """
        with self._transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            for version in range(_version(db), len(MIGRATIONS)):
                for statement in MIGRATIONS[version]:
                    db.execute(statement)
            db.execute("CREATE TABLE IF NOT EXISTS footfall_version (version integer NOT NULL)")
            db.execute("DELETE FROM footfall_version")
            db.execute("INSERT INTO footfall_version VALUES (%s)", (len(MIGRATIONS),))

    # What a forwarder asks

    def marker(self, tracker: str, source: str) -> Marker | None:
        """Tell up to which parcel of a source it has a tracker's requests."""
        with self._transaction() as db:
            return _marker(db, tracker, source, "")

    def publish(self, tracker: str, source: str, parcel: Parcel, *, after: Marker | None) -> bool:
        """Take a parcel over, whole, and only if *after* is the last one that came from its source."""
        with self._transaction() as db:
            if _marker(db, tracker, source, "FOR UPDATE") != after:
                raise EngineError(f"engine {self._name} has had another parcel meanwhile; it is looked at again")
            if self._most_pending is not None and _pending(db, tracker) >= self._most_pending:
                return False
            fresh, repeated, erased = _sift(db, parcel.requests)
            clock = _clock(db)
            name = _storable(tracker)
            with db.copy(f"COPY footfall_requests ({_COPIED}) FROM STDIN") as copy:
                copy.write("".join([_copied(name, visitor, one, clock) for visitor, one in fresh]))
            counts = {"accepted": len(fresh) + erased, "erased": erased, f"refused {REPEATED}": repeated}
            self._count(db, {(name, counter): number for counter, number in counts.items()})
            db.execute(
                """
                INSERT INTO footfall_sources VALUES (%s, %s, %s, %s)
                ON CONFLICT (source, tracker) DO UPDATE SET seq = excluded.seq, token = excluded.token""",
                (source, _storable(tracker), *parcel.marker),
            )
            db.execute("NOTIFY footfall")
        return True

    def sync(self) -> None:
        """Do nothing: a commit that was confirmed is durable."""

    def erase(self, erasures: Sequence[Erasure]) -> None:
        """Drop whatever there is of visitors, and what of theirs is published later and was accepted before."""
        whose = {name_visitor(one.visitor): one.at for one in erasures if one.visitor}
        visitors = list(whose)
        with self._transaction() as db:
            for visitor, at in whose.items():
                db.execute(
                    """
                    INSERT INTO footfall_erased VALUES (%s, %s)
                    ON CONFLICT (visitor) DO UPDATE SET at = greatest(footfall_erased.at, excluded.at)""",
                    (visitor, at),
                )
            counts: Counter[tuple[str, str]] = Counter()
            for tracker in _trackers(db):
                gone = db.execute(
                    "DELETE FROM footfall_requests WHERE tracker = %s AND visitor = ANY(%s) RETURNING counted",
                    (tracker, visitors),
                ).fetchall()
                counts[tracker, "erased"] += len(gone)
                counts[tracker, "accepted"] += sum(not counted for (counted,) in gone)
            failed = db.execute(
                "DELETE FROM footfall_failed WHERE visitor = ANY(%s) RETURNING tracker", (visitors,)
            ).fetchall()
            for (tracker,) in failed:
                counts[tracker, "erased"] += 1
                counts[tracker, "failed"] -= 1
            db.execute("DELETE FROM footfall_once WHERE visitor = ANY(%s)", (visitors,))
            self._count(db, counts)

    # What a courier asks

    def turn(
        self,
        settled: Settlement,
        room: Callable[[str], Room],
        *,
        owner: str,
        now: float,
        lease: float,
        renewed: Collection[int] = (),
    ) -> list[Lease]:
        """Settle leased requests, prolong what is renewed, and lease others that are due."""
        if self._uncertain or time.monotonic() >= self._next_tend:
            self._tend(owner)
        self._uncertain = True
        leased: list[Lease] = []
        with self._transaction() as db:
            clock = _clock(db)
            over: set[int] = set()
            if settled:
                over = self._settle(db, settled, owner, ahead=clock - now, clock=clock)
            if renewed:
                db.execute(
                    "UPDATE footfall_requests SET due = %s WHERE id = ANY(%s) AND owner = %s",
                    (clock + lease, list(renewed), owner),
                )
            for tracker in self._trackers:
                if (space := room(tracker)).limit > 0:
                    leased += self._lease_due(db, tracker, space, owner, clock=clock, lease=lease, until=now + lease)
        self._mine -= over
        self._mine.update(one.id for one in leased)
        self._uncertain = False
        return leased

    def hurry(self) -> None:
        """Have the next turn look at once for what is otherwise looked for each second."""
        self._next_tend = 0.0

    def report(self, owner: str, standings: Mapping[str, Standing], now: float) -> None:  # noqa: ARG002 - the server's clock counts
        """Write down for others that this process delivers, and which trackers it sends nothing to, and why."""
        with self._transaction() as db:
            db.execute(
                """
                INSERT INTO footfall_workers VALUES (%s, %s, %s)
                ON CONFLICT (owner) DO UPDATE SET seen = excluded.seen, standings = excluded.standings""",
                (owner, _clock(db), json.dumps(standings)),
            )

    def leave(self, owner: str) -> None:
        """Write down that this process delivers no more."""
        with self._transaction() as db:
            db.execute("DELETE FROM footfall_workers WHERE owner = %s", (owner,))
            # Not sent, or it would be settled: it need not wait for its lease to run out.
            db.execute(
                """
                UPDATE footfall_requests SET owner = NULL, due = least(accepted, %s)
                WHERE owner = %s AND NOT set_aside""",
                (_clock(db), owner),
            )

    def _lease_due(
        self, db: Cursor, tracker: str, room: Room, owner: str, *, clock: float, lease: float, until: float
    ) -> list[Lease]:
        def take(kind: LiteralString, number: int) -> list[Lease]:
            leased: list[Lease] = []
            for _ in range(_ROUNDS):
                missing = number - len(leased)
                if missing <= 0:
                    break
                wanted = _PROBE_AMONG if room.probe else missing
                rows = _due(db, tracker, kind, clock, wanted)
                leased += self._lease_some(
                    db, rows, missing, probe=room.probe, owner=owner, due=clock + lease, until=until
                )
                if len(rows) < wanted:
                    break
            return leased

        if room.probe:
            return take(_NEW, room.limit) or take(_AGAIN, room.limit)
        again = take(_AGAIN, min(room.limit, room.again))
        return again + take(_NEW, room.limit - len(again))

    def _lease_some(
        self, db: Cursor, rows: Sequence[_Row], number: int, *, probe: bool, owner: str, due: float, until: float
    ) -> list[Lease]:
        lost = [row for row in rows if row.owner is not None and row.set_aside]
        free = [row for row in rows if not row.behind and not (row.owner is not None and row.set_aside)]
        # As in a spool: rather one that may be repeated, and the youngest.
        chosen = sorted(free, key=lambda row: (row.set_aside, -row.id))[:number] if probe else free[:number]
        requests = decode_requests([row.request for row in chosen])
        leased = [
            Lease(id=row.id, request=request, accepted=row.accepted, attempts=row.attempts, until=until)
            for row, request in zip(chosen, requests, strict=True)
            if request is not None
        ]
        if leased:
            db.execute(
                "UPDATE footfall_requests SET owner = %s, due = %s WHERE id = ANY(%s)",
                (owner, due, [one.id for one in leased]),
            )
        if behind := [row.id for row in rows if row.behind]:
            db.execute("UPDATE footfall_requests SET parked = true WHERE id = ANY(%s)", (behind,))
        unreadable = [row.id for row, request in zip(chosen, requests, strict=True) if request is None]
        failures = [Failure(row.id, ORPHANED) for row in lost] + [Failure(row, UNREADABLE) for row in unreadable]
        if failures:
            gone = _remove(db, [failure.id for failure in failures], None)
            self._file(db, failures, gone, _clock(db))
        return leased

    def _settle(self, db: Cursor, settled: Settlement, owner: str, *, ahead: float, clock: float) -> set[int]:
        counts: Counter[tuple[str, str]] = Counter()
        over = {*settled.delivered, *(one.id for one in settled.failed), *(one.id for one in settled.postponed)}
        if settled.delivered:
            gone = _remove(db, settled.delivered, owner)
            for one in gone:
                counts[one.tracker, "delivered"] += 1
            _step_forward(db, gone)
        if counts:
            self._count(db, counts)
        if settled.failed:
            self._file(db, settled.failed, _remove(db, [one.id for one in settled.failed], owner), clock)
        if settled.postponed:
            db.execute(
                """
                UPDATE footfall_requests r
                SET owner = NULL, due = p.due, attempts = attempts + 1, failing = coalesce(failing, %s)
                FROM unnest(%s::bigint[], %s::float8[]) AS p (id, due) WHERE r.id = p.id AND r.owner = %s""",
                (
                    clock,
                    [one.id for one in settled.postponed],
                    [one.due + ahead for one in settled.postponed],
                    owner,
                ),
            )
        return over

    def _file(self, db: Cursor, failures: Sequence[Failure], gone: Sequence[_Gone], clock: float) -> None:
        by_id = {failure.id: failure for failure in failures}
        counts: Counter[tuple[str, str]] = Counter()
        for one in gone:
            _, reason, status, answer = by_id[one.id]
            read = decode_requests([one.request])[0]
            shown = one.request[:1024] if reason == UNREADABLE else answer
            db.execute(
                """
                INSERT INTO footfall_failed (tracker, kind, visitor, set_aside, reason, status, answer, accepted,
                    failed, attempts, unanswered, request)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    one.tracker,
                    "" if read is None else _storable(read.kind),
                    one.visitor,
                    one.set_aside,
                    reason,
                    status,
                    shown,
                    one.accepted,
                    clock,
                    one.attempts + 1,
                    reason.startswith(UNANSWERED),
                    None if reason == UNREADABLE else one.request,
                ),
            )
            counts[one.tracker, "failed"] += 1
        _step_forward(db, gone)
        self._count(db, counts)

    def _tend(self, owner: str) -> None:
        """Adopt what orders have brought, let step forward what was missed, free what the last turn may have taken."""
        with self._transaction() as db:
            clock = _clock(db)
            if self._uncertain:
                db.execute(
                    """
                    UPDATE footfall_requests SET owner = NULL, due = least(accepted, %s)
                    WHERE owner = %s AND id <> ALL(%s)""",
                    (clock, owner, list(self._mine)),
                )
                self._uncertain = False
            db.execute(
                """
                INSERT INTO footfall_workers VALUES (%s, %s, '{}')
                ON CONFLICT (owner) DO UPDATE SET seen = excluded.seen""",
                (owner, clock),
            )
            if db.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK + 1,)).fetchone() == (True,):
                self._adopt(db, clock)
                self._sweep(db)
                if time.monotonic() >= self._next_seldom:
                    self._prune(db, clock)
            self._trackers = _trackers(db)
        self._next_tend = time.monotonic() + _TEND

    def _sweep(self, db: Cursor) -> None:
        """Let the first of some lines step forward, should two workers have missed each other there."""
        heads = db.execute(_HEADS, (*self._swept, _SWEEP)).fetchall()
        self._swept = (heads[-1][0], heads[-1][1]) if len(heads) == _SWEEP else _START
        if heads:
            db.execute(
                """
                UPDATE footfall_requests r SET parked = false WHERE id = ANY(%s) AND NOT EXISTS (
                    SELECT 1 FROM footfall_requests e
                    WHERE e.tracker = r.tracker AND e.visitor = r.visitor AND e.id < r.id
                )""",
                ([row for _, _, row in heads],),
            )

    def _adopt(self, db: Cursor, clock: float) -> None:
        new = db.execute(
            """
            UPDATE footfall_requests SET counted = true, due = %s
            WHERE id IN (SELECT id FROM footfall_requests WHERE NOT counted LIMIT 10000 FOR UPDATE SKIP LOCKED)
            RETURNING tracker""",
            (clock + ADOPTED_AFTER,),
        ).fetchall()
        self._count(db, Counter((tracker, "accepted") for (tracker,) in new))

    def _prune(self, db: Cursor, clock: float) -> None:
        self._next_seldom = time.monotonic() + _TEND_SELDOM
        db.execute("DELETE FROM footfall_erased WHERE at < %s", (clock - _KEEP_ERASED,))
        db.execute("DELETE FROM footfall_once WHERE at < %s", (clock - KEEP_ONCE,))
        db.execute("DELETE FROM footfall_workers WHERE seen < %s", (clock - 86400.0,))
        (number,) = db.execute("SELECT count(*) FROM footfall_failed").fetchone() or (0,)
        if number > KEEP_FAILED:
            db.execute(
                """
                DELETE FROM footfall_failed WHERE id IN (
                    SELECT id FROM footfall_failed ORDER BY unanswered, id LIMIT %s
                )""",
                (number - KEEP_FAILED,),
            )

    def _count(self, db: Cursor, counts: Mapping[tuple[str, str], int]) -> None:
        # In one order, or two that count the same would wait for each other.
        for (tracker, name), number in sorted(counts.items()):
            if number:
                db.execute(
                    """
                    INSERT INTO footfall_counters VALUES (%s, %s, %s, %s)
                    ON CONFLICT (tracker, name, slot) DO UPDATE SET value = footfall_counters.value + excluded.value""",
                    (tracker, name, self._slot, number),
                )

    # What people ask

    def stats(self) -> Stats:
        """Count what was published and what became of it."""
        with self._transaction(repeatable=True) as db:
            return _stats(db)

    def depth(self) -> Depth:
        """Look at what waits."""
        with self._transaction(repeatable=True) as db:
            clock = _clock(db)
            rows = db.execute(
                """
                SELECT tracker, count(owner), count(*) FILTER (WHERE w), min(accepted),
                    min(coalesce(failing, accepted)) FILTER (WHERE w), min(due) FILTER (WHERE w)
                FROM (
                    SELECT *, owner IS NULL AND attempts > 0 AND due > %s AS w FROM footfall_requests
                ) r GROUP BY tracker""",
                (clock,),
            ).fetchall()
            stats = _stats(db)
        return Depth(
            stats=stats,
            under_way=sum(row[1] for row in rows),
            waiting=sum(row[2] for row in rows),
            oldest={row[0]: datetime.fromtimestamp(row[3], UTC) for row in rows},
            failing={row[0]: (row[2], _moment(row[4]), _moment(row[5])) for row in rows if row[2]},
        )

    def reports(self) -> list[Report]:
        """Read what its workers have written down; those that are gone have no name."""
        with self._transaction() as db:
            clock = _clock(db)
            rows = db.execute("SELECT owner, seen, standings FROM footfall_workers").fetchall()
        return [
            Report(
                owner if clock - seen < SEEN_FOR else "",
                seen,
                {tracker: Standing(*fields) for tracker, fields in json.loads(standings).items()},
            )
            for owner, seen, standings in rows
        ]

    def count_failed(self, which: Which) -> list[FailedReason]:
        """Count what failed by its reasons, the most frequent first."""
        with self._transaction() as db:
            return postgres_failed.count_failed(db, which)

    def list_failed(self, which: Which) -> Iterator[FailedRequest]:
        """Read what failed, oldest first."""
        last = 0
        while True:
            with self._transaction() as db:
                found = postgres_failed.list_failed(db, which, last)
            yield from found
            if not found:
                return
            last = found[-1].id

    def retry_failed(self, which: Which) -> int:
        """Have what failed sent again; returns how many requests."""
        total = 0
        while True:
            with self._transaction() as db:
                done = postgres_failed.retry_some(db, which, _clock(db))
                self._count(db, {(tracker, "failed"): -number for tracker, number in done.items()})
            if not done:
                return total
            total += done.total()

    def purge_failed(self, which: Which) -> int:
        """Throw away what failed; returns how many requests."""
        total = 0
        while True:
            with self._transaction() as db:
                done = postgres_failed.purge_some(db, which)
            if not done:
                return total
            total += done

    # The connection

    def listen(self, wake: Callable[[], None], is_over: Callable[[], bool]) -> bool:
        """Call *wake* whenever something was published, until *is_over* says so."""
        with self._explained():
            connection = self._connect()
            connection.execute("LISTEN footfall")
            while not is_over():
                for _ in connection.notifies(timeout=_LISTEN, stop_after=1):
                    wake()
        return True

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's connection without a word to the server."""
        _parents.append(self._connection)
        self._connection = None

    def close(self) -> None:
        """Let go of the connection; the next call makes another."""
        connection, self._connection = self._connection, None
        if connection is not None and self._pid == os.getpid():
            with suppress(psycopg.Error):
                connection.close()

    @contextmanager
    def _transaction(self, *, repeatable: bool = False) -> Generator[Cursor]:
        with self._explained(), self._begin() as connection, connection.cursor() as cursor:
            if repeatable:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield cursor

    @contextmanager
    def _begin(self) -> Generator[psycopg.Connection[tuple[Any, ...]]]:
        connection = self._connect()
        with connection.transaction():
            yield connection

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except psycopg.Error as error:
            if self._connection is not None and (
                self._connection.closed or isinstance(error, psycopg.OperationalError)
            ):
                self.close()
            raise EngineError(f"engine {self._name} {_explain(error)}") from None

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed or self._pid != os.getpid():
            self._pid = os.getpid()
            milliseconds = int(PATIENCE * 1000)
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=_CONNECT,
                application_name="footfall",
                client_encoding="utf8",
                prepare_threshold=None,  # a pooler between may give each transaction another connection
                keepalives_idle=3,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=milliseconds,
                options=f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds // 2}"
                f" -c idle_in_transaction_session_timeout={milliseconds}",
            )
        return self._connection


def _durability(db: Cursor) -> Iterator[Finding]:
    def ask(name: str) -> str:
        row = db.execute("SELECT current_setting(%s)", (name,)).fetchone()
        return "" if row is None else str(row[0])

    number = int(ask("server_version_num"))
    if number < _OLDEST:
        yield Finding(f"is PostgreSQL {ask('server_version')}; use 12 or newer")
    if db.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
        yield Finding(
            "is a standby, which takes nothing; name the primary, or all of them with target_session_attrs=read-write"
        )
    for name in ("fsync", "full_page_writes"):
        if ask(name) == "off":
            yield Finding(
                f"{name}: is off, and a crash loses the database; write {name} = on in postgresql.conf", durability=True
            )
    if ask("synchronous_commit") == "off":
        yield Finding(
            "synchronous_commit: is off, and a crash loses what was confirmed; write synchronous_commit = on in "
            "postgresql.conf, or ALTER ROLE ... SET synchronous_commit = on",
            durability=True,
        )


def _version(db: Cursor) -> int:
    if db.execute("SELECT to_regclass('footfall_version')").fetchone() == (None,):
        return 0
    row = db.execute("SELECT version FROM footfall_version").fetchone()
    return 0 if row is None else int(row[0])


def _explain(error: psycopg.Error) -> str:
    """Say what a server said, as far as it can hold no visitor's value."""
    if error.sqlstate is None:
        said = str(error).strip().splitlines()
        return f"cannot be reached ({said[0][:200] if said else type(error).__name__}); it is tried again"
    if error.sqlstate == "42P01":
        return "has no tables of ours; run: footfall deliver --engine URL --migrate"
    if error.sqlstate == "25006":
        return "takes nothing, being a standby; name the primary, or all with target_session_attrs=read-write"
    return f"cannot be used (SQLSTATE {error.sqlstate}, {type(error).__name__}); it is tried again"


def _clock(db: Cursor) -> float:
    row = db.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None  # noqa: S101 - it has no condition
    return float(row[0])


def _trackers(db: Cursor) -> list[str]:
    query = (
        "SELECT DISTINCT tracker FROM footfall_counters UNION SELECT tracker FROM footfall_requests WHERE NOT counted"
    )
    return sorted(tracker for (tracker,) in db.execute(query))


def _marker(db: Cursor, tracker: str, source: str, lock: LiteralString) -> Marker | None:
    query: LiteralString = f"SELECT seq, token FROM footfall_sources WHERE source = %s AND tracker = %s {lock}"
    row = db.execute(query, (source, _storable(tracker))).fetchone()
    return None if row is None else Marker(*row)


def _pending(db: Cursor, tracker: str) -> int:
    return _stats(db).trackers.get(tracker, Counters()).pending


def _stats(db: Cursor) -> Stats:
    counts: dict[str, dict[str, int]] = {}
    query = "SELECT tracker, name, sum(value)::bigint FROM footfall_counters GROUP BY tracker, name"
    for tracker, name, value in db.execute(query):
        counts.setdefault(tracker, {})[name] = value
    query = "SELECT tracker, count(*) FROM footfall_requests WHERE NOT counted GROUP BY tracker"
    for tracker, number in db.execute(query):
        of = counts.setdefault(tracker, {})
        of["accepted"] = of.get("accepted", 0) + number
    return Stats.of({tracker: _counters(of) for tracker, of in counts.items()})


def _counters(of: Mapping[str, int]) -> Counters:
    accepted, delivered, failed, erased = (of.get(name, 0) for name in ("accepted", "delivered", "failed", "erased"))
    return Counters(
        accepted=accepted,
        delivered=delivered,
        pending=accepted - delivered - failed - erased,
        failed=failed,
        erased=erased,
        refused={name.removeprefix("refused "): n for name, n in of.items() if name.startswith("refused ")},
    )


def _copied(tracker: str, visitor: int | None, one: Outgoing, clock: float) -> str:
    """Write a row as COPY reads it: ten times as fast as handing over its values."""
    due = min(one.accepted, clock)  # a host's clock may be ahead
    whose = "\\N" if visitor is None else visitor
    aside = "t" if one.set_aside else "f"
    return f"{_escape(tracker)}\t{whose}\t{aside}\tt\t{one.accepted:.6f}\t{due:.6f}\t{_escape(one.request)}\n"


def _escape(text: str) -> str:
    text = _storable(text).replace("\\", "\\\\")
    if text.isprintable():  # as all that the journal wrote is
        return text
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _sift(db: Cursor, requests: Sequence[Outgoing]) -> tuple[list[tuple[int | None, Outgoing]], int, int]:
    """Leave out what must not be taken: whose key was had before, and whose visitor was forgotten since."""
    named = [(name_visitor(one.visitor), one) for one in requests]
    visitors = list({visitor for visitor, _ in named if visitor is not None})
    erased: dict[int, float] = dict(
        db.execute("SELECT visitor, at FROM footfall_erased WHERE visitor = ANY(%s)", (visitors,)).fetchall()
    )
    kept = [(v, one) for v, one in named if v is None or one.accepted > erased.get(v, float("-inf"))]
    fresh: list[tuple[int | None, Outgoing]] = []
    for visitor, one in kept:
        if one.once:
            key = blake2b(one.once.encode(), digest_size=16).digest()
            new = db.execute(
                "INSERT INTO footfall_once VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (key, visitor, one.accepted)
            )
            if not new.rowcount:
                continue
        fresh.append((visitor, one))
    return fresh, len(kept) - len(fresh), len(named) - len(kept)


def _due(db: Cursor, tracker: str, kind: LiteralString, clock: float, limit: int) -> list[_Row]:
    query: LiteralString = f"""
        SELECT id, visitor, set_aside, accepted, attempts, owner, request, visitor IS NOT NULL AND EXISTS (
            SELECT 1 FROM footfall_requests e WHERE e.tracker = r.tracker AND e.visitor = r.visitor AND e.id < r.id
        )
        FROM footfall_requests r WHERE tracker = %s AND {kind} AND due <= %s
        ORDER BY due, id LIMIT %s FOR UPDATE SKIP LOCKED"""
    return [_Row(*row) for row in db.execute(query, (tracker, clock, limit))]


def _remove(db: Cursor, ids: Sequence[int], owner: str | None) -> list[_Gone]:
    """Remove rows; given an owner, only those that are still theirs: an erasure, or another, may have been quicker."""
    columns = "id, tracker, visitor, set_aside, accepted, attempts, request"
    query: LiteralString = (
        f"DELETE FROM footfall_requests WHERE id = ANY(%s) AND (%s::text IS NULL OR owner = %s) RETURNING {columns}"
    )
    return [_Gone(*row) for row in db.execute(query, (list(ids), owner, owner))]


def _step_forward(db: Cursor, gone: Sequence[_Gone]) -> None:
    lines = {(one.tracker, one.visitor) for one in gone if one.visitor is not None}
    if lines:
        trackers, visitors = zip(*lines, strict=True)
        db.execute(
            """
            UPDATE footfall_requests r SET parked = false
            FROM unnest(%s::text[], %s::bigint[]) AS gone (tracker, visitor) CROSS JOIN LATERAL (
                SELECT id FROM footfall_requests n
                WHERE n.tracker = gone.tracker AND n.visitor = gone.visitor ORDER BY id LIMIT 1
            ) AS next
            WHERE r.id = next.id AND r.parked""",
            (list(trackers), list(visitors)),
        )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _storable(text: str) -> str:
    return text.replace("\0", "")  # which PostgreSQL's texts cannot have
