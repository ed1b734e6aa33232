"""The spool: order, leases, counters, erasure, and a file that cannot be used."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from footfall.delivery.journal.codec import Kind, encode_aside, encode_request, encode_visitor, kind_of
from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.spool import schema
from footfall.delivery.spool.leases import Failure, Lease, Postponement, Room, Settlement
from footfall.delivery.spool.spool import Spool
from footfall.errors import SpoolError
from footfall.wire import WhenUnanswered, WireRequest

NOW = 1_800_000_000.0


class Filled:
    """A spool and short words for what is done to it."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.end = 0

    def put(self, *requests: WireRequest) -> None:
        self.move(*[(kind_of(request), encode_request(request)) for request in requests])

    def move(self, *records: tuple[int, bytes]) -> None:
        done = [Record(int(NOW * 1e9), kind, payload, "a.0", 0) for kind, payload in records]
        self.end += len(done)
        self.spool.drain(lambda _: Batch(records=done, offsets={"a.0": self.end}))

    def lease(
        self, limit: int = 100, *, owner: str = "me", now: float = NOW, settled: Settlement | None = None
    ) -> list[Lease]:
        return self.spool.turn(settled or Settlement(), lambda _: Room(limit), owner=owner, now=now, lease=30.0)

    def settle(self, settled: Settlement, *, owner: str = "me", now: float = NOW) -> None:
        self.spool.turn(settled, lambda _: Room(0), owner=owner, now=now, lease=30.0)

    def counts(self, tracker: str = "main") -> dict[str, int]:
        counters = self.spool.totals().trackers[tracker]
        names = ("accepted", "delivered", "pending", "failed", "erased")
        return {name: getattr(counters, name) for name in names if getattr(counters, name)}


@pytest.fixture(params=["file", "memory"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    spool = Spool(tmp_path / "s.sqlite3", clock=lambda: NOW) if request.param == "file" else Spool(None)
    yield Filled(spool)
    spool.close()


def request(n: int = 0, visitor: str = "", **fields: Any) -> WireRequest:
    fields.setdefault("tracker", "main")
    return WireRequest(kind="click", url=f"http://127.0.0.1/{n}", visitor=visitor, **fields)


def urls(leases: list[Lease]) -> list[str]:
    return [lease.request.url.rpartition("/")[2] for lease in leases]


def test_a_request_comes_out_as_it_went_in(filled: Filled) -> None:
    whole = WireRequest(
        tracker="main",
        kind="buy",
        url="http://127.0.0.1/a%2Fb?c=d",
        method="POST",
        headers=(("X-A", "ü"), ("X-B", "")),
        body=b"\x00\xff",
        visitor="who \U0001f600",
        when_unanswered=WhenUnanswered.SET_ASIDE,
        once="key",
    )
    filled.put(whole)
    assert [lease.request for lease in filled.lease()] == [whole]


def test_text_that_is_no_text_does_not_stop_the_spool(filled: Filled) -> None:
    filled.put(request(1, visitor="half a pair \ud800"), request(2, visitor="nul \0 within"))
    assert urls(filled.lease()) == ["1", "2"]


def test_requests_leave_in_the_order_of_their_acceptance(filled: Filled) -> None:
    filled.put(*[request(n) for n in range(10)])
    assert urls(filled.lease(4)) + urls(filled.lease(100)) == [str(n) for n in range(10)]


def test_one_visitors_second_request_waits_for_the_first(filled: Filled) -> None:
    """D-07."""
    filled.put(request(1, "anna"), request(2, "anna"), request(3, "bert"))
    first = filled.lease()
    assert urls(first) == ["1", "3"]
    assert urls(filled.lease(settled=Settlement(delivered=[first[0].id]))) == ["2"]


def test_one_visitors_requests_to_two_trackers_do_not_wait_for_each_other(filled: Filled) -> None:
    filled.put(request(1, "anna"), request(2, "anna", tracker="other"))
    assert sorted(urls(filled.lease())) == ["1", "2"]


def test_what_is_postponed_holds_back_what_follows_it(filled: Filled) -> None:
    """D-07."""
    filled.put(request(1, "anna"), request(2, "anna"))
    (first,) = filled.lease()
    filled.settle(Settlement(postponed=[Postponement(first.id, NOW + 60)]))
    assert filled.lease(now=NOW + 59) == []
    (again,) = filled.lease(now=NOW + 60)
    assert (again.id, again.attempts) == (first.id, 1)


def test_what_failed_lets_the_next_one_go(filled: Filled) -> None:
    filled.put(request(1, "anna"), request(2, "anna"))
    (first,) = filled.lease()
    assert urls(filled.lease(settled=Settlement(failed=[Failure(first.id, "answered 400", 400, "no")]))) == ["2"]
    assert filled.counts() == {"accepted": 2, "pending": 1, "failed": 1}


def test_a_lease_keeps_others_away_until_it_runs_out(filled: Filled) -> None:
    filled.put(request(1))
    filled.lease(owner="one")
    assert filled.lease(owner="two", now=NOW + 29) == []
    assert urls(filled.lease(owner="two", now=NOW + 31)) == ["1"]


def test_a_dead_processs_leases_end_at_once(filled: Filled) -> None:
    filled.put(request(1))
    filled.lease(owner="dead")
    assert filled.spool.owners() == {"dead"}
    filled.spool.orphan(["dead"])
    assert urls(filled.lease(owner="alive")) == ["1"]


def test_what_a_dead_process_had_under_way_is_set_aside_if_it_must_go_once(filled: Filled) -> None:
    filled.put(request(1, "anna", when_unanswered=WhenUnanswered.SET_ASIDE), request(2, "anna"))
    filled.lease(owner="dead")
    filled.spool.orphan(["dead"])
    filled.lease(owner="alive")
    assert filled.counts() == {"accepted": 2, "pending": 1, "failed": 1}
    assert urls(filled.lease(owner="alive")) == ["2"]


def test_who_has_lost_a_lease_settles_nothing(filled: Filled) -> None:
    filled.put(request(1))
    (lease,) = filled.lease(owner="slow")
    filled.lease(owner="quick", now=NOW + 31)
    filled.settle(Settlement(delivered=[lease.id]), owner="slow")
    assert filled.counts() == {"accepted": 1, "pending": 1}


def test_a_probe_is_rather_what_may_be_repeated(filled: Filled) -> None:
    filled.put(request(1, when_unanswered=WhenUnanswered.SET_ASIDE), request(2))
    leased = filled.spool.turn(Settlement(), lambda _: Room(1, probe=True), owner="me", now=NOW, lease=30.0)
    assert urls(leased) == ["2"]


def test_a_probe_overtakes_none_of_its_visitors_requests(filled: Filled) -> None:
    """D-07."""
    filled.put(request(1, "anna", when_unanswered=WhenUnanswered.SET_ASIDE), request(2, "anna"))
    leased = filled.spool.turn(Settlement(), lambda _: Room(1, probe=True), owner="me", now=NOW, lease=30.0)
    assert urls(leased) == ["1"]


def test_a_probe_is_found_though_all_that_is_oldest_waits_behind_it(filled: Filled) -> None:
    filled.put(*[request(n, "anna") for n in range(1000)])
    (first,) = filled.lease()
    filled.settle(Settlement(postponed=[Postponement(first.id, NOW + 5)]))
    leased = filled.spool.turn(Settlement(), lambda _: Room(1, probe=True), owner="me", now=NOW + 6, lease=30.0)
    assert urls(leased) == ["0"]


def test_no_step_of_delivery_looks_through_all_that_is_pending(tmp_path: Path) -> None:
    """But for an erasure: the time of each must not grow with the spool."""
    filled = Filled(Spool(tmp_path / "s.sqlite3"))
    statements: set[str] = set()
    with filled.spool.transaction() as db:
        db.set_trace_callback(statements.add)
    filled.put(*[request(n, str(n % 3)) for n in range(9)])
    delivered, postponed, failed = filled.lease()
    filled.settle(
        Settlement(
            delivered=[delivered.id],
            postponed=[Postponement(postponed.id, NOW + 10)],
            failed=[Failure(failed.id, "no")],
        )
    )
    filled.spool.turn(Settlement(), lambda _: Room(1, probe=True), owner="dead", now=NOW, lease=30.0)
    filled.spool.orphan(filled.spool.owners())
    filled.spool.prune(NOW, [])
    plans = []
    with filled.spool.transaction() as db:
        db.set_trace_callback(None)
        for statement in statements:
            if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
                plans += [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    filled.spool.close()
    assert len(plans) > 20
    assert [plan for plan in plans if plan.startswith(("SCAN requests", "SCAN r ", "SCAN n", "SCAN once"))] == []


def test_one_visitors_long_line_holds_nobody_else_up(filled: Filled) -> None:
    filled.put(*[request(n, "anna") for n in range(500)], request(999, "bert"))
    assert urls(filled.lease(50)) == ["0", "999"]


def steps_per_request(length: int, others: int) -> float:
    """How many steps SQLite takes for each request, where one visitor has so many and others five each."""
    filled, steps, delivered = Filled(Spool(None)), 0, 0
    filled.put(*[request(n, "anna") for n in range(length)])
    filled.put(*[request(n, f"other {n % others}") for n in range(others * 5)])

    def step() -> None:
        nonlocal steps
        steps += 1

    with filled.spool.transaction() as db:
        db.set_progress_handler(step, 10)
    leased = filled.lease(8)
    while leased:
        delivered += len(leased)
        leased = filled.lease(8, settled=Settlement(delivered=[lease.id for lease in leased]))
    filled.spool.close()
    assert delivered == length + others * 5
    return steps * 10 / delivered


def test_a_request_costs_the_same_however_long_its_visitors_line_is() -> None:
    """It is one after the other, and no look at the first goes through those behind it."""
    assert steps_per_request(4000, 1) < 1.1 * steps_per_request(400, 1)
    assert steps_per_request(4000, 400) < 2 * steps_per_request(400, 400)


def test_what_failed_before_is_given_no_more_than_its_share(filled: Filled) -> None:
    filled.put(*[request(n) for n in range(4)])
    failed = filled.lease()
    filled.settle(Settlement(postponed=[Postponement(lease.id, NOW) for lease in failed]))
    filled.put(*[request(n) for n in range(4, 8)])
    leased = filled.spool.turn(Settlement(), lambda _: Room(4, again=1), owner="me", now=NOW, lease=30.0)
    assert urls(leased) == ["0", "4", "5", "6"]


def test_a_probe_is_rather_what_has_not_failed_and_the_youngest_of_these(filled: Filled) -> None:
    filled.put(request(1))
    filled.settle(Settlement(postponed=[Postponement(lease.id, NOW) for lease in filled.lease()]))
    filled.put(*[request(n) for n in range(2, 9)])
    leased = filled.spool.turn(Settlement(), lambda _: Room(8, probe=True), owner="me", now=NOW, lease=30.0)
    assert urls(leased) == ["8", "7", "6", "5", "4", "3", "2"]
    assert urls(filled.spool.turn(Settlement(), lambda _: Room(1, probe=True), owner="me", now=NOW, lease=30.0)) == [
        "1"
    ]


def test_a_clock_set_back_holds_nothing_up(filled: Filled) -> None:
    filled.put(request(1))
    (lease,) = filled.lease()
    filled.settle(Settlement(postponed=[Postponement(lease.id, NOW + 86400)]))
    filled.spool.prune(NOW, ["a.0"])
    assert urls(filled.lease(now=NOW + 1)) == ["1"]


@pytest.mark.parametrize("ahead", [5400.0, 10 * 86400.0, 2.3e9], ids=["90 minutes", "ten days", "2100"])
@pytest.mark.parametrize("ended", [False, True], ids=["alive", "killed"])
def test_a_clock_that_was_ahead_holds_up_neither_what_was_under_way_nor_what_is_behind_it(
    ahead: float, ended: bool, tmp_path: Path
) -> None:
    clock = [NOW + ahead]
    filled = Filled(Spool(tmp_path / "s.sqlite3", clock=lambda: clock[0]))
    records = [
        Record(int((NOW + ahead) * 1e9), Kind.REQUEST, encode_request(request(n, "anna")), "a.0", 0) for n in (1, 2)
    ]
    filled.spool.drain(lambda _: Batch(records=records, offsets={"a.0": 1}))
    filled.lease(now=clock[0])
    clock[0] = NOW  # it is set right
    if ended:
        filled.spool.orphan(["me"])
    filled.spool.prune(NOW, [])
    (first,) = filled.lease(now=NOW + (1 if ended else 330), owner="other")
    second = filled.lease(now=NOW + 331, owner="other", settled=Settlement(delivered=[first.id]))
    filled.spool.prune(NOW + 331, [])
    second += filled.lease(now=NOW + 332, owner="other")
    filled.spool.close()
    assert urls([first, *second]) == ["1", "2"]


def test_a_clock_set_back_a_little_holds_up_nothing_that_was_never_tried(filled: Filled) -> None:
    filled.put(request(1))
    assert filled.lease(now=NOW - 60) == []
    filled.spool.prune(NOW - 60, ["a.0"])
    assert urls(filled.lease(now=NOW - 60)) == ["1"]


def test_a_lease_that_its_owner_renews_is_neither_leased_anew_nor_lost(filled: Filled) -> None:
    """T22."""
    filled.put(request(1), request(2, when_unanswered=WhenUnanswered.SET_ASIDE))
    leased = [lease.id for lease in filled.lease()]
    later = NOW + 3600
    assert filled.spool.turn(Settlement(), lambda _: Room(9), owner="me", now=later, lease=30.0, renewed=leased) == []
    assert filled.lease(owner="other", now=later + 29) == []
    filled.settle(Settlement(delivered=leased), now=later)
    assert filled.counts() == {"accepted": 2, "delivered": 2}


def test_a_key_is_taken_once(filled: Filled) -> None:
    """T-14."""
    filled.put(request(1, once="anna logs in"), request(2, once="anna logs in"), request(3, once="bert logs in"))
    filled.put(request(4, once="anna logs in"))
    assert urls(filled.lease()) == ["1", "3"]
    assert filled.counts() == {"accepted": 2, "pending": 2}
    assert filled.spool.totals().trackers["main"].refused == {"repeated": 2}


def test_what_is_set_aside_is_accepted_and_failed(filled: Filled) -> None:
    filled.move((Kind.ASIDE, encode_aside("main", "buy", "anna", "no price")))
    assert filled.counts() == {"accepted": 1, "failed": 1}


def failed_urls(spool: Spool) -> list[str]:
    with spool.transaction() as db:
        return [url.rpartition("/")[2] for (url,) in db.execute("SELECT json_extract(request, '$[6]') FROM failed")]


def fail(filled: Filled, *requests: WireRequest, reason: str = "answered 400") -> None:
    filled.put(*requests)
    filled.settle(Settlement(failed=[Failure(lease.id, reason) for lease in filled.lease()]))


def test_of_what_failed_the_oldest_makes_room_and_an_unanswered_purchase_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("footfall.delivery.spool.spool.KEEP_FAILED", 3)
    filled = Filled(Spool(None))
    fail(filled, request(1), reason="unanswered: timed out after it was sent")
    fail(filled, *[request(n) for n in range(2, 8)])
    assert filled.spool.drop_failed() == (4, 0)
    assert failed_urls(filled.spool) == ["1", "6", "7"]
    fail(filled, request(8), request(9), request(10), reason="unanswered: timed out after it was sent")
    assert filled.spool.drop_failed() == (3, 1)
    assert failed_urls(filled.spool) == ["8", "9", "10"]
    assert filled.spool.drop_failed() == (0, 0)
    assert filled.counts() == {"accepted": 10, "failed": 10}
    filled.spool.close()


def test_of_what_failed_no_more_bytes_are_kept_than_should_be() -> None:
    filled = Filled(Spool(None, kept_bytes=50_000))
    fail(filled, *[request(n, headers=(("X", "x" * 1000),)) for n in range(100)])
    number, _ = filled.spool.drop_failed()
    assert 45 < number < 65
    assert failed_urls(filled.spool) == [str(n) for n in range(number, 100)]
    filled.spool.close()


@pytest.mark.parametrize("length", [10, 1000, 3000])
def test_what_failed_does_not_count_toward_what_waits(tmp_path: Path, length: int) -> None:
    """To within a fifth of it: nobody counts pages."""
    filled = Filled(Spool(tmp_path / "s.sqlite3"))
    filled.spool.prune(NOW, [])
    for _ in range(30):
        fail(filled, *[request(n, f"visitor {n}", headers=(("X", "x" * length),)) for n in range(100)])
    with filled.spool.transaction() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    assert filled.spool.prune(NOW, []) < pages * 4096 * 0.25 + 100_000
    filled.spool.close()


def test_sizes_follow_whatever_comes_and_goes(filled: Filled) -> None:
    filled.move((Kind.ASIDE, encode_aside("main", "buy", "anna", "no price")))
    fail(filled, request(1, "anna"), request(2, "bert"), request(3, once="cleo logs in"))
    filled.move((Kind.ERASE, encode_visitor("anna")))
    fail(filled, request(4, "dora", once="dora logs in"))
    filled.move((Kind.ERASE, encode_visitor("dora")))
    with filled.spool.transaction(write=True) as db:
        sizes = dict(db.execute("SELECT name, number FROM sizes"))
        db.execute("DELETE FROM failed")
        db.execute("DELETE FROM once")
        rest = db.execute("SELECT total(bytes) FROM sizes").fetchone()[0]
    assert (sizes, rest) == ({"failed": 2, "once": 1}, 0)


def test_keys_are_bounded_too_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.delivery.spool.spool.KEEP_KEYS", 2)
    now = NOW
    filled = Filled(Spool(None, clock=lambda: now))
    for n in range(4):
        now += 1
        filled.put(request(n, once=str(n)))
    filled.spool.prune(now, [])
    filled.put(request(2, once="2"), request(0, once="0"))
    assert filled.spool.totals().trackers["main"].refused == {"repeated": 1}
    assert filled.counts()["accepted"] == 5
    filled.spool.close()


def test_an_erased_visitor_leaves_nothing_but_numbers(filled: Filled) -> None:
    filled.put(request(1, "anna"), request(2, "anna", once="anna"), request(3, "bert"), request(4, "anna", tracker="b"))
    (first, *_) = filled.lease(1)
    filled.settle(Settlement(failed=[Failure(first.id, "answered 400", 400)]))
    filled.move((Kind.ERASE, encode_visitor("anna")))
    assert filled.counts() == {"accepted": 3, "pending": 1, "erased": 2}
    assert filled.counts("b") == {"accepted": 1, "erased": 1}
    with filled.spool.transaction() as db:
        tables = ("requests", "failed", "once")
        left = [db.execute(f"SELECT count(*) FROM {name} WHERE visitor = 'anna'").fetchone() for name in tables]
    assert left == [(0,), (0,), (0,)]


def test_an_erasure_spares_what_its_visitor_does_later(filled: Filled) -> None:
    first, later = request(1, "anna"), request(2, "anna")
    filled.move(
        (Kind.REQUEST, encode_request(first)),
        (Kind.ERASE, encode_visitor("anna")),
        (Kind.REQUEST, encode_request(later)),
    )
    assert urls(filled.lease()) == ["2"]


def test_what_was_erased_while_under_way_is_settled_by_nobody(filled: Filled) -> None:
    filled.put(request(1, "anna"))
    (lease,) = filled.lease()
    filled.move((Kind.ERASE, encode_visitor("anna")))
    filled.settle(Settlement(delivered=[lease.id]))
    assert filled.counts() == {"accepted": 1, "erased": 1}


def test_nobodys_requests_are_not_erased_together(filled: Filled) -> None:
    filled.put(request(1), request(2))
    filled.move((Kind.ERASE, encode_visitor("")))
    assert filled.counts() == {"accepted": 2, "pending": 2}


def test_records_and_the_offset_up_to_them_are_stored_together(filled: Filled) -> None:
    record = Record(1, Kind.REQUEST, encode_request(request(1)), "a.0", 99)

    def twice(offsets: Mapping[str, int]) -> Batch:
        return Batch(records=[] if offsets.get("a.0") == 99 else [record], offsets={"a.0": 99})

    filled.spool.drain(twice)
    filled.spool.drain(twice)
    assert filled.counts() == {"accepted": 1, "pending": 1}


def test_a_transaction_that_fails_leaves_no_trace(filled: Filled) -> None:
    good = Record(1, Kind.REQUEST, encode_request(request(1)), "a.0", 1)
    offsets: Any = {"a.0": object()}  # nothing that SQLite can store
    with pytest.raises(SpoolError):
        filled.spool.drain(lambda _: Batch(records=[good], offsets=offsets))
    assert filled.spool.totals().trackers == {}
    filled.put(request(1))
    assert filled.counts() == {"accepted": 1, "pending": 1}


def test_a_segment_that_still_exists_keeps_its_offset(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite3", clock=lambda: NOW)
    spool.drain(lambda _: Batch(records=[], offsets={"there": 10, "gone": 20}))
    spool.prune(NOW + 7200, ["there"])
    assert spool.totals().offsets == {"there": 10}
    spool.close()


def test_counters_equal_the_rows(filled: Filled) -> None:
    filled.put(*[request(n, str(n % 7)) for n in range(100)])
    for step in range(10):
        leases = filled.lease(9)
        third = len(leases) // 3
        filled.settle(
            Settlement(
                delivered=[lease.id for lease in leases[:third]],
                failed=[Failure(lease.id, "no") for lease in leases[third : 2 * third]],
                postponed=[Postponement(lease.id, NOW) for lease in leases[2 * third :]],
            )
        )
        if step == 5:
            filled.move((Kind.ERASE, encode_visitor("3")))
    counts = filled.counts()
    with filled.spool.transaction() as db:
        rows = {
            "pending": db.execute("SELECT count(*) FROM requests").fetchone()[0],
            "failed": db.execute("SELECT count(*) FROM failed").fetchone()[0],
        }
    assert rows == {name: counts[name] for name in rows}
    assert counts["accepted"] == 100 == sum(counts[name] for name in ("delivered", "pending", "failed", "erased"))


# The file.


def open_and_close(path: Path) -> None:
    spool = Spool(path)
    try:
        spool.open()
    finally:
        spool.close()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite3")
    spool.open()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    spool.close()
    assert set(modes.values()) == {0o600}
    assert "s.sqlite3-wal" in modes


def corrupt(path: Path) -> None:
    open_and_close(path)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)


def no_sqlite(path: Path) -> None:
    path.write_bytes(b"this is a text file, and long enough to be taken for a header of some kind" * 20)


def foreign(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.close()


def newer(path: Path) -> None:
    open_and_close(path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (corrupt, "is damaged.*move it away"),
        (no_sqlite, "is damaged, or no SQLite file.*move it away"),
        (foreign, "another program's SQLite file: name a file of its own"),
        (newer, "schema version 99.*upgrade footfall"),
        (a_folder, "cannot be opened.*give this process write access"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_what_to_do(
    spoil: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.sqlite3"
    spoil(path)
    with pytest.raises(SpoolError, match=message):
        Filled(Spool(path)).put(request(1))


@pytest.mark.parametrize(("durable", "when_leased"), [("process", "NORMAL"), ("power", "FULL")])
def test_the_disk_has_what_was_taken_over_and_with_power_what_was_settled_too(
    durable: str, when_leased: str, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "s.sqlite3", to_disk=durable == "power")
    synced: list[str] = []

    def note() -> None:
        assert spool._connection is not None
        synced.append(("OFF", "NORMAL", "FULL")[spool._connection.execute("PRAGMA synchronous").fetchone()[0]])

    def read(_: Mapping[str, int]) -> Batch:
        note()
        return Batch(records=[Record(1, Kind.REQUEST, encode_request(request(1)), "a.0", 1)], offsets={"a.0": 1})

    def room(_: str) -> Room:
        note()
        return Room(1)

    spool.drain(read)
    spool.turn(Settlement(delivered=[99]), room, owner="me", now=time.time(), lease=30.0)
    spool.close()
    assert synced == ["FULL", when_leased]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match=r"make the folder .*/nowhere first"):
        open_and_close(tmp_path / "nowhere" / "s.sqlite3")


def test_a_spool_that_another_program_locks_is_given_up_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 50)
    path = tmp_path / "s.sqlite3"
    open_and_close(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    spool = Spool(path)
    with pytest.raises(SpoolError, match="has been locked"):
        spool.refuse([("main", "bot", 1)])
    other.close()
    spool.refuse([("main", "bot", 1)])
    spool.close()


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    filled = Filled(Spool(tmp_path / "s.sqlite3"))
    filled.put(request(1))
    with filled.spool.transaction() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then answers as on a full disk
    with pytest.raises(SpoolError, match="no room left on its disk"):
        filled.put(*[request(n) for n in range(5000)])
    assert filled.spool.is_open  # opening it takes room
    assert filled.counts() == {"accepted": 1, "pending": 1}
    filled.spool.close()


def test_an_older_file_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.sqlite3"
    old = Filled(Spool(path))
    old.put(request(1))
    old.spool.close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("ALTER TABLE failed ADD COLUMN note TEXT",)))
    new = Filled(Spool(path))
    assert urls(new.lease()) == ["1"]
    with new.spool.transaction() as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == len(schema.MIGRATIONS)
        assert db.execute("SELECT note FROM failed").fetchall() == []
    new.spool.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.sqlite3"
    open_and_close(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("CREATE TABLE half (x)", "CREATE TABLE half (x)")))
    with pytest.raises(SpoolError):
        open_and_close(path)
    monkeypatch.undo()
    open_and_close(path)


def test_a_file_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    filled = Filled(Spool(path))
    filled.put(request(1))
    for file in list(tmp_path.iterdir()):
        file.rename(tmp_path / f"away-{file.name}")
    filled.put(request(2))
    assert urls(filled.lease()) == ["2"]
    filled.spool.close()


@pytest.mark.heavy
def test_two_processes_that_create_a_file_at_once_agree(tmp_path: Path, start_child: Any, spool: str) -> None:
    code = f"""
from pathlib import Path
from footfall.delivery.spool.spool import Spool
while time.time() < {time.time() + 1.0}: pass
s = Spool(Path(spool[len("sqlite:///"):])); s.refuse([("main", "bot", 1)]); s.close()
"""
    children = [start_child(code) for _ in range(4)]
    for child in children:
        child.said()
    result = Spool(Path(spool.removeprefix("sqlite:///")))
    assert result.totals().trackers["main"].refused == {"bot": 4}
    result.close()


def test_what_was_spooled_shrinks_the_file_again(tmp_path: Path) -> None:
    filled = Filled(Spool(tmp_path / "s.sqlite3"))
    filled.put(*[request(n) for n in range(20_000)])
    with filled.spool.transaction() as db:
        before = db.execute("PRAGMA page_count").fetchone()[0]
    while leases := filled.lease(10_000):
        filled.settle(Settlement(delivered=[lease.id for lease in leases]))
    for _ in range(10):
        filled.spool.prune(NOW, [])
    with filled.spool.transaction() as db:
        after = db.execute("PRAGMA page_count").fetchone()[0]
    filled.spool.close()
    assert after < before / 2
