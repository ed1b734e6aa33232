"""What one open request holds: ``python benchmarks/memory.py``.

tracemalloc counts it for the ASGI door, above the bare application, at two moments: when the view begins, and when the
response has started and its body is still to come, as in a long download. The goal is for the larger of the two. Each run
on one Python gives the same figures. Takes a few seconds.
"""

from __future__ import annotations

import statistics
import tracemalloc
from typing import Any

from contenders import around, bare, request_maker, run_asgi, through_asgi
from report import print_table, progress, verdict
from visits import FIRST, LANDING, OWN, PERSON, SEALED, Sites, Visit, open_sites

GOAL = 2_600
TIMES = 51


def measure(sites: Sites, visit: Visit) -> dict[str, tuple[float, float]]:
    """Tell for each contender the bytes that it holds in the view, and after the response's start."""
    marks: list[int] = []

    async def marking(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                marks.append(tracemalloc.get_traced_memory()[0])

        marks.append(tracemalloc.get_traced_memory()[0])
        await bare(scope, receive, note)

    site = sites.site(visit)
    make = request_maker(sites, "ASGI", through_asgi(site), visit)
    apps = around(marking, site).all
    found: dict[str, tuple[float, float]] = {}
    for name, app in apps.items():
        held: list[tuple[int, int]] = []
        for _ in range(TIMES):
            requests = [make()]
            marks.clear()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            run_asgi(app, requests)
            tracemalloc.stop()
            in_view, started = marks
            held.append((in_view - before, started - before))
        found[name] = (statistics.median(a for a, _ in held), statistics.median(b for _, b in held))
    own = found.pop("bare")
    return {name: (a - own[0], b - own[1]) for name, (a, b) in found.items()}


def report(sites: Sites) -> None:
    rows: list[list[str]] = []
    for visit in (PERSON, OWN, SEALED, FIRST, LANDING):
        progress(f"memory: {visit.name}")
        for name, (in_view, started) in measure(sites, visit).items():
            if name == "footfall" or visit is PERSON:
                ours = name == "footfall"
                told = [f"{GOAL:,}", verdict(max(in_view, started), GOAL)] if ours else ["", ""]
                rows.append([f"{visit.name}: {name}", f"{in_view:,.0f}", f"{started:,.0f}", *told])
    progress("")
    print_table(
        "bytes that one open request holds, above the bare application (ASGI)",
        ["visit", "in the view", "response started", "goal", ""],
        rows,
    )


if __name__ == "__main__":
    with open_sites() as opened:
        report(opened)
