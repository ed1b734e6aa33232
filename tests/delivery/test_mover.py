"""The mover by itself, with a pause that ends it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from footfall.delivery.journal.codec import encode_request, kind_of
from footfall.delivery.journal.collector import Collector
from footfall.delivery.journal.folder import Folder
from footfall.delivery.journal.journal import Journal
from footfall.delivery.journal.memory import MemoryOutbox
from footfall.delivery.notices import Notices
from footfall.delivery.spool.bounds import Dropped
from footfall.delivery.spool.mover import Mover
from footfall.delivery.spool.refusals import Refusals
from footfall.delivery.spool.spool import Spool

LIMIT = 64 * 1024 * 1024


class Counting(Collector):
    """Counts how often the journal is looked at."""

    looks = 0

    def has_more(self) -> bool:
        self.looks += 1
        return super().has_more()


def test_a_backlog_is_moved_without_a_pause_and_few_records_wait_for_more(tmp_path: Path, request_to: Any) -> None:
    journal, spool = Journal(tmp_path / "outbox", limit=LIMIT), Spool(None)
    collector = Counting(Folder(tmp_path / "outbox"), journal.token, Notices())
    mover = Mover(
        spool,
        collector,
        journal,
        Refusals(),
        Notices(),
        on_moved=lambda: None,
        on_drop=None,
        on_tend=lambda: None,
    )
    request = request_to()
    for _ in range(2400):
        assert journal.append([(kind_of(request), encode_request(request))]) is None
    paused: list[tuple[float, int]] = []

    def wait(seconds: float) -> None:
        paused.append((seconds, spool.totals().trackers["main"].accepted))
        mover.stop()

    mover.signal = SimpleNamespace(wait=wait, set=lambda: None)  # type: ignore[assignment]  # it stands for time
    mover.run()
    collector.close()
    journal.close()
    spool.close()
    assert (paused, collector.looks) == ([(0.1, 2400)], 3)


def test_it_is_said_how_much_of_what_failed_has_made_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool, outbox = Spool(None), MemoryOutbox(limit=LIMIT)
    monkeypatch.setattr(spool, "drop_failed", lambda: Dropped(7, 3))
    Mover(
        spool,
        outbox,
        outbox,
        Refusals(),
        Notices(),
        on_moved=lambda: None,
        on_drop=None,
        on_tend=lambda: None,
    ).tend()
    spool.close()
    assert [(r.levelname, "footfall spool failed" in r.message, r.message[-10:]) for r in caplog.records] == [
        ("WARNING", True, " (7 times)"),
        ("ERROR", True, " (3 times)"),
    ]
