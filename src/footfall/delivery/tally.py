"""Adds what the journals hold to what the spool counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from footfall.delivery.codec import REQUESTS, Kind
from footfall.delivery.intake import REPEATED
from footfall.delivery.segments import Record
from footfall.delivery.spool import Snapshot, Spool
from footfall.delivery.stats import Counters, Stats

__all__ = ["tally"]


def tally(
    spool: Spool | None,
    unmoved: Callable[[Mapping[str, int]], Iterable[Record]],
    refusals: Callable[[], Iterable[tuple[str, str, int]]],
) -> Stats:
    """Count everything.

    Args:
        spool: What was moved; None where there is none yet.
        unmoved: Reads the records that are not in the spool yet, given up to where the others are.
        refusals: Reads tracker, reason, number: what this process has refused and not told the spool yet.
    """
    snapshot = Snapshot(trackers={}, offsets={}) if spool is None else spool.snapshot(unmoved)
    counters = dict(snapshot.trackers)
    pending: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for record in unmoved(snapshot.offsets):
        if record.kind in REQUESTS:
            pending[json.loads(record.payload)[0]] += 1
        elif record.kind == Kind.ASIDE:
            failed[json.loads(record.payload)[0]] += 1
    pending.subtract(snapshot.repeated)  # they will be refused when they are moved
    for tracker in {*pending, *failed}:
        one = counters.get(tracker, Counters())
        counters[tracker] = replace(
            one,
            accepted=one.accepted + pending[tracker] + failed[tracker],
            pending=one.pending + pending[tracker],
            failed=one.failed + failed[tracker],
        )
    repeated = ((tracker, REPEATED, number) for tracker, number in snapshot.repeated.items())
    for tracker, reason, number in (*repeated, *refusals()):
        one = counters.get(tracker, Counters())
        refused = dict(one.refused)
        refused[reason] = refused.get(reason, 0) + number
        counters[tracker] = replace(one, refused=MappingProxyType(refused))
    return Stats.of(counters)
