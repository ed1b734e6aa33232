"""A process of its own that delivers what others have spooled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from footfall.delivery.delivery import Delivery
from footfall.delivery.settings import spool_path
from footfall.errors import ConfigError

__all__ = ["Deliverer"]

_LOOK = 0.1  # seconds


class Deliverer:
    """Delivers from a spool until it is told to stop. Several may share one spool."""

    def __init__(
        self,
        spool: str = "sqlite:///footfall.sqlite3",
        *,
        retry_for: timedelta = timedelta(days=1),
        timeout: timedelta = timedelta(seconds=10),
        concurrency: int = 64,
        on_drop: Callable[[str, str, int], None] | None = None,
    ) -> None:
        """Check the settings, which mean what they mean to `Delivery`, and open nothing.

        Raises:
            ConfigError: A value is wrong, or the spool is in memory, which no other process can reach.
        """
        if spool_path(spool) is None:
            raise ConfigError('a deliverer needs the spool that the site writes; write spool="sqlite:///..."')
        self._delivery = Delivery(spool, retry_for=retry_for, timeout=timeout, concurrency=concurrency, on_drop=on_drop)

    def run(self, stop: threading.Event, *, drain: timedelta = timedelta(seconds=10)) -> int:
        """Deliver until *stop* is set, and then for *drain* at most what is still to be sent.

        A signal's handler may set *stop*; what is pending after the drain is sent by the next process.

        Returns:
            How many requests are still pending.

        Raises:
            SpoolError: The spool cannot be used at the start. Later trouble is logged, and it tries again.
        """
        self._delivery.attend()
        # Looked at, not waited for: a handler that runs in a thread which waits for an event may find the event's
        # own lock taken by that thread, and never return.
        while not stop.is_set():
            time.sleep(_LOOK)
        return self._delivery.close(drain.total_seconds())
