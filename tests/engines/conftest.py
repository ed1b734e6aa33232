"""One PostgreSQL and one Valkey for all tests that do not kill theirs, emptied before each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.engines.places import Engines, Place, Spooled
from tests.engines.servers import Postgres, Valkey, postgres_folder
from tests.engines.sink import Sink

from footfall.delivery.engines.opening import open_engine


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    found = postgres_folder()
    if found is not None:
        return found
    advice = "PostgreSQL's programs are missing: apt-get install --no-install-recommends postgresql"
    if os.environ.get("CI"):
        pytest.fail(advice)
    pytest.skip(advice)


@pytest.fixture(scope="session")
def shared_postgres(postgres_programs: Path) -> Iterator[Postgres]:
    server = Postgres(postgres_programs)
    try:
        server.start()
        with closing(open_engine(server.url)) as engine:
            engine.migrate()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[Valkey]:
    server = Valkey()
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture
def postgres(shared_postgres: Postgres) -> Postgres:
    shared_postgres.empty()
    return shared_postgres


@pytest.fixture
def valkey(shared_valkey: Valkey) -> Valkey:
    shared_valkey.empty()
    return shared_valkey


ENGINES = ("postgres", "valkey")


@pytest.fixture(params=ENGINES)
def server(request: pytest.FixtureRequest) -> Postgres | Valkey:
    """Each engine's server in turn."""
    found: Postgres | Valkey = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=("sqlite", *ENGINES))
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Each place that a courier can send from, in turn."""
    made: Place
    made = Spooled() if request.param == "sqlite" else Engines(request.getfixturevalue(request.param).url)
    yield made
    made.close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.end()


@pytest.fixture(scope="session")
def until() -> Callable[..., bool]:
    """Look again and again, with an end to it; says whether it came true."""

    def wait(condition: Callable[[], object], timeout: float = 20.0) -> bool:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    return wait
