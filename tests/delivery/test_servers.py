"""Several processes share one spool: forked, pre-forked, killed under load, reloaded."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from footfall.delivery import spool_status

IN_FLIGHT = 64

APP = """
import os
from footfall.delivery import Delivery
from footfall.wire import WireRequest

delivery = Delivery(os.environ["SPOOL"])

def emit(n):
    url = os.environ["SINK"] + "/" + n
    return delivery.accept([WireRequest(tracker="main", kind="click", url=url, visitor=str(int(n) % 50))])

def application(environ, start_response):
    accepted = emit(environ["PATH_INFO"].strip("/"))
    start_response("200 OK" if accepted else "503 Full", [("X-Worker", str(os.getpid())), ("Content-Length", "0")])
    return [b""]

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    emit(scope["path"].strip("/"))
    headers = [(b"x-worker", str(os.getpid()).encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A web server, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.accepted: set[str] = set()
        self.workers: set[int] = set()

    def get(self, n: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{n}", timeout=10) as response:
                self.workers.add(int(response.headers["X-Worker"]))
                self.accepted.add(f"/{n}")
        except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
            return False  # its worker was killed before it could answer
        return True

    def load(self, numbers: range, meanwhile: Callable[[], None] | None = None) -> None:
        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(self.get, n) for n in numbers]
            if meanwhile is not None:
                futures[len(futures) // 4].result()
                meanwhile()
            for future in futures:
                future.result()


@pytest.fixture
def serve(tmp_path: Path, spool: str, sink: Any, environment: dict[str, str], until: Any) -> Any:
    (tmp_path / "app.py").write_text(APP)

    @contextmanager
    def start(*command: str) -> Iterator[tuple[Server, subprocess.Popen[bytes]]]:
        server = Server(free_port())
        process = subprocess.Popen(
            [sys.executable, "-m", *(part.format(port=server.port) for part in command)],
            cwd=tmp_path,
            env={**environment, "SPOOL": spool, "SINK": sink.url, "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )
        try:
            assert until(lambda: server.get(0), 20)
            yield server, process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            finally:
                with_children = os.killpg if process.poll() is None else None
                if with_children is not None:
                    with_children(process.pid, signal.SIGKILL)
                    process.wait(10)

    return start


GUNICORN = ("gunicorn", "app:application", "--bind", "127.0.0.1:{port}", "--workers", "4", "--log-level", "error")


@pytest.mark.heavy
def test_nothing_is_lost_when_one_of_four_gunicorn_workers_is_killed_under_load(
    serve: Any, sink: Any, all_delivered: Any
) -> None:
    with serve(*GUNICORN) as (server, _):
        server.load(range(1, 40))
        victim = min(server.workers)
        server.load(range(40, 1040), meanwhile=lambda: os.kill(victim, signal.SIGKILL))
    stats = all_delivered(len(set(sink.answered)))
    assert server.accepted <= set(sink.answered)
    assert len(sink.answered) - stats.delivered <= IN_FLIGHT
    assert len(server.accepted) > 1000


def test_a_preloaded_gunicorn_application_delivers_from_its_workers(
    serve: Any, sink: Any, all_delivered: Any, tmp_path: Path
) -> None:
    with (tmp_path / "app.py").open("a") as app:
        app.write("\nfor n in range(5000, 5010):\n    emit(str(n))\n")  # first used by the master, before it forks
    with serve(*GUNICORN, "--preload") as (server, _):
        server.load(range(1, 1001))
    all_delivered(1011)
    assert len(server.workers) > 1


def test_nothing_is_lost_while_uvicorn_reloads(
    serve: Any, sink: Any, all_delivered: Any, tmp_path: Path, until: Any
) -> None:
    command = ("uvicorn", "app:asgi", "--port", "{port}", "--reload", "--log-level", "error", "--lifespan", "off")
    with serve(*command) as (server, _):
        server.load(range(1, 500))
        first = set(server.workers)
        (tmp_path / "app.py").write_text(APP + "\n# changed\n")
        assert until(lambda: server.get(500) and bool(server.workers - first), 30)
        server.load(range(501, 1001))
    all_delivered(None)
    assert server.accepted <= set(sink.answered)


def test_a_child_forked_after_first_use_delivers_its_own_events(
    start_child: Any, all_delivered: Any, sink: Any
) -> None:
    start_child("""
delivery = Delivery(spool)
emit(range(500))
pid = os.fork()
if pid == 0:
    emit(range(500, 1000))
    assert delivery.flush(20) == 0
    os._exit(0)
os.waitpid(pid, 0)
emit(range(1000, 1500))
""").said()
    all_delivered(1500)
    assert len(sink.requests) == 1500


def test_a_child_delivers_by_itself_once_its_parent_is_no_more(start_child: Any, sink: Any) -> None:
    """T8."""
    said = start_child("""
delivery = Delivery(spool)
emit(range(100)); assert delivery.flush(20) == 0
parent = os.getpid()
if os.fork() == 0:
    os.kill(parent, signal.SIGKILL)
    emit(range(100, 200))
    say(delivery.flush(20))
    os._exit(0)
time.sleep(60)
""").said()
    assert (said, len(sink.requests)) == (["0"], 200)


def test_what_a_parent_refused_is_not_counted_by_its_children_too(start_child: Any, spool: str) -> None:
    start_child("""
delivery = Delivery(spool)
emit(range(10)); delivery.flush(20)
delivery.refuse("main", "bot", 3)
child = os.fork()
if child == 0:
    emit(range(10, 20)); delivery.close()
    os._exit(0)
os.waitpid(child, 0)
delivery.close()
""").said()
    assert spool_status(spool).stats.refused == {"bot": 3}


def test_a_fork_in_the_middle_of_everything_loses_and_repeats_nothing(
    start_child: Any, all_delivered: Any, sink: Any
) -> None:
    start_child("""
delivery = Delivery(spool)
children = []
for start in range(0, 1000, 100):
    emit(range(start, start + 50))
    children.append(os.fork())
    if children[-1] == 0:
        emit(range(start + 50, start + 100))
        os._exit(0)
for child in children:
    os.waitpid(child, 0)
assert delivery.flush(20) == 0
""").said()
    all_delivered(1000)
    assert len(sink.requests) == 1000


def test_a_child_has_none_of_its_parents_sockets(start_child: Any) -> None:
    said = start_child("""
import socket
delivery = Delivery(spool)
emit(range(200)); assert delivery.flush(20) == 0
def sockets():
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    connected = {f"socket:[{row[9]}]" for row in rows if row[3] == "01"}
    fds = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    return sum(1 for fd in fds if os.path.lexists(fd) and os.readlink(fd) in connected)
assert sockets() > 0
if os.fork() == 0:
    say(sockets())
    os._exit(0)
os.wait()
""").said()
    assert said == ["0"]


def test_multiprocessing_children_share_the_spool(start_child: Any, all_delivered: Any) -> None:
    start_child("""
import multiprocessing
delivery = Delivery(spool)
emit(range(100))
context = multiprocessing.get_context("fork")
children = [context.Process(target=emit, args=(range(100 * n, 100 * n + 100),)) for n in range(1, 5)]
for child in children: child.start()
for child in children: child.join()
""").said()
    all_delivered(500)
