"""Journal files that somebody empties, or that a power failure has taken a part of."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from footfall.delivery.journal.collector import Collector
from footfall.delivery.journal.folder import Folder
from footfall.delivery.journal.journal import Journal
from footfall.delivery.notices import Notices

MIB = 1024 * 1024
DEAD = "0123456789abcdef"


@pytest.mark.parametrize("left", [0, 1, 64, 200, 5000])
def test_a_journal_file_emptied_between_two_events_ends_no_process(left: int, start_child: Any, sink: Any) -> None:
    said = start_child(f"""
import glob, logging
logging.basicConfig(stream=sys.stdout, format="%(message)s")
delivery = Delivery(spool)
emit(range(10)); assert delivery.flush(20) == 0
for round in range(1, 6):
    for path in glob.glob(spool[len("sqlite:///"):] + ".outbox/*.segment"):
        os.truncate(path, min({left}, os.path.getsize(path)))
    emit(range(round * 10, round * 10 + 10))
    assert delivery.flush(20) == 0
deadline = time.monotonic() + 5
while delivery._process.outbox._cut and time.monotonic() < deadline: time.sleep(0.01)
say(delivery.stats().delivered)
say(delivery.close(5))
say(os.listdir(spool[len("sqlite:///"):] + ".outbox"))
""").said()
    assert said[-3:] == ["60", "0", "['latest']"]
    assert any("were removed or emptied while in use" in line for line in said[:-3])


def test_a_process_that_reads_anothers_journal_outlives_its_emptying(start_child: Any, make_delivery: Any) -> None:
    make_delivery().warm_up()
    said = start_child("""
import glob
delivery = Delivery(spool, deliver_here=False); emit(range(10)); delivery.flush(10)
stop = threading.Event()
def count():
    while not stop.is_set(): delivery.stats()
counting = [threading.Thread(target=count) for _ in range(2)]
for one in counting: one.start()
for round in range(50):
    for path in glob.glob(spool[len("sqlite:///"):] + ".outbox/*.segment"):
        try: os.truncate(path, 0)
        except FileNotFoundError: pass
    emit([round])
stop.set()
say("alive")
os._exit(0)
""").said()
    assert said == ["alive"]


def left_by_the_dead(folder: Path, *payloads: bytes) -> Path:
    """A segment of a process that is no more, as its disk had it."""
    journal = Journal(folder, limit=MIB)
    for payload in payloads:
        assert journal.append([(1, payload)]) is None
    (segment,) = folder.glob("*.segment")
    data = segment.read_bytes()
    journal.close()
    segment.unlink()
    path = folder / f"{DEAD}.0000000000.segment"
    path.write_bytes(data)
    return path


def collect(folder: Path) -> list[bytes]:
    collector = Collector(Folder(folder), "me", Notices())
    collector.clear_dead([])
    found: list[bytes] = []
    while (batch := collector.batch({})).records:
        found += [record.payload for record in batch.records]
        collector.moved(batch)
    collector.clear()
    collector.close()
    return found


def test_a_journal_file_of_zeros_is_cleared_with_one_word_and_holds_up_none_behind_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = left_by_the_dead(tmp_path, b"behind")
    path.rename(tmp_path / f"{DEAD}.0000000002.segment")
    path.write_bytes(bytes(65536))
    path.with_name(f"{DEAD}.0000000001.segment").touch()
    assert collect(tmp_path) == [b"behind"]
    assert collect(tmp_path) == []
    assert list(tmp_path.glob("*.segment")) == []
    assert len([record for record in caplog.records if "when the power failed" in record.message]) == 2
    assert "upgrade" not in caplog.text


@pytest.mark.parametrize("hole", [(0, 4096), (4096, 8192), (100, 9000)])
def test_what_can_be_read_behind_a_hole_is_delivered(
    hole: tuple[int, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    payloads = [b"%05d" % n * 60 for n in range(100)]
    path = left_by_the_dead(tmp_path, *payloads)
    data = bytearray(path.read_bytes())
    data[hole[0] : hole[1]] = bytes(hole[1] - hole[0])
    path.write_bytes(data)
    found = collect(tmp_path)
    assert set(found) < set(payloads)
    assert found[-1] == payloads[-1]
    assert len(payloads) - len(found) <= (hole[1] - hole[0]) // 300 + 3
    assert "lost a part when the power failed" in caplog.text or "damaged" in caplog.text
    assert list(tmp_path.glob("*.segment")) == []


def test_random_damage_never_raises_and_gives_nothing_that_was_not_written(tmp_path: Path) -> None:
    payloads = [os.urandom(200) for _ in range(50)]
    data = left_by_the_dead(tmp_path, *payloads).read_bytes()
    for seed in range(50):
        damaged = bytearray(data)
        for at in range(seed * 37 % 900 + 64, 14_000, 1700):
            damaged[at] ^= 1 + seed
        (tmp_path / f"{DEAD}.0000000000.segment").write_bytes(damaged)
        assert set(collect(tmp_path)) <= set(payloads)
        for path in tmp_path.glob("*.damaged"):
            path.unlink()


def test_reading_behind_what_is_damaged_takes_no_longer_than_reading(tmp_path: Path) -> None:
    path = left_by_the_dead(tmp_path, b"x")
    path.write_bytes(path.read_bytes()[:64] + os.urandom(4 * MIB))
    start = time.monotonic()
    assert collect(tmp_path) == []
    assert time.monotonic() - start < 5
