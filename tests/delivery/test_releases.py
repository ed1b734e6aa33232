"""What earlier releases wrote is read: a spool and a journal as ``data/write_spool.py`` left them."""

from __future__ import annotations

import tarfile
import time
from pathlib import Path

import pytest

from footfall.delivery import Delivery, list_failed, spool_status
from footfall.delivery.journal.collector import Collector
from footfall.delivery.journal.folder import Folder
from footfall.delivery.notices import Notices
from footfall.delivery.spool.leases import Room, Settlement
from footfall.delivery.spool.spool import Spool
from footfall.wire import WhenUnanswered, WireRequest

RELEASES = sorted((Path(__file__).parent / "data").glob("*.tar.gz"))


@pytest.fixture(params=RELEASES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The spool of a process that was killed."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "spool.sqlite3"


def lease_all(spool: Spool) -> list[WireRequest]:
    requests: list[WireRequest] = []
    settled = Settlement()
    while leased := spool.turn(settled, lambda _: Room(9), owner="me", now=time.time(), lease=30.0):
        requests += [lease.request for lease in leased]
        settled = Settlement(delivered=[lease.id for lease in leased])
    return requests


def path_of(request: WireRequest) -> str:
    return request.url.removeprefix("http://127.0.0.1:").partition("/")[2]


def test_all_of_it_is_counted(left: Path) -> None:
    spool = f"sqlite:///{left}"
    stats, status = Delivery(spool).stats(), spool_status(spool)
    assert (stats.accepted, stats.pending, stats.failed) == (7, 5, 2)
    assert stats.refused == {"bot": 3, "repeated": 1}
    assert (status.under_way, status.processes) == (3, 0)
    assert [(failed.kind, failed.reason) for failed in list_failed(spool)] == [("rate", "no rating")]


def test_all_of_it_is_moved_and_leased(left: Path) -> None:
    spool, collector = Spool(left), Collector(Folder(left.with_name(f"{left.name}.outbox")), "me", Notices())
    dead = collector.clear_dead(spool.owners())
    spool.orphan(dead)
    collector.moved(spool.drain(collector.batch))
    collector.clear()
    requests = lease_all(spool)
    totals = spool.totals().trackers["main"]
    collector.close()
    spool.close()
    assert sorted(map(path_of, requests)) == ["behind", "login", "post"]  # what was under way must go once alone
    post = next(request for request in requests if request.method == "POST")
    assert (post.visitor, post.headers, post.body) == ("dora", (("X-Key", "\u00fc"),), b"\x00\xff")
    assert {request.when_unanswered for request in requests} == {WhenUnanswered.REPEAT}
    assert (totals.accepted, totals.delivered, totals.pending, totals.erased) == (6, 3, 0, 1)
    assert not list(left.with_name(f"{left.name}.outbox").glob("*.segment"))


def test_what_it_keeps_beside_what_waits_is_counted_from_the_start(left: Path) -> None:
    spool = Spool(left)
    with spool.transaction() as db:
        sizes = dict(db.execute("SELECT name, number FROM sizes"))
        rows = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("failed", "once")}
    spool.close()
    assert sizes == rows == {"failed": 1, "once": 1}
