from __future__ import annotations

from footfall.delivery.sending.breaker import Breaker, backoff
from footfall.delivery.spool.leases import Room


def down(chance: float = 1.0) -> Breaker:
    breaker = Breaker(64, lambda: chance)
    for _ in range(5):
        breaker.failed(0.0, None)
    return breaker


def test_a_tracker_that_is_up_gets_as_many_requests_as_are_free() -> None:
    assert Breaker(64, lambda: 0.5).room(0.0, in_flight=60) == Room(4)


def test_one_failure_among_successes_changes_nothing() -> None:
    breaker = Breaker(64, lambda: 0.5)
    for _ in range(20):
        breaker.failed(0.0, None)
        breaker.succeeded()
    assert not breaker.open


def test_a_tracker_that_is_down_gets_one_probe_at_a_time() -> None:
    breaker = down()
    assert breaker.room(1.0, in_flight=0) == Room(1, probe=True)
    breaker.sent(1.0)
    assert breaker.room(1.0, in_flight=1) == Room(0, probe=True)


def test_a_hanging_probe_does_not_keep_the_next_one_waiting() -> None:
    breaker = down()
    breaker.sent(1.0)
    assert breaker.room(10.0, in_flight=1).limit == 1


def test_no_more_than_three_seconds_pass_between_two_probes() -> None:
    breaker, now, gaps = down(), 1.0, list[float]()
    for _ in range(30):
        start = now
        breaker.sent(now)
        while not breaker.room(now, in_flight=0).limit:
            now += 0.01
        gaps.append(now - start)
    assert 0.2 < gaps[0] < gaps[1] < gaps[2]
    assert max(gaps) < 3.1


def test_an_hour_of_silence_costs_a_probe_every_few_seconds() -> None:
    breaker, now, probes = down(), 0.0, 0
    while now < 3600:
        if breaker.room(now, in_flight=0).limit:
            breaker.sent(now)
            probes += 1
        now += 0.1
    assert probes < 3600 / 1.4


def test_one_answer_lets_everything_through_again() -> None:
    breaker = down()
    assert breaker.succeeded()
    assert breaker.room(1.0, in_flight=0) == Room(64)
    assert not breaker.succeeded()


def test_a_tracker_that_asks_to_be_left_alone_is() -> None:
    breaker = Breaker(64, lambda: 0.5)
    breaker.failed(100.0, 30.0)
    assert breaker.room(129.9, in_flight=0).limit == 0
    assert breaker.room(130.0, in_flight=0).limit == 64


def test_waits_grow_to_an_end_with_full_jitter() -> None:
    longest = [backoff(n, 1.0) for n in range(1, 100)]
    assert longest[:4] == [1.0, 2.0, 4.0, 8.0]
    assert longest[-1] == 600.0
    assert backoff(50, 0.0) == 0.0
