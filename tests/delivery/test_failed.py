"""A spool seen from outside, and what a person decides about what failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from footfall.commands.deliver import Deliverer
from footfall.delivery import list_failed, purge_failed, retry_failed, spool_status
from footfall.delivery.journal.codec import Kind, encode_aside, encode_request
from footfall.delivery.journal.journal import Journal
from footfall.errors import ConfigError, SpoolError


@pytest.fixture
def with_failures(make_delivery: Any, request_to: Any, sink: Any, answers: Any, spool: str) -> str:
    """A spool with a request that failed at each of two trackers, and an event that never became one."""
    status = {"/1": 400, "/2": 404}
    sink.answer = lambda received: answers.Answer(status[received.target], body=b"no")
    delivery = make_delivery()
    delivery.accept([request_to("/1", tracker="one", visitor="anna"), request_to("/2", tracker="two")])
    delivery.set_aside("one", "buy", "anna", "no price")
    assert delivery.flush(10) == 0
    delivery.close()
    sink.always(answers.OK)
    sink.requests.clear()
    return spool


def test_what_failed_is_listed_with_all_that_a_person_needs(with_failures: str) -> None:
    rows = [
        (f.tracker, f.kind, f.reason.partition(":")[0], f.status, f.answer, f.can_retry)
        for f in list_failed(with_failures)
    ]
    assert sorted(rows) == [
        ("one", "buy", "no price", None, "", False),
        ("one", "click", "answered 400", 400, "no", True),
        ("two", "click", "answered 404", 404, "no", True),
    ]


@pytest.mark.parametrize(
    ("which", "number"),
    [
        ({}, 3),
        ({"tracker": "one"}, 2),
        ({"reason": "answered 40"}, 2),
        ({"reason": "answered 400"}, 1),
        ({"reason": "%"}, 0),
        ({"tracker": "two", "reason": "no price"}, 0),
        ({"before": datetime.now(UTC) - timedelta(hours=1)}, 0),
        ({"before": datetime.now(UTC) + timedelta(hours=1)}, 3),
        ({"since": datetime.now(UTC) - timedelta(hours=1)}, 3),
        ({"since": datetime.now(UTC) + timedelta(hours=1)}, 0),
    ],
)
def test_failures_are_chosen_by_tracker_reason_and_time(with_failures: str, which: dict[str, Any], number: int) -> None:
    assert len(list(list_failed(with_failures, **which))) == number


def test_what_is_tried_again_is_delivered_and_counted(with_failures: str, make_delivery: Any, sink: Any) -> None:
    assert retry_failed(with_failures) == 2
    delivery = make_delivery()
    delivery.warm_up()
    assert delivery.flush(10) == 0
    stats = delivery.stats()
    assert sorted(sink.targets) == ["/1", "/2"]
    assert (stats.accepted, stats.delivered, stats.failed) == (3, 2, 1)


def test_what_is_tried_again_goes_behind_what_its_visitor_did_since(
    with_failures: str, make_delivery: Any, request_to: Any, sink: Any
) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to("/later", tracker="one", visitor="anna")])
    delivery.flush(0.5)
    retry_failed(with_failures, tracker="one")
    sink.open()
    assert delivery.flush(20) == 0
    assert sink.targets == ["/later", "/1"]


def test_what_is_purged_is_gone_and_still_counted(with_failures: str) -> None:
    assert purge_failed(with_failures, tracker="one") == 2
    assert [failed.tracker for failed in list_failed(with_failures)] == ["two"]
    assert spool_status(with_failures).stats.failed == 3


def test_the_status_tells_what_is_where(make_delivery: Any, request_to: Any, sink: Any, spool: str) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}") for n in range(10)])
    delivery.flush(0.5)
    status = spool_status(spool)
    assert status.stats.pending == 10
    assert status.processes == 1
    assert status.spool_bytes > 0
    assert datetime.now(UTC) - status.oldest["main"] < timedelta(minutes=1)


def test_the_status_of_a_site_that_never_moved_its_journal_counts_it(start_child: Any, spool: str) -> None:
    start_child(
        "delivery = Delivery(spool, deliver_here=False); delivery.warm_up(); emit(range(10)); os._exit(0)"
    ).said()
    status = spool_status(spool)
    assert (status.stats.accepted, status.stats.pending, status.processes) == (10, 10, 0)


@pytest.fixture
def journal_alone(spool: str, request_to: Any) -> str:
    """Three requests in the journal of a process that is no more, and no spool yet."""
    journal = Journal(Path(f"{spool.removeprefix('sqlite:///')}.outbox"), limit=1024 * 1024)
    journal.append([(Kind.REQUEST, encode_request(request_to(f"/{n}"))) for n in range(3)])
    journal.append([(Kind.ASIDE, encode_aside("main", "buy", "", "no price"))])
    journal.close()
    return spool


def test_what_is_in_journals_is_counted_though_there_is_no_spool_yet(journal_alone: str, tmp_path: Path) -> None:
    status = spool_status(journal_alone)
    assert (status.stats.accepted, status.stats.pending, status.stats.failed) == (4, 3, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["spool.sqlite3.outbox"]


@pytest.mark.parametrize("act", [retry_failed, purge_failed, lambda spool: list(list_failed(spool))])
def test_where_there_are_journals_alone_nobody_is_told_that_nothing_was_accepted(act: Any, journal_alone: str) -> None:
    with pytest.raises(SpoolError, match=r"in the journals beside it.*start `footfall deliver`"):
        act(journal_alone)


def test_a_repeated_key_is_never_counted_as_accepted_wherever_it_is(start_child: Any, spool: str) -> None:
    start_child("""
from dataclasses import replace
delivery = Delivery(spool, deliver_here=False); delivery.warm_up()
for n in range(3): delivery.accept([replace(request(n), once="anna logs in")])
os._exit(0)
""").said()
    for _ in range(2):
        stats = spool_status(spool).stats
        assert (stats.accepted, stats.pending, stats.refused) == (1, 1, {"repeated": 2})
        start_child("delivery = Delivery(spool, deliver_here=False); delivery.warm_up(); delivery.close()").said()


@pytest.mark.parametrize("act", [spool_status, retry_failed, purge_failed, lambda spool: list(list_failed(spool))])
def test_a_spool_that_is_not_there_is_not_made(act: Any, spool: str, tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="does not exist"):
        act(spool)
    assert list(tmp_path.iterdir()) == []


def test_a_spool_in_memory_cannot_be_looked_at_from_outside() -> None:
    with pytest.raises(ConfigError, match="use its stats"):
        spool_status("memory:")


def test_a_deliverer_needs_a_spool_that_it_can_reach() -> None:
    with pytest.raises(ConfigError, match="write spool="):
        Deliverer("memory:")


def test_no_repr_shows_what_a_tracker_said(with_failures: str) -> None:
    assert all("no'" not in repr(failed) and "/1" not in repr(failed) for failed in list_failed(with_failures))
