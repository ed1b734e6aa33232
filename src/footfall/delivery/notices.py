"""What the package tells the log: of each thing at most one line a minute, and never a visitor's value."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["Notices"]

_INTERVAL = 60.0  # seconds
_MOST_KEYS = 1000


class Notices:
    """Writes to one logger, ``footfall.delivery`` unless told otherwise."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, logger: str = "footfall.delivery") -> None:
        self._clock = clock
        self._logger = logging.getLogger(logger)
        self._once: set[str] = set()
        self._last: dict[str, float] = {}
        self._silent: dict[str, int] = {}

    def say(self, level: int, message: str, *, number: int = 1, key: str | None = None, **extra: object) -> None:
        """Log a message, unless it was logged within the last minute; then add to its number.

        Args:
            level: As in `logging`.
            message: What happened, and what to do.
            number: How many times it happened.
            key: What is to have one line a minute, where the words differ each time; ``None``: these very words.
            extra: Fields of the log record; they also tell apart messages of the same words.
        """
        key = f"{message} {sorted(extra.items())!r}" if key is None else key
        now = self._clock()
        number += self._silent.pop(key, 0)
        if now - self._last.get(key, -_INTERVAL) < _INTERVAL:
            self._silent[key] = number
            return
        if len(self._last) > _MOST_KEYS:
            self._last.clear()
        self._last[key] = now
        times = f" ({number} times)" if number > 1 else ""
        self._logger.log(level, "%s%s", message, times, extra=extra)

    def warn_once(self, key: str, message: str) -> None:
        """Log a warning the first time that *key* comes up in this process."""
        if key not in self._once:
            self._once.add(key)
            self._logger.warning("%s", message)
