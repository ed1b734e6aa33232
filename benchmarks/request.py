"""What a request costs with footfall in front of its application: ``python benchmarks/request.py``.

First CPU time, beside others that set a cookie: Starlette's SessionMiddleware, Flask's and Django's session. Each run is
an interpreter of its own in which the contenders take turns, so that a busy machine slows all alike. A run's figures are
medians, and the median of the runs is printed. *adds* is microseconds above the same application without the contender;
*share* is the share of what the peer adds in that run. All contenders of a row get the same request: the same Cookie
header, in which each finds its own.

Then memory, garbage in cycles, and the time of an import (`memory.py`, `cycles.py`, `startup.py` do one each). With
``--instructions`` it only counts instructions, of requests and of the import. The shares carry over to
other machines, the microseconds do not. Takes five minutes.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import cycles
import instructions
import memory
import startup
from report import progress
from rows import ROWS, prepare, print_rows
from visits import Sites, open_sites

BATCH = 100
PEERS = ("starlette", "asgi-correlation-id", "Flask", "Django", "Werkzeug")


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Tell for each row the median CPU seconds of each contender's request."""
    with open_sites() as sites:
        return {row.name: _take_turns(sites, place, rounds) for place, row in enumerate(ROWS)}


def _take_turns(sites: Sites, place: int, rounds: int) -> dict[str, float]:
    row = ROWS[place]
    contenders, make, drive = prepare(sites, row)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        if turn % 10 == 0:
            progress(f"{row.name}: row {place + 1} of {len(ROWS)}, turn {turn} of {rounds}")
        for name, app in contenders.items():
            times[name].append(_time_batch(app, make, drive))
    return {name: statistics.median(found) for name, found in times.items()}


def _time_batch(app: Any, make: Callable[[], Any], drive: Callable[[Any, Any], None]) -> float:
    requests = [make() for _ in range(BATCH)]
    begin = time.thread_time()
    drive(app, requests)
    return (time.thread_time() - begin) / BATCH


def run_apart(rounds: int) -> dict[str, dict[str, float]]:
    """Measure in an interpreter of its own, for hashes and memory layout differ from one to the next."""
    command = [sys.executable, __file__, "--rounds", str(rounds), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="how many interpreters (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=51, help="turns of each contender in a run (default: %(default)s)"
    )
    parser.add_argument("--instructions", action="store_true", help="count instructions, by valgrind")
    parser.add_argument("--times", action="store_true", help="measure CPU time alone")
    parser.add_argument("--json", action="store_true", help="print one run's medians, in seconds")
    options = parser.parse_args()
    if options.json:
        json.dump(measure(options.rounds), sys.stdout)
        progress("")
        return
    print(f"Python {platform.python_version()}; {', '.join(f'{name} {version(name)}' for name in PEERS)}")
    if options.instructions:
        print_rows("instructions of one request, by callgrind", [instructions.measure()], scale=1, digits=0)
        startup.report(counted=True)
        return
    runs = []
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr, flush=True)
        runs.append(run_apart(options.rounds))
    print_rows(f"CPU time of one request, in us; {options.runs} runs", runs, scale=1e6, digits=1)
    if not options.times:
        with open_sites() as sites:
            memory.report(sites)
            cycles.report(sites)
        startup.report()


if __name__ == "__main__":
    main()
