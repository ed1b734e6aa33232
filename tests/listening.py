"""Listens to everything that the package logs while the suite runs, for what a visitor sent."""

from __future__ import annotations

import logging
import re
import traceback

__all__ = ["VISITORS", "Listener", "everything_of"]

#: What visitors of the suite are called, in any of its spellings: no line of the package may hold it.
VISITORS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # devices and sessions
    r"|[\w.+-]+(@|%40)[\w-]+\.[a-z]"  # addresses
    r"|YW5uYUBzaG9w|c8O4cm5Ac2hv"  # and in base64, as trackers get them
    r"|johndoe|Js79009234YU7"  # users
    r"|\b(coid|sid|ruid|reaid|xuid)=[^ )]"  # parameters of an address
    r"|Zm9v|Ab-1_x|secret-of-a-visitor",  # tokens
    re.IGNORECASE,
)
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({})))


def everything_of(record: logging.LogRecord) -> str:
    """Return all that a handler could write of a record: its message, its extra fields, its traceback."""
    extra = " ".join(f"{name}={value!r}" for name, value in vars(record).items() if name not in _OWN_FIELDS)
    trace = "".join(traceback.format_exception(record.exc_info[1])) if record.exc_info and record.exc_info[1] else ""
    return f"{record.getMessage()} {record.args!r} {extra} {trace}"


class Listener(logging.Handler):
    """Keeps what the package logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, as it is now: its arguments may change."""
        self.heard.append(everything_of(record))
