"""Runs an application under uvicorn in a thread of this process; the local tracker is one."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self, Unpack

from starlette.types import ASGIApp

from footfall.errors import ConfigError, missing_or_broken
from footfall.localtracker.app import create_app
from footfall.localtracker.assessment import Rules
from footfall.localtracker.faults import Faults
from footfall.localtracker.hearing import Hearing
from footfall.localtracker.store import Count, Filter, Received, Store

__all__ = ["BackgroundServer", "LocalTracker", "wait_for_interrupt"]

_LONGEST_STOP = 5.0
_GRACE = 3  # seconds for requests under way: a page's stream takes a moment to end, and longer on a busy machine
_LONGEST_HEAD = 262_144  # bytes of a request's head; the server refuses longer ones


class BackgroundServer:
    """An ASGI application served by uvicorn in a thread, until it is closed. A context manager.

    Args:
        app: What to serve.
        host: A name or address of this machine.
        port: 0 takes a free one.
        what: What error messages call it.

    Raises:
        ConfigError: The port is taken, or the host is not this machine's.
        MissingExtra: uvicorn is not installed.
    """

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, what: str = "the server") -> None:
        try:
            import uvicorn
        except ImportError as error:
            raise missing_or_broken(what, "tracker", "uvicorn", error) from error
        self._socket = _listen(host, port, what)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
        )
        self._server = uvicorn.Server(config)
        # The socket already listens: a client that connects before the loop runs is served once it does.
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name=f"footfall {what}", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Scheme, host and port, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def close(self) -> None:
        """Stop serving. Requests under way have three seconds to end. Closing twice is harmless."""
        self._server.should_exit = True
        self._thread.join(_LONGEST_STOP)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(_LONGEST_STOP)
        self._socket.close()

    def __enter__(self) -> Self:
        """Serve until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self.close()


def _listen(host: str, port: int, what: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's algorithm only for a socket that names TCP; with it, each answer would take 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConfigError(
            f"port: {what} cannot listen on {host}:{port} ({error}); stop what does, or choose another with --port"
        ) from None
    return listening


class LocalTracker:
    """A tracker to run beside an application or a test: both protocols, exactly as documented.

    It serves from a thread, and ends with the ``with`` block::

        with LocalTracker() as tracker:
            site = Site(config, trackers=[Raptor("12345", base_url=tracker.url)])
            ...
            assert [one.kind for one in tracker.wait_until(1)] == ["visit"]

    Args:
        host: A name or address of this machine.
        port: 0 takes a free one.
        keep: A file for what it receives; by default it is kept in memory.
        rules: What the customer's contract leaves open; by default as the documents say.

    Raises:
        ConfigError: The port is taken, or *keep* is another program's file.
        MissingExtra: uvicorn is not installed.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, keep: Path | None = None, rules: Rules | None = None
    ) -> None:
        rules = rules if rules is not None else Rules()
        self.faults = Faults()  #: faults to order: ``tracker.faults.order(Fault(kind="503", share=0.3))``
        self._store = Store(keep, replayed=rules.replayed)
        try:
            app = create_app(self._store, rules, self.faults)
            self._server = BackgroundServer(app, host=host, port=port, what="the local tracker")
        except BaseException:
            self._store.close()
            raise
        self._hearing = Hearing(self._store, host, self._server.port)

    @property
    def url(self) -> str:
        """The ``base_url`` to give to a tracker."""
        return self._server.url

    def received(self, **wanted: Unpack[Filter]) -> list[Received]:
        """Return what was received and matches *wanted*, in the order in which it came."""
        return self._store.received(**wanted)

    def count(self, **wanted: Unpack[Filter]) -> int:
        """Count what was received and matches *wanted*."""
        return self._store.count(**wanted)

    def counts(self) -> list[Count]:
        """Count by tracker, kind and status."""
        return self._store.counts()

    def wait_until(self, count: int, *, timeout: float = 5.0, **wanted: Unpack[Filter]) -> list[Received]:
        """Wait until *count* requests match *wanted*, and return those that do.

        Raises:
            TimeoutError: There were fewer after *timeout* seconds. It says how many.
        """
        found = self._store.wait_until(count, timeout, **wanted)
        if found < count:
            raise TimeoutError(f"{found} of {count} requests came within {timeout:g} seconds")
        return self._store.received(**wanted)

    def clear(self) -> None:
        """Forget everything that was received."""
        self._store.clear()

    def close(self) -> None:
        """Stop serving. Closing twice is harmless."""
        self._store.stop_telling()  # otherwise closing would wait for an open page, or for a test that waits for more
        self._hearing.close()
        self._server.close()
        self._store.close()

    def __enter__(self) -> Self:
        """Serve until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self.close()


def wait_for_interrupt() -> None:
    """Wait until Ctrl-C or SIGTERM. Call it in the main thread."""
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        # In short waits: on Windows, a signal does not end a long one.
        while not interrupted.wait(0.5):
            pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
