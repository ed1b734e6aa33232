"""When a tracker counts as down, how often it is tried then, and how long one request waits."""

from __future__ import annotations

import pytest

from footfall.delivery.sending.breaker import Breaker, backoff


def failing(visitors: int, chance: float = 1.0) -> Breaker:
    breaker = Breaker(lambda: chance)
    for n in range(visitors):
        breaker.failed(f"visitor {n}", 0.0)
    return breaker


def test_one_failure_among_successes_changes_nothing() -> None:
    breaker = Breaker(lambda: 0.5)
    for n in range(20):
        breaker.failed(n, n)
        breaker.succeeded(n)
    assert not breaker.is_down


def test_a_tracker_is_down_when_the_requests_of_five_visitors_fail() -> None:
    assert not failing(4).is_down
    assert failing(5).is_down


def test_one_visitors_failures_are_never_its_trackers() -> None:
    breaker = Breaker(lambda: 0.5)
    assert not any(breaker.failed("anna", n) for n in range(1000))


def test_however_many_fail_a_tracker_that_has_just_answered_is_not_down() -> None:
    breaker = Breaker(lambda: 0.5)
    breaker.succeeded(10.0)
    assert not any(breaker.failed(n, 11.0) for n in range(1000))
    assert breaker.failed("one more", 11.01)


def probe_gaps(seconds: float, chance: float = 1.0) -> list[float]:
    breaker, now, last, gaps = failing(5, chance), 0.0, 0.0, list[float]()
    while now < seconds:
        if breaker.may_probe(now):
            gaps.append(now - last)
            last = now
            breaker.sent(now)
        now += 0.01
    return gaps


def test_a_tracker_that_may_be_back_soon_is_asked_often() -> None:
    assert len(probe_gaps(1.0)) >= 9


def test_no_more_than_three_seconds_pass_between_two_probes() -> None:
    gaps = probe_gaps(120)
    assert 2.9 < gaps[-1] <= max(gaps) < 3.1


def test_an_hour_of_silence_costs_a_probe_every_few_seconds() -> None:
    assert len(probe_gaps(3600, chance=0.0)) < 3600 / 1.4


def test_one_answer_brings_it_back() -> None:
    breaker = failing(5)
    assert breaker.succeeded(1.0)
    assert not breaker.is_down
    assert not breaker.succeeded(1.0)


def test_one_request_that_is_told_to_wait_pauses_nobody_else() -> None:
    breaker = Breaker(lambda: 0.5)
    assert not breaker.told_to_wait("anna", 1.0, 30.0)
    assert not breaker.told_to_wait("anna", 2.0, 30.0)
    breaker.succeeded(3.0)
    assert not breaker.told_to_wait("bert", 4.0, 30.0)
    assert not breaker.is_down


def test_a_tracker_that_tells_two_visitors_to_wait_is_left_alone_until_then() -> None:
    breaker = Breaker(lambda: 0.5)
    breaker.told_to_wait("anna", 1.0, 10.0)
    assert breaker.told_to_wait("bert", 2.0, 30.0)
    assert (breaker.may_probe(31.9), breaker.may_probe(32.0)) == (False, True)
    assert breaker.succeeded(32.1)


def test_what_was_under_way_when_a_tracker_asked_for_a_pause_does_not_end_it() -> None:
    breaker = Breaker(lambda: 0.5)
    breaker.told_to_wait("anna", 1.0, 30.0)
    breaker.told_to_wait("bert", 1.0, 30.0)
    assert not breaker.succeeded(1.1)
    assert breaker.is_down
    assert not breaker.may_probe(30.9)


@pytest.mark.parametrize("down_first", [False, True])
def test_a_tracker_that_is_told_down_may_still_ask_for_a_pause(down_first: bool) -> None:
    breaker = failing(5 if down_first else 0)
    breaker.told_to_wait("anna", 1.0, 30.0)
    breaker.told_to_wait("bert", 1.0, 30.0)
    assert not breaker.may_probe(30.0)


def test_waits_grow_to_an_end_with_full_jitter() -> None:
    longest = [backoff(n, 1.0) for n in range(1, 100)]
    assert longest[:4] == [1.0, 2.0, 4.0, 8.0]
    assert longest[-1] == 600.0
    assert backoff(50, 0.0) == 0.0
