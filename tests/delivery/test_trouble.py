"""Trackers that are down, slow, wrong or overloaded: nothing is lost, and nothing else suffers."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from footfall.delivery import list_failed
from footfall.wire import WhenUnanswered

SHORT = timedelta(seconds=1)


def test_nothing_is_lost_while_a_tracker_refuses_connections(make_delivery: Any, request_to: Any, sink: Any) -> None:
    sink.close()
    delivery = make_delivery()
    for n in range(1000):
        delivery.accept([request_to(f"/{n}", visitor=str(n % 50))])
    assert delivery.flush(5) == 1000
    sink.open()
    assert delivery.flush(20) == 0
    assert len(sink.requests) == len(set(sink.targets)) == 1000


def test_nothing_is_lost_while_a_tracker_answers_503(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any
) -> None:
    sink.always(answers.Answer(503))
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}", visitor=str(n % 50)) for n in range(1000)])
    assert delivery.flush(5) == 1000
    refused = len(sink.requests)
    sink.always(answers.OK)
    assert delivery.flush(20) == 0
    assert len(set(sink.targets[refused:])) == len(sink.requests) - refused == 1000


def test_nothing_is_lost_while_a_tracker_hangs(make_delivery: Any, request_to: Any, sink: Any, answers: Any) -> None:
    sink.always(answers.HANG)
    delivery = make_delivery(timeout=SHORT)
    delivery.accept([request_to(f"/{n}", visitor=str(n % 50)) for n in range(1000)])
    assert delivery.flush(5) == 1000
    sink.always(answers.OK)
    assert delivery.flush(20) == 0
    assert len(set(sink.answered)) == len(sink.answered) == 1000


def test_a_tracker_that_is_down_gets_a_probe_now_and_then(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any
) -> None:
    sink.always(answers.Answer(503))
    delivery = make_delivery(concurrency=8)
    delivery.accept([request_to(f"/{n}") for n in range(1000)])
    delivery.flush(3)
    # Of a thousand. Waits begin with 0.05 to 0.1 s, as chance has it, and grow with the time that it has been down.
    assert 8 <= len(sink.requests) <= 40


def test_a_tracker_that_is_down_does_not_hold_up_another(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    sink.answer = lambda received: answers.HANG if received.target.startswith("/slow") else answers.OK
    delivery = make_delivery(timeout=timedelta(seconds=30), concurrency=8)
    delivery.accept([request_to(f"/slow/{n}", tracker="slow", visitor=str(n)) for n in range(100)])
    delivery.accept([request_to(f"/fast/{n}", tracker="fast", visitor=str(n)) for n in range(100)])
    assert until(lambda: delivery.stats().trackers["fast"].delivered == 100)
    assert delivery.stats().trackers["slow"].pending == 100


def test_recovery_is_noticed_within_four_seconds(make_delivery: Any, request_to: Any, sink: Any, until: Any) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}", visitor=str(n)) for n in range(200)])
    delivery.flush(4)
    back = time.time()
    sink.open()
    assert until(lambda: len(sink.requests) == 200)
    assert sink.requests[0].at - back < 4


def test_four_seconds_after_its_return_a_tracker_gets_as_many_requests_at_a_time_as_ever(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    sink.close()
    delivery = make_delivery(concurrency=16)
    delivery.accept([request_to(f"/{n}", visitor=str(n)) for n in range(200)])
    delivery.flush(4)
    sink.answer = lambda received: answers.OK if len(sink.requests) == 1 else answers.HANG
    back = time.time()
    sink.open()
    assert until(lambda: len(sink.requests) == 17)  # the probe was answered, and what follows stays under way
    assert sink.requests[-1].at - back < 4


def test_one_visitors_order_survives_retries(make_delivery: Any, request_to: Any, sink: Any, answers: Any) -> None:
    """D-07."""
    seen: Counter[str] = Counter()

    def flaky(received: Any) -> Any:
        seen[received.target] += 1
        number = int(received.target.rpartition("/")[2])
        return answers.Answer(500) if number % 5 == 0 and seen[received.target] == 1 else answers.OK

    sink.answer = flaky
    delivery = make_delivery()
    delivery.accept([request_to(f"/{who}/{n}", visitor=who) for n in range(20) for who in ("anna", "bert", "cleo")])
    assert delivery.flush(60) == 0
    for who in ("anna", "bert", "cleo"):
        answered = [target for target in sink.answered if target.startswith(f"/{who}/")]
        in_order = list(dict.fromkeys(answered))
        assert in_order == [f"/{who}/{n}" for n in range(20)]


def test_a_refused_request_fails_alone_with_its_reason(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, spool: str
) -> None:
    """Y-61, T18: its neighbours are delivered."""
    bad = answers.Answer(400, body=b"unknown item\n")
    sink.answer = lambda received: bad if received.target == "/bad" else answers.OK
    delivery = make_delivery()
    delivery.accept([request_to("/a"), request_to("/bad"), request_to("/b")])
    assert delivery.flush(10) == 0
    (failed,) = list_failed(spool)
    assert (failed.status, failed.reason, failed.answer) == (400, "answered 400", "unknown item\\n")
    assert sink.targets.count("/bad") == 1
    assert delivery.stats().delivered == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 414])
def test_what_a_tracker_will_never_take_is_asked_once_and_set_aside(
    status: int, make_delivery: Any, request_to: Any, sink: Any, answers: Any, spool: str
) -> None:
    """Y-61, Y-62, Y-63, Y-64."""
    sink.always(answers.Answer(status, body=b"no"))
    delivery = make_delivery()
    delivery.accept([request_to("/1")])
    assert delivery.flush(10) == 0
    (failed,) = list_failed(spool)
    assert (failed.status, failed.answer, failed.attempts, len(sink.requests)) == (status, "no", 1, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_a_request_to_another_host(
    status: int, make_delivery: Any, request_to: Any, sink: Any, answers: Any, spool: str
) -> None:
    """Y-67."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        sink.always(answers.Answer(status, (("Location", f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"),)))
        delivery = make_delivery()
        delivery.accept([request_to("/1")])
        assert delivery.flush(10) == 0
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    (failed,) = list_failed(spool)
    assert (failed.status, len(sink.requests)) == (status, 1)


@pytest.mark.parametrize("form", ["seconds", "a date"])
def test_retry_after_is_obeyed(form: str, make_delivery: Any, request_to: Any, sink: Any, answers: Any) -> None:
    # A date is of whole seconds: three from now are two at least.
    text = "2" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    busy = answers.Answer(429, (("Retry-After", text),))
    sink.answer = lambda received: busy if len(sink.requests) == 1 else answers.OK
    delivery = make_delivery()
    delivery.accept([request_to("/1", visitor="anna"), request_to("/2", visitor="anna")])
    assert delivery.flush(20) == 0
    first, second, *_ = sink.requests
    assert second.at - first.at >= 1.9


@pytest.mark.parametrize("trouble", ["HANG", "CUT", "GARBAGE"])
def test_revenue_that_was_sent_and_not_answered_is_set_aside(
    trouble: str, make_delivery: Any, request_to: Any, sink: Any, answers: Any, spool: str
) -> None:
    sink.always(getattr(answers, trouble))
    delivery = make_delivery(timeout=SHORT)
    delivery.accept([request_to("/buy", kind="buy", when_unanswered=WhenUnanswered.SET_ASIDE)])
    assert delivery.flush(10) == 0
    (failed,) = list_failed(spool)
    assert failed.reason.startswith("unanswered: ")
    assert sink.targets == ["/buy"]


def test_revenue_that_could_not_be_sent_is_kept_and_sent(make_delivery: Any, request_to: Any, sink: Any) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to("/buy", kind="buy", when_unanswered=WhenUnanswered.SET_ASIDE)])
    assert delivery.flush(0.5) == 1
    sink.open()
    assert delivery.flush(20) == 0
    assert sink.targets == ["/buy"]


@pytest.mark.parametrize("trouble", ["CUT", "GARBAGE"])
def test_a_click_that_was_sent_and_not_answered_is_repeated(
    trouble: str, make_delivery: Any, request_to: Any, sink: Any, answers: Any
) -> None:
    sink.answer = lambda received: getattr(answers, trouble) if len(sink.requests) < 3 else answers.OK
    delivery = make_delivery()
    delivery.accept([request_to("/click")])
    assert delivery.flush(20) == 0
    assert sink.answered[-1] == "/click"


def test_a_connection_cut_before_anything_is_read_loses_nothing(make_delivery: Any, request_to: Any, sink: Any) -> None:
    sink.cut_on_connect = True
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}") for n in range(20)])
    assert delivery.flush(1) == 20
    sink.cut_on_connect = False
    assert delivery.flush(20) == 0
    assert len(set(sink.targets)) == 20


def test_what_cannot_be_delivered_in_time_is_given_up(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, spool: str
) -> None:
    """Y-65."""
    sink.always(answers.Answer(500))
    delivery = make_delivery(retry_for=timedelta(seconds=2))
    delivery.accept([request_to("/1")])
    assert delivery.flush(20) == 0
    (failed,) = list_failed(spool)
    assert (failed.reason, failed.status) == ("given up: answered 500", 500)
    assert failed.attempts > 1


def test_flush_and_close_return_in_time_whatever_the_tracker_does(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any
) -> None:
    """T14."""
    sink.always(answers.HANG)
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}") for n in range(100)])
    start = time.monotonic()
    assert delivery.flush(1) == 100
    assert delivery.close(1) == 100
    assert time.monotonic() - start < 5


def test_no_log_line_names_a_visitor_or_a_url(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sink.answer = lambda received: (
        answers.Answer(400, body=b"no anna@shop.example") if "1" in received.target else answers.CUT
    )
    caplog.set_level(logging.DEBUG, "footfall")
    delivery = make_delivery(timeout=SHORT)
    delivery.accept([request_to(f"/anna@shop.example/{n}", visitor=f"anna{n}@shop.example") for n in range(20)])
    delivery.set_aside("main", "buy", "anna@shop.example", "no price")
    delivery.flush(1)
    delivery.erase("anna0@shop.example")
    delivery.close(0.5)
    assert caplog.records
    assert "anna" not in "".join(str(record.__dict__) for record in caplog.records)


def test_the_same_trouble_is_logged_once_a_minute(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sink.always(answers.Answer(400))
    delivery = make_delivery()
    delivery.accept([request_to(f"/{n}") for n in range(100)])
    assert delivery.flush(10) == 0
    assert [record.message for record in caplog.records] == [
        "a request failed: answered 400; `footfall spool failed` lists what failed"
    ]


def test_a_full_spool_refuses_counts_logs_and_calls_the_hook(
    make_delivery: Any, request_to: Any, sink: Any, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """T16, T17."""
    sink.close()
    told: list[tuple[str, str, int]] = []
    delivery = make_delivery(max_pending_bytes=1024 * 1024, on_drop=lambda *drop: told.append(drop))
    taken = refused = 0
    deadline = time.monotonic() + 20
    while refused < 100 and time.monotonic() < deadline:
        if delivery.accept([request_to("/" + "x" * 2000)]):
            taken += 1
        else:
            refused += 1
    assert until(lambda: delivery._process.outbox.full)  # and so is what has room in its segment
    assert until(lambda: sum(number for _, _, number in told) == refused)
    assert {drop[:2] for drop in told} == {("main", "full")}
    stats = delivery.stats()
    assert (stats.accepted, stats.pending, stats.refused) == (taken, taken, {"full": refused})
    assert [record.message for record in caplog.records if "dropped" in record.message]


def test_a_spool_in_memory_has_a_bound_too(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    """T16."""
    sink.always(answers.HANG)
    delivery = make_delivery("memory:", max_pending_bytes=1024 * 1024)
    taken = 0
    while taken < 30 and delivery.accept([request_to("/" + "x" * 100_000)]):
        taken += 1
    assert until(lambda: not delivery.accept([request_to("/small")]))
    stats = delivery.stats()
    assert stats.accepted == stats.pending
    assert set(stats.refused) == {"full"}


def test_what_the_spool_in_memory_has_counts_as_soon_as_it_has_it(
    make_delivery: Any, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    """T16: a burst is bounded, not only what there is when somebody looks."""
    sink.always(answers.HANG)
    delivery = make_delivery("memory:", max_pending_bytes=1024 * 1024)
    delivery.warm_up()
    taken = 0
    for _ in range(40):
        taken += delivery.accept([request_to("/" + "x" * 100_000)])
        delivery._process.mover.step()  # as its thread does, but not when it looks
    assert 8 <= taken <= 10  # an empty spool has its size too
    assert delivery.stats().refused == {"full": 40 - taken}


def test_erased_while_waiting_is_never_sent(make_delivery: Any, request_to: Any, sink: Any, until: Any) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to(f"/anna/{n}", visitor="anna") for n in range(10)])
    delivery.flush(0.5)
    delivery.accept([request_to(f"/anna/{n}", visitor="anna") for n in range(10, 20)])
    delivery.accept([request_to("/bert", visitor="bert")])
    delivery.erase("anna")
    assert until(lambda: delivery.stats().erased == 20)
    sink.open()
    assert delivery.flush(20) == 0
    stats = delivery.stats()
    assert (stats.accepted, stats.delivered, stats.erased) == (21, 1, 20)
    assert sink.targets == ["/bert"]


def test_refused_is_counted_by_reason_and_tracker(make_delivery: Any, request_to: Any) -> None:
    delivery = make_delivery()
    delivery.refuse("main", "consent")
    delivery.refuse("main", "bot", 3)
    delivery.refuse("other", "bot")
    for _ in range(2):  # before and after the spool has them
        stats = delivery.stats()
        assert stats.refused == {"consent": 1, "bot": 4}
        assert stats.trackers["main"].refused == {"consent": 1, "bot": 3}
        delivery.accept([request_to()])
        delivery.flush(5)


def test_threads_that_emit_at_once_lose_nothing(make_delivery: Any, request_to: Any, sink: Any) -> None:
    delivery = make_delivery()

    def emit(start: int) -> None:
        for n in range(start, start + 250):
            delivery.accept([request_to(f"/{n}", visitor=str(n % 50))])

    threads = [threading.Thread(target=emit, args=(start,)) for start in range(0, 2000, 250)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert delivery.flush(30) == 0
    assert len(sink.requests) == len(set(sink.targets)) == 2000
