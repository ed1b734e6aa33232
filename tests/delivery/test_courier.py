"""The courier by itself, with a clock that is set while it works."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from footfall.delivery.journal.codec import encode_request, kind_of
from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.notices import Notices
from footfall.delivery.sending.courier import Courier
from footfall.delivery.spool.leases import Room, Settlement
from footfall.delivery.spool.spool import Spool
from footfall.delivery.stats import Counters
from footfall.wire import WhenUnanswered, WireRequest

NOW = 1_800_000_000.0


class Bench:
    """A courier, its spool, and the time that it goes by."""

    def __init__(self) -> None:
        self.now = NOW
        self.finished = False
        self.spool = Spool(None)
        self.courier = Courier(
            self.spool,
            Notices(),
            owner="me",
            timeout=10.0,
            retry_for=1e6,
            concurrency=8,
            clock=lambda: self.now,
            chance=lambda: 0.5,
        )

    def put(self, *requests: WireRequest) -> None:
        records = [Record(int(NOW * 1e9), kind_of(one), encode_request(one), "a.0", 0) for one in requests]
        self.spool.drain(lambda _: Batch(records=records, offsets={"a.0": 1}))

    def finish(self) -> None:
        if not self.finished:
            self.finished = True
            self.courier.finish(0.0)

    def step_until(self, condition: Callable[[], bool], until: Callable[..., bool]) -> bool:
        def step() -> bool:
            self.courier.wake()
            self.courier.step(0.01)
            return condition()

        return until(step)

    def leased_after(self, seconds: float) -> int:
        """How many another process is then given to send."""
        now = NOW + seconds
        return len(self.spool.turn(Settlement(), lambda _: Room(9), owner="other", now=now, lease=30.0))

    @property
    def counts(self) -> Counters:
        return self.spool.totals().trackers["main"]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.finish()
    bench.spool.close()


def test_other_processes_obey_retry_after_too(
    bench: Bench, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    sink.always(answers.Answer(503, (("Retry-After", "100"),)))
    bench.put(request_to("/1"))
    assert bench.step_until(lambda: bench.spool.owners() == set() and len(sink.requests) == 1, until)

    assert (bench.leased_after(99.0), bench.leased_after(101.0)) == (0, 1)


def test_a_wait_for_the_next_try_is_as_long_as_chance_says(
    bench: Bench, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    """Or what failed together would come back together."""
    sink.always(answers.Answer(503))
    bench.put(request_to("/1"))
    assert bench.step_until(lambda: bench.spool.owners() == set() and len(sink.requests) == 1, until)

    assert (bench.leased_after(0.4), bench.leased_after(0.6)) == (0, 1)


def test_a_tracker_that_is_back_is_sent_what_it_was_not_sent_yet(
    bench: Bench, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    sink.always(answers.Answer(503))
    bench.put(*[request_to(f"/{n}") for n in range(20)])
    assert bench.step_until(lambda: bench.courier.is_down("main"), until)
    failed = len(sink.requests)
    sink.always(answers.OK)
    assert bench.step_until(lambda: bench.counts.delivered == 20 - failed, until)  # no time passes here
    bench.now += 1.0
    assert bench.step_until(lambda: bench.counts.delivered == 20, until)


def test_a_purchase_that_was_not_sent_when_its_process_ended_well_is_the_next_ones_to_send(
    bench: Bench, request_to: Any, until: Any
) -> None:
    """T20: what is certainly not sent is never set aside."""
    with socket.socket() as silent, socket.socket() as other:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        other.setblocking(False)
        other.connect_ex(silent.getsockname())  # its queue is full now: nobody else gets through
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        bench.put(request_to(url=url, when_unanswered=WhenUnanswered.SET_ASIDE))
        assert bench.step_until(lambda: bench.spool.owners() == {"me"}, until)
        bench.finish()
    assert (bench.counts.pending, bench.counts.failed, bench.spool.owners()) == (1, 0, set())


def test_what_is_under_way_is_nobody_elses_for_as_long_as_it_may_take(
    bench: Bench, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    """T21, T22: an exchange may take ten seconds here."""
    sink.always(answers.HANG)
    bench.put(request_to("/1"))
    assert bench.step_until(lambda: len(sink.requests) == 1, until)
    assert bench.spool.turn(Settlement(), lambda _: Room(9), owner="other", now=NOW + 11, lease=30.0) == []


def test_a_clock_set_forward_sends_nothing_twice_and_loses_no_purchase(
    bench: Bench, request_to: Any, sink: Any, answers: Any, until: Any
) -> None:
    """T22: what is under way stays leased, whatever the clock says."""
    sink.always(answers.HANG)
    bench.put(request_to("/click"), request_to("/buy", when_unanswered=WhenUnanswered.SET_ASIDE))
    assert bench.step_until(lambda: len(sink.requests) == 2, until)
    bench.now += 86400
    for _ in range(20):
        bench.step_until(lambda: True, until)
    assert (len(sink.requests), bench.counts.pending, bench.counts.failed) == (2, 2, 0)


def test_a_clock_set_back_keeps_no_tracker_from_being_tried_again(
    bench: Bench, request_to: Any, sink: Any, until: Any
) -> None:
    sink.close()
    bench.put(*[request_to(f"/{n}") for n in range(10)])
    assert bench.step_until(lambda: bench.courier.is_down("main"), until)
    bench.now -= 86400
    bench.spool.prune(bench.now, [])  # as each second
    sink.open()
    assert bench.step_until(lambda: bench.counts.delivered == 10, until)
