"""A spool's file, its log and the folder of its journals belong together; what is moved or put back alone is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from footfall.delivery import list_failed, spool_status
from footfall.delivery.journal.folder import Folder
from footfall.errors import SpoolError


@pytest.fixture
def path(spool: str) -> Path:
    return Path(spool.removeprefix("sqlite:///"))


def test_an_older_copy_put_back_is_found_and_said(
    path: Path, spool: str, make_delivery: Any, request_to: Any, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(2):
        delivery = make_delivery()
        delivery.accept([request_to(f"/{n}")])
        assert delivery.flush(10) == 0
        assert until(lambda n=n: Folder(path.with_name(f"{path.name}.outbox")).latest() == n + 1)
        delivery.close()
        if n == 0:
            shutil.copy(path, path.with_suffix(".copy"))
    assert spool_status(spool).trouble is None
    path.with_suffix(".copy").rename(path)
    trouble = spool_status(spool).trouble
    assert trouble is not None
    assert trouble.startswith("older than its journals")
    delivery = make_delivery()
    delivery.warm_up()
    assert until(lambda: "older than its journals" in caplog.text)
    assert until(lambda: spool_status(spool).trouble is None)  # said once: from here on it is the spool


def test_counts_that_are_not_those_of_the_rows_are_found(
    path: Path, spool: str, make_delivery: Any, request_to: Any, sink: Any
) -> None:
    sink.close()
    delivery = make_delivery()
    delivery.accept([request_to("/1"), request_to("/2")])
    delivery.flush(0.3)
    assert spool_status(spool).trouble is None
    with delivery._process.spool.transaction(write=True) as db:
        db.execute("DELETE FROM requests WHERE id = 1")
    trouble = spool_status(spool).trouble
    assert trouble is not None
    assert trouble.startswith("damaged: it counts other requests than it holds")


def test_a_log_left_behind_is_kept_and_said(
    path: Path, spool: str, start_child: Any, make_delivery: Any, request_to: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite would throw it away as soon as a file is begun under its name."""
    start_child("delivery = Delivery(spool, deliver_here=False); emit(range(9)); delivery.flush(9); os._exit(0)").said()
    log = path.with_name(f"{path.name}-wal")
    data = log.read_bytes()
    assert data
    path.rename(path.with_suffix(".elsewhere"))
    with pytest.raises(SpoolError, match="it was moved without it; put both"):
        list(list_failed(spool))
    make_delivery().warm_up()
    assert "was moved without its log" in caplog.text
    assert log.with_name(f"{log.name}.left").read_bytes() == data
    assert log.with_name(f"{log.name}.left").stat().st_mode & 0o777 == 0o600
