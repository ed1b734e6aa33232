"""What was received is kept, counted and waited for."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from footfall.errors import ConfigError
from footfall.localtracker import LocalTracker, Rules, Store, assess

CLICK = "/api/00000/click/johndoe/1/123"


def add(store: Store, target: str = CLICK) -> None:
    store.add(1.5, "GET", target, assess("GET", target))


def test_a_kept_file_is_read_by_the_next_one(tmp_path: Path) -> None:
    first = Store(tmp_path / "kept.sqlite3")
    add(first, CLICK + "?percent=1")
    [before] = first.received()
    first.close()
    second = Store(tmp_path / "kept.sqlite3")
    [after] = second.received()
    second.close()
    assert after == before


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite3"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE orders (id INTEGER)")
    database.close()
    with pytest.raises(ConfigError, match=r"keep: .* name a new file"):
        Store(other)
    database = sqlite3.connect(other)
    tables = database.execute("SELECT name FROM sqlite_schema").fetchall()
    database.close()
    assert tables == [("orders",)]


@pytest.mark.parametrize("content", [b"not a database, but long enough to look at" * 20, b"x"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=r"keep: .* name a new file"):
        Store(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_bytes() == content


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"keep: .*nowhere.* directory that exists"):
        Store(tmp_path / "nowhere" / "kept.sqlite3")


def test_many_threads_lose_and_double_nothing() -> None:
    store = Store()

    def add_fifty() -> None:
        for _ in range(50):
            add(store)

    threads = [threading.Thread(target=add_fifty) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [one.number for one in store.received()] == list(range(1, 401))
    store.close()


WRITER = """
import sys
from pathlib import Path
from footfall.localtracker import Store, assess
store = Store(Path(sys.argv[1]))
for number in range(1, 201):
    target = f"/api/00000/click/{sys.argv[2]}/1/{number}"
    store.add(1.5, "GET", target, assess("GET", target))
    if number % 20 == 0:
        store.count()  # has them written: many small transactions
store.close()
"""


def test_several_processes_share_a_file_and_lose_and_double_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", WRITER, str(tmp_path / "kept.sqlite3")]
    writers = [subprocess.Popen([*argv, f"u{number}"]) for number in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    store = Store(tmp_path / "kept.sqlite3")
    received = store.received()
    items = [[int(one.params["itemid"]) for one in received if one.visitor == f"u{number}"] for number in range(3)]
    assert items == [list(range(1, 201))] * 3
    assert ([one.number for one in received], store.count()) == (list(range(1, 601)), 600)
    store.close()


def test_numbers_go_on_after_everything_was_forgotten() -> None:
    store = Store()
    add(store)
    store.clear()
    add(store)
    assert [one.number for one in store.received()] == [2]
    store.close()


def test_waiting_ends_when_enough_of_the_wanted_came() -> None:
    store = Store()
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(store.wait_until(2, 30.0, kind="rate")))
    waiting.start()
    for target in (CLICK, "/api/00000/rate/u/1/1?rating=1", CLICK, "/api/00000/rate/u/1/1?rating=2"):
        add(store, target)
    waiting.join(30)
    assert found == [2]
    store.close()


def test_waiting_ends_when_the_store_closes() -> None:
    store = Store()
    waiting = threading.Thread(target=lambda: store.wait_until(1, 60.0))
    waiting.start()
    store.close()
    waiting.join(10)
    assert not waiting.is_alive()


def test_waiting_for_more_than_comes_says_how_many_came() -> None:
    with LocalTracker() as tracker, pytest.raises(TimeoutError, match=r"0 of 1 requests came within 0.01 seconds"):
        tracker.wait_until(1, timeout=0.01)


def test_no_request_shows_its_visitor() -> None:
    store = Store()
    add(store)
    assert "johndoe" not in repr(store.received())
    store.close()


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with LocalTracker() as tracker:
        port = int(tracker.url.rpartition(":")[2])
        with pytest.raises(ConfigError, match=rf"port: .*:{port} .* choose another"):
            LocalTracker(port=port)


def test_closing_twice_is_closing_once() -> None:
    tracker = LocalTracker()
    tracker.close()
    tracker.close()


@pytest.mark.parametrize("field", ["max_item_type", "max_target"])
def test_a_limit_that_nothing_meets_is_refused(field: str) -> None:
    with pytest.raises(ConfigError, match=rf"{field}: is 0; write \d+ or more"):
        Rules(**{field: 0})  # type: ignore[arg-type]  # names are the point
