"""What a tracker of a site's own gives, and what cannot be read back: it fails by itself, and stops nothing."""

from __future__ import annotations

import sqlite3
import time
from array import array
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.delivery import list_failed
from footfall.delivery.journal.codec import Kind, decode_requests, encode_request
from footfall.delivery.journal.journal import Journal
from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.spool.leases import Room, Settlement
from footfall.delivery.spool.spool import Spool
from footfall.wire import WireRequest

NAN = float("nan")
ODD: list[dict[str, Any]] = [
    {"headers": {"X-Key": "1"}},
    {"headers": {"X-Key": "1", "Ab": "2"}},
    {"headers": MappingProxyType({"ab": "1"})},
    {"headers": "ab"},
    {"headers": ("ab", "cd")},
    {"headers": (("X-Number", NAN),)},
    {"headers": (("X-Number", 5),)},
    {"headers": (("X-Key", "1", "2"),)},
    {"body": "text"},
    {"body": array("b", [1])},
    {"url": None},
    {"url": b"http://127.0.0.1/"},
    {"method": NAN},
    {"visitor": 7},
    {"once": ["key"]},
    {"tracker": None},
    {"kind": {"a": 1}},
]
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("tracker", "kind", "url", "method", "headers", "body", "visitor", "once", "when_unanswered")

# As an earlier release wrote them.
WRITTEN = {
    "headers as a dict": b'["main","click","anna","",0,"GET","http://127.0.0.1/",{"X-Key":"1"},""]',
    "NaN in a header": b'["main","click","anna","",0,"GET","http://127.0.0.1/",[["X-Key",NaN]],""]',
    "a number for a URL": b'["main","click","anna","",0,"GET",5,[],""]',
    "a number for a header": b'["main","click","anna","",0,"GET","http://127.0.0.1/",[["X-Key",5]],""]',
    "nobody's tracker": b'[null,"click","anna","",0,"GET","http://127.0.0.1/",[],""]',
    "too few fields": b'["main","click"]',
    "no list": b'{"tracker":"main"}',
    "no JSON": b"{no json",
    "no ASCII": b'["main","\xff"]',
    "nothing": b"",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_cannot_be_written_is_set_aside_when_accepted_and_spares_those_beside_it(
    odd: dict[str, Any], make_delivery: Any, request_to: Any, sink: Any, spool: str
) -> None:
    delivery = make_delivery()
    assert delivery.accept([request_to("/1"), request_to("/odd", **odd), request_to("/2")])
    assert delivery.flush(10) == 0
    stats = delivery.stats()
    (failed,) = list_failed(spool)
    assert (stats.accepted, stats.delivered, stats.failed) == (3, 2, 1)
    assert failed.reason.startswith(f"cannot be written: {next(iter(odd))}: is a ")
    assert sorted(sink.targets) == ["/1", "/2"]


def test_what_is_no_request_is_set_aside(make_delivery: Any, request_to: Any, spool: str) -> None:
    delivery = make_delivery()
    nothing: Any = None
    assert delivery.accept([nothing, request_to("/1")])
    assert delivery.flush(10) == 0
    assert [failed.reason for failed in list_failed(spool)] == [
        "cannot be written: it is a NoneType; write a footfall.wire.WireRequest"
    ]


@given(fields=st.dictionaries(st.sampled_from(FIELDS), junk))
def test_what_is_written_can_be_read(fields: dict[str, Any]) -> None:
    request = WireRequest(**{"tracker": "main", "kind": "click", "url": "http://127.0.0.1/", **fields})
    try:
        payload = encode_request(request)
    except ValueError:
        return
    assert decode_requests([payload.decode("ascii")]) != [None]


@pytest.mark.parametrize("kind", [Kind.REQUEST, Kind.REQUEST_ONCE, Kind.ASIDE, Kind.ERASE, 99])
@pytest.mark.parametrize("written", WRITTEN)
def test_a_record_that_cannot_be_read_stops_nothing(
    written: str, kind: int, make_delivery: Any, request_to: Any, sink: Any, spool: str, tmp_path: Path
) -> None:
    """It is set aside with a reason, whether it is met when it is stored or when it is leased."""
    folder = Path(f"{spool.removeprefix('sqlite:///')}.outbox")
    journal = Journal(folder, limit=64 * 1024 * 1024)
    good = [(Kind.REQUEST, encode_request(request_to(f"/{n}", visitor="anna"))) for n in range(2)]
    assert journal.append([good[0], (kind, WRITTEN[written]), good[1]]) is None
    journal.close()
    delivery = make_delivery()
    before = delivery.stats()
    delivery.warm_up()
    assert delivery.flush(10) == 0
    after = delivery.stats()
    failures = 0 if kind == Kind.ERASE else 1
    assert before.accepted == after.accepted == 2 + failures
    assert (after.delivered, after.failed, sink.targets) == (2, failures, ["/0", "/1"])
    assert [failed.can_retry for failed in list_failed(spool)] == [False] * failures


def test_a_row_that_cannot_be_read_lets_those_behind_it_go(tmp_path: Path) -> None:
    """As an earlier release stored it; over restarts."""
    path = tmp_path / "s.sqlite3"
    requests = [WireRequest(tracker="main", kind="click", url=f"http://127.0.0.1/{n}", visitor="anna") for n in "123"]
    records = [Record(time.time_ns(), Kind.REQUEST, encode_request(one), "a.0", 0) for one in requests]
    spool = Spool(path)
    spool.drain(lambda _: Batch(records=records, offsets={}))
    spool.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE requests SET request = json_set(request, '$[7]', json('{\"X-Key\": 1}')) WHERE id = 1")
        db.execute("UPDATE requests SET request = '[no json' WHERE id = 2")
    left: list[str] = []
    settled = Settlement()
    for _ in range(4):
        leased = spool.turn(settled, lambda _: Room(9), owner="me", now=time.time() + 1, lease=30.0)
        left += [lease.request.url for lease in leased]
        settled = Settlement(delivered=[lease.id for lease in leased])
    counted = spool.totals().trackers["main"]
    spool.close()
    assert left == ["http://127.0.0.1/3"]
    assert (counted.delivered, counted.failed, counted.pending) == (1, 2, 0)
    assert [failed.answer for failed in list_failed(f"sqlite:///{path}")][1] == "[no json"


def test_counts_under_names_that_are_no_text_do_not_stop_counting(make_delivery: Any, request_to: Any) -> None:
    delivery = make_delivery()
    for name in (None, 5, "half a pair \ud800"):
        delivery.erase(name)
        delivery.refuse(name, name)
        delivery.set_aside(name, name, name, name)
    assert delivery.accept([request_to("/1")])
    assert delivery.flush(10) == 0
    stats = delivery.stats()
    assert (stats.delivered, stats.failed, sum(stats.refused.values())) == (1, 3, 3)
