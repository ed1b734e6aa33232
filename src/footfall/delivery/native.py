"""Threads and waiting as the operating system has them, and why a process may have to do without."""

from __future__ import annotations

import errno
import importlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, cast

__all__ = [
    "Signal",
    "RAISE_FILES",
    "Thread",
    "is_out_of_files",
    "is_isolated",
    "is_subinterpreter",
    "wait_for_threads",
    "native",
    "why_unattended",
]


def native(module: str, name: str) -> Any:
    """Look up *name* in *module* as the standard library has it, whatever gevent has put in its place since."""
    present = importlib.import_module(module)
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        return monkey.get_original(module, name)
    if not hasattr(present, name):  # eventlet takes names away
        present = sys.modules["eventlet.patcher"].original(module)
    return getattr(present, name)


def _is_patched() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and cast("bool", monkey.is_module_patched("threading"))


class Signal:
    """Wakes one waiting thread. Set before the wait, it makes that wait return at once."""

    def __init__(self) -> None:
        self._lock = native("_thread", "allocate_lock")()
        self._lock.acquire()

    def set(self) -> None:
        """Wake the waiting thread, or the next one to wait."""
        try:
            self._lock.release()
        except RuntimeError:
            return  # it is set already

    def wait(self, timeout: float) -> bool:
        """Wait at most *timeout* seconds; says whether the signal came, and resets it."""
        return cast("bool", self._lock.acquire(True, max(timeout, 0.0)))  # noqa: FBT003 - a lock's own signature


class Thread:
    """A daemon thread of the operating system that can be waited for, for a while.

    Started by the system's own call: `threading.Thread.start` waits for a lock written in Python, and cut off there
    by a signal handler that raises it leaves that taken, and its thread waiting for ever.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        """Start nothing yet."""
        self._name = name
        self._run = run
        self._begun = native("_thread", "allocate_lock")()
        self._ended = Signal()
        self._id = 0
        self.has_ended = False

    def start(self) -> None:
        """Start it. Begun twice, because the first time was cut off, it runs once.

        Raises:
            RuntimeError: No thread can be started: the interpreter is on its way out, or a limit is reached.
        """
        native("_thread", "start_new_thread")(self._main, ())

    def is_present(self) -> bool:
        """Tell whether it is this thread that asks."""
        return bool(self._id == native("_thread", "get_ident")())

    @property
    def has_begun(self) -> bool:
        """Whether it runs, or has run."""
        return bool(self._begun.locked())

    def _main(self) -> None:
        if not self._begun.acquire(False):  # noqa: FBT003 - a lock's own signature
            return
        self._id = native("_thread", "get_ident")()
        if not _is_patched():
            threading.current_thread().name = self._name
        try:
            self._run()
        finally:
            self.has_ended = True
            self._ended.set()

    def join(self, timeout: float) -> bool:
        """Wait at most *timeout* seconds for the thread's end; says whether it has ended."""
        if not self.has_ended and self._ended.wait(timeout):
            self._ended.set()
        return self.has_ended


RAISE_FILES = "raise the limit on open files (ulimit -n); it is tried again"


def wait_for_threads(timeout: float) -> None:
    """Wait at most so many seconds until the interpreter has none but the present thread.

    A subinterpreter must not end before, and a thread is still its for a moment after `Thread.join`.
    """
    pause, deadline = Signal(), time.monotonic() + timeout
    while native("_thread", "_count")() > 0 and time.monotonic() < deadline:
        pause.wait(0.001)


def is_subinterpreter() -> bool:
    """Tell whether this is another interpreter than its process's first."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return bool(module.get_current() != module.get_main())
    return False


def is_out_of_files(error: OSError) -> bool:
    """Tell whether it is for lack of file descriptors that something cannot be opened."""
    return error.errno in {errno.EMFILE, errno.ENFILE}


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
    if is_isolated():
        return "it runs in a subinterpreter that cannot load libcurl's module"
    return None


def is_isolated() -> bool:
    """Tell whether this interpreter loads no module that is written for one; trying to breaks the first one's end."""
    try:
        module = importlib.import_module("_interpreters")
        config = module.get_config(module.get_current()[0])
    except (ImportError, AttributeError):  # before Python 3.13
        return False
    return bool(config.check_multi_interp_extensions)


def _has_threads(uwsgi: Any) -> bool:
    options = {_text(name): _text(value) for name, value in cast("dict[Any, Any]", uwsgi.opt).items()}
    enabled = options.get("enable-threads", "false").lower() not in {"false", "off", "no", "0"}
    return enabled or int(options.get("threads") or 0) > 1


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
