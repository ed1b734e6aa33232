"""Whoever is killed, and whenever: nothing is lost, and what is repeated was under way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest
from tests.engines.fleet import Fleet
from tests.engines.servers import Postgres, Valkey
from tests.engines.sink import Sink
from tests.heavy import TIMES

from footfall.delivery.engines.opening import open_engine

EVENTS = 300 if TIMES == 1 else 33_334  # a host
#: The bounds are for a busy machine: a run takes half a minute.
pytestmark = pytest.mark.timeout(4 * 2000 if TIMES > 1 else 400)
PATIENCE = 150.0 if TIMES == 1 else 2000.0  # seconds
KINDS = ("web", "worker", "forwarder", "engine")


class Own(Protocol):
    def __call__(self, **settings: str) -> Postgres | Valkey: ...


@pytest.fixture(params=["postgres", "valkey"])
def own(request: pytest.FixtureRequest) -> Iterator[Own]:
    """Servers of a test's own, to be killed."""
    made: list[Postgres | Valkey] = []

    def make(**settings: str) -> Postgres | Valkey:
        server: Postgres | Valkey
        if request.param == "postgres":
            server = Postgres(request.getfixturevalue("postgres_programs"), **settings)
        else:
            server = Valkey(**settings)
        made.append(server)
        server.start()
        with closing(open_engine(server.url)) as engine:
            engine.migrate()
        return server

    yield make
    for one in made:
        one.end()


MakeFleet = Callable[..., Fleet]


@pytest.fixture
def make_fleet(sink: Sink, tmp_path: Path) -> Iterator[MakeFleet]:
    made: list[Fleet] = []

    def make(server: Postgres | Valkey) -> Fleet:
        made.append(Fleet(server, sink, tmp_path, events=EVENTS, pace=0.004 if TIMES == 1 else 0.001))
        return made[-1]

    yield make
    for one in made:
        one.end()


def check(fleet: Fleet) -> None:
    assert fleet.lost == set()
    assert fleet.duplicates <= fleet.most_duplicates
    assert fleet.overtaken() == []
    hosts, engine = fleet.stats()
    assert hosts.accepted == hosts.forwarded + hosts.pending + hosts.failed + hosts.erased
    assert engine.accepted == engine.delivered + engine.pending + engine.failed + engine.erased
    assert (hosts.pending, engine.pending, engine.failed) == (0, 0, 0)
    if not any(host.gone for host in fleet.hosts):
        assert engine.accepted == hosts.forwarded


@pytest.mark.timeout(3000)
def test_kills_in_turn_and_at_random_and_a_lost_disk_lose_nothing(own: Own, make_fleet: MakeFleet) -> None:
    fleet = make_fleet(own())
    fleet.sink.latency = 0.1 if TIMES == 1 else 0.03
    chance = random.Random(15)
    for whom in [*KINDS, *(chance.choice(KINDS) for _ in range(1 if TIMES == 1 else 60))]:
        fleet.run(chance.uniform(0.0, 0.5))
        fleet.kill_one(chance, whom)
    # A machine goes, and its disk with it, once its forwarder had everything confirmed.
    leaves = fleet.hosts[2]
    assert fleet.run(PATIENCE, until=lambda: leaves.is_done and leaves.pending() == 0)
    leaves.throw_away()
    assert fleet.run(PATIENCE, until=fleet.is_drained)
    twice, most = fleet.duplicates, fleet.most_duplicates
    print(f"{len(fleet.sink.targets)} sent, {twice} of them again, {most} may have been under way at kills")
    assert fleet.lost == set()
    assert twice <= most
    assert fleet.overtaken() == []
    hosts, engine = fleet.stats()
    assert hosts.accepted == hosts.forwarded
    assert (hosts.pending, engine.pending, engine.failed) == (0, 0, 0)
    assert engine.accepted == engine.delivered == hosts.forwarded + leaves.forwarded
