"""What the benchmarks of a request have in common: the rows of their table, and how it is printed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contenders import DOORS, request_maker, run_asgi, run_wsgi
from report import print_table, verdict
from visits import PERSON, VISITS, Sites, Visit


@dataclass(frozen=True)
class Row:
    """One door and one visit; its goal is a share of what the door's first peer adds."""

    door: str
    visit: Visit
    goal: float | None = None
    aim: float | None = None

    @property
    def name(self) -> str:
        return f"{self.door}, {self.visit.name}"


ROWS = (
    *(Row("ASGI", visit, visit.goal, visit.aim) for visit in VISITS),
    Row("WSGI", PERSON, 0.093),  # half of the 0.185 that it was when goals were set
    Row("Flask", PERSON, 0.40),
    Row("Django WSGI", PERSON, 0.67, 0.50),
)


def prepare(sites: Sites, row: Row) -> tuple[dict[str, Any], Callable[[], Any], Callable[[Any, Any], None]]:
    """Make a row's applications by name, its requests, and what drives the one with the other."""
    contenders = DOORS[row.door](sites.site(row.visit), None)
    make = request_maker(sites, row.door, contenders, row.visit)
    return contenders.all, make, run_asgi if contenders.asynchronous else run_wsgi


def print_rows(title: str, runs: Sequence[Mapping[str, Mapping[str, float]]], *, scale: float, digits: int) -> None:
    """Print for each row what footfall and its peer add, and their ratio: the median of the runs' own ratios."""
    lines: list[list[str]] = []
    met = judged = 0
    for row in ROWS:
        names = list(runs[0][row.name])
        adds = [{name: run[row.name][name] - run[row.name]["bare"] for name in names} for run in runs]
        peer = names[1]
        shares = {name: statistics.median(one[name] / one[peer] for one in adds) for name in names}
        ours, theirs = (statistics.median(one[name] for one in adds) * scale for name in ("footfall", peer))
        spread = [one["footfall"] / one[peer] for one in adds]
        told = verdict(shares["footfall"], row.goal, row.aim)
        judged += bool(told)
        met += told.endswith("met")
        lines.append(
            [
                row.name,
                f"{ours:,.{digits}f}",
                f"{theirs:,.{digits}f}",
                peer,
                f"{shares['footfall']:.3f}",
                f"{min(spread):.3f} to {max(spread):.3f}" if len(runs) > 1 else "",
                ""
                if row.goal is None
                else f"{row.goal:.3f}".rstrip("0") + ("" if row.aim is None else f" (aim {row.aim})"),
                told,
                *(f"{shares[name]:.3f}" if name in shares else "" for name in ("asgi-correlation-id", "no-op")),
            ]
        )
    heads = [
        "visit",
        "footfall adds",
        "peer adds",
        "peer",
        "share",
        "of the runs",
        "goal",
        "",
        "correlation-id",
        "no-op",
    ]
    print_table(title, heads, lines)
    print(f"\n{met} of {judged} goals met")
