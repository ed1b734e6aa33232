"""What people and schedulers call: the commands on an engine, and the files that start a fleet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engines.places import Engines, request_to
from tests.engines.servers import Postgres, Valkey
from tests.engines.sink import Sink
from tests.identity.asking import DEVICE

import footfall
from footfall.cli import main as run_command
from footfall.cli import make_parser
from footfall.delivery import Delivery, count_failed, engine_status, list_failed, purge_failed, retry_failed
from footfall.delivery.spool.leases import Failure, Postponement, Room, Settlement
from footfall.wire import WireRequest

Server = Postgres | Valkey
FLEET = Path(__file__).parents[2] / "examples" / "fleet"
ALL = Room(100)


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "footfall.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1]), **environment},
    )


@pytest.fixture
def engines(server: Server) -> Iterator[Engines]:
    made = Engines(server.url)
    yield made
    made.close()


def fail(engines: Engines, *requests: WireRequest, reason: str = "answered 400") -> None:
    engines.put(*requests)
    leases = engines.turn(room=ALL)
    engines.turn(Settlement(failed=[Failure(lease.id, reason, 400, "words") for lease in leases]))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run_command(arguments) == 0
    return capsys.readouterr().out


def test_a_run_of_once_sends_what_is_due_and_ends(engines: Engines, server: Server, sink: Sink) -> None:
    for n in range(30):
        engines.put(WireRequest(tracker="main", kind="click", url=f"{sink.url}/{n}", visitor=f"v{n % 3}"))
    done = command("deliver", "--engine", server.url, "--once")
    assert done.returncode == 0, done.stderr
    assert len(sink.targets) == 30
    assert "ended; 0 pending" in done.stdout
    assert f"delivering from {server.url.replace('postgres@', '')}" in done.stdout


def test_a_run_of_once_does_not_wait_for_what_backs_off(postgres: Postgres) -> None:
    engines = Engines(postgres.url)
    engines.put(request_to(1, "anna"), request_to(2, "anna"))
    (lease,) = engines.turn(room=ALL)
    engines.turn(Settlement(postponed=[Postponement(lease.id, time.time() + 500)]))
    engines.close()
    done = command("deliver", "--once", FOOTFALL_ENGINE=postgres.url)
    assert done.returncode == 0, done.stderr
    assert "ended; 2 pending" in done.stdout


def test_a_run_of_once_sends_what_a_spool_holds_by_way_of_the_engine(
    server: Server, sink: Sink, tmp_path: Path
) -> None:
    spool = f"sqlite:///{tmp_path}/spool.sqlite3"
    with closing(Delivery(spool, engine=server.url, deliver_here=False)) as delivery:
        assert delivery.accept([WireRequest(tracker="main", kind="click", url=f"{sink.url}/1")])
    done = command("deliver", "--engine", server.url, "--spool", spool, "--once")
    assert done.returncode == 0, done.stderr
    assert sink.targets == ["/1"]


def test_an_unfit_engine_ends_it_with_an_error() -> None:
    done = command("deliver", "--engine", "redis://:geheim@127.0.0.1:1/0")
    assert done.returncode == 2
    assert "footfall: engine redis://127.0.0.1:1/0 cannot be reached" in done.stderr
    assert "geheim" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--migrate"], "migrate: is given without an engine"),
        (["--engine-durable"], "engine-durable: is given without an engine"),
        (["--engine", "kafka://here"], "engine: begins with no scheme that is known"),
    ],
)
def test_a_wrong_option_names_field_finding_and_remedy(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FOOTFALL_ENGINE", raising=False)
    assert run_command(["deliver", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_migrating_says_what_it_did(postgres: Postgres, capsys: pytest.CaptureFixture[str]) -> None:
    assert "has all that it needs" in said(capsys, "deliver", "--engine", postgres.url, "--migrate")


def test_status_shows_an_engine(engines: Engines, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    engines.put(request_to(1, "anna"), request_to(2, "anna"), request_to(3, tracker="other"))
    engines.turn(room=Room(1))
    shown = json.loads(said(capsys, "spool", "status", server.url, "--json"))
    assert (shown["accepted"], shown["pending"], shown["under_way"]) == (3, 3, 2)
    assert set(shown["trackers"]) == {"main", "other"}
    assert shown["trackers"]["main"]["oldest_pending"] is not None
    assert "postgres@" not in shown["engine"]
    table = said(capsys, "spool", "status", server.url)
    assert "1 worker" in table
    assert "2 under way" in table


def test_status_tells_why_requests_wait(engines: Engines, server: Server) -> None:
    engines.put(request_to(1))
    (lease,) = engines.turn(room=ALL)
    engines.turn(Settlement(postponed=[Postponement(lease.id, time.time() + 500)]))
    (wait,) = engine_status(server.url).waits["main"]
    assert (wait.why, wait.number) == ("backing off", 1)
    engines.workers["me"].leave("me")
    engines.workers["other"].leave("other")
    (wait,) = engine_status(server.url).waits["main"]
    assert wait.why == "nobody delivers"


def test_what_failed_is_listed_and_counted(
    engines: Engines, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(engines, request_to(1, "anna"), request_to(2))
    fail(engines, request_to(3), reason="unanswered: timed out after it was sent")
    rows = list(list_failed(server.url))
    assert [(row.reason, row.status, row.kind, row.attempts) for row in rows] == [
        ("answered 400", 400, "click", 1),
        ("answered 400", 400, "click", 1),
        ("unanswered: timed out after it was sent", 400, "click", 1),
    ]
    assert [row.url for row in rows] == [f"http://127.0.0.1:9/{n}" for n in (1, 2, 3)]
    assert [(one.reason, one.number, one.can_retry) for one in count_failed(server.url)] == [
        ("answered 400", 2, 2),
        ("unanswered: timed out after it was sent", 1, 1),
    ]
    assert [row.url for row in list_failed(server.url, reason="unans")] == ["http://127.0.0.1:9/3"]
    assert list(list_failed(server.url, tracker="other")) == []
    assert list(list_failed(server.url, before=rows[0].failed)) == []
    lines = said(capsys, "spool", "failed", server.url, "--json").splitlines()
    assert len(lines) == 3
    assert all("url" not in json.loads(line) for line in lines)


def test_what_failed_is_sent_again(engines: Engines, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    fail(engines, request_to(1, "anna"), request_to(2, "anna", tracker="other"))
    assert retry_failed(server.url, tracker="main") == 1
    stats = engines.stats()
    assert (stats.accepted, stats.pending, stats.failed) == (2, 1, 1)
    (lease,) = engines.turn(room=ALL)
    assert (lease.request.url, lease.attempts) == ("http://127.0.0.1:9/1", 0)
    assert "1 request pending again" in said(capsys, "spool", "retry", server.url, "--yes")
    assert engines.stats().failed == 0


def test_what_failed_is_thrown_away_and_stays_counted(engines: Engines, server: Server) -> None:
    fail(engines, request_to(1), request_to(2))
    assert purge_failed(server.url) == 2
    assert list(list_failed(server.url)) == []
    assert engines.stats().failed == 2


def test_an_erasure_takes_what_failed_too(engines: Engines, server: Server) -> None:
    fail(engines, request_to(1, "anna"), request_to(2, "bert"))
    engines.erase("anna")
    assert [row.url for row in list_failed(server.url)] == ["http://127.0.0.1:9/2"]
    assert (engines.stats().failed, engines.stats().erased) == (1, 1)


def test_an_unreadable_request_is_set_aside_and_stops_nothing(engines: Engines, server: Server) -> None:
    engines.put(request_to(1, "anna"), request_to(2, "anna"))
    if isinstance(server, Postgres):
        server.execute("UPDATE footfall_requests SET request = '[5]' WHERE id = 1")
    else:
        with server.client() as client:
            client.delete("footfall:{main}:in")
            client.xgroup_create("footfall:{main}:in", "deliver", "0", mkstream=True)
            for n, text in ((1, "[5]"), (2, '["main","click","anna","",0,"GET","http://127.0.0.1:9/2",[],""]')):
                client.xadd("footfall:{main}:in", {"v": "00", "a": "0", "t": "1", "r": text}, id=f"{n}-0")
    engines.turn(room=ALL)
    assert [lease.request.url for lease in engines.turn(room=ALL)] == ["http://127.0.0.1:9/2"]
    (row,) = list_failed(server.url)
    assert (row.can_retry, row.answer) == (False, "[5]")
    assert retry_failed(server.url) == 0


SITE = """
from footfall import Config, Site
from footfall.delivery import Delivery
from footfall.trackers import Raptor
site = Site(Config(), trackers=[Raptor("12345")], delivery=Delivery("sqlite:///{folder}/spool.sqlite3", engine="{url}"))
"""


@pytest.fixture
def site(valkey: Valkey, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command where a site with this engine stands in ``tracking.py``."""
    (tmp_path / "tracking.py").write_text(SITE.format(folder=tmp_path, url=valkey.url), encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(tmp_path), str(Path(footfall.__file__).parents[1])])
        done = command(*arguments, PYTHONPATH=path)
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_a_visitor_is_forgotten_in_the_engine(
    site: Callable[..., subprocess.CompletedProcess[str]], valkey: Valkey
) -> None:
    with closing(Engines(valkey.url)) as engines:
        engines.put(request_to(1, DEVICE), request_to(2, "bert"))
        assert "Erased 1 request" in site("forget", DEVICE, "--site", "tracking:site").stdout
        assert engines.stats().pending == 1


def test_a_sites_status_shows_its_spool_and_its_engine(
    site: Callable[..., subprocess.CompletedProcess[str]], valkey: Valkey, tmp_path: Path
) -> None:
    with closing(Engines(valkey.url)) as engines:
        engines.put(request_to(1))
    alone = json.loads(site("spool", "status", "tracking:site", "--json").stdout)
    assert alone["accepted"] == 1
    with closing(Delivery(f"sqlite:///{tmp_path}/spool.sqlite3")) as delivery:
        delivery.set_aside("main", "buy", "", "no price")
        delivery.attend()
        delivery.flush(5)
    both = json.loads(site("spool", "status", "tracking:site", "--json").stdout)
    assert (both["failed"], both["engine"]["accepted"]) == (1, 1)
    assert "no price" in site("spool", "failed", "tracking:site").stdout


# The files that start a fleet


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FLEET / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FLEET / "kubernetes.yaml").read_text(encoding="utf-8")))


def unit() -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FLEET / "footfall-deliver.service", encoding="utf-8")
    return parser


def started() -> list[list[str]]:
    """Every command of ours in the three files, without the program's path."""
    commands = [service["command"] for service in compose().values() if "command" in service]
    for manifest in manifests():
        pod = manifest["spec"]["template"]["spec"]
        commands += [container["command"] for container in pod["containers"]]
    commands.append(unit()["Service"]["ExecStart"].split())
    return [one[1:] for one in commands if one[0].rpartition("/")[2] == "footfall"]


def test_the_files_start_what_there_is() -> None:
    assert sorted(" ".join(one) for one in started()) == [
        "deliver --drain 20",
        "deliver --drain 20",
        "deliver --drain 20",
        "deliver --migrate",
        "deliver --migrate",
    ]
    for one in started():
        assert make_parser().parse_args(one).drain >= 10


def test_their_commands_run(postgres: Postgres) -> None:
    for one in {tuple(one) for one in started()}:
        ending = () if "--migrate" in one else ("--once",)
        done = command(*one, *ending, FOOTFALL_ENGINE=postgres.url)
        assert done.returncode == 0, done.stderr


def test_they_leave_time_to_drain_and_keep_the_spool() -> None:
    services = compose()
    assert services["deliver"]["stop_grace_period"] == "30s"
    assert services["web"]["volumes"] == ["spool:/var/lib/shop"]
    assert services["deliver"]["environment"] == services["web"]["environment"]
    kinds = {manifest["kind"]: manifest for manifest in manifests()}
    assert set(kinds) == {"Job", "Deployment", "StatefulSet"}
    for kind in ("Deployment", "StatefulSet"):
        assert kinds[kind]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 20
    (claim,) = kinds["StatefulSet"]["spec"]["volumeClaimTemplates"]
    (container,) = kinds["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    assert container["volumeMounts"][0]["name"] == claim["metadata"]["name"]
    service = unit()["Service"]
    assert int(service["TimeoutStopSec"]) > 20
    assert service["Restart"] == "always"
