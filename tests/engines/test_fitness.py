"""An engine that would lose requests is refused, with the line to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from tests.conftest import Program
from tests.engines.servers import Postgres, Valkey

from footfall import Site
from footfall.check import check_engine
from footfall.delivery import Delivery, SharedCounters, Stats
from footfall.delivery.engines.engine import Finding
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.worker import Worker
from footfall.errors import EngineError

Serve = Callable[..., Valkey]


@pytest.fixture
def serve_valkey() -> Iterator[Serve]:
    made: list[Valkey] = []

    def serve(program: str | None = None, **settings: str) -> Valkey:
        made.append(Valkey(program, **settings))
        made[-1].start()
        return made[-1]

    yield serve
    for one in made:
        one.end()


def findings(url: str) -> list[Finding]:
    with closing(open_engine(url)) as engine:
        return list(engine.check())


def told(url: str) -> str:
    return "; ".join(finding.text for finding in findings(url))


def test_a_server_that_keeps_everything_is_fit(valkey: Valkey, postgres: Postgres) -> None:
    assert findings(valkey.url) == []
    assert findings(postgres.url) == []


def test_debians_old_server_is_refused(program: Program, serve_valkey: Serve) -> None:
    server = serve_valkey(program("redis-server", "redis-server"))
    assert "; use Valkey, or Redis 7.2 or newer" in told(server.url)
    with pytest.raises(EngineError, match=r"7\.2 or newer"):
        # No word of the site's makes it younger.
        Worker(server.url, engine_durable=True).start()


def test_a_server_without_a_log_is_refused_unless_the_site_knows_better(serve_valkey: Serve) -> None:
    server = serve_valkey(appendonly="no")
    assert "write appendonly yes" in told(server.url)
    with pytest.raises(EngineError, match="write appendonly yes"):
        Worker(server.url).start()
    worker = Worker(server.url, engine_durable=True)
    worker.start()
    assert worker.stop(5) == 0


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, "write maxmemory-policy noeviction"),
        ({"appendfsync": "no"}, "write appendfsync everysec"),
    ],
)
def test_a_server_that_forgets_is_refused(serve_valkey: Serve, settings: dict[str, str], line: str) -> None:
    assert line in told(serve_valkey(**settings).url)


def test_a_server_that_evicts_only_what_has_an_end_is_fit(serve_valkey: Serve) -> None:
    assert findings(serve_valkey(**{"maxmemory-policy": "volatile-lru"}).url) == []


def test_a_replica_is_refused(valkey: Valkey, serve_valkey: Serve) -> None:
    replica = serve_valkey(replicaof=f"127.0.0.1 {valkey.port}")
    assert "is a replica, which takes nothing; name its primary" in told(replica.url)


@pytest.mark.parametrize("name", ["synchronous_commit", "fsync", "full_page_writes"])
def test_postgres_that_loses_what_it_confirmed_is_refused(postgres: Postgres, name: str) -> None:
    postgres.execute(f"ALTER SYSTEM SET {name} = off")
    postgres.execute("SELECT pg_reload_conf()")
    try:
        with psycopg.connect(
            postgres.url, autocommit=True
        ) as waiting:  # a new session may begin before the reload has come through
            for _ in range(200):
                if waiting.execute(b"SELECT current_setting(%s)", (name,)).fetchone() == ("off",):
                    break
                waiting.execute(b"SELECT pg_sleep(0.01)")
        assert f"write {name} = on in postgresql.conf" in told(postgres.url)
    finally:
        postgres.execute(f"ALTER SYSTEM RESET {name}")
        postgres.execute("SELECT pg_reload_conf()")


def test_postgres_without_tables_says_how_to_make_them(postgres: Postgres) -> None:
    postgres.execute("CREATE DATABASE empty")
    url = f"{postgres.url.removesuffix('/postgres')}/empty"
    assert "run: footfall deliver --engine URL --migrate" in told(url)
    with pytest.raises(EngineError, match="--migrate"):
        Worker(url).start()
    with closing(open_engine(url)) as engine:
        engine.migrate()
        engine.migrate()
        assert list(engine.check()) == []
    postgres.execute("DROP DATABASE empty WITH (FORCE)")


def test_tables_of_a_newer_release_are_left_alone(postgres: Postgres) -> None:
    postgres.execute("UPDATE footfall_version SET version = version + 1")
    try:
        assert "upgrade footfall here" in told(postgres.url)
    finally:
        postgres.execute("UPDATE footfall_version SET version = version - 1")


@pytest.mark.parametrize("url", ["postgresql://anna:geheim@127.0.0.1:1/shop", "redis://:geheim@127.0.0.1:1/0"])
def test_an_engine_that_is_away_is_named_without_its_password(url: str) -> None:
    with pytest.raises(
        EngineError, match=r"engine (postgresql|redis)://127\.0\.0\.1:1/\w+ cannot be reached"
    ) as raised:
        findings(url)
    assert "geheim" not in str(raised.value)
    assert "anna" not in str(raised.value)


@pytest.mark.parametrize("name", ["an unfit one", "one that is away"])
def test_a_sites_check_asks_its_engine(name: str, serve_valkey: Serve, tmp_path: Path) -> None:
    url = "redis://127.0.0.1:1/0" if name == "one that is away" else serve_valkey(appendonly="no").url
    site = Site(delivery=Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", engine=url))
    (finding,) = check_engine(site)
    assert (finding.severity, finding.field) == ("error", "engine")
    assert "appendonly" in finding.finding or "cannot be reached" in finding.finding
    trusting = Site(delivery=Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", engine=url, engine_durable=True))
    assert len(check_engine(trusting)) == (name == "one that is away")


def test_an_engines_counters_are_read_for_metrics(valkey: Valkey) -> None:
    with closing(SharedCounters(valkey.url)) as counters:
        assert counters.stats() == Stats()
