"""Why requests wait, and since when: as another process reads it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from footfall.cli import main
from footfall.delivery import Wait, spool_status
from footfall.delivery.spool.couriers import Report, leave, read_reports, report
from footfall.delivery.spool.leases import Standing
from footfall.delivery.spool.spool import Spool

SOON = timedelta(minutes=1)


def waits(spool: str, tracker: str = "main") -> dict[str, Wait]:
    return {wait.why: wait for wait in spool_status(spool).waits.get(tracker, ())}


def is_now(moment: datetime | None) -> bool:
    return moment is not None and abs(datetime.now(UTC) - moment) < SOON


def test_a_tracker_that_is_down_says_so_since_when_and_why(
    make_delivery: Any, request_to: Any, sink: Any, spool: str, until: Callable[..., bool]
) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}") for n in range(10)])
    delivery.accept([request_to("/", tracker="other", url="http://127.0.0.1:9/")])
    assert until(lambda: "down" in waits(spool))
    down = waits(spool)["down"]
    assert is_now(down.since)
    assert down.reason == "no connection"
    assert until(lambda: "backing off" in waits(spool))


def test_a_tracker_that_asked_for_a_pause_says_until_when(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, spool: str, until: Callable[..., bool]
) -> None:
    sink.always(answers.Answer(429, (("Retry-After", "1000"),)))
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}") for n in range(100)])
    assert until(lambda: "paused" in waits(spool))
    paused = waits(spool)["paused"]
    assert is_now(paused.since)
    assert paused.until is not None
    assert is_now(paused.until - timedelta(seconds=1000))
    assert paused.reason == "answered 429"


def test_one_request_that_fails_backs_off_and_its_tracker_is_not_blamed(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, spool: str, until: Callable[..., bool]
) -> None:
    sink.answer = lambda received: (
        answers.Answer(503, (("Retry-After", "30"),)) if "bad" in received.target else answers.OK
    )
    delivery = make_delivery()
    delivery.accept([request_to("/good"), request_to("/bad")])
    assert until(lambda: "backing off" in waits(spool))
    found = waits(spool)
    assert set(found) == {"backing off"}
    assert found["backing off"].number == 1
    assert is_now(found["backing off"].since)
    assert is_now(found["backing off"].until)


def test_where_nobody_delivers_it_is_said_since_when(
    make_delivery: Any, request_to: Any, spool: str, until: Callable[..., bool]
) -> None:
    delivery = make_delivery(deliver_here=False)
    delivery.accept([request_to("/1")])
    delivery.flush(5)
    found = waits(spool)
    assert set(found) == {"nobody delivers"}
    assert is_now(found["nobody delivers"].since)


def test_what_flows_waits_for_nothing(make_delivery: Any, request_to: Any, spool: str) -> None:
    delivery = make_delivery()
    delivery.accept([request_to("/1")])
    assert delivery.flush(5) == 0
    assert spool_status(spool).waits == {}


def test_a_killed_process_is_not_taken_for_one_that_delivers(
    start_child: Any, spool: str, sink: Any, until: Callable[..., bool]
) -> None:
    sink.close()
    child = start_child("delivery = Delivery(spool); emit(range(10)); say('on'); time.sleep(60)")
    child.wait_for("on")
    assert until(lambda: "down" in waits(spool))
    child.kill()
    child.said()
    assert set(waits(spool)) == {"nobody delivers"}


def test_a_tracker_that_is_back_stands_like_any_other(
    make_delivery: Any, request_to: Any, sink: Any, spool: str, until: Callable[..., bool]
) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}") for n in range(20)])
    assert until(lambda: "down" in waits(spool))
    sink.open()
    assert until(lambda: "down" not in waits(spool))


def test_of_processes_that_are_gone_the_last_sight_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite3")
    spool.report("a", {"main": Standing("down", 1.0, None, "answered 500")}, 10.0)
    spool.report("b", {}, 20.0)
    assert spool.couriers() == {"a", "b"}
    spool.orphan(["a"])
    spool.leave("b")
    assert spool.couriers() == set()
    with spool.transaction(write=True) as db:
        assert read_reports(db) == [Report("", 20.0, {})]
        report(db, "c", {}, 5.0)
        leave(db, ["c"])
        assert read_reports(db) == [Report("", 20.0, {})]
    spool.close()


def test_the_command_says_it_in_words(
    make_delivery: Any, request_to: Any, spool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = make_delivery(deliver_here=False)
    delivery.accept([request_to("/1", tracker="raptor")])
    delivery.flush(5)
    main(["spool", "status", spool])
    assert "raptor: nobody delivers since 2" in capsys.readouterr().out
