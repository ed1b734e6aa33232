"""Whether this process can have threads of its own, or must leave the work to another one."""

from __future__ import annotations

import sys
from typing import Any, cast

__all__ = ["why_unattended"]


def why_unattended() -> str | None:
    """Say why no thread may be started here; None where one may.

    gevent is no reason: under it, delivery's threads are threads of the operating system.
    """
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and patcher.is_monkey_patched("thread"):
        return "eventlet has replaced this process's threads"
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None and not _has_threads(uwsgi):
        return "uWSGI runs without threads (its option enable-threads)"
    if uwsgi is not None and uwsgi.masterpid() and not uwsgi.worker_id():
        return "uWSGI has not forked its workers yet, and would do so without a word"
    return None


def _has_threads(uwsgi: Any) -> bool:
    options = {_text(name): _text(value) for name, value in cast("dict[Any, Any]", uwsgi.opt).items()}
    enabled = options.get("enable-threads", "false").lower() not in {"false", "off", "no", "0"}
    return enabled or int(options.get("threads") or 0) > 1


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
