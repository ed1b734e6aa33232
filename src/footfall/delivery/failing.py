"""What was set aside, in a spool or in an engine: counted, listed, tried again, thrown away, by a person's decision."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime

from footfall.delivery.addresses import check_engine, is_engine
from footfall.delivery.engines.engine import Engine
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.spool import failed
from footfall.delivery.spool.failed import FailedReason, FailedRequest, Which

__all__ = ["count_failed", "list_failed", "purge_failed", "retry_failed"]


def count_failed(
    spool: str,
    *,
    tracker: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> list[FailedReason]:
    """Count what failed by its reasons, the most frequent first; chosen as by `list_failed`.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be read.
    """
    which = Which(tracker, reason, since, before)
    if not is_engine(spool):
        return failed.count_failed(spool, which)
    with _opened(spool) as engine:
        return engine.count_failed(which)


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
        spool: As given to `Delivery`, or the URL of an engine.
        tracker: Only of this tracker.
        reason: Only where the reason begins so.
        since: Only what failed then or later; without a zone it is local time.
        before: Only what failed earlier.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool, or it cannot be read.
    """
    which = Which(tracker, reason, since, before)
    if not is_engine(spool):
        yield from failed.list_failed(spool, which)
        return
    with _opened(spool) as engine:
        yield from engine.list_failed(which)


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
    which = Which(tracker, reason, since, before)
    if not is_engine(spool):
        return failed.retry_failed(spool, which)
    with _opened(spool) as engine:
        return engine.retry_failed(which)


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
    which = Which(tracker, reason, since, before)
    if not is_engine(spool):
        return failed.purge_failed(spool, which)
    with _opened(spool) as engine:
        return engine.purge_failed(which)


@contextmanager
def _opened(url: str) -> Generator[Engine]:
    engine = open_engine(check_engine(url))
    try:
        yield engine
    finally:
        engine.close()
