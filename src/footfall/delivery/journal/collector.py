"""Collects what the journals of all processes hold, in the order of acceptance, and adopts those of the dead."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from heapq import merge
from itertools import islice
from operator import attrgetter

from footfall.delivery.journal.folder import Folder, Stream
from footfall.delivery.journal.outbox import Batch, Unmoved
from footfall.delivery.journal.segments import START, Record, SegmentReader
from footfall.delivery.journal.unmoved import unmoved
from footfall.delivery.notices import Notices
from footfall.errors import SpoolError

__all__ = ["Collector", "read_in_order"]

_BATCH = 1000  # records: a few milliseconds of a transaction
_BATCH_BYTES = 4 * 1024 * 1024
# A record stamped a moment after a reading began waits for the next one, so that what one process saw before
# another acted is moved first. A stamp further ahead than this comes from a clock that was set back since.
_AHEAD_NS = 2_000_000_000


class Collector:
    """One process's view of a folder of journals. Used by one thread, but for `unmoved`."""

    def __init__(self, folder: Folder, token: str, notices: Notices) -> None:
        self._folder = folder
        self._token = token
        self._notices = notices
        self._readers: dict[str, SegmentReader] = {}
        self._offsets: dict[str, int] = {}
        self._dead: set[str] = set()

    def has_more(self) -> bool:
        """Tell whether there is something that nobody else is likely to move: this process's own, or orphaned."""
        mine = [s for s in self._folder.streams() if s.token == self._token or self._is_unattended(s)]
        return next(self._read(mine), None) is not None

    def has_more_of_others(self) -> bool:
        """Tell whether any journal at all holds something more, as far as this process knows."""
        return next(self._read(self._folder.streams()), None) is not None

    def batch(self, offsets: Mapping[str, int]) -> Batch:
        """Read the next records; *offsets* is up to where each segment was moved already."""
        self._offsets.update(offsets)
        records: list[Record] = []
        size = 0
        for record in islice(self._read(self._folder.streams()), _BATCH):
            records.append(record)
            size += len(record.payload)
            if size > _BATCH_BYTES:
                break
        return Batch(records=records, offsets={record.segment: record.end for record in records})

    def moved(self, batch: Batch) -> None:
        """Note that a batch is in the spool."""
        self._offsets.update(batch.offsets)

    def clear(self) -> None:
        """Remove the segments that were moved to their end, and that nothing will follow in."""
        for stream in self._folder.streams():
            for name in stream.segments:
                if not self._is_finished(stream, name):
                    break
                self._remove(name)

    def clear_dead(self, owners: Collection[str]) -> set[str]:
        """Find out which processes have ended, adopt their segments, and remove what else they left.

        Args:
            owners: Who holds leases in the spool; a name among them is not let go of.

        Returns:
            Their names.
        """
        tokens = self._folder.tokens()
        self._dead = {token for token in tokens.union(owners) if not self._folder.is_alive(token)}
        writing = {stream.token for stream in self._folder.streams()}
        for token in self._dead & tokens - writing - set(owners):
            self._folder.forget(token)
        return self._dead

    def is_ahead(self, latest: Callable[[], int]) -> bool:
        """Tell whether more was moved than the spool has ever had."""
        known = self._folder.latest()  # asked first: another process may store something meanwhile
        last = latest()
        if last != known:
            self._folder.note_latest(last)
        return last < known

    def segments(self) -> set[str]:
        """Name every segment there is."""
        return {name for stream in self._folder.streams() for name in stream.segments}

    def unmoved(self) -> AbstractContextManager[Unmoved]:
        """Hold every segment open, for what is in them to be counted."""
        return unmoved(self._folder)

    def close(self) -> None:
        """Let go of all files."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def _read(self, streams: Sequence[Stream]) -> Iterator[Record]:
        return read_in_order(streams, self._offsets, self._open, dead=self._dead.__contains__, now_ns=time.time_ns())

    def _is_unattended(self, stream: Stream) -> bool:
        if stream.token in self._dead:
            return True
        reader = self._open(stream.segments[0])
        return reader is not None and reader.unattended

    def _open(self, name: str) -> SegmentReader | None:
        reader = self._readers.get(name)
        if reader is None:
            try:
                reader = self._readers[name] = SegmentReader(self._folder.path / name)
            except FileNotFoundError:
                return None
            except (SpoolError, OSError) as error:
                self._notices.say(logging.ERROR, str(error))
                return None
        return reader

    def _is_finished(self, stream: Stream, name: str) -> bool:
        complete = stream.token in self._dead  # asked first: nothing can follow what is read after it
        reader = self._open(name)
        if reader is None:
            return False
        complete = complete or reader.sealed
        offset = self._offsets.get(name, START)
        return complete and reader.read(offset) is None and reader.read_behind(offset) is None

    def _remove(self, name: str) -> None:
        path = self._folder.path / name
        reader = self._readers.pop(name)
        rest_is_clean = reader.is_clean_after(self._offsets.get(name, START))
        sealed = reader.sealed
        reader.close()
        self._offsets.pop(name, None)
        if not rest_is_clean and (sealed or reader.skipped):
            path.rename(path.with_suffix(".damaged"))
            self._notices.say(
                logging.ERROR, f"journal file {path} is damaged: its readable part is in the spool, the rest is kept"
            )
            return
        path.unlink(missing_ok=True)  # a process killed in the middle of a record had not accepted it
        if reader.skipped or not reader.has_header:
            self._notices.say(
                logging.ERROR,
                f"journal file {path} was emptied, or lost a part when the power failed: "
                "what could be read of it is in the spool, the rest is lost",
            )


def read_in_order(
    streams: Sequence[Stream],
    offsets: Mapping[str, int],
    open_segment: Callable[[str], SegmentReader | None],
    *,
    dead: Callable[[str], bool],
    now_ns: int,
) -> Iterator[Record]:
    """Read what was not moved yet, of all processes, in the order in which it was accepted."""
    each = [_follow(s, offsets, open_segment, dead=dead(s.token), now_ns=now_ns) for s in streams]
    return merge(*each, key=attrgetter("stamp"))


def _follow(
    stream: Stream,
    offsets: Mapping[str, int],
    open_segment: Callable[[str], SegmentReader | None],
    *,
    dead: bool,
    now_ns: int,
) -> Iterator[Record]:
    for name in stream.segments:
        reader = open_segment(name)
        if reader is None:
            continue
        complete = dead or reader.sealed
        offset, confirmed = offsets.get(name, START), sys.maxsize if dead else reader.confirmed
        while (record := reader.read(offset) or (reader.read_behind(offset) if complete else None)) is not None:
            if now_ns < record.stamp < now_ns + _AHEAD_NS:
                return
            if record.end > confirmed:
                reader.look_anew()  # it may be taken back
                return
            yield record
            offset = record.end
        if not complete:
            return
