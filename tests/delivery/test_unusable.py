"""A spool that cannot be used: a clear word at the start, and nothing lost in silence later."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from footfall.delivery.spool import schema
from footfall.errors import SpoolError


@pytest.fixture
def path(spool: str) -> Path:
    return Path(spool.removeprefix("sqlite:///"))


@contextmanager
def not_allowed(folder: Path) -> Iterator[None]:
    """Take the right to write from this process, be it root's or not."""
    folder.chmod(0o500)
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
            folder.chmod(0o700)
    else:
        try:
            yield
        finally:
            folder.chmod(0o700)


def test_warm_up_says_what_is_wrong_with_a_damaged_spool(path: Path, make_delivery: Any) -> None:
    path.write_bytes(b"no database " * 500)
    with pytest.raises(SpoolError, match="move it away"):
        make_delivery().warm_up()


def test_warm_up_says_what_is_wrong_with_a_folder_that_cannot_be_written(path: Path, make_delivery: Any) -> None:
    delivery = make_delivery()
    with not_allowed(path.parent), pytest.raises(SpoolError, match="give this process write access"):
        delivery.warm_up()


def test_what_cannot_be_written_is_refused_counted_and_logged(
    path: Path, make_delivery: Any, request_to: Any, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = make_delivery()
    with not_allowed(path.parent):
        assert not delivery.accept([request_to()])
        assert not delivery.accept([request_to()])
    assert delivery.stats().refused == {"unwritable": 2}
    told = [record.message for record in caplog.records if str(path.parent) in record.message]
    assert ["write access" in line for line in told] == [True]


def test_a_folder_that_can_be_written_again_is_used_again(
    path: Path, make_delivery: Any, request_to: Any, until: Any
) -> None:
    delivery = make_delivery()
    with not_allowed(path.parent):
        assert not delivery.accept([request_to()])
    assert until(lambda: bool(delivery.accept([request_to()])))


def test_a_journal_file_that_cannot_be_read_keeps_nobody_from_counting(
    path: Path, make_delivery: Any, request_to: Any
) -> None:
    delivery = make_delivery()
    delivery.accept([request_to()])
    path.with_name(f"{path.name}.outbox").joinpath("0123456789abcdef.0000000000.segment").mkdir()
    assert delivery.flush(10) == 0
    assert delivery.stats().delivered == 1


def test_a_journal_folder_that_cannot_be_read_is_said_and_ends_nothing(
    path: Path, make_delivery: Any, request_to: Any, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = make_delivery()
    delivery.accept([request_to()])
    assert delivery.flush(10) == 0
    outbox = path.with_name(f"{path.name}.outbox")
    outbox.rename(outbox.with_suffix(".away"))
    outbox.touch()
    with pytest.raises(SpoolError, match=r"journal folder .* cannot be read"):
        delivery.stats()
    assert delivery.close(0.5) == 0
    assert "journal folder" in caplog.text
    outbox.unlink()


def test_events_wait_in_the_journal_for_a_spool_that_is_damaged(
    path: Path, make_delivery: Any, request_to: Any, sink: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(b"no database " * 500)
    delivery = make_delivery()
    assert delivery.accept([request_to(f"/{n}") for n in range(100)])
    assert delivery.flush(1) == 100
    assert any("move it away" in record.message for record in caplog.records)
    path.rename(path.with_suffix(".away"))
    assert delivery.flush(10) == 0
    assert len(sink.requests) == 100


def test_events_wait_in_the_journal_for_a_spool_of_a_newer_release(
    path: Path, make_delivery: Any, request_to: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = make_delivery()
    first.warm_up()
    first.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    second = make_delivery()
    second.accept([request_to()])
    assert second.flush(0.5) == 1
    assert any("upgrade footfall" in record.message for record in caplog.records)


def test_a_spool_that_breaks_while_requests_are_under_way_sends_none_of_them_twice(
    path: Path,
    make_delivery: Any,
    request_to: Any,
    sink: Any,
    until: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 50)
    delivery = make_delivery()
    delivery.accept([request_to("/first")])
    assert delivery.flush(10) == 0
    blocker = sqlite3.connect(path, isolation_level=None, timeout=10)
    delivery.accept([request_to(f"/{n}") for n in range(200)])
    assert until(lambda: len(sink.requests) > 1)
    blocker.execute("BEGIN IMMEDIATE")  # nothing can be settled now
    assert until(lambda: "has been locked" in caplog.text)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert delivery.flush(20) == 0
    assert len(sink.requests) == len(set(sink.targets)) == 201
