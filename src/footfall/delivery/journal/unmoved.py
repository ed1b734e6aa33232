"""What the segments in a folder hold and the spool may not have yet, held still to be counted."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

from footfall.delivery.journal.codec import REQUESTS
from footfall.delivery.journal.folder import Folder, streams_of
from footfall.delivery.journal.outbox import Unmoved
from footfall.delivery.journal.segments import START, Record, SegmentReader
from footfall.errors import SpoolError

__all__ = ["unmoved"]


@contextmanager
def unmoved(folder: Folder) -> Generator[Unmoved]:
    """Hold every segment open, so that what is in them can be counted at one moment though others remove them.

    Raises:
        SpoolError: The folder cannot be read.
    """
    view = _Unmoved(folder)
    try:
        yield view
    finally:
        view.close()


class _Unmoved:
    def __init__(self, folder: Folder) -> None:
        self._readers: dict[str, SegmentReader] = {}
        for stream in streams_of(folder):
            for name in stream.segments:
                try:
                    self._readers[name] = SegmentReader(folder.path / name)
                except (SpoolError, OSError):  # whoever moves records says so
                    continue

    def records(self, offsets: Mapping[str, int]) -> Iterator[Record]:
        """Read what is not moved, given up to where it is."""
        for reader in self._readers.values():
            offset = offsets.get(reader.name, START)
            while (record := reader.read(offset)) is not None:
                yield record
                offset = record.end

    def count(self, offsets: Mapping[str, int]) -> int:
        """Count the requests that are not moved, given up to where the others are."""
        readers = self._readers.values()
        return sum(reader.count(offsets.get(reader.name, START), REQUESTS) for reader in readers)

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
