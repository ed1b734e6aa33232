"""`footfall deliver`: a real process, a real spool, a real tracker on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

import footfall
from footfall.cli import main
from footfall.delivery import Delivery, spool_status
from footfall.wire import WireRequest

Message = MutableMapping[str, Any]


class Tracker:
    """An application that keeps what it is asked for, and answers when it is let."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.silent = False

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]
    ) -> None:
        if scope["type"] != "http":
            return
        self.paths.append(scope["path"])
        if self.silent:
            await asyncio.sleep(8)  # longer than the drain that must not wait for it
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def tracker() -> Tracker:
    return Tracker()


@pytest.fixture
def address(tracker: Tracker, serve: Any) -> Iterator[str]:
    with serve(tracker) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def spool(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/spool.sqlite3"


def put(spool: str, address: str, numbers: range) -> None:
    """Accept requests as a site does that leaves their delivery to others."""
    delivery = Delivery(spool, deliver_here=False)
    for n in numbers:
        assert delivery.accept([WireRequest(tracker="main", kind="click", url=f"{address}/{n}", visitor=str(n % 9))])
    delivery.close()


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run the command; its first line is read when this returns."""
    children: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}
        child = subprocess.Popen(
            [sys.executable, "-m", "footfall.cli", "deliver", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=tmp_path,
        )
        children.append(child)
        watchdog = threading.Timer(60, child.kill)
        watchdog.daemon = True
        watchdog.start()
        assert child.stdout is not None
        assert "delivering from" in child.stdout.readline()
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def until(condition: Callable[[], bool], timeout: float = 20.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_a_site_spooled_is_delivered_and_a_signal_ends_it_well(
    spool: str, address: str, tracker: Tracker, start: Start, number: signal.Signals
) -> None:
    put(spool, address, range(100))
    child = start("--spool", spool)
    assert until(lambda: spool_status(spool).stats.delivered == 100)
    child.send_signal(number)
    out, _ = child.communicate(timeout=20)
    assert (child.returncode, out.splitlines()[-1].partition("ended; ")[2].partition(" ")[0]) == (0, "0")
    assert sorted(tracker.paths) == sorted(f"/{n}" for n in range(100))


def test_a_drain_is_bounded_and_what_is_pending_stays(spool: str, address: str, tracker: Tracker, start: Start) -> None:
    tracker.silent = True
    put(spool, address, range(5))
    child = start("--spool", spool, "--drain", "0.5")
    assert until(lambda: len(tracker.paths) > 0)
    child.terminate()
    child.communicate(timeout=6)
    stats = spool_status(spool).stats
    assert (child.returncode, stats.pending, stats.failed) == (0, 5, 0)


def test_two_processes_share_one_spool_and_send_nothing_twice(
    spool: str, address: str, tracker: Tracker, start: Start
) -> None:
    children = [start("--spool", spool) for _ in range(2)]
    put(spool, address, range(300))
    assert until(lambda: spool_status(spool).stats.delivered == 300)
    for child in children:
        child.terminate()
    assert [child.wait(20) for child in children] == [0, 0]
    assert sorted(tracker.paths) == sorted(f"/{n}" for n in range(300))


@pytest.mark.heavy
def test_what_a_killed_one_left_is_delivered_by_the_next(
    spool: str, address: str, tracker: Tracker, start: Start
) -> None:
    tracker.silent = True
    put(spool, address, range(5))
    first = start("--spool", spool)
    assert until(lambda: len(tracker.paths) > 0)
    first.kill()
    first.wait(20)
    tracker.silent = False
    start("--spool", spool)
    assert until(lambda: spool_status(spool).stats.delivered == 5)


def test_a_site_says_where_its_spool_is(
    spool: str, address: str, tracker: Tracker, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(
        "from footfall import Site\nfrom footfall.delivery import Delivery\n"
        f"site = Site(delivery=Delivery({spool!r}, deliver_here=False))\n"
    )
    put(spool, address, range(3))
    start("shop:site")
    assert until(lambda: len(tracker.paths) == 3)


def test_counts_are_reported_again_and_again(spool: str, address: str, start: Start) -> None:
    put(spool, address, range(3))
    child = start("--spool", spool, "--report", "0.2")
    assert child.stdout is not None
    wanted = "accepted 3, delivered 3"
    assert any(wanted in child.stdout.readline() for _ in range(50))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--spool", "memory:"], "deliverer needs the spool"),
        (["--spool", "sqlite:////no/such/folder/spool.sqlite3"], "cannot be"),
        (["shop.tracking:site", "--spool", "spool.sqlite3"], "leave one of them out"),
        (["no_such_shop:site"], "no module"),
    ],
)
def test_what_cannot_be_delivered_from_is_an_error_that_says_why(arguments: list[str], words: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "footfall.cli", "deliver", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1])},
    )
    assert (ended.returncode, words in ended.stderr) == (2, True), ended.stderr


def test_a_site_that_is_switched_off_delivers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "silent_shop.py").write_text("from footfall import Site\nshop = Site()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("FOOTFALL_SEND", "0")
    assert main(["deliver", "silent_shop:shop"]) == 2
    assert "switched off (FOOTFALL_SEND" in capsys.readouterr().err


def test_a_drain_without_bound_is_not_to_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["deliver", "--drain", "inf"])
    assert (ending.value.code, "0 to 86400" in capsys.readouterr().err) == (2, True)
