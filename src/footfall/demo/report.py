"""Compares what was done in the shop with what each tracker received, and shows both in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footfall.demo.visits import Action, Step, count_sessions
from footfall.localtracker import Received

if TYPE_CHECKING:
    from rich.table import Table

    from footfall.delivery import Stats

__all__ = ["Report", "Tally", "compare", "format_report", "format_summary"]

_Deed = tuple[str, Action, str]  # who (a device id), what, and the item's id

# Each tracker's own words for what was done; below, the parameter that holds the item.
_WORDS: Mapping[str, Mapping[str, Action]] = {
    "raptor": {"visit": "click", "basket": "basket", "buy": "buy"},
    "yoochoose": {"click": "click", "basket": "basket", "buy": "buy"},
}
_LABELS: Mapping[Action, str] = {"click": "clicks", "basket": "basket", "buy": "buys"}
_ITEM = {"raptor": "p2", "yoochoose": "itemid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of visitors, sessions and events: in the file, or as a tracker received them."""

    visitors: int
    sessions: int | None  #: ``None``: the tracker is not told of sessions
    kinds: Mapping[Action, int]
    lost: int = 0  #: done, but not received
    twice: int = 0  #: received more often than done
    wrong: int = 0  #: received, and refused or doubtful

    @property
    def events(self) -> int:
        """How many events there are."""
        return sum(self.kinds.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was done, and what each tracker received."""

    done: Tally
    received: Mapping[str, Tally]

    @property
    def complete(self) -> bool:
        """Whether each tracker received each event once, from the right visitor and in the right session."""
        return all(
            (got.lost, got.twice, got.wrong) == (0, 0, 0)
            and (got.visitors, got.kinds) == (self.done.visitors, self.done.kinds)
            and got.sessions in (None, self.done.sessions)
            for got in self.received.values()
        )


def compare(steps: Sequence[Step], devices: Mapping[int, str], received: Iterable[Received], idle: float) -> Report:
    """Compare the visits with what arrived, event by event.

    Args:
        steps: What was done.
        devices: Each visitor's device id.
        received: What the local tracker received.
        idle: Seconds without an event that end a session.
    """
    done = Counter[_Deed]((devices[step.visitor], step.action, str(step.item)) for step in steps)
    by_tracker: dict[str, list[Received]] = {name: [] for name in _WORDS}
    for one in received:
        by_tracker.setdefault(one.tracker, []).append(one)
    return Report(
        done=Tally(visitors=len(set(devices.values())), sessions=count_sessions(steps, idle), kinds=_count_kinds(done)),
        received={name: _tally(name, done, got) for name, got in by_tracker.items()},
    )


def _tally(tracker: str, done: Counter[_Deed], received: Sequence[Received]) -> Tally:
    words = _WORDS.get(tracker, {})
    taken = [one for one in received if one.kind in words and not one.problems]
    got = Counter[_Deed]((one.visitor, words[one.kind], one.params.get(_ITEM[tracker], "")) for one in taken)
    sessions = {one.session for one in taken if one.session}
    return Tally(
        visitors=len({one.visitor for one in taken}),
        sessions=len(sessions) if tracker == "raptor" else None,
        kinds=_count_kinds(got),
        lost=(done - got).total(),
        twice=(got - done).total(),
        wrong=len(received) - len(taken),
    )


def _count_kinds(deeds: Counter[_Deed]) -> dict[Action, int]:
    kinds: dict[Action, int] = {"click": 0, "basket": 0, "buy": 0}
    for (_, action, _), count in deeds.items():
        kinds[action] += count
    return kinds


def format_report(report: Report, stats: Stats) -> Table:
    """Make the table: a row for each number, a column for the shop and for each tracker."""
    from rich.table import Table

    table = Table(title="A month of real visits, replayed")
    table.add_column("")
    columns = {"done in the shop": report.done, **{f"{name} received": got for name, got in report.received.items()}}
    for title in columns:
        table.add_column(title, justify="right")
    tallies = list(columns.values())
    table.add_row("visitors", *(str(one.visitors) for one in tallies))
    table.add_row("sessions", *("not told" if one.sessions is None else str(one.sessions) for one in tallies))
    table.add_row("events", *(str(one.events) for one in tallies), end_section=True)
    for action, label in _LABELS.items():
        table.add_row(f"  {label}", *(str(one.kinds[action]) for one in tallies), end_section=action == "buy")
    for label in ("accepted", "delivered", "pending", "failed"):
        counters = (stats.trackers.get(name) for name in report.received)
        table.add_row(label, "", *("-" if one is None else str(getattr(one, label)) for one in counters))
    for label in ("lost", "twice", "wrong"):
        table.add_row(label, "", *(str(getattr(one, label)) for one in report.received.values()))
    return table


def format_summary(report: Report) -> str:
    """Summarize the report in one line."""
    done = report.done
    if not report.complete:
        return "Not everything arrived as it was done: see the table, and the local tracker's page."
    return (
        f"{done.visitors} visitors, {done.sessions} sessions, {done.events} events ({done.kinds['click']} clicks,"
        f" {done.kinds['basket']} basket, {done.kinds['buy']} buys) received by each of the {len(report.received)}"
        " trackers: none lost, none twice."
    )
