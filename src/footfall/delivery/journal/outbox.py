"""The two sides of accepting, on disk or in memory: an outbox that requests leave records in, a source to read from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from footfall.delivery.journal.segments import Record

__all__ = ["FULL", "TOO_LARGE", "UNWRITABLE", "Batch", "Outbox", "Source", "Unmoved"]

FULL = "full"  #: no room left: the bound on bytes is reached, or the disk is all but full
UNWRITABLE = "unwritable"  #: the folder cannot be written to
TOO_LARGE = "too large"  #: one record would not fit into a segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records on their way into the spool, in order."""

    records: Sequence[Record]
    offsets: Mapping[str, int]  #: by segment, up to where it is moved once this batch is stored


class Outbox(Protocol):
    """Where this process's records go first. Any thread may append."""

    @property
    def token(self) -> str:
        """This process's name among those that share the spool."""
        ...

    def append(self, records: Sequence[tuple[int, bytes]], *, always: bool = False) -> str | None:
        """Append records, all or none. They survive the death of this process if the outbox is on disk.

        Args:
            records: Kind and payload of each.
            always: Ignore the bound on bytes.

        Returns:
            None when they are in; else why not: `FULL`, `UNWRITABLE` or `TOO_LARGE`.
        """
        ...

    def prepare(self, *, first: bool = False) -> None:
        """Make ready for the next record, so that no event waits for a file.

        Args:
            first: Also while this process has written nothing yet.

        Raises:
            OSError: A file cannot be created.
        """
        ...

    def restore(self) -> bool:
        """Begin anew if somebody has removed its files; says whether that was so.

        Raises:
            OSError: The folder cannot be written to.
        """
        ...

    def measured(self, held: int) -> None:
        """Take note of how many bytes the spool holds."""
        ...

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's files."""
        ...

    def close(self) -> None:
        """Append nothing more. What was not moved yet stays for others."""
        ...


class Source(Protocol):
    """Where the spool gets records from. Used by one thread, but for `unmoved`."""

    def has_more(self) -> bool:
        """Tell whether there is something that nobody else is likely to move: this process's own, or orphaned."""
        ...

    def has_more_of_others(self) -> bool:
        """Tell whether any process at all has something to move, as far as this one knows."""
        ...

    def batch(self, offsets: Mapping[str, int]) -> Batch:
        """Read the next records; *offsets* is up to where each segment was moved already."""
        ...

    def moved(self, batch: Batch) -> None:
        """Note that a batch is in the spool."""
        ...

    def clear(self) -> None:
        """Remove what is moved and done with."""
        ...

    def clear_dead(self, owners: Collection[str]) -> Collection[str]:
        """Find out which processes have ended, and remove what they left besides records.

        Args:
            owners: Who holds leases in the spool; a name among them is not let go of.

        Returns:
            Their names.
        """
        ...

    def is_ahead(self, latest: Callable[[], int]) -> bool:
        """Tell whether more was moved than the spool has ever had: then it is an older copy, or lacks its log.

        Args:
            latest: Asks the spool for the number of its latest request.

        Raises:
            OSError: It cannot be noted.
        """
        ...

    def segments(self) -> Collection[str]:
        """Name every segment there is."""
        ...

    def unmoved(self) -> AbstractContextManager[Unmoved]:
        """Hold still what is not moved, for it to be counted at one moment. Any thread may ask.

        Raises:
            SpoolError: The folder cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of all files."""
        ...


class Unmoved(Protocol):
    """What the spool may not have yet, as it was at one moment."""

    def records(self, offsets: Mapping[str, int]) -> Iterable[Record]:
        """Read what is not moved, given up to where it is."""
        ...

    def count(self, offsets: Mapping[str, int]) -> int:
        """Count the requests that are not moved, given up to where it is."""
        ...
