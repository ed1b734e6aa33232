"""Adds what the journals hold to what the spool counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from footfall.delivery.codec import REQUESTS, Kind
from footfall.delivery.segments import Record
from footfall.delivery.stats import Counters, Stats

__all__ = ["tally"]


def tally(
    trackers: Mapping[str, Counters], unmoved: Iterable[Record], refusals: Iterable[tuple[str, str, int]]
) -> Stats:
    """Count everything.

    Args:
        trackers: What the spool says.
        unmoved: Records that are not in the spool yet.
        refusals: Tracker, reason, number: what this process has refused and not told the spool yet.
    """
    counters = dict(trackers)
    pending: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for record in unmoved:
        if record.kind in REQUESTS:
            pending[json.loads(record.payload)[0]] += 1
        elif record.kind == Kind.ASIDE:
            failed[json.loads(record.payload)[0]] += 1
    for tracker in pending | failed:
        one = counters.get(tracker, Counters())
        counters[tracker] = replace(
            one,
            accepted=one.accepted + pending[tracker] + failed[tracker],
            pending=one.pending + pending[tracker],
            failed=one.failed + failed[tracker],
        )
    for tracker, reason, number in refusals:
        one = counters.get(tracker, Counters())
        refused = dict(one.refused)
        refused[reason] = refused.get(reason, 0) + number
        counters[tracker] = replace(one, refused=MappingProxyType(refused))
    return Stats.of(counters)
