"""A tracker for the delivery benchmarks: one process, one epoll loop, and it counts every event that it answers.

An event is whatever holds ``evt<number>x``, in a URL or in a body, compressed or not: so the same sink counts one GET
an event and batches of a hundred. Run by the other benchmarks, not by itself.
"""

from __future__ import annotations

import gzip
import json
import re
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

EVENT = re.compile(rb"evt(\d+)x")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n"
    b'{"status": 1, "code": 200, "error": null}'
).replace(b"Content-Length: 40", b"Content-Length: 41")
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Counts:
    """What the sink has answered."""

    events: int
    unique: int
    requests: int
    received: int  #: events that came in, answered or not

    @property
    def repeated(self) -> int:
        return self.events - self.unique


class Sink:
    """The sink's process, from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._ask(""))
        self.url = f"http://127.0.0.1:{self.port}"

    def mode(self, mode: str) -> None:
        """Answer from now on as told: ``answer``, ``busy``, ``hang``, ``refuse``, ``picky``.

        Picky is a tracker to which each tenth event is an error of its own, whatever it comes with.
        """
        self._ask(f"mode {mode}")

    def reset(self) -> None:
        self._ask("reset")

    def counts(self) -> Counts:
        return Counts(**json.loads(self._ask("counts")))

    def missing(self, total: int) -> int:
        """Count the events from 0 to *total* that were never answered."""
        return int(self._ask(f"missing {total}"))

    def has(self, number: int) -> bool:
        return self._ask(f"has {number}") == "1"

    def _ask(self, command: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if command:
            self._process.stdin.write(f"{command}\n")
            self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def running_sink() -> Iterator[Sink]:
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Sink(process)
        finally:
            process.kill()


class _Loop:
    def __init__(self) -> None:
        self.mode = "answer"
        self.port = 0
        self.reset()
        self.epoll = select.epoll()
        self.listener: socket.socket | None = None
        self.peers: dict[int, socket.socket] = {}
        self.buffers: dict[int, bytes] = {}
        self.listen()
        self.epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        print(self.port, flush=True)

    def reset(self) -> None:
        self.events = self.unique = self.requests = self.received = 0
        self.seen = bytearray(16_000_000)

    def listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(4096)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self.listener = listener
        self.epoll.register(listener.fileno(), select.EPOLLIN)

    def run(self) -> None:
        while True:
            for fd, _ in self.epoll.poll():
                if self.listener is not None and fd == self.listener.fileno():
                    self.accept()
                elif fd == sys.stdin.fileno():
                    if not self.obey(sys.stdin.readline().split()):
                        return
                elif fd in self.peers:
                    self.read(fd)

    def accept(self) -> None:
        assert self.listener is not None
        while True:
            try:
                peer, _ = self.listener.accept()
            except BlockingIOError:
                return
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peers[peer.fileno()] = peer
            self.buffers[peer.fileno()] = b""
            self.epoll.register(peer.fileno(), select.EPOLLIN)

    def drop(self, fd: int) -> None:
        self.epoll.unregister(fd)
        self.peers.pop(fd).close()
        self.buffers.pop(fd)

    def read(self, fd: int) -> None:
        try:
            data = self.peers[fd].recv(262_144)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            return self.drop(fd)
        buffer = self.buffers[fd] + data
        answers = []
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(buffer) < whole:
                break
            answers.append(self.take(buffer[:whole], end))
            buffer = buffer[whole:]
        self.buffers[fd] = buffer
        if answers and self.mode != "hang":
            try:
                self.peers[fd].sendall(b"".join(answers))
            except OSError:
                self.drop(fd)
        return None

    def take(self, request: bytes, end: int) -> bytes:
        body = request[end + 4 :]
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        numbers = [int(number) for number in EVENT.findall(body or request[:end])]
        self.received += len(numbers)
        if self.mode == "busy":
            return BUSY
        if self.mode == "picky" and any(number % 10 == 9 for number in numbers):
            return FAILED
        if self.mode in {"answer", "picky"}:
            self.requests += 1
            self.events += len(numbers)
            for number in numbers:
                self.unique += not self.seen[number]
                self.seen[number] = 1
        return OK

    def obey(self, words: list[str]) -> bool:
        if not words:
            return False
        match words:
            case ["mode", mode]:
                if (self.mode == "refuse") != (mode == "refuse"):
                    self.refuse(mode == "refuse")
                if self.mode == "hang":
                    for fd in list(self.peers):
                        self.drop(fd)
                self.mode = mode
                print("ok", flush=True)
            case ["reset"]:
                self.reset()
                print("ok", flush=True)
            case ["has", number]:
                print(self.seen[int(number)], flush=True)
            case ["missing", total]:
                print(int(total) - sum(self.seen[: int(total)]), flush=True)
            case _:
                counts = Counts(self.events, self.unique, self.requests, self.received)
                print(json.dumps(counts.__dict__), flush=True)
        return True

    def refuse(self, closed: bool) -> None:
        if not closed:
            return self.listen()
        assert self.listener is not None
        self.epoll.unregister(self.listener.fileno())
        self.listener.close()
        self.listener = None
        for fd in list(self.peers):
            self.drop(fd)
        return None


if __name__ == "__main__":
    _Loop().run()
