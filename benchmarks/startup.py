"""What ``import footfall`` takes: ``python benchmarks/startup.py``.

Measures the CPU time of whole interpreters, as the system counts it for an ended child: those that import the package, in
turns with those that do nothing. The difference of the medians is the import's. The bytecode is there already. Takes ten
seconds.

Milliseconds do not carry over to other machines. So the import of asyncio is measured too, and ``--instructions`` counts
what callgrind sees: the goal of 40 ms was set where the import took 65 ms and 636 million instructions, of which it
leaves 391.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping

from report import find_valgrind, print_table, progress, verdict

OURS = "import footfall"
STATEMENTS = (OURS, "import footfall.asgi", "import asyncio")
GOAL_MS = 40
GOAL_INSTRUCTIONS = 391_000_000
TIMES = 31


def cpu_of(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def instructions_of(code: str) -> float:
    command = [find_valgrind(), "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        sys.exit(f"valgrind said no sum; run it by hand: {' '.join(command)}")
    return float(found[1])


def measure_time() -> dict[str, float]:
    """Tell for each statement the milliseconds of CPU time that it adds to a bare interpreter."""
    times: dict[str, list[float]] = {code: [] for code in ("pass", *STATEMENTS)}
    for code in times:
        cpu_of(code)  # writes the bytecode
    for turn in range(TIMES):
        progress(f"import: turn {turn + 1} of {TIMES}")
        for code, found in times.items():
            found.append(cpu_of(code))
    progress("")
    bare = statistics.median(times.pop("pass"))
    return {code: statistics.median(found) - bare for code, found in times.items()}


def measure_instructions() -> dict[str, float]:
    """Tell for each statement the instructions that it adds to a bare interpreter."""
    progress("import: counting instructions")
    cpu_of("; ".join(STATEMENTS))  # writes the bytecode
    bare = instructions_of("pass")
    found = {code: instructions_of(code) - bare for code in STATEMENTS}
    progress("")
    return found


def report(*, counted: bool = False) -> None:
    if counted:
        title, goal, found = "instructions of an import", GOAL_INSTRUCTIONS, measure_instructions()
    else:
        title, goal, found = "CPU time of an import, in ms", GOAL_MS, measure_time()
    print_table(f"{title}, above a bare interpreter", ["", "adds", "share of asyncio", "goal", ""], _rows(found, goal))


def _rows(found: Mapping[str, float], goal: float) -> list[list[str]]:
    unit = found["import asyncio"]
    return [
        [
            code,
            f"{adds:,.0f}",
            f"{adds / unit:.2f}",
            *([f"{goal:,}", verdict(adds, goal)] if code == OURS else ["", ""]),
        ]
        for code, adds in found.items()
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--instructions", action="store_true", help="count instructions, by valgrind")
    report(counted=parser.parse_args().instructions)
