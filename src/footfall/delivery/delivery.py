"""Delivery: what a site hands its wire requests to, and need not think of again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal

from footfall.delivery.stats import Stats
from footfall.wire import WireRequest

__all__ = ["Delivery"]


class Delivery:
    """Takes wire requests without waiting, keeps them over a crash, and sends each until its verdict is final."""

    def __init__(
        self,
        spool: str = "sqlite:///footfall.sqlite3",
        *,
        engine: str | None = None,
        deliver_here: bool = True,
        durable: Literal["process", "power"] = "process",
        max_pending_bytes: int | None = None,
        retry_for: timedelta = timedelta(days=1),
        timeout: timedelta = timedelta(seconds=10),
        concurrency: int = 64,
        on_drop: Callable[[str, str, int], None] | None = None,
    ) -> None: ...

    def accept(self, requests: Sequence[WireRequest]) -> bool:
        """Take requests over. They are durable when this returns true; false means full, and counted."""
        raise NotImplementedError

    def set_aside(self, tracker: str, kind: str, visitor: str, reason: str) -> None:
        """Record an event that could not become a request: accepted and failed at once."""
        raise NotImplementedError

    def refuse(self, tracker: str, reason: str, count: int = 1) -> None:
        """Count what was never accepted."""
        raise NotImplementedError

    def erase(self, visitor: str) -> None:
        """Drop whatever of this visitor has not been delivered yet."""
        raise NotImplementedError

    def flush(self, timeout: float = 5.0) -> int:
        """Wait at most *timeout* seconds for everything pending; returns how many still are."""
        raise NotImplementedError

    def close(self, timeout: float = 5.0) -> int:
        """Flush, stop, and take nothing more; returns how many requests are still pending."""
        raise NotImplementedError

    def stats(self) -> Stats:
        """Count what was accepted, and what became of it."""
        raise NotImplementedError

    def warm_up(self) -> None:
        """Open what the first event would open: call it when a worker process starts."""
        raise NotImplementedError
