"""How many wire requests went which way, and the sum that must always add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["Counters", "Stats"]

_NONE: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """One tracker's wire requests: ``accepted == delivered + pending + failed + erased + forwarded``, at any moment."""

    accepted: int = 0  #: taken over, and durable from then on
    delivered: int = 0  #: the tracker said yes
    pending: int = 0  #: waiting or under way, wherever they are: journal or spool, this process or another
    failed: int = 0  #: set aside with a reason: the tracker said no, or nobody can say
    erased: int = 0  #: dropped because their visitor asked to be forgotten
    forwarded: int = 0  #: an engine has them, which counts what becomes of them; 0 where there is none
    refused: Mapping[str, int] = field(default_factory=lambda: _NONE)  #: never accepted, by reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What became of every wire request of one spool, over all its trackers and processes."""

    accepted: int = 0
    delivered: int = 0
    pending: int = 0
    failed: int = 0
    erased: int = 0
    forwarded: int = 0
    refused: Mapping[str, int] = field(default_factory=lambda: _NONE)
    trackers: Mapping[str, Counters] = field(default_factory=dict[str, Counters])  #: the same, by tracker's name

    @classmethod
    def of(cls, trackers: Mapping[str, Counters]) -> Stats:
        """Add up what each tracker has."""
        each = trackers.values()
        return cls(
            accepted=sum(c.accepted for c in each),
            delivered=sum(c.delivered for c in each),
            pending=sum(c.pending for c in each),
            failed=sum(c.failed for c in each),
            erased=sum(c.erased for c in each),
            forwarded=sum(c.forwarded for c in each),
            refused=_add(c.refused for c in each),
            trackers=MappingProxyType(dict(sorted(trackers.items()))),
        )


def _add(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for reason, count in one.items():
            total[reason] = total.get(reason, 0) + count
    return MappingProxyType(total)
