from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from footfall.delivery.spool.refusals import Refusals
from footfall.errors import DeliveryError, SpoolError


@pytest.fixture(params=["sqlite", "memory"])
def where(request: pytest.FixtureRequest, spool: str) -> str:
    return spool if request.param == "sqlite" else "memory:"


def test_an_accepted_request_reaches_the_tracker(where: str, make_delivery: Any, request_to: Any, sink: Any) -> None:
    delivery = make_delivery(where)
    assert delivery.accept([request_to("/click?item=1")])
    assert delivery.flush(10) == 0
    assert sink.targets == ["/click?item=1"]


def test_accepted_is_the_sum_of_what_became_of_it(where: str, make_delivery: Any, request_to: Any) -> None:
    delivery = make_delivery(where)
    delivery.accept([request_to(f"/{n}") for n in range(50)])
    delivery.set_aside("main", "buy", "visitor", "no price")
    for _ in range(20):
        stats = delivery.stats()
        assert stats.accepted == 51 == stats.delivered + stats.pending + stats.failed + stats.erased
        delivery.flush(0.02)


def test_after_close_accept_says_what_to_do(make_delivery: Any, request_to: Any) -> None:
    delivery = make_delivery()
    delivery.accept([request_to()])
    delivery.close()
    with pytest.raises(DeliveryError, match="make a new Delivery"):
        delivery.accept([request_to()])


@pytest.mark.parametrize("size", [1_000_001, 5_000_000])
def test_a_request_that_no_tracker_would_take_fails_and_spares_those_beside_it(
    size: int, where: str, make_delivery: Any, request_to: Any, sink: Any
) -> None:
    """T19."""
    delivery = make_delivery(where)
    assert delivery.accept([request_to("/" + "x" * size), request_to("/small")])
    assert delivery.flush(10) == 0
    stats = delivery.stats()
    assert (stats.accepted, stats.delivered, stats.failed) == (2, 1, 1)
    assert sink.targets == ["/small"]


def test_nothing_to_accept_is_accepted(make_delivery: Any, tmp_path: Path) -> None:
    assert make_delivery().accept([])
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_is_closing_once(where: str, make_delivery: Any, request_to: Any) -> None:
    delivery = make_delivery(where)
    delivery.accept([request_to()])
    assert delivery.close() == delivery.close() == 0


def test_after_close_counting_goes_on(make_delivery: Any, request_to: Any) -> None:
    delivery = make_delivery()
    delivery.accept([request_to()])
    delivery.close()
    delivery.refuse("main", "bot")
    stats = delivery.stats()
    assert (stats.delivered, stats.refused) == (1, {"bot": 1})


def test_a_hook_that_raises_stops_nothing(
    make_delivery: Any, request_to: Any, sink: Any, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def hook(tracker: str, reason: str, number: int) -> None:
        raise RuntimeError(tracker)

    delivery = make_delivery(on_drop=hook)
    delivery.accept([request_to("/1")])
    delivery._refusals.add("main", "full", 1, dropped=True)
    assert until(lambda: "on_drop raised RuntimeError" in caplog.text)
    delivery.accept([request_to("/2")])
    assert delivery.flush(10) == 0


def test_many_refusals_are_all_counted(make_delivery: Any) -> None:
    delivery = make_delivery()
    for _ in range(5000):
        delivery.refuse("main", "bot")
    assert delivery.stats().refused == {"bot": 5000}


def test_journal_files_that_were_moved_are_removed(make_delivery: Any, request_to: Any, spool: str, until: Any) -> None:
    delivery = make_delivery()
    outbox = Path(f"{spool.removeprefix('sqlite:///')}.outbox")
    for _ in range(30):  # a segment is four MiB
        assert delivery.accept([request_to(f"/{'x' * 50_000}") for _ in range(10)])
    assert delivery.flush(20) == 0
    assert until(lambda: len(list(outbox.glob("*.segment"))) <= 2)  # the one that is written to, and the next
    delivery.close()
    assert [path.name for path in outbox.iterdir()] == ["latest"]


def test_journal_files_removed_by_somebody_are_made_anew(
    make_delivery: Any, request_to: Any, sink: Any, spool: str, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = make_delivery()
    delivery.accept([request_to("/1")])
    assert delivery.flush(10) == 0
    for path in Path(f"{spool.removeprefix('sqlite:///')}.outbox").iterdir():
        path.unlink()
    assert until(lambda: "removed or emptied while in use" in caplog.text)
    delivery.accept([request_to("/2")])
    assert delivery.flush(10) == 0
    assert sink.targets == ["/1", "/2"]


def test_no_count_is_missing_or_there_twice_while_it_is_handed_over(
    make_delivery: Any, request_to: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T7."""
    delivery = make_delivery()
    delivery.warm_up()
    spool, seen = delivery._process.spool, list[int]()
    store = spool.refuse
    before, after = (threading.Thread(target=lambda: seen.append(delivery.stats().refused["bot"])) for _ in range(2))

    def store_slowly(counts: Any) -> None:
        before.start()
        before.join(0.2)  # it has had its chance to look in between
        store(counts)
        after.start()
        after.join(0.2)

    monkeypatch.setattr(spool, "refuse", store_slowly)
    delivery.refuse("main", "bot", 3)
    assert until(lambda: len(seen) == 2)
    assert seen == [3, 3]


def test_counts_that_cannot_be_stored_are_kept() -> None:
    refusals = Refusals()
    refusals.add("main", "bot", 3)

    def fail(_: Any) -> None:
        raise SpoolError("no")

    with pytest.raises(SpoolError):
        refusals.hand_over(fail)
    assert refusals.peek() == [("main", "bot", 3)]
    refusals.hand_over(lambda _: refusals.add("main", "bot", 4))
    assert refusals.peek() == [("main", "bot", 4)]


def test_an_erasure_that_cannot_be_written_is_made_good(
    make_delivery: Any, request_to: Any, sink: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to(visitor="anna")])
    delivery.flush(0.5)
    outbox = delivery._process.outbox
    monkeypatch.setattr(outbox, "append", lambda *_, **__: "unwritable")
    delivery.erase("anna")
    monkeypatch.undo()
    assert until(lambda: delivery.stats().erased == 1)


def test_what_failed_takes_no_room_from_what_waits(where: str, make_delivery: Any, request_to: Any, until: Any) -> None:
    """Twice as much of one tracker fails as may wait, and another's events are still accepted."""
    delivery = make_delivery(where, max_pending_bytes=1024 * 1024)

    def fail_more() -> int:
        for n in range(100):
            delivery.set_aside("one", "click", f"{n:064}", "item id: is text; this tracker takes numbers alone")
        delivery.flush(5)
        return int(delivery.stats().failed)

    assert until(lambda: fail_more() > 10_000, 40)
    assert until(lambda: delivery.accept([request_to(tracker="two")]))
    assert delivery.flush(10) == 0
    assert delivery.stats().trackers["two"].delivered == 1


def test_what_the_disk_refuses_is_counted_as_refused_and_raises_nothing(
    make_delivery: Any, request_to: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int) -> None:
        raise OSError(errno.EIO, "the disk")

    delivery = make_delivery(durable="power", deliver_here=False)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", refuse)
        assert delivery.accept([request_to()]) is False
    assert delivery.accept([request_to()]) is True
    delivery.close()
    stats = delivery.stats()
    assert (stats.accepted, sum(stats.refused.values())) == (1, 1)
