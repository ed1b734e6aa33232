"""What a courier may rely on, wherever requests wait: the spool of one machine, PostgreSQL, Valkey."""

from __future__ import annotations

import time

from tests.engines.places import Place, request_to

from footfall.delivery.spool.leases import Failure, Lease, Postponement, Room, Settlement

ALL = Room(100)


def paths(leases: list[Lease]) -> list[str]:
    return [lease.request.url.rpartition("/")[2] for lease in leases]


def delivered(*leases: Lease) -> Settlement:
    return Settlement(delivered=[lease.id for lease in leases])


def test_what_was_published_is_leased_in_its_order(place: Place) -> None:
    place.put(*(request_to(n) for n in range(5)))
    assert paths(place.turn(room=Room(3))) == ["0", "1", "2"]
    assert paths(place.turn(room=ALL, owner="other")) == ["3", "4"]


def test_what_is_leased_is_nobody_elses(place: Place) -> None:
    place.put(request_to(1))
    assert place.turn(room=ALL)
    assert place.turn(room=ALL, owner="other") == []


def test_a_request_comes_as_it_went(place: Place) -> None:
    sent = request_to("käse", "anna", aside=True)
    place.put(sent)
    (lease,) = place.turn(room=ALL)
    assert lease.request == sent
    assert abs(lease.accepted - time.time()) < 10
    assert lease.attempts == 0
    assert lease.until > time.time() + 900


def test_one_visitors_requests_go_one_at_a_time_over_all_workers(place: Place) -> None:
    place.put(request_to(1, "anna"), request_to(2, "anna"), request_to(3, "bert"), request_to(4, "anna"))
    first = place.turn(room=ALL)
    assert paths(first) == ["1", "3"]
    assert place.turn(room=ALL, owner="other") == []
    place.turn(delivered(first[0]))
    second = place.turn(room=ALL, owner="other")
    assert paths(second) == ["2"]
    assert place.turn(room=ALL) == []
    place.turn(delivered(*second), owner="other")
    assert paths(place.turn(room=ALL)) == ["4"]


def test_what_is_nobodys_waits_for_nobody(place: Place) -> None:
    place.put(request_to(1), request_to(2), request_to(3))
    assert paths(place.turn(room=ALL)) == ["1", "2", "3"]


def test_visitors_keep_their_order_for_each_tracker_alone(place: Place) -> None:
    place.put(request_to(1, "anna", tracker="one"), request_to(2, "anna", tracker="two"))
    assert sorted(paths(place.turn(room=ALL))) == ["1", "2"]


def test_what_is_put_off_comes_when_it_is_due_and_its_visitor_waits(place: Place) -> None:
    place.put(request_to(1, "anna"), request_to(2, "anna"))
    (lease,) = place.turn(room=ALL)
    due = time.time() + 0.3
    found = place.turn(Settlement(postponed=[Postponement(lease.id, due)]), room=ALL)
    assert found == []
    while not found:
        found, now = place.turn(room=ALL, owner="other"), time.time()
    (again,) = found
    assert now >= due - 0.01  # a store may keep milliseconds
    assert (paths([again]), again.attempts) == (["1"], 1)


def test_what_has_failed_before_takes_no_more_than_its_share(place: Place) -> None:
    place.put(*(request_to(n) for n in range(4)))
    leases = place.turn(room=ALL)
    now = time.time() - 1
    place.turn(Settlement(postponed=[Postponement(lease.id, now) for lease in leases]))
    place.put(request_to("new"))
    found = place.turn(room=Room(4, again=2))
    assert sorted(paths(found)) == ["0", "1", "new"]


def test_a_probe_is_a_fresh_request_and_rather_one_that_may_be_repeated(place: Place) -> None:
    place.put(request_to(0), request_to(1), request_to(2), request_to("buy", aside=True))
    (lease,) = place.turn(room=Room(1))
    place.turn(Settlement(postponed=[Postponement(lease.id, time.time() - 1)]))
    assert paths(place.turn(room=Room(1, probe=True))) == ["2"]
    # What was looked at and not chosen is still there.
    assert sorted(paths(place.turn(room=ALL))) == ["0", "1", "buy"]


def test_a_probe_is_an_old_one_where_there_is_none_other(place: Place) -> None:
    place.put(request_to(0))
    (lease,) = place.turn(room=Room(1))
    place.turn(Settlement(postponed=[Postponement(lease.id, time.time() - 1)]))
    assert paths(place.turn(room=Room(1, probe=True))) == ["0"]


def test_a_lease_that_has_run_out_is_another_workers(place: Place) -> None:
    place.put(request_to(1, "anna"), request_to(2, "anna"))
    (lost,) = place.turn(room=ALL, lease=-1.0)
    found = place.turn(room=ALL, owner="other")
    assert paths(found) == ["1"]
    # Whoever comes back with a verdict has no say any more.
    place.turn(delivered(lost))
    assert place.stats().delivered == 0
    place.turn(delivered(*found), owner="other")
    assert place.stats().delivered == 1


def test_a_lease_that_is_renewed_stays(place: Place) -> None:
    place.put(request_to(1))
    (lease,) = place.turn(room=ALL, lease=-1.0)  # it has run out, and nobody has taken it yet
    place.turn(renewed=[lease.id], lease=100.0)
    assert place.turn(room=ALL, owner="other") == []


def test_what_must_go_once_and_may_have_gone_is_set_aside(place: Place) -> None:
    place.put(request_to(1, "anna", aside=True), request_to(2, "anna"))
    place.turn(room=ALL, lease=-1.0)
    place.turn(room=ALL, owner="other")
    assert paths(place.turn(room=ALL, owner="other")) in (["2"], [])  # SQLite leases in the same look
    stats = place.stats()
    assert (stats.accepted, stats.failed, stats.pending) == (2, 1, 1)


def test_what_failed_is_counted_and_its_visitors_next_steps_forward(place: Place) -> None:
    place.put(request_to(1, "anna"), request_to(2, "anna"))
    (lease,) = place.turn(room=ALL)
    assert place.turn(room=ALL) == []
    found = place.turn(Settlement(failed=[Failure(lease.id, "answered 400", 400, "no")]), room=ALL)
    assert paths(found) == ["2"]
    assert place.stats().failed == 1


def test_an_erasure_takes_what_waits_and_what_is_under_way(place: Place) -> None:
    place.put(request_to(1, "anna"), request_to(2, "anna"), request_to(3, "bert"))
    leases = place.turn(room=Room(1))
    assert paths(leases) == ["1"]
    place.erase("anna")
    place.turn(delivered(*leases))
    assert paths(place.turn(room=ALL)) == ["3"]
    stats = place.stats()
    assert (stats.accepted, stats.delivered, stats.pending, stats.erased) == (3, 0, 1, 2)


def test_a_key_is_taken_once(place: Place) -> None:
    place.put(request_to(1, "anna", once="anna logs in"), request_to(2, "anna", once="anna logs in"))
    place.put(request_to(3, "anna", once="anna logs in"))
    assert paths(place.turn(room=ALL)) == ["1"]
    assert (place.stats().accepted, dict(place.stats().refused)) == (1, {"repeated": 2})


def test_a_line_of_any_length_holds_up_nobody(place: Place) -> None:
    place.put(*(request_to(n, "anna") for n in range(500)), request_to("bert", "bert"))
    found: list[str] = []
    for _ in range(3):
        found += paths(place.turn(room=Room(64)))
    assert found == ["0", "bert"]


def test_settling_twice_counts_once(place: Place) -> None:
    place.put(request_to(1), request_to(2))
    leases = place.turn(room=ALL)
    place.turn(delivered(*leases))
    place.turn(delivered(*leases))
    stats = place.stats()
    assert (stats.accepted, stats.delivered, stats.pending) == (2, 2, 0)
