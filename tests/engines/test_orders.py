"""An order and its buy commit together: what rolls back is not reported, and what is committed is, once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from tests.engines.places import NONE
from tests.engines.servers import Postgres
from tests.engines.sink import Sink
from tests.heavy import TIMES
from tests.identity.asking import MADE, view

import footfall
from footfall import Config, Money, Site
from footfall.consent import always_granted, own_cookie
from footfall.delivery import Delivery, spool_status
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.spool.leases import Settlement
from footfall.delivery.worker import Worker
from footfall.errors import EventError
from footfall.events import Buy
from footfall.trackers import Raptor, Yoochoose

ORDERS = 120 if TIMES == 1 else 1000
SCRIPT = Path(__file__).with_name("orders.py")


@pytest.fixture
def orders(postgres: Postgres) -> Postgres:
    postgres.execute("DROP TABLE IF EXISTS orders")
    postgres.execute("CREATE TABLE orders (number integer PRIMARY KEY)")
    if not postgres.execute("SELECT 1 FROM pg_roles WHERE rolname = 'shop'"):
        postgres.execute("CREATE ROLE shop")
    postgres.execute("GRANT ALL ON orders TO shop")
    return postgres


def write_orders(kind: str, postgres: Postgres, sink: Sink, spool: str) -> dict[int, str]:
    """Write orders by processes that die now and then; tells what each order was to go through."""
    ways: dict[int, str] = {}
    environment = {**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1])}
    while len(ways) < ORDERS:
        command = [sys.executable, str(SCRIPT), kind, postgres.url, sink.url, spool, str(len(ways)), str(ORDERS)]
        command.append(str(7 + len(ways)))
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=environment)
        said = [line for line in done.stdout.splitlines() if line != "done"]
        assert said, done.stderr
        ways.update((int(number), way) for number, _, way in (line.partition(" ") for line in said))
    return ways


def deliver(url: str, until: Callable[..., bool]) -> None:
    worker = Worker(url)
    worker.start()
    try:
        assert until(lambda: worker.depth().stats.pending == 0, 60)
    finally:
        worker.stop(5)


@pytest.mark.parametrize("kind", ["django", "sqlalchemy"])
def test_the_committed_orders_buys_are_delivered_each_once(
    kind: str, orders: Postgres, sink: Sink, tmp_path: Path, until: Callable[..., bool]
) -> None:
    spool = f"sqlite:///{tmp_path}/spool.sqlite3"
    ways = write_orders(kind, orders, sink, spool)
    deliver(orders.url, until)
    committed = {number for (number,) in orders.execute("SELECT number FROM orders")}
    # Every order that would have been committed without us was, and no other.
    lost = {"rollback", "inner rollback", "kill before", "kill after"}
    assert committed == {number for number, way in ways.items() if way not in lost}
    forbidden = {number for number in committed if ways[number] == "forbidden"}
    bought = [int(target.split("/")[6].split("?")[0]) - 1 for target in sink.targets]
    assert sorted(bought) == sorted(committed - forbidden)
    # What the database would not take is set aside, with its reason.
    delivery = Delivery(spool, engine=orders.url, deliver_here=False)
    with closing(delivery):
        delivery.attend()
        delivery.flush(10)
        assert spool_status(spool).stats.failed == len(forbidden) > 0
    with closing(open_engine(orders.url)) as engine:
        stats = engine.stats()
    assert (stats.accepted, stats.delivered) == (len(bought), len(bought))


# One connection at a time


@pytest.fixture
def site(orders: Postgres, tmp_path: Path) -> Site:
    return make_site(orders, tmp_path)


def make_site(orders: Postgres, tmp_path: Path, **settings: Any) -> Site:
    settings.setdefault("consent", always_granted)
    site = Site(
        Config(**settings),
        trackers=[Yoochoose("00000"), Raptor("12345")],
        delivery=Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", engine=orders.url),
    )
    MADE.append(site)
    return site


BUY = Buy("3298", price=Money("19.99", "EUR"))


def waiting(postgres: Postgres) -> int:
    return int(postgres.execute("SELECT count(*) FROM footfall_requests")[0][0])


def counted(postgres: Postgres) -> int:
    return int(postgres.execute("SELECT count(*) FROM footfall_counters")[0][0])


def test_psycopgs_own_connection_serves(site: Site, orders: Postgres) -> None:
    with psycopg.connect(orders.url) as connection:
        site.begin(view(), debug=True).emit(BUY, within=connection)
        assert waiting(orders) == 0
        connection.commit()
        assert waiting(orders) == 2
        site.begin(view(), debug=True).emit(BUY, within=connection)
        connection.rollback()
    assert waiting(orders) == 2
    assert counted(orders) == 0, "a counter's row, locked until the commit, would have all orders wait in line"


def test_a_session_serves_as_its_connection_does(site: Site, orders: Postgres) -> None:
    database = create_engine(orders.url.replace("postgresql://", "postgresql+psycopg://"))
    with Session(database) as session:
        site.begin(view(), debug=True).emit(BUY, within=session)
        session.commit()
    database.dispose()
    assert waiting(orders) == 2


def test_a_visitor_who_comes_back_from_paying_buys_in_the_orders_transaction(orders: Postgres, tmp_path: Path) -> None:
    site = make_site(orders, tmp_path, secret_keys=("a key of thirty-two letters, say",))
    token = site.begin(view(), debug=True).snapshot()
    with psycopg.connect(orders.url) as connection:
        site.resume(token).emit(BUY, within=connection)
    assert waiting(orders) == 2


def test_what_an_order_writes_falls_due_two_seconds_after_its_commit(site: Site, orders: Postgres) -> None:
    with psycopg.connect(orders.url) as connection:
        site.begin(view(), debug=True).emit(BUY, within=connection)
    with closing(open_engine(orders.url)) as engine:
        engine.turn(Settlement(), lambda _: NONE, owner="me", now=0, lease=10)
        (waits,) = orders.execute("SELECT min(due) - extract(epoch FROM now())::float8 FROM footfall_requests")[0]
        assert 1 < waits <= 2
        assert engine.stats().accepted == 2


def test_without_consent_it_is_refused_and_counted(orders: Postgres, tmp_path: Path) -> None:
    site = make_site(orders, tmp_path, consent=own_cookie())
    with psycopg.connect(orders.url) as connection:
        tracking = site.begin(view(), debug=True)
        tracking.emit(BUY, within=connection)
        tracking.grant()  # too late for what was asked before
    assert waiting(orders) == 0
    assert dict(site.stats().refused) == {"consent": 2}


def test_a_table_that_is_missing_leaves_the_order_as_it_is(site: Site, orders: Postgres, tmp_path: Path) -> None:
    orders.execute("CREATE DATABASE elsewhere")
    url = f"{orders.url.removesuffix('/postgres')}/elsewhere"
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE orders (number integer)")
        site.begin(view(), debug=True).emit(BUY, within=connection)
        connection.execute("INSERT INTO orders VALUES (1)")
        connection.commit()
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    orders.execute("DROP DATABASE elsewhere WITH (FORCE)")
    site.flush(10)
    assert site.stats().failed == 2


def test_a_connection_in_no_transaction_has_it_go_as_ever(
    site: Site, orders: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(orders.url, autocommit=True) as connection:
        site.begin(view(), debug=True).emit(BUY, within=connection)
    assert site.stats().accepted == 2
    assert site.flush(10) == 0
    assert "emit inside the order's transaction" in caplog.text


def test_an_async_connection_is_told_of_run_sync(site: Site, orders: Postgres) -> None:
    async def ask() -> None:
        tracking = site.begin(view(), debug=True)
        database = create_async_engine(orders.url.replace("postgresql://", "postgresql+psycopg://"))
        async with database.begin() as connection, AsyncSession(connection) as session:
            for one in (connection, session):
                with pytest.raises(EventError, match="run_sync"):
                    tracking.emit(BUY, within=one)
            # And what it names works.
            await session.run_sync(lambda sync: tracking.emit(BUY, within=sync.connection()))
        await database.dispose()
        async with await psycopg.AsyncConnection.connect(orders.url) as raw:
            with pytest.raises(EventError, match="run_sync"):
                tracking.emit(BUY, within=raw)

    asyncio.run(ask())
    assert waiting(orders) == 2


def test_no_connection_at_all_is_refused(site: Site) -> None:
    with pytest.raises(EventError, match=r"within: is a SimpleNamespace; give the connection that writes the order"):
        site.begin(view(), debug=True).emit(BUY, within=SimpleNamespace())
    # In production an order must not fail for it.
    site.begin(view(), debug=False).emit(BUY, within=SimpleNamespace())
    assert site.stats().failed == 2


def test_a_site_without_that_engine_is_told_of_the_other_way(tmp_path: Path) -> None:
    site = Site(
        Config(consent=always_granted),
        trackers=[Raptor("12345")],
        delivery=Delivery(f"sqlite:///{tmp_path}/spool.sqlite3"),
    )
    MADE.append(site)
    with pytest.raises(EventError, match="emit_on_commit"):
        site.begin(view(), debug=True).emit(BUY, within=object())
