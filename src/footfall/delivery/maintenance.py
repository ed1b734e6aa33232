"""What a person does to a spool from outside: look at it, and decide about what failed."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from footfall.delivery.collector import streams_of
from footfall.delivery.counting import count_spool
from footfall.delivery.failed import FailedRequest, Which, list_rows, purge_rows, retry_rows
from footfall.delivery.folder import Folder
from footfall.delivery.settings import journal_folder, spool_path
from footfall.delivery.sqlite import SqliteSpool
from footfall.delivery.stats import Stats
from footfall.errors import ConfigError, SpoolError

__all__ = ["SpoolStatus", "list_failed", "purge_failed", "retry_failed", "spool_status"]


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


def spool_status(spool: str) -> SpoolStatus:
    """Look at a spool, without changing it.

    Args:
        spool: As given to `Delivery`: ``"sqlite:///footfall.sqlite3"``.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be read.
    """
    path = _path(spool)
    folder = Folder(journal_folder(path))
    stats = count_spool(path, folder.path)
    if path.exists():
        rows = _requests(spool)
    elif streams_of(folder):  # what was accepted waits there for a process that moves it
        rows = []
    else:
        raise _missing(path)
    return SpoolStatus(
        path=path,
        stats=stats,
        under_way=sum(row.under_way for row in rows),
        waiting=sum(row.waiting for row in rows),
        oldest={row.tracker: datetime.fromtimestamp(row.oldest, UTC) for row in rows},
        processes=sum(1 for token in folder.tokens() if folder.is_alive(token)),
        spool_bytes=sum(_size(path.with_name(path.name + end)) for end in ("", "-wal")),
        journal_bytes=sum(_size(folder.path / name) for stream in folder.streams() for name in stream.segments),
    )


def list_failed(
    spool: str,
    *,
    tracker: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> Iterator[FailedRequest]:
    """Read what failed, oldest first.

    Args:
        spool: As given to `Delivery`.
        tracker: Only of this tracker.
        reason: Only where the reason begins so.
        since: Only what failed then or later; without a zone it is local time.
        before: Only what failed earlier.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be read.
    """
    with _opened(spool) as database:
        yield from list_rows(database, Which(tracker=tracker, reason=reason, since=since, before=before))


def retry_failed(
    spool: str,
    *,
    tracker: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> int:
    """Have what failed sent again: it is pending again, behind what its visitors did since.

    What never became a request cannot be sent, and stays. Whether what was unanswered had arrived after all,
    nobody can know: sending it again may count it twice.

    Returns:
        How many requests.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be written.
    """
    with _opened(spool) as database:
        return retry_rows(database, Which(tracker=tracker, reason=reason, since=since, before=before), time.time())


def purge_failed(
    spool: str,
    *,
    tracker: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> int:
    """Throw away what failed. It stays counted as failed.

    Returns:
        How many requests.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be written.
    """
    with _opened(spool) as database:
        return purge_rows(database, Which(tracker=tracker, reason=reason, since=since, before=before))


class _Requests(NamedTuple):
    tracker: str
    under_way: int
    waiting: int
    oldest: float


def _requests(spool: str) -> list[_Requests]:
    query = """
        SELECT tracker, count(owner), count(CASE WHEN owner IS NULL AND due > ? THEN 1 END), min(accepted)
        FROM requests GROUP BY tracker"""
    with _opened(spool) as database, database.transaction() as db:
        return [_Requests(*row) for row in db.execute(query, (time.time(),))]


def _path(spool: str) -> Path:
    path = spool_path(spool)
    if path is None:
        raise ConfigError('spool: "memory:" can be looked at by its own process alone; use its stats()')
    return path


def _missing(path: Path) -> SpoolError:
    if streams_of(Folder(journal_folder(path))):
        return SpoolError(
            f"spool {path} does not exist yet: what was accepted is in the journals beside it, and nothing was tried; "
            "start `footfall deliver`, or the site"
        )
    return SpoolError(f"spool {path} does not exist: nothing was accepted yet, or it is somewhere else")


@contextmanager
def _opened(spool: str) -> Generator[SqliteSpool]:
    path = _path(spool)
    if not path.exists():
        raise _missing(path)
    database = SqliteSpool(str(path))
    try:
        yield database
    finally:
        database.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
