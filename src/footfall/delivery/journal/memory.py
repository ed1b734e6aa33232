"""The outbox of a site without a disk: no promise is kept over the end of the process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from footfall.delivery.journal.codec import REQUESTS
from footfall.delivery.journal.outbox import FULL, Batch, Unmoved
from footfall.delivery.journal.segments import Record
from footfall.delivery.native import native

__all__ = ["MemoryOutbox"]

_BATCH = 1000
_OVERHEAD = 250  # bytes of memory that a record takes beside its payload, here and then in the spool
_NAME = "memory"


class MemoryOutbox:
    """Records of this process on their way to its spool: `Outbox` and `Source` in one."""

    def __init__(self, *, limit: int) -> None:
        """Take records as long as they and the spool come to no more than *limit* bytes."""
        self._limit = limit
        self._size = 0  # of what is here
        self._spooled = 0  # of what the spool held when it was last measured, and got since
        self._moved = 0  # records that the spool has got
        # A signal handler may come in between, to append or to raise: each step that it guards is one call into C.
        self._lock = native("_thread", "RLock")()
        self._records: deque[tuple[int, int, bytes]] = deque()

    @property
    def token(self) -> str:
        """A name that nobody else will ever see."""
        return _NAME

    def append(self, records: Sequence[tuple[int, bytes]], *, always: bool = False) -> str | None:
        """Append records, all or none; returns why not."""
        size = sum([len(payload) + _OVERHEAD for _, payload in records])
        if not always and self._spooled + self._size + size > self._limit:
            return FULL
        stamp = time.time_ns()
        stamped = [(stamp, kind, payload) for kind, payload in records]
        with self._lock:
            self._size += size
            self._records.extend(stamped)
        return None

    def prepare(self, *, first: bool = False) -> None:
        """Nothing to make ready."""

    def restore(self) -> bool:
        """Nobody can take memory away."""
        return False

    def measured(self, held: int) -> None:
        """Take note of how many bytes the spool holds."""
        self._spooled = held

    def has_more(self) -> bool:
        """Tell whether there is something to move."""
        return bool(self._records)

    def has_more_of_others(self) -> bool:
        """Tell the same: nobody else has a part in it."""
        return self.has_more()

    def batch(self, offsets: Mapping[str, int]) -> Batch:
        """Read the next records; they stay until `moved`."""
        records = list(islice(_Copy(self._copy()).records(offsets), _BATCH))
        return Batch(records=records, offsets={_NAME: records[-1].end if records else offsets.get(_NAME, 0)})

    def moved(self, batch: Batch) -> None:
        """Drop what the spool has."""
        while self._moved < batch.offsets[_NAME]:
            with self._lock:
                size = len(self._records.popleft()[2]) + _OVERHEAD
                self._moved += 1
                # What was cut off may have been counted, and not be here.
                self._size = self._size - size if self._records else 0
            self._spooled += size

    def clear(self) -> None:
        """Nothing is left behind."""

    def clear_dead(self, owners: Collection[str]) -> Collection[str]:
        """Only this process can reach its memory."""
        return [owner for owner in owners if owner != _NAME]

    def is_ahead(self, latest: Callable[[], int]) -> bool:  # noqa: ARG002 - as a source on disk is asked
        """Nobody can put an older copy of memory in its place."""
        return False

    def segments(self) -> Collection[str]:
        """Only this one."""
        return (_NAME,)

    @contextmanager
    def unmoved(self) -> Generator[Unmoved]:
        """Copy what the spool may not have yet."""
        yield _Copy(self._copy())

    def leave_behind(self) -> None:
        """A child's copy is its own."""

    def close(self) -> None:
        """Nothing is open."""

    def _copy(self) -> list[Record]:
        with self._lock:
            moved, copied = self._moved, list(self._records)
        return [Record(*one, _NAME, number) for number, one in enumerate(copied, moved + 1)]


@dataclass(frozen=True, slots=True)
class _Copy:
    copied: Sequence[Record]

    def records(self, offsets: Mapping[str, int]) -> Iterator[Record]:
        """Leave out what the spool has."""
        done = offsets.get(_NAME, 0)
        return (record for record in self.copied if record.end > done)

    def count(self, offsets: Mapping[str, int]) -> int:
        """Count the requests among them."""
        return sum(1 for record in self.records(offsets) if record.kind in REQUESTS)
