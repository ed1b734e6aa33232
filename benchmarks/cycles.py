"""What a request leaves to the garbage collector, behind every door: ``python benchmarks/cycles.py``.

Objects that end in a reference cycle wait for the collector, whose pauses make a request cost more. For each door the
same application runs with us and without us while the collector is switched off; then what the collector finds is
counted: *found* is everything, *in cycles* leaves out what merely hangs from a cycle. Both are for one request, above
the application's own. The goal is none in cycles. (Django's ASGI handler ends its request in a cycle of its own, so that
everything a request holds is found there.) The difference between two numbers of requests leaves out what is made once.
Takes half a minute; where something is found, its types are named.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from typing import Any

from contenders import DOORS, Ask, Contenders, ask_everything, request_maker, run_in_loop, run_wsgi
from report import print_table, progress, verdict
from visits import PERSON, Sites, open_sites

FEW, MANY = 5, 55
VIEWS: dict[str, Ask | None] = {"asks nothing": None, "asks everything": ask_everything}

Found = Counter[str]


def collect(run: Callable[[], object]) -> tuple[Found, Found]:
    """Count by type what a run leaves to the collector, and how much of it is in cycles."""
    gc.collect()
    gc.freeze()  # leaves out what is there already, which would take most of the time
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        run()
        gc.collect()
        return _by_type(gc.garbage), _by_type(in_cycles(gc.garbage))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()


def in_cycles(objects: list[Any]) -> list[Any]:
    """Keep objects in a cycle or between two: repeatedly drop those that nothing refers to or that refer to nothing."""
    left = {id(one): one for one in objects}
    leads = {key: {id(other) for other in gc.get_referents(one)} & left.keys() for key, one in left.items()}
    while True:
        reached = set().union(*(leads[key] for key in left)) if left else set()
        kept = {key: one for key, one in left.items() if key in reached and leads[key] & left.keys()}
        if len(kept) == len(left):
            return list(kept.values())
        left = kept


def _by_type(objects: list[Any]) -> Found:
    return Counter(f"{type(one).__module__}.{type(one).__qualname__}".removeprefix("builtins.") for one in objects)


def of_one_request(contenders: Contenders, app: Any, make: Callable[[], Any]) -> tuple[Found, Found]:
    drive: Callable[[Any, Any], None] = run_in_loop if contenders.asynchronous else run_wsgi

    def requests(number: int) -> Callable[[], object]:
        # Made one by one: a list would keep alive what they hold.
        return lambda: drive(app, (make() for _ in range(number)))

    requests(FEW)()  # what is made once
    (few, few_cycles), (many, many_cycles) = collect(requests(FEW)), collect(requests(MANY))
    return _slope(few, many), _slope(few_cycles, many_cycles)


def _slope(few: Found, many: Found) -> Found:
    return Counter({name: round((many[name] - few[name]) / (MANY - FEW)) for name in few | many})


def measure(sites: Sites) -> list[tuple[str, str, Found, Found]]:
    """Return for each door and view what is found of one request, and in cycles, above the application's own."""
    rows = []
    for door, build in DOORS.items():
        for what, ask in VIEWS.items():
            progress(f"cycles: {door}, a view that {what}")
            contenders = build(sites.site(PERSON), ask)
            make = request_maker(sites, door, contenders, PERSON)
            ours, own = (of_one_request(contenders, app, make) for app in (contenders.footfall, contenders.bare))
            for mine, theirs in zip(ours, own, strict=True):
                mine.subtract(theirs)
            rows.append((door, what, *ours))
    progress("")
    return rows


def report(sites: Sites) -> None:
    rows = measure(sites)
    print_table(
        "garbage of one request, in objects above the application's own; goal: 0 in cycles",
        ["door", "the view", "found", "in cycles", "goal"],
        [
            [door, what, str(found.total()), str(cycles.total()), verdict(cycles.total(), 0)]
            for door, what, found, cycles in rows
        ],
    )
    for door, what, _, cycles in rows:
        if cycles.total():
            names = ", ".join(f"{number} {name}" for name, number in cycles.most_common() if number)
            print(f"\n{door}, a view that {what}: {names}")


if __name__ == "__main__":
    with open_sites() as opened:
        report(opened)
