"""The outbox: records that outlive their process, to the last valid one."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from footfall.delivery.journal.codec import Kind
from footfall.delivery.journal.collector import Collector, read_in_order
from footfall.delivery.journal.folder import Folder, Presence
from footfall.delivery.journal.journal import Journal
from footfall.delivery.journal.outbox import FULL, TOO_LARGE, UNWRITABLE
from footfall.delivery.journal.segments import START, SegmentReader, SegmentWriter, frame
from footfall.delivery.journal.unmoved import unmoved
from footfall.delivery.notices import Notices
from footfall.errors import SpoolError

MIB = 1024 * 1024


def read_all(folder: Path) -> list[bytes]:
    with unmoved(Folder(folder)) as view:
        return [record.payload for record in sorted(view.records({}))]


def segment_with(path: Path, *payloads: bytes) -> SegmentWriter:
    segment = SegmentWriter(path.with_suffix(".new"), 65536, unattended=False, to_disk=False)
    segment.publish(path)
    for number, payload in enumerate(payloads):
        segment.append(frame(1_000_000 + number, 1, payload))
    return segment


def payloads_of(path: Path) -> list[bytes]:
    reader, offset, found = SegmentReader(path), START, list[bytes]()
    while (record := reader.read(offset)) is not None:
        found.append(record.payload)
        offset = record.end
    reader.close()
    return found


def test_what_was_appended_can_be_read_at_once_by_others(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    assert journal.append([(1, b"one"), (1, b"two")]) is None
    assert read_all(tmp_path / "outbox") == [b"one", b"two"]
    journal.close()


def test_the_folder_and_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    journal.append([(1, b"one")])
    modes = {path.name.rpartition(".")[2]: path.stat().st_mode & 0o777 for path in (tmp_path / "outbox").iterdir()}
    journal.close()
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o700
    assert modes == {"segment": 0o600, "alive": 0o600}


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    payloads = [bytes([n % 256]) * 1000 for n in range(500)]
    for payload in payloads:
        assert journal.append([(1, payload)]) is None
    assert read_all(tmp_path / "outbox") == payloads
    journal.close()


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 20])
def test_a_record_that_its_process_did_not_finish_is_not_there(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "x.0.segment"
    segment = segment_with(path, b"whole")
    segment.append(frame(2_000_000, 1, b"half of this one")[:-cut])
    segment.close()
    assert payloads_of(path) == [b"whole"]


def test_a_record_with_a_flipped_bit_ends_its_segment(tmp_path: Path) -> None:
    path = tmp_path / "x.0.segment"
    segment_with(path, b"good", b"goes bad", b"after").close()
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"goes bad")] ^= 1
    path.write_bytes(damaged)
    assert payloads_of(path) == [b"good"]


def test_a_damaged_segment_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "x.0.segment"
    segment = segment_with(path, b"good", b"goes bad")
    segment.seal()
    segment.close()
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"goes bad")] ^= 1
    path.write_bytes(damaged)
    collector = Collector(Folder(tmp_path), "me", Notices())
    batch = collector.batch({})
    collector.moved(batch)
    collector.clear()
    collector.close()
    assert [record.payload for record in batch.records] == [b"good"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.0.damaged"]


def test_a_segment_of_a_newer_release_is_left_alone_with_a_clear_word(tmp_path: Path) -> None:
    path = tmp_path / "x.0.segment"
    segment_with(path, b"good").close()
    data = bytearray(path.read_bytes())
    data[8] = 99
    path.write_bytes(data)
    with pytest.raises(SpoolError, match=r"layout 99, newer than this release: upgrade footfall"):
        SegmentReader(path)


def test_a_file_that_is_no_segment_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.0.segment"
    path.write_bytes(b"x" * 100)
    with pytest.raises(SpoolError, match="not one of footfall's"):
        SegmentReader(path)


def test_at_its_bound_the_journal_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    taken = 0
    while (refusal := journal.append([(1, b"x" * 10_000)])) is None:
        taken += 1
    assert refusal == FULL
    assert len(read_all(tmp_path / "outbox")) == taken
    assert 80 < taken < 110
    journal.close()


@pytest.mark.parametrize("unattended", [False, True])
def test_what_a_live_process_cannot_move_itself_is_moved_by_others_at_once(tmp_path: Path, unattended: bool) -> None:
    """What it can move is left to it: two would only wait for each other."""
    journal = Journal(tmp_path / "outbox", limit=MIB, unattended=unattended)
    journal.append([(1, b"one")])
    other = Collector(Folder(tmp_path / "outbox"), "other", Notices())
    assert other.has_more() is unattended
    assert other.has_more_of_others()
    other.close()
    journal.close()


def test_a_process_that_does_not_measure_the_spool_learns_that_it_is_full(tmp_path: Path, until: Any) -> None:
    """T16: one without threads, say."""
    journal = Journal(tmp_path / "outbox", limit=MIB, unattended=True)
    other = Journal(tmp_path / "outbox", limit=MIB)
    other.measured(MIB)
    assert journal.append([(1, b"one")]) == FULL
    other.measured(MIB - 1)
    assert until(lambda: journal.append([(1, b"one")]) is None)
    other.close()
    journal.close()


def test_a_spool_at_its_bound_stops_a_segment_that_has_room(tmp_path: Path) -> None:
    """T16: it is measured once a second, and a segment may last for a thousand events more."""
    journal = Journal(tmp_path / "outbox", limit=MIB)
    said = [journal.append([(1, b"one")])]
    for held in (MIB, MIB - 1):
        journal.measured(held)
        said.append(journal.append([(1, b"one")]))
    assert said == [None, FULL, None]
    journal.close()


def test_an_erasure_is_taken_beyond_the_bound(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    while journal.append([(1, b"x" * 10_000)]) is None:
        pass
    journal.measured(MIB)
    assert journal.append([(4, b"erase")], always=True) is None
    journal.close()


def test_a_record_larger_than_a_segment_is_too_large(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    assert journal.append([(1, b"x" * MIB)]) == TOO_LARGE
    journal.close()


def test_a_full_disk_refuses_instead_of_killing_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    assert journal.append([(1, b"one")]) == FULL
    monkeypatch.undo()
    journal.close()
    assert read_all(tmp_path / "outbox") == []


def test_a_folder_that_cannot_be_written_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)

    def not_allowed(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "posix_fallocate", not_allowed)
    assert journal.append([(1, b"one")]) == UNWRITABLE
    monkeypatch.undo()
    journal.close()


def test_durable_power_holds_for_what_a_signal_handler_appends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB, to_disk=True)
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(os.pread(fd, 200, 0)))
    with journal._lock:  # as the interrupted thread holds it
        assert journal.append([(1, b"of a handler")]) is None
    journal.close()
    assert [b"of a handler" in data for data in synced] == [True]


def test_a_folder_that_vanishes_refuses_instead_of_raising(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    for path in (tmp_path / "outbox").iterdir():
        path.unlink()
    (tmp_path / "outbox").rmdir()
    assert journal.append([(1, b"one")]) == UNWRITABLE
    journal.close()


def test_durable_power_has_the_disk_sync_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB, to_disk=True)
    journal.append([(1, b"first")])
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(os.pread(fd, 200, 0)))
    journal.append([(1, b"the second record")])
    journal.close()
    assert len(synced) == 1
    assert b"the second record" in synced[0]


@pytest.mark.parametrize(
    ("code", "refused"),
    [("EIO", UNWRITABLE), ("ENOSPC", FULL), ("EDQUOT", FULL), ("EINTR", UNWRITABLE), ("EROFS", UNWRITABLE)],
)
def test_what_a_disk_refuses_to_sync_is_refused_and_never_read(
    code: str, refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int) -> None:
        raise OSError(getattr(errno, code), "the disk")

    journal = Journal(tmp_path / "outbox", limit=MIB, to_disk=True)
    collector = Collector(Folder(tmp_path / "outbox"), journal.token, Notices())
    seen: list[list[bytes]] = []

    def look_and_refuse(fd: int) -> None:
        seen.append([record.payload for record in collector.batch({}).records])
        refuse(fd)

    assert journal.append([(1, b"before")]) is None
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", look_and_refuse)
        assert journal.append([(1, b"one"), (2, b"two")]) == refused
    assert seen == [[b"before"]]
    assert journal.append([(1, b"after")]) is None
    batch = collector.batch({})
    monkeypatch.setattr(os, "fdatasync", refuse)
    journal.close()
    collector.close()
    assert [record.payload.strip() for record in batch.records] == [b"before", b"", b"", b"after"]
    assert [record.kind for record in batch.records] == [1, Kind.ERASE, Kind.ERASE, 1]


def test_records_of_two_processes_are_read_in_the_order_of_their_acceptance(tmp_path: Path) -> None:
    one, two = (Journal(tmp_path / "outbox", limit=MIB) for _ in range(2))
    expected = []
    for n in range(100):
        (one if n % 3 else two).append([(1, b"%d" % n)])
        expected.append(b"%d" % n)
    collector = Collector(Folder(tmp_path / "outbox"), one.token, Notices())
    records = collector.batch({}).records
    collector.close()
    one.close()
    two.close()
    assert [record.payload for record in records] == expected


def test_what_is_accepted_while_journals_are_read_is_not_moved_before_what_another_process_had_first(
    tmp_path: Path,
) -> None:
    """D-07: one journal was read to its end already when both got something."""
    folder = Folder(tmp_path / "outbox")
    one, two = (Journal(folder.path, limit=MIB) for _ in range(2))
    for journal in (one, two):
        journal.prepare(first=True)
    streams = sorted(folder.streams(), key=lambda stream: stream.token != one.token)
    readers: list[SegmentReader] = []

    def open_segment(name: str) -> SegmentReader:
        if name.startswith(two.token) and len(readers) == 1:
            one.append([(1, b"first")])
            two.append([(1, b"second")])
        readers.append(SegmentReader(folder.path / name))
        return readers[-1]

    def read() -> list[bytes]:
        records = read_in_order(streams, {}, open_segment, dead=lambda _: False, now_ns=time.time_ns())
        return [record.payload for record in records]

    assert (read(), read()) == ([], [b"first", b"second"])
    for reader in readers:
        reader.close()
    one.close()
    two.close()


def test_the_process_that_made_a_file_is_alive_until_it_is_not(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    assert Folder(tmp_path).is_alive(presence.token)
    os.close(presence.fd)  # what the system does at its death
    assert not Folder(tmp_path).is_alive(presence.token)


def test_a_process_that_is_just_coming_is_not_taken_for_dead(tmp_path: Path) -> None:
    """Its file bears another name until it is locked."""
    (tmp_path / "0123456789abcdef.new").touch()
    collector = Collector(Folder(tmp_path), "me", Notices())
    collector.clear_dead([])
    assert [path.name for path in tmp_path.iterdir()] == ["0123456789abcdef.new"]


def test_what_a_dead_process_left_beside_its_segments_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "0123456789abcdef.alive").touch()
    (tmp_path / "0123456789abcdef.0000000001.new").touch()
    collector = Collector(Folder(tmp_path), "me", Notices())
    collector.clear_dead([])
    assert list(tmp_path.iterdir()) == []


def test_a_journal_closed_twice_closes_nobody_elses_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    journal.close()
    read, write = os.pipe()  # takes the number that is free now
    journal.close()
    os.close(read)
    os.close(write)


def test_files_removed_under_a_running_process_are_made_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    journal.append([(1, b"lost")])
    for path in (tmp_path / "outbox").iterdir():
        path.unlink()
    (tmp_path / "outbox").rmdir()
    assert journal.restore()
    journal.append([(1, b"kept")])
    assert read_all(tmp_path / "outbox") == [b"kept"]
    assert Folder(tmp_path / "outbox").is_alive(journal.token)
    journal.close()


@pytest.mark.heavy
def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    journal = Journal(tmp_path / "outbox", limit=64 * MIB)
    with ThreadPoolExecutor(8) as pool:
        refusals = list(pool.map(lambda n: journal.append([(1, b"%d" % n)]), range(5000)))
    assert set(refusals) == {None}
    assert {int(payload) for payload in read_all(tmp_path / "outbox")} == set(range(5000))
    journal.close()


def test_nothing_is_appended_after_close(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outbox", limit=MIB)
    journal.append([(1, b"one")])
    journal.close()
    assert journal.append([(1, b"two")]) == UNWRITABLE


def test_unreadable_journal_files_do_not_stop_the_others(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox" / "bad.0000000000.segment").write_bytes(b"x" * 100)
    journal = Journal(tmp_path / "outbox", limit=MIB)
    journal.append([(1, b"good")])
    collector = Collector(Folder(tmp_path / "outbox"), journal.token, Notices())
    assert [record.payload for record in collector.batch({}).records] == [b"good"]
    collector.close()
    journal.close()
    assert "not one of footfall's" in caplog.text
