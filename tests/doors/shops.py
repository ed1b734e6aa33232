"""Shops as processes of their own, under the servers that people run; and browsers without a screen."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

EXAMPLES = Path(__file__).parents[2] / "examples"
BROWSER = {
    "Host": "www.shop.example",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
}


class Page(NamedTuple):
    """What came back for one request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def cookies(self) -> dict[str, str]:
        """Return name and value of every cookie that is set."""
        lines = [value for name, value in self.headers if name.lower() == "set-cookie"]
        assert len(lines) == len({line.partition("=")[0] for line in lines}), "one Set-Cookie a name"
        return dict(line.partition(";")[0].split("=", 1) for line in lines)

    @property
    def without_ours(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return the page as a visitor sees it."""
        ours = {"set-cookie", "cache-control", "date"}
        return self.status, [line for line in self.headers if line[0].lower() not in ours], self.body


def get(port: int, path: str = "/shirt", *, cookies: dict[str, str] | None = None) -> Page:
    """Open one page as a browser does."""
    headers = dict(BROWSER)
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return Page(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


def uvicorn(example: str, descriptor: int) -> list[str]:
    options = ["--fd", str(descriptor), "--log-level", "warning", "--app-dir", str(EXAMPLES)]
    return [sys.executable, "-m", "uvicorn", example, *options]


def gunicorn(example: str, descriptor: int) -> list[str]:
    options = ["--bind", f"fd://{descriptor}", "--log-level", "warning", "--pythonpath", str(EXAMPLES)]
    return [sys.executable, "-m", "gunicorn", *options, "--workers", "1", "--graceful-timeout", "5", example]


def hypercorn(example: str, descriptor: int) -> list[str]:
    options = ["--bind", f"fd://{descriptor}", "--log-level", "warning"]
    return [sys.executable, "-m", "hypercorn", *options, f"{EXAMPLES / example.partition(':')[0]}:app"]


def hypercorn_on_trio(example: str, descriptor: int) -> list[str]:
    return [*hypercorn(example, descriptor), "--worker-class", "trio"]


COMMANDS = {"uvicorn": uvicorn, "gunicorn": gunicorn, "hypercorn": hypercorn, "hypercorn on trio": hypercorn_on_trio}


@contextmanager
def run_shop(server: str, example: str, tracker: str, folder: Path) -> Generator[int]:
    """Run an example under a server until the block ends; gives its port on 127.0.0.1.

    It inherits a socket that already listens: no port can be taken meanwhile, and no client comes too early.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        descriptor = listening.fileno()
        process = subprocess.Popen(
            COMMANDS[server](example, descriptor),
            cwd=folder,
            env={**os.environ, "TRACKER_URL": tracker, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=[descriptor],
            stderr=subprocess.PIPE,
        )
        try:
            yield listening.getsockname()[1]
        finally:
            errors = end(process)
    assert errors == b"", errors.decode()


def end(process: subprocess.Popen[bytes]) -> bytes:
    """End a server as a supervisor does, and return what it complained of."""
    process.terminate()
    deadline = time.monotonic() + 20
    try:
        return process.communicate(timeout=deadline - time.monotonic())[1]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError("the server did not end within 20 seconds") from None
