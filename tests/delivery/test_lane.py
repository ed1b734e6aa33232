"""How many requests a tracker is sent, by what became of those before."""

from __future__ import annotations

from footfall.delivery.sending.lane import Lane
from footfall.delivery.spool.leases import Lease, Room
from footfall.wire import WireRequest


def lease(number: int, attempts: int = 0) -> Lease:
    request = WireRequest(tracker="main", kind="click", url="http://127.0.0.1/", visitor=f"v{number}")
    return Lease(id=number, request=request, accepted=0.0, attempts=attempts)


def lane_with(young: int = 0, hanging: int = 0, again: int = 0, *, answered: bool = True) -> Lane:
    """A lane of 64 at the second 10: what hangs was sent at 1, the rest just now."""
    lane = Lane(64, lambda: 0.5)
    for n in range(hanging):
        lane.sent(lease(n), 1.0)
    for n in range(1000, 1000 + young):
        lane.sent(lease(n), 10.0)
    for n in range(2000, 2000 + again):
        lane.sent(lease(n, attempts=1), 10.0)
    if answered:
        lane.breaker.succeeded(10.0)
    return lane


def test_a_tracker_that_is_up_gets_as_many_as_are_free_and_a_share_of_what_failed_before() -> None:
    assert lane_with(young=60).room(10.0) == Room(4, again=16)
    assert lane_with(young=40, again=10).room(10.0) == Room(14, again=6)


def test_what_has_ended_is_not_under_way() -> None:
    lane = lane_with(young=64)
    for n in range(1000, 1064):
        lane.ended(lease(n))
    assert lane.room(10.0) == Room(64, again=16)


def test_what_hangs_while_others_are_answered_takes_nobodys_slot() -> None:
    assert lane_with(young=10, hanging=50).room(10.0).limit == 54
    assert lane_with(young=10, hanging=50, answered=False).room(10.0).limit == 4


def test_what_hangs_is_bounded_too() -> None:
    assert lane_with(hanging=100).room(10.0).limit == 64 - 36
    assert lane_with(hanging=128).room(10.0) == Room(16, probe=True)
    assert lane_with(hanging=186).room(10.0) == Room(6, probe=True)
    assert lane_with(hanging=192).room(10.0).limit == 0


def test_where_all_hang_and_nothing_is_answered_one_a_second_is_sent_to_see() -> None:
    lane = lane_with(hanging=64, answered=False)
    assert lane.room(10.0) == Room(1, probe=True)
    lane.sent(lease(3000), 10.0)
    assert lane.room(10.9).limit == 0
    assert lane.room(11.1) == Room(1, probe=True)


def test_a_tracker_that_is_down_gets_one_probe_at_a_time_though_another_hangs() -> None:
    lane = Lane(64, lambda: 1.0)
    for n in range(5):
        lane.breaker.failed(n, 0.0)
    assert lane.room(1.0) == Room(1, probe=True)
    lane.sent(lease(1), 1.0)
    assert lane.room(1.0) == Room(0, probe=True)
    assert lane.room(10.0) == Room(1, probe=True)


def test_where_one_is_sent_at_a_time_what_failed_before_has_its_turn_too() -> None:
    assert Lane(1, lambda: 0.5).room(0.0) == Room(1, again=1)
