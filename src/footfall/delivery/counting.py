"""Counts what was accepted and what became of it: what the journals hold, added to what the spool counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from footfall.delivery.journal.codec import REQUESTS, Kind, tracker_of
from footfall.delivery.journal.folder import Folder
from footfall.delivery.journal.segments import Record
from footfall.delivery.journal.unmoved import unmoved
from footfall.delivery.spool.intake import REPEATED
from footfall.delivery.spool.refusals import Count
from footfall.delivery.spool.spool import Spool, Totals
from footfall.delivery.stats import Counters, Stats

__all__ = ["count_spool", "count_unmoved", "tally"]


def tally(
    spool: Spool | None,
    journal: Callable[[Mapping[str, int]], Iterable[Record]],
    refusals: Callable[[], Iterable[Count]],
) -> Stats:
    """Count everything.

    Args:
        spool: What was moved; None where there is none yet.
        journal: Reads the records that are not in the spool yet, given up to where the others are.
        refusals: Reads what this process has refused and not told the spool yet.
    """
    totals = Totals(trackers={}, offsets={}) if spool is None else spool.totals(journal)
    counters = dict(totals.trackers)
    pending: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for record in journal(totals.offsets):
        if record.kind in REQUESTS:
            pending[tracker_of(record.payload)] += 1
        elif record.kind != Kind.ERASE:
            failed[tracker_of(record.payload)] += 1
    pending.subtract(totals.repeated)  # they will be refused when they are moved
    for tracker in {*pending, *failed}:
        one = counters.get(tracker, Counters())
        counters[tracker] = replace(
            one,
            accepted=one.accepted + pending[tracker] + failed[tracker],
            pending=one.pending + pending[tracker],
            failed=one.failed + failed[tracker],
        )
    repeated = ((tracker, REPEATED, number) for tracker, number in totals.repeated.items())
    for tracker, reason, number in (*repeated, *refusals()):
        one = counters.get(tracker, Counters())
        refused = dict(one.refused)
        refused[reason] = refused.get(reason, 0) + number
        counters[tracker] = replace(one, refused=MappingProxyType(refused))
    return Stats.of(counters)


def count_spool(path: Path, folder: Path, refusals: Iterable[Count] = (), *, patience: float | None = None) -> Stats:
    """Count from whatever process, in *patience* seconds; creates nothing.

    Raises:
        SpoolError: The spool cannot be read.
    """
    spool = Spool(path)
    spool.patience = patience
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
