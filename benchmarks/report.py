"""How benchmarks talk to the person who runs them: tables, how far they are, what is missing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    print(f"\n{title}\n")
    for cells in (heads, ["-" * width for width in widths], *rows):
        aligned = [
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        print(f"| {' | '.join(aligned)} |")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Say on standard error what is being done; a terminal's line is used again, a file gets none."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def verdict(found: float, goal: float | None, aim: float | None = None) -> str:
    if goal is None:
        return ""
    if found > goal:
        return "missed"
    return "met" if aim is None else "aim met" if found <= aim else "goal met"


def find_valgrind() -> str:
    found = shutil.which("valgrind")
    if found is None:
        sys.exit("valgrind is missing; write: apt-get install --no-install-recommends valgrind")
    return found
