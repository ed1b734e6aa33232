"""The spool and the outbox of a site without a disk: no promise is kept over the end of the process."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

from footfall.delivery.journal import FULL
from footfall.delivery.native import native
from footfall.delivery.schema import prepare_database
from footfall.delivery.segments import Record
from footfall.delivery.spool import Batch, Spool
from footfall.delivery.sqlite import SqliteSpool

__all__ = ["MemoryOutbox", "MemorySpool", "rest_of"]

_BATCH = 1000
_OVERHEAD = 250  # bytes of memory that a record takes beside its payload, here and then in the spool
_NAME = "memory"


class MemorySpool(SqliteSpool):
    """The same tables in memory: order, leases and counters are those of the file."""

    def __init__(self) -> None:
        super().__init__(":memory:")

    @property
    def is_open(self) -> bool:
        """A child's own copy is another one: there is no file."""
        return False

    def park(self, patience: float) -> bool:
        """Hold still; a child never uses its copy."""
        return bool(self._lock.acquire(True, patience))  # noqa: FBT003 - a lock's own signature

    def _identify(self) -> None:
        return None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        prepare_database(connection, ":memory:")
        return connection

    def _forget_connection(self, *, last: bool = False) -> None:
        if last:  # an error is no reason to lose everything
            super()._forget_connection()

    def close(self) -> None:
        """Forget everything."""
        with self._turn_of_mine():
            self._forget_connection(last=True)


def rest_of(records: Iterable[Record], offsets: Mapping[str, int]) -> Iterator[Record]:
    """Leave out what the spool has."""
    done = offsets.get(_NAME, 0)
    return (record for record in records if record.end > done)


class MemoryOutbox:
    """Records of this process on their way to its spool."""

    def __init__(self, *, limit: int) -> None:
        """Take records as long as they and the spool come to no more than *limit* bytes."""
        self._limit = limit
        self._size = 0  # of what is here
        self._spooled = 0  # of what the spool held when it was last measured, and got since
        self._number = 0
        self._lock = native("_thread", "RLock")()
        self._busy = False
        self._records: deque[Record] = deque()
        self._late: deque[tuple[int, bytes]] = deque()

    def append(self, records: Sequence[tuple[int, bytes]], *, always: bool = False) -> str | None:
        """Append records, all or none; returns why not."""
        size = sum([len(payload) + _OVERHEAD for _, payload in records])
        if not always and self._spooled + self._size + size > self._limit:
            return FULL
        with self._lock:
            if self._busy:  # a signal handler has interrupted its own thread right here
                self._late.extend(records)
            else:
                with self._mine():
                    self._take(records)
        return None

    def prepare(self, *, first: bool = False) -> None:
        """Nothing to make ready."""

    def restore(self) -> bool:
        """Nobody can take memory away."""
        return False

    def has_more(self) -> bool:
        """Tell whether there is something to move."""
        return bool(self._records or self._late)

    def has_more_of_others(self) -> bool:
        """Tell the same: nobody else has a part in it."""
        return self.has_more()

    def batch(self, offsets: Mapping[str, int]) -> Batch:
        """Read the next records; they stay until `moved`."""
        records = list(islice(rest_of(self.unmoved(), offsets), _BATCH))
        return Batch(records=records, offsets={_NAME: records[-1].end if records else offsets.get(_NAME, 0)})

    def moved(self, batch: Batch) -> None:
        """Drop what the spool has."""
        with self._mine():
            while self._records and self._records[0].end <= batch.offsets[_NAME]:
                size = len(self._records.popleft().payload) + _OVERHEAD
                self._size -= size
                self._spooled += size

    def clear(self) -> None:
        """Nothing is left behind."""

    def unmoved(self) -> list[Record]:
        """Copy what the spool may not have yet."""
        with self._mine():
            return list(self._records)

    def measured(self, held: int) -> None:
        """Take note of how many bytes the spool holds."""
        self._spooled = held

    def tend(self, spool: Spool, *, full: bool) -> None:
        """No other process has anything to do with this one's memory."""

    def segments(self) -> Collection[str]:
        """Only this one."""
        return (_NAME,)

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def _mine(self) -> Generator[None]:
        with self._lock:
            self._busy = True
            try:
                while self._late:
                    self._take([self._late.popleft()])
                yield
            finally:
                self._busy = False

    def _take(self, records: Sequence[tuple[int, bytes]]) -> None:
        for kind, payload in records:
            self._number += 1
            self._size += len(payload) + _OVERHEAD
            self._records.append(Record(time.time_ns(), kind, payload, _NAME, self._number))
