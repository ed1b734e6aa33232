"""A spool at one moment, as a person sees it from outside."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from footfall.delivery.counting import count_spool
from footfall.delivery.journal.folder import Folder, streams_of
from footfall.delivery.settings import journal_folder
from footfall.delivery.spool.existing import missing, open_existing, path_of
from footfall.delivery.spool.intake import last_id
from footfall.delivery.spool.mover import OLDER
from footfall.delivery.stats import Stats

__all__ = ["SpoolStatus", "spool_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolStatus:
    """A spool at one moment."""

    path: Path
    stats: Stats
    under_way: int  #: requests on lease to a process
    waiting: int  #: requests that failed once and wait for their next try
    oldest: Mapping[str, datetime]  #: by tracker, when the oldest in the spool was accepted
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
        rows = _requests(spool)
        trouble = _trouble(spool, folder)
    elif streams_of(folder):  # what was accepted waits there for a process that moves it
        rows, trouble = [], None
    else:
        raise missing(path)
    return SpoolStatus(
        path=path,
        stats=stats,
        under_way=sum(row.under_way for row in rows),
        waiting=sum(row.waiting for row in rows),
        oldest={row.tracker: datetime.fromtimestamp(row.oldest, UTC) for row in rows},
        processes=sum(1 for token in folder.tokens() if folder.is_alive(token)),
        spool_bytes=sum(_size(path.with_name(path.name + end)) for end in ("", "-wal")),
        journal_bytes=sum(_size(folder.path / name) for stream in folder.streams() for name in stream.segments),
        trouble=trouble,
    )


class _Requests(NamedTuple):
    tracker: str
    under_way: int
    waiting: int
    oldest: float


def _requests(spool: str) -> list[_Requests]:
    query = """
        SELECT tracker, count(owner), count(CASE WHEN owner IS NULL AND due > ? THEN 1 END), min(accepted)
        FROM requests GROUP BY tracker"""
    with open_existing(spool) as database, database.transaction() as db:
        return [_Requests(*row) for row in db.execute(query, (time.time(),))]


def _trouble(spool: str, folder: Folder) -> str | None:
    known = folder.latest()  # asked first: it grows behind the spool's own
    with open_existing(spool) as database, database.transaction() as db:
        if last_id(db) < known:
            return OLDER
        counted = dict(db.execute("SELECT tracker, value FROM counters WHERE name = 'pending' AND value <> 0"))
        if counted != dict(db.execute("SELECT tracker, count(*) FROM requests GROUP BY tracker")):
            return "damaged: it counts other requests than it holds; its file and its -wal are not of one time"
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
