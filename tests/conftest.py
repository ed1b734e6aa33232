"""Real programs, and real servers on loopback, for the tests that need them; and an ear and an eye
for what no log and no response may hold."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import hypothesis
import pytest
import uvicorn
from starlette.types import ASGIApp
from tests.counting import Counted, count_cookies
from tests.heavy import TIMES
from tests.identity.asking import MADE
from tests.listening import VISITORS, Listener

# A generated case is late when the machine is busy: that is no finding.
hypothesis.settings.register_profile("unhurried", deadline=None, max_examples=100 * TIMES)
hypothesis.settings.load_profile("unhurried")

#: From a program's name and Debian's name of the package it comes with to where it lies.
Program = Callable[[str, str], str]


if "PYTEST_XDIST_WORKER" in os.environ:
    # A worker is measured, what it starts is not: a process that forks at any moment would leave its child
    # waiting for a lock of coverage's own, held by a thread that the child does not have.
    for _name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS")]:
        del os.environ[_name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a program of its own reads or keeps: our headers and rows are the same on each Python."""
    for item in items:
        if {"browsers", "caches", "engines"} & set(item.path.parts):
            item.add_marker(pytest.mark.once)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat what is marked ``heavy``: its processes and threads meet in another way each time."""
    if TIMES > 1 and metafunc.definition.get_closest_marker("heavy") is not None:
        if "turn" not in metafunc.fixturenames:
            metafunc.fixturenames.append("turn")
        metafunc.parametrize("turn", range(TIMES), indirect=True, ids=lambda turn: f"turn {turn}")


@pytest.fixture
def turn(request: pytest.FixtureRequest) -> int:
    """Which time a heavy test runs."""
    number: int = getattr(request, "param", 0)
    return number


class Serve(Protocol):
    """Serves an application from a thread until the block ends; gives its port on 127.0.0.1."""

    def __call__(
        self, app: ASGIApp, *, certificate: Path | None = None, key: Path | None = None
    ) -> AbstractContextManager[int]: ...


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    """Hear every record of the package, at DEBUG, for the whole run."""
    logger, listener = logging.getLogger("footfall"), Listener()
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(listener)
    yield listener
    logger.removeHandler(listener)
    logger.setLevel(level)


@pytest.fixture(autouse=True)
def _no_visitor_in_the_log(listener: Listener) -> Iterator[None]:
    """Fail the test in which the package logs what a visitor sent: no test of the suite is an exception."""
    listener.heard.clear()
    yield
    told = [line for line in listener.heard if VISITORS.search(line)]
    assert told == [], "a log record holds what a visitor sent"


@pytest.fixture(scope="session")
def counted() -> Iterator[Counted]:
    """Count our cookies on every response of the run."""
    with count_cookies() as counted:
        yield counted


@pytest.fixture(autouse=True)
def _no_cookie_of_another(counted: Counted) -> Iterator[None]:
    yield
    wrong, counted.wrong = counted.wrong, []
    assert wrong == []


@pytest.fixture(autouse=True)
def _no_site_left_open() -> Iterator[None]:
    """Close what a test made to ask: its threads would log into the tests that follow."""
    before = len(MADE)
    yield
    for site in MADE[before:]:
        site.close(0)
    del MADE[before:]


@pytest.fixture(scope="session")
def program() -> Program:
    """Find a program; without it the test is skipped where a person runs it, and fails in CI."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

    def find(name: str, package: str) -> str:
        found = shutil.which(name, path=path)
        if found is not None:
            return found
        advice = f"{name} is missing: apt-get install --no-install-recommends {package}"
        if os.environ.get("CI"):
            pytest.fail(advice)
        pytest.skip(advice)

    return find


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve an application by uvicorn, over TLS if there is a certificate."""

    @contextmanager
    def run(app: ASGIApp, *, certificate: Path | None = None, key: Path | None = None) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
            # Head and body are two writes: the second would wait 40 ms for the first one's acknowledgement.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            config = uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="served", daemon=True)
            thread.start()
            try:
                yield listening.getsockname()[1]
            finally:
                _stop(server, thread)

    return run


def _stop(server: uvicorn.Server, thread: threading.Thread) -> None:
    server.should_exit = True
    thread.join(5)
    if thread.is_alive():
        server.force_exit = True
        thread.join(5)
    assert not thread.is_alive(), "the server did not stop within 10 seconds"


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], object]], bool]:
    """Look again and again until something is true, for 30 seconds at most; says whether it came true."""

    def wait(condition: Callable[[], object], timeout: float = 30.0) -> bool:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    return wait


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago, for a program that cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port
