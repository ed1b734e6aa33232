"""The engine is away, or another takes its place: pages go on, and nothing is lost."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.engines.servers import Postgres, Valkey
from tests.engines.sink import Sink
from tests.heavy import TIMES

from footfall.delivery import Delivery
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.worker import Worker
from footfall.wire import WireRequest

Until = Callable[..., bool]
AWAY = 1.5 if TIMES == 1 else 60.0  # seconds
PAGE = 0.1  # seconds that no event may take: a page waits for it

Start = Callable[..., Worker]


@pytest.fixture
def start() -> Iterator[Start]:
    made: list[Worker] = []

    def start(url: str) -> Worker:
        made.append(Worker(url, lease=2.0))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.stop(2)


@pytest.fixture(params=["postgres", "valkey"])
def own(request: pytest.FixtureRequest) -> Iterator[Postgres | Valkey]:
    server: Postgres | Valkey
    wants_postgres = request.param == "postgres"
    server = Postgres(request.getfixturevalue("postgres_programs")) if wants_postgres else Valkey()
    try:
        server.start()
        with closing(open_engine(server.url)) as engine:
            engine.migrate()
        yield server
    finally:
        server.end()


class Shop:
    """A process that accepts events, and how long the slowest of them took."""

    def __init__(self, delivery: Delivery, url: str) -> None:
        self.delivery = delivery
        self.url = url
        self.number = 0
        self.longest = 0.0

    def emit(self, number: int) -> None:
        for _ in range(number):
            path = f"/{self.number}"
            request = WireRequest(tracker="main", kind="click", url=self.url + path, visitor=f"v{self.number % 20}")
            before = time.perf_counter()
            assert self.delivery.accept([request])
            self.longest = max(self.longest, time.perf_counter() - before)
            self.number += 1

    @property
    def all(self) -> set[str]:
        return {f"/{n}" for n in range(self.number)}


@pytest.fixture
def make_shop(tmp_path: Path, sink: Sink) -> Iterator[Callable[[str], Shop]]:
    made: list[Shop] = []

    def make(url: str) -> Shop:
        made.append(Shop(Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", engine=url), sink.url))
        return made[-1]

    yield make
    for one in made:
        one.delivery.close(1)


def in_order(targets: list[str]) -> bool:
    latest: dict[int, int] = {}
    for number in dict.fromkeys(int(target[1:]) for target in targets):
        if latest.get(number % 20, -1) > number:
            return False
        latest[number % 20] = number
    return True


@pytest.mark.timeout(300)
def test_an_engine_that_is_away_keeps_no_page_waiting(
    own: Postgres | Valkey, start: Start, make_shop: Callable[[str], Shop], sink: Sink, until: Until
) -> None:
    shop = make_shop(own.url)
    start(own.url)
    shop.emit(200)
    assert until(lambda: len(sink.targets) >= 100)
    if isinstance(own, Postgres):
        own.stop("immediate")
    else:
        own.kill()
    end = time.monotonic() + AWAY
    while time.monotonic() < end:
        shop.emit(20)
        time.sleep(0.02)
    assert shop.longest < PAGE
    own.start()
    assert until(lambda: set(sink.targets) == shop.all, 60)
    assert in_order(sink.targets)
    assert len(sink.targets) - len(shop.all) <= 64  # what was under way


def test_a_synchronous_standby_that_takes_over_has_everything(
    postgres_programs: Path, start: Start, make_shop: Callable[[str], Shop], sink: Sink, until: Until
) -> None:
    primary = Postgres(postgres_programs)
    standby = Postgres(postgres_programs)
    try:
        primary.start()
        with closing(open_engine(primary.url)) as engine:
            engine.migrate()
        shutil.rmtree(standby.data)
        standby.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres", "-R", "-X", "stream",
                    "--checkpoint=fast", "--no-sync", "-D", str(standby.data))  # fmt: skip
        standby.start()
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.execute("SELECT pg_reload_conf()")
        synchronous = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        assert until(lambda: primary.execute(synchronous))
        url = (
            f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/postgres"
            "?target_session_attrs=read-write"
        )
        shop = make_shop(url)
        start(url)
        shop.emit(300)
        assert until(lambda: len(sink.targets) >= 50)
        primary.stop("immediate")
        standby.execute("SELECT pg_promote()")
        shop.emit(100)
        assert until(lambda: set(sink.targets) == shop.all, 60)
        assert in_order(sink.targets)
        assert len(sink.targets) - len(shop.all) <= 64
    finally:
        primary.end()
        standby.end()


class Proxy:
    """An address behind which the server changes, as behind a name or a sentinel's proxy."""

    def __init__(self, port: int) -> None:
        self.target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._writers: set[asyncio.StreamWriter] = set()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers |= {writer, back}
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    def end(self) -> None:
        async def end() -> None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                for task in others:
                    task.cancel()
                await asyncio.wait(others, timeout=0.01)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


def test_a_replica_that_lacks_the_latest_is_given_it_again(
    start: Start, make_shop: Callable[[str], Shop], sink: Sink, until: Until
) -> None:
    primary, replica = Valkey(), Valkey()
    primary.start()
    replica.settings["replicaof"] = f"127.0.0.1 {primary.port}"
    replica.start()
    proxy = Proxy(primary.port)
    url = f"redis://127.0.0.1:{proxy.port}/0"
    try:
        with replica.client() as client:
            assert until(lambda: client.info("replication")["master_link_status"] == "up")
            shop = make_shop(url)
            shop.emit(100)
            assert shop.delivery.flush(10) == 0
            assert until(lambda: client.xlen("footfall:{main}:in") == 100)
            client.replicaof("127.0.0.1", "1")  # it is cut off, as by a broken line
            shop.emit(100)
            assert shop.delivery.flush(10) == 0  # confirmed, and by the primary alone
            assert client.xlen("footfall:{main}:in") == 100
            primary.kill()
            client.replicaof("NO", "ONE")
        proxy.target = replica.port
        shop.emit(50)
        start(url)
        assert until(lambda: set(sink.targets) == shop.all, 60)
        assert len(sink.targets) == len(shop.all)
        assert in_order(sink.targets)
    finally:
        proxy.end()
        primary.end()
        replica.end()
