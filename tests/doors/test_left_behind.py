"""What a dead process left is delivered from the first request of the next on, whatever server runs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.delivery.conftest import wait_until
from tests.doors.exchange import Request, make_site
from tests.doors.shops import EXAMPLES, end, get

from footfall import Site, asgi, wsgi
from footfall.delivery import Delivery
from footfall.delivery.forking import watch_forks
from footfall.localtracker import LocalTracker

PYTHON = sys.executable
LEAVE = """
import os, sys
from footfall.delivery import Delivery
from footfall.wire import WireRequest
delivery = Delivery("sqlite:///footfall.sqlite3", deliver_here=False)
url = sys.argv[1] + "/api/00000/click/johndoe/1/3298"
assert delivery.accept([WireRequest(tracker="yoochoose", kind="click", url=url)])
os._exit(0)
"""
LEFT = "/api/00000/click/johndoe/1/3298"  #: what the dead process left
WAITRESS = "import sys, waitress, flask_app; waitress.serve(flask_app.app, port=int(sys.argv[1]))"
CHEROOT = (
    "import sys, cheroot.wsgi, plain_wsgi\n"
    "cheroot.wsgi.Server(('127.0.0.1', int(sys.argv[1])), plain_wsgi.app).safe_start()"
)
RUNSERVER = (
    "import sys, django_app; from django.core.management import call_command\n"
    "call_command('runserver', '127.0.0.1:' + sys.argv[1], '--noreload')"
)
SERVERS: dict[str, Callable[[str], list[str]]] = {
    "waitress": lambda port: [PYTHON, "-c", WAITRESS, port],
    "cheroot": lambda port: [PYTHON, "-c", CHEROOT, port],
    "runserver": lambda port: [PYTHON, "-c", RUNSERVER, port],
    "gunicorn": lambda port: [PYTHON, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "flask_app:app"],
    "gunicorn, preloaded": lambda port: [*SERVERS["gunicorn"](port), "--preload"],
    "granian, WSGI": lambda port: [PYTHON, "-m", "granian", "--interface", "wsgi", "--port", port, "flask_app:app"],
    "granian, ASGI": lambda port: [PYTHON, "-m", "granian", "--interface", "asgi", "--port", port, "starlette_app:app"],
    "daphne": lambda port: [PYTHON, "-m", "daphne", "--port", port, "starlette_app:app"],
    "daphne, Django": lambda port: [PYTHON, "-m", "daphne", "--port", port, "django_app:asgi_application"],
    "hypercorn": lambda port: [PYTHON, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", "starlette_app:app"],
}


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_delivers_what_a_dead_process_left(server: str, tmp_path: Path) -> None:
    with LocalTracker() as tracker:
        paths = [str(EXAMPLES), *filter(None, sys.path)]
        environment = {**os.environ, "TRACKER_URL": tracker.url, "PYTHONPATH": os.pathsep.join(paths)}
        subprocess.run([PYTHON, "-c", LEAVE, tracker.url], cwd=tmp_path, env=environment, check=True, timeout=60)
        port = free_port()
        process = subprocess.Popen(
            SERVERS[server](str(port)),
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(port, process)
            get(port, "/nowhere")
            arrived = wait_until(lambda: LEFT in [one.target for one in tracker.received()], timeout=30)
        finally:
            end(process)
    assert arrived


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


# What a request pays for it


def roused(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(site.delivery, "rouse", lambda: calls.append(os.getpid()))
    return calls


def visit(site: Site) -> None:
    site.begin(wsgi.EnvironView(Request().environ()))


def test_only_the_first_request_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    site = make_site()
    calls = roused(site, monkeypatch)
    visit(site)
    site.begin(asgi.ScopeView(Request().scope()))
    assert calls == [os.getpid()]


def test_a_forked_process_looks_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def look(self) -> None: ...

        def fail(self) -> None:
            raise RuntimeError("the others are still to be told of the fork")

    failing = Failing()
    watch_forks(failing.look, failing.look, failing.fail)
    site = make_site()
    calls = roused(site, monkeypatch)
    visit(site)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            visit(site)
            os.write(writing, str(calls[1:] == [os.getpid()]).encode())
        except BaseException as error:  # noqa: BLE001 - this must not go on as another run of the tests
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    assert os.read(reading, 1000) == b"True"
    os.close(reading)


def test_where_nothing_was_left_no_file_is_made(tmp_path: Path) -> None:
    delivery = Delivery(f"sqlite:///{tmp_path / 'spool.sqlite3'}")
    delivery._take_over()
    assert list(tmp_path.iterdir()) == []
