"""A tracker that misbehaves as told, on a real socket; and deliveries that are closed after each test."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import pytest

import footfall
from footfall.delivery import Delivery, Stats
from footfall.wire import WireRequest


@dataclass(frozen=True)
class Answer:
    """What the sink does with one request."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    raw: bytes | None = None  # instead of a well-formed answer
    hang: bool = False  # never answer
    cut: bool = False  # close without an answer

    def text(self) -> bytes:
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} Whatever", *(f"{name}: {value}" for name, value in self.headers)]
        if self.status not in {204, 304}:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


OK = Answer()
HANG = Answer(hang=True)
CUT = Answer(cut=True)
GARBAGE = Answer(raw=b"\x00\xff\x16 this is no HTTP\r\n\r\n")


@dataclass(frozen=True)
class Received:
    """One request, as it came in."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    connection: int


class Sink:
    """A tracker on loopback, served by a thread of its own."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answered: list[str] = []
        self.answer: Callable[[Received], Answer] = lambda _: OK
        self.cut_on_connect = False
        self.connections = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]

    def always(self, answer: Answer) -> None:
        self.answer = lambda _: answer

    def open(self) -> None:
        self._call(self._open())

    def close(self) -> None:
        """Refuse connections from now on, and cut those that are there."""
        self._call(self._close())

    def end(self) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, work: Any) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            # Accept no more, but close only when nobody is half-way in: such a socket would be nobody's to close.
            for listening in self._server.sockets:
                self._loop.remove_reader(listening.fileno())
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(others, timeout=0.01)
        if self._server is not None:
            self._server.close()
            self._server = None
        await asyncio.sleep(0)  # for what is aborted to be let go of

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            if not self.cut_on_connect:
                await self._serve(reader, writer, self.connections)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ", 2)
            headers = tuple((name, value.strip()) for name, _, value in (h.partition(":") for h in head[1:] if h))
            length = int({n.lower(): v for n, v in headers}.get("content-length", "0"))
            body = await reader.readexactly(length)
            received = Received(method, target, headers, body, time.time(), number)
            self.requests.append(received)
            answer = self.answer(received)
            if answer.hang:
                await asyncio.Event().wait()
            if answer.cut:
                return
            # Before the client can see the answer, and look here.
            self.answered.append(received.target)
            writer.write(answer.text())
            await writer.drain()
            if answer.raw is not None:
                return


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.end()


@pytest.fixture
def spool(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/spool.sqlite3"


class MakeDelivery(Protocol):
    def __call__(self, where: str | None = None, **settings: Any) -> Delivery: ...


@pytest.fixture
def make_delivery(spool: str) -> Iterator[MakeDelivery]:
    made: list[Delivery] = []

    def make(where: str | None = None, **settings: Any) -> Delivery:
        made.append(Delivery(where or spool, **settings))
        return made[-1]

    yield make
    for delivery in made:
        delivery.close(0.5)


class MakeRequest(Protocol):
    def __call__(self, path: str = "/", **fields: Any) -> WireRequest: ...


@pytest.fixture
def request_to(sink: Sink) -> MakeRequest:
    def make(path: str = "/", **fields: Any) -> WireRequest:
        fields.setdefault("tracker", "main")
        fields.setdefault("kind", "click")
        fields.setdefault("url", f"{sink.url}{path}")
        return WireRequest(**fields)

    return make


def wait_until(condition: Callable[[], bool], timeout: float = 10.0) -> bool:
    """Look again and again, with an end to it; says whether it came true."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@pytest.fixture
def until() -> Callable[..., bool]:
    return wait_until


SCRIPT = """
import os, signal, sys, threading, time
from datetime import timedelta
from footfall.commands.deliver import Deliverer
from footfall.delivery import Delivery
from footfall.wire import WhenUnanswered, WireRequest

def request(n, kind="click"):
    once = WhenUnanswered.SET_ASIDE if kind == "buy" else WhenUnanswered.REPEAT
    return WireRequest(tracker="main", kind=kind, url=f"{url}/{kind}/{n}", visitor=str(n % 50), when_unanswered=once)

def emit(numbers, kind="click"):
    for n in numbers:
        assert delivery.accept([request(n, kind)])

def say(text):
    os.write(1, f"{text}\\n".encode())

spool, url = sys.argv[1:3]
"""


@dataclass
class Child:
    """A Python process of its own, and what it said."""

    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> list[str]:
        """Wait for its end; returns the lines that it wrote."""
        out, _ = self.process.communicate(timeout=60)
        return out.decode().split("\n")[:-1]

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        while (said := self.process.stdout.readline().decode().strip()) != line:
            assert said, f"the child ended without saying {line!r}"

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def end_of_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)


class StartChild(Protocol):
    def __call__(self, code: str, *, within: Sequence[str] = ()) -> Child: ...


def child_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def start_child(spool: str, sink: Sink) -> Iterator[StartChild]:
    children: list[Child] = []

    def start(code: str, *, within: Sequence[str] = ()) -> Child:
        process = subprocess.Popen(
            [*within, sys.executable, "-c", SCRIPT + code, spool, sink.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # what `wait_for` read ahead would be missing, or cut in two, where `said` reads on
            env=child_environment(),
            start_new_session=True,
        )
        children.append(Child(process))
        return children[-1]

    yield start
    for child in children:
        # Its own forks too: one that is stuck would hold the pipes open for ever.
        with suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.communicate(timeout=10)


@pytest.fixture
def environment() -> dict[str, str]:
    return child_environment()


@pytest.fixture
def all_delivered(spool: str, sink: Sink) -> Callable[..., Stats]:
    """Let a later process finish, and check that nothing was lost and that the sum adds up."""

    def check(expected: int | None, *, timeout: float = 30.0) -> Stats:
        delivery = Delivery(spool)
        delivery.warm_up()
        assert delivery.flush(timeout) == 0, f"still pending: {delivery.stats()}"
        stats = delivery.stats()
        delivery.close()
        assert stats.accepted == stats.delivered + stats.failed + stats.erased, stats
        assert expected is None or len(set(sink.answered)) == expected
        return stats

    return check


@pytest.fixture
def answers() -> Any:
    """The answers by name, for tests that cannot import from here."""
    return SimpleNamespace(Answer=Answer, OK=OK, HANG=HANG, CUT=CUT, GARBAGE=GARBAGE)
