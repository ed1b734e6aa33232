"""A spool at one moment, as a person sees it from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple

from footfall.delivery.addresses import check_engine
from footfall.delivery.counting import count_spool
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.journal.folder import Folder, streams_of
from footfall.delivery.settings import journal_folder
from footfall.delivery.spool.couriers import Report, read_reports
from footfall.delivery.spool.existing import missing, open_existing, path_of
from footfall.delivery.spool.intake import last_id
from footfall.delivery.spool.leases import Standing
from footfall.delivery.spool.mover import OLDER
from footfall.delivery.stats import Stats

__all__ = ["EngineStatus", "SharedCounters", "SpoolStatus", "Wait", "engine_status", "spool_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why requests to one tracker wait, and since when."""

    why: Literal["down", "paused", "backing off", "nobody delivers"]
    since: datetime | None  #: None: nobody knows, for nobody has looked at them yet
    until: datetime | None = None  #: the end of the pause that it asked for, or the next try
    reason: str = ""  #: what it answered
    number: int = 0  #: how many back off


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolStatus:
    """A spool at one moment."""

    path: Path
    stats: Stats
    under_way: int  #: requests on lease to a process
    waiting: int  #: requests that failed once and wait for their next try
    oldest: Mapping[str, datetime]  #: by tracker, when the oldest in the spool was accepted
    waits: Mapping[str, Sequence[Wait]]  #: by tracker, why its requests wait; not there: they flow
    processes: int  #: that have the spool open now
    spool_bytes: int
    journal_bytes: int
    trouble: str | None = None  #: why the counts are wrong, if they are


def spool_status(spool: str) -> SpoolStatus:
    """Look at a spool, without changing it.

    Args:
        spool: As given to `Delivery`: ``"sqlite:///footfall.sqlite3"``.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be read.
    """
    path = path_of(spool)
    folder = Folder(journal_folder(path))
    stats = count_spool(path, folder.path)
    if path.exists():
        rows, reports = _read(spool)
        trouble = _trouble(spool, folder)
    elif streams_of(folder):  # what was accepted waits there for a process that moves it
        rows, reports, trouble = [], [], None
    else:
        raise missing(path)
    return SpoolStatus(
        path=path,
        stats=stats,
        under_way=sum(row.under_way for row in rows),
        waiting=sum(row.waiting for row in rows),
        oldest={row.tracker: datetime.fromtimestamp(row.oldest, UTC) for row in rows},
        waits=_waits(stats, rows, reports, folder.is_alive),
        processes=sum(1 for token in folder.tokens() if folder.is_alive(token)),
        spool_bytes=sum(_size(path.with_name(path.name + end)) for end in ("", "-wal")),
        journal_bytes=sum(_size(folder.path / name) for stream in folder.streams() for name in stream.segments),
        trouble=trouble,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """An engine at one moment, as all machines share it."""

    name: str  #: where it is, without user and password
    stats: Stats
    under_way: int  #: requests on lease to a worker
    waiting: int  #: requests that failed once and wait for their next try
    oldest: Mapping[str, datetime]  #: by tracker, when the oldest in it was accepted
    waits: Mapping[str, Sequence[Wait]]  #: by tracker, why its requests wait; not there: they flow
    workers: int  #: that deliver from it now


def engine_status(engine: str) -> EngineStatus:
    """Look at an engine, without changing it.

    Args:
        engine: As given to `Delivery`: ``"postgresql://..."``.

    Raises:
        ConfigError: It names no engine.
        EngineError: It cannot be reached or read.
    """
    opened = open_engine(check_engine(engine))
    try:
        depth, reports = opened.depth(), opened.reports()
    finally:
        opened.close()
    rows = [
        _Requests(tracker, 0, number, oldest.timestamp(), _seconds(since), _seconds(until))
        for tracker, oldest in depth.oldest.items()
        for number, since, until in [depth.failing.get(tracker, (0, None, None))]
    ]
    return EngineStatus(
        name=opened.name,
        stats=depth.stats,
        under_way=depth.under_way,
        waiting=depth.waiting,
        oldest=depth.oldest,
        waits=_waits(depth.stats, rows, reports, lambda _: True),
        workers=sum(1 for report in reports if report.owner),
    )


class SharedCounters:
    """What an engine counts of all machines, for `footfall.metrics.observe`: in one process of the whole fleet."""

    def __init__(self, engine: str) -> None:
        """Connect to nothing yet.

        Raises:
            ConfigError: It names no engine.
        """
        self._engine = open_engine(check_engine(engine))

    def stats(self) -> Stats:
        """Count what was published, and what became of it; one thread at a time may ask.

        Raises:
            EngineError: It cannot be reached.
        """
        return self._engine.stats()

    def close(self) -> None:
        """Let go of the connection."""
        self._engine.close()


class _Requests(NamedTuple):
    tracker: str
    under_way: int
    waiting: int
    oldest: float
    failing: float | None  # since when those fail that wait
    next_try: float | None


def _read(spool: str) -> tuple[list[_Requests], list[Report]]:
    query = """
        SELECT tracker, count(owner), count(CASE WHEN w THEN 1 END), min(accepted),
            min(CASE WHEN w THEN coalesce(failing, accepted) END), min(CASE WHEN w THEN due END)
        FROM (SELECT *, owner IS NULL AND due > ? AS w FROM requests) GROUP BY tracker"""
    with open_existing(spool) as database, database.transaction() as db:
        return [_Requests(*row) for row in db.execute(query, (time.time(),))], read_reports(db)


def _waits(
    stats: Stats, rows: Iterable[_Requests], reports: Sequence[Report], is_alive: Callable[[str], bool]
) -> dict[str, Sequence[Wait]]:
    alive = [report for report in reports if report.owner and is_alive(report.owner)]
    waits: dict[str, list[Wait]] = {name: [] for name, counters in stats.trackers.items() if counters.pending}
    by_tracker = {row.tracker: row for row in rows}
    for tracker, found in waits.items():
        row = by_tracker.get(tracker)
        if not alive:
            times = [report.seen for report in reports] + ([] if row is None else [row.oldest])
            found.append(Wait(why="nobody delivers", since=_moment(max(times, default=None))))
            continue
        standings = [report.standings[tracker] for report in alive if tracker in report.standings]
        if standings:
            found.append(_wait(min(standings, key=attrgetter("since"))))
        if row is not None and row.waiting:
            since, until = _moment(row.failing), _moment(row.next_try)
            found.append(Wait(why="backing off", since=since, until=until, number=row.waiting))
    return {tracker: found for tracker, found in waits.items() if found}


def _wait(standing: Standing) -> Wait:
    since, reason = _moment(standing.since), standing.reason
    if standing.until is None or standing.until < time.time():  # a pause is over: it is asked now and then
        return Wait(why="down", since=since, reason=reason)
    return Wait(why="paused", since=since, until=_moment(standing.until), reason=reason)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _trouble(spool: str, folder: Folder) -> str | None:
    known = folder.latest()  # asked first: it grows behind the spool's own
    with open_existing(spool) as database, database.transaction() as db:
        if last_id(db) < known:
            return OLDER
        counted = dict(db.execute("SELECT tracker, value FROM counters WHERE name = 'pending' AND value <> 0"))
        held = """
            SELECT tracker, count(*) FROM (
                SELECT tracker FROM requests UNION ALL
                SELECT o.tracker FROM outgoing o JOIN parcels p ON p.tracker = o.tracker AND p.seq = o.seq
                WHERE p.confirmed IS NULL
            ) GROUP BY tracker"""
        if counted != dict(db.execute(held)):
            return "damaged: it counts other requests than it holds; its file and its -wal are not of one time"
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
