"""From a host's spool to an engine: each once, whatever is lost on the way, and in the order of each visitor."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.engines.places import request_to
from tests.engines.servers import Postgres, Valkey

from footfall.delivery import Delivery
from footfall.delivery.engines.engine import Engine
from footfall.delivery.engines.forwarder import Forwarder
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.journal.codec import encode_request, kind_of
from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.notices import Notices
from footfall.delivery.spool.leases import Room, Settlement
from footfall.delivery.spool.spool import Spool
from footfall.errors import EngineError
from footfall.wire import WireRequest

Server = Postgres | Valkey
ALL = Room(10_000)


class Host:
    """A machine's spool, and what it publishes with, step by step."""

    def __init__(self, path: Path | None, engine: Engine, *, owner: str = "host") -> None:
        self.spool = Spool(path, forwards=True)
        self.engine = engine
        self.forwarder = Forwarder(self.spool, engine, Notices(), owner=owner)
        self.end = 0
        self.stamp = 1_800_000_000_000_000_000

    def accept(self, *requests: WireRequest) -> None:
        self.end += 1
        records = []
        for one in requests:
            self.stamp += 1_000_000
            records.append(Record(self.stamp, kind_of(one), encode_request(one), "a.0", 0))
        self.spool.drain(lambda _: Batch(records=records, offsets={"a.0": self.end}))

    def forward(self) -> None:
        self.forwarder._blocked_until = 0.0
        self.forwarder._looked.clear()
        for _ in range(5):
            self.forwarder.step(0.0)

    def close(self) -> None:
        self.forwarder.finish()
        self.spool.close()

    @property
    def pending(self) -> int:
        return sum(one.pending for one in self.spool.totals().trackers.values())

    @property
    def forwarded(self) -> int:
        return sum(one.forwarded for one in self.spool.totals().trackers.values())


class MakeHost(Protocol):
    def __call__(self, path: Path | None = None, *, owner: str = "host", engine: Engine | None = None) -> Host: ...


@pytest.fixture
def make_host(server: Server) -> Iterator[MakeHost]:
    made: list[Host] = []

    def make(path: Path | None = None, *, owner: str = "host", engine: Engine | None = None) -> Host:
        made.append(Host(path, engine or open_engine(server.url), owner=owner))
        return made[-1]

    yield make
    for one in made:
        one.close()


def held(server: Server) -> list[str]:
    """What the engine holds, in the order in which one worker gets it."""
    found: list[str] = []
    with closing(open_engine(server.url)) as engine:
        settled = Settlement()
        while True:
            engine.hurry()
            leases = engine.turn(settled, lambda _: ALL, owner="worker", now=1.8e9, lease=1000)
            settled = Settlement(delivered=[lease.id for lease in leases])
            found += [lease.request.url.rpartition("/")[2] for lease in leases]
            if not leases:
                return found


class Deaf:
    """An engine whose confirmations are lost: it takes everything, and nobody hears of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.deaf = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def sync(self) -> None:
        if self.deaf:
            raise EngineError("the line is cut")
        self._engine.sync()


def test_what_is_confirmed_has_left_the_spool(server: Server, make_host: MakeHost) -> None:
    host = make_host()
    host.accept(*(request_to(n, f"v{n % 3}") for n in range(10)))
    host.forward()
    assert (host.pending, host.forwarded) == (0, 10)
    assert sorted(map(int, held(server))) == list(range(10))


def test_a_host_sends_its_parcels_in_order(server: Server, make_host: MakeHost) -> None:
    host = make_host()
    for start in range(0, 4000, 500):
        host.accept(*(request_to(n) for n in range(start, start + 500)))
    host.forward()
    assert held(server) == [str(n) for n in range(4000)]


def test_a_confirmation_that_is_lost_repeats_nothing(server: Server, make_host: MakeHost) -> None:
    engine: Any = Deaf(open_engine(server.url))
    host = make_host(engine=engine)
    host.accept(request_to(1), request_to(2))
    host.forward()
    assert (host.pending, host.forwarded) == (2, 0)
    host.accept(request_to(3))
    host.forward()
    engine.deaf = False
    host.forward()
    assert (host.pending, host.forwarded) == (0, 3)
    assert held(server) == ["1", "2", "3"]


def test_a_confirmation_lost_with_its_process_repeats_nothing(
    server: Server, make_host: MakeHost, tmp_path: Path
) -> None:
    engine: Any = Deaf(open_engine(server.url))
    first = make_host(tmp_path / "spool.sqlite3", engine=engine)
    first.accept(request_to(1), request_to(2))
    first.forward()
    first.close()
    second = make_host(tmp_path / "spool.sqlite3", owner="another")
    second.accept(request_to(3))
    second.forward()
    assert held(server) == ["1", "2", "3"]


def test_what_a_failover_has_lost_is_published_again(server: Server, make_host: MakeHost) -> None:
    host = make_host()
    host.accept(request_to(1))
    host.forward()
    forget_after = marker_of(server)
    host.accept(request_to(2))
    host.forward()
    host.accept(request_to(3))
    host.forward()
    assert held(server) == ["1", "2", "3"]
    put_back(server, forget_after)  # a replica takes over that has not had the last two
    host.forward()
    assert held(server) == ["2", "3"]
    host.forward()
    assert held(server) == []


def marker_of(server: Server) -> tuple[Any, ...]:
    if isinstance(server, Postgres):
        return server.execute("SELECT source, tracker, seq, token FROM footfall_sources")[0]
    with server.client() as client:
        sources: dict[str, str] = client.hgetall("footfall:{main}:sources")
        return next(iter(sources.items()))


def put_back(server: Server, marker: tuple[Any, ...]) -> None:
    if isinstance(server, Postgres):
        server.execute("UPDATE footfall_sources SET seq = %s, token = %s", *marker[2:])
    else:
        with server.client() as client:
            client.hset("footfall:{main}:sources", *marker)


def test_an_older_copy_of_a_spool_loses_nothing(server: Server, make_host: MakeHost, tmp_path: Path) -> None:
    path, copy = tmp_path / "spool.sqlite3", tmp_path / "copy.sqlite3"
    host = make_host(path)
    host.accept(request_to("before"))
    host.close()
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    host = make_host(path)
    host.accept(request_to("after the copy"))
    host.forward()
    host.close()
    for name in ("spool.sqlite3", "spool.sqlite3-wal", "spool.sqlite3-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.move(copy, path)
    restored = make_host(path)
    restored.accept(request_to("new"))
    restored.forward()
    assert restored.pending == 0
    # What the copy still had is published twice, for nobody can tell: nothing is lost.
    found = held(server)
    assert sorted(set(found)) == ["after the copy", "before", "new"]
    assert found.count("before") == 2


def test_one_process_of_a_host_forwards_at_a_time(server: Server, make_host: MakeHost, tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite3"
    one, two = make_host(path, owner="one"), make_host(path, owner="two")
    one.accept(request_to(1))
    one.forward()
    two.accept(request_to(2))
    two.forward()
    assert two.pending == 1
    one.forwarder.finish()
    two.forward()
    assert two.pending == 0
    assert held(server) == ["1", "2"]


def test_the_next_process_takes_over_from_one_that_died(server: Server, make_host: MakeHost, tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite3"
    one, two = make_host(path, owner="one"), make_host(path, owner="two")
    one.accept(request_to(1))
    one.forward()
    assert "one" in two.spool.owners()
    two.spool.orphan(["one"])
    two.accept(request_to(2))
    two.forward()
    assert held(server) == ["1", "2"]


def test_an_erasure_reaches_the_engine_and_what_comes_after_it(server: Server, make_host: MakeHost) -> None:
    here, there = make_host(owner="here"), make_host(owner="there")
    here.accept(request_to(1, "anna"), request_to(2, "bert"))
    here.forward()
    there.accept(request_to(3, "anna"))  # still on its way when anna is forgotten elsewhere
    here.stamp += 10_000_000_000
    erase(here, "anna")
    here.forward()
    there.forward()
    assert held(server) == ["2"]
    with closing(open_engine(server.url)) as engine:
        assert engine.stats().erased == 2


def erase(host: Host, visitor: str) -> None:
    from footfall.delivery.journal.codec import Kind, encode_visitor

    host.end += 1
    host.stamp += 1
    record = Record(host.stamp, Kind.ERASE, encode_visitor(visitor), "a.0", 0)
    host.spool.drain(lambda _: Batch(records=[record], offsets={"a.0": host.end}))


def test_what_is_erased_on_its_way_is_not_published(server: Server, make_host: MakeHost) -> None:
    engine: Any = Deaf(open_engine(server.url))
    host = make_host(engine=engine)
    host.accept(request_to(1, "anna"), request_to(2, "bert"))
    host.forwarder._engine = Away()  # type: ignore[assignment]
    host.forward()
    erase(host, "anna")
    host.forwarder._engine = open_engine(server.url)
    host.forward()
    assert held(server) == ["2"]
    (totals,) = host.spool.totals().trackers.values()
    assert (totals.accepted, totals.forwarded, totals.erased, totals.pending) == (2, 1, 1, 0)


class Away:
    """An engine that cannot be reached."""

    name = "nowhere"

    def check(self) -> list[object]:
        return []

    def marker(self, tracker: str, source: str) -> None:
        return None

    def publish(self, *_: object, **__: object) -> bool:
        raise EngineError("engine nowhere cannot be reached")


def test_a_full_engine_leaves_the_rest_in_the_spool(server: Server, make_host: MakeHost) -> None:
    host = make_host(engine=open_engine(server.url, most_pending=1000))
    for start in range(0, 3000, 1000):
        host.accept(*(request_to(n) for n in range(start, start + 1000)))
    host.forward()
    assert host.pending == 2000
    held(server)
    host.forward()
    assert host.pending == 1000


def test_a_spool_whose_engine_was_taken_away_delivers_by_itself(
    server: Server, make_host: MakeHost, tmp_path: Path
) -> None:
    host = make_host(tmp_path / "spool.sqlite3", engine=Deaf(open_engine(server.url)))
    host.accept(request_to(1, "anna"), request_to(2, "anna"))
    host.forward()
    host.close()
    spool = Spool(tmp_path / "spool.sqlite3")
    spool.take_back()
    leases = spool.turn(Settlement(), lambda _: ALL, owner="me", now=2e9, lease=10)
    assert [lease.request.url[-1] for lease in leases] == ["1"]
    spool.close()


def test_a_site_forwards_by_itself(server: Server, tmp_path: Path) -> None:
    delivery = Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", engine=server.url)
    for n in range(100):
        assert delivery.accept([request_to(n, f"v{n % 7}")])
    assert delivery.flush(10) == 0
    stats = delivery.stats()
    assert (stats.accepted, stats.pending, stats.forwarded) == (100, 0, 100)
    delivery.close()
    assert len(held(server)) == 100


def test_while_the_engine_is_away_events_stay_and_a_close_does_not_wait(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, until: Callable[..., bool]
) -> None:
    delivery = Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", engine="redis://127.0.0.1:1/0")
    assert delivery.accept([request_to(1)])
    assert until(lambda: any("cannot be reached" in record.message for record in caplog.records))
    assert delivery.close(5) == 1
    assert len([record for record in caplog.records if "cannot be reached" in record.message]) == 1


def test_a_site_without_its_tables_says_so_once_and_keeps_everything(
    postgres: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture, until: Callable[..., bool]
) -> None:
    postgres.execute("CREATE DATABASE bare")
    url = f"{postgres.url.removesuffix('/postgres')}/bare"
    delivery = Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", engine=url)
    assert delivery.accept([request_to(1)])
    assert until(lambda: any("--migrate" in record.message for record in caplog.records))
    assert delivery.close(2) == 1
    assert len([record for record in caplog.records if "--migrate" in record.message]) == 1
    postgres.execute("DROP DATABASE bare WITH (FORCE)")
