"""Counts a spool and the journals beside it, at one moment, from whatever process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from footfall.delivery.collector import unmoved
from footfall.delivery.folder import Folder
from footfall.delivery.sqlite import SqliteSpool
from footfall.delivery.stats import Stats
from footfall.delivery.tally import tally

__all__ = ["count_spool", "count_unmoved"]


def count_spool(path: Path, folder: Path, refusals: Iterable[tuple[str, str, int]] = ()) -> Stats:
    """Count what was accepted, and what became of it; creates nothing.

    Raises:
        SpoolError: The spool cannot be read.
    """
    spool = SqliteSpool(str(path))
    try:
        with unmoved(Folder(folder)) as view:
            return tally(spool if path.exists() else None, view.records, lambda: refusals)
    finally:
        spool.close()


def count_unmoved(folder: Path) -> int:
    """Count what the journals hold, for lack of a spool that could say what of it was moved already.

    Raises:
        SpoolError: Their folder cannot be read.
    """
    with unmoved(Folder(folder)) as view:
        return view.count({})
