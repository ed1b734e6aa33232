"""Instructions of one request, which no busy machine changes: ``python benchmarks/instructions.py``.

One interpreter runs under valgrind's callgrind and serves each contender's requests in batches. `os.getsid`, which
nothing else calls, marks where a batch begins and ends: callgrind writes its count down whenever it is entered. The
difference of a large and a small batch leaves out what is done once. Takes five minutes; needs valgrind.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from report import find_valgrind, progress

MARK = "getsid"
FEW, MANY = 50, 250
Row = dict[str, float]


def measure() -> dict[str, Row]:
    """Tell for each row the instructions that each contender needs for one request."""
    with TemporaryDirectory() as folder:
        output = Path(folder, "out")
        command = [
            find_valgrind(), "--tool=callgrind", f"--dump-before={MARK}", f"--callgrind-out-file={output}",
            sys.executable, __file__, "--under-valgrind",
        ]  # fmt: skip
        child = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        order: list[list[str]] = []
        progress("instructions: starting (half a minute)")
        for line in child.stdout:
            order.append(json.loads(line))
            progress(f"instructions: {', '.join(order[-1])}")
        _, errors = child.communicate()
        progress("")
        if child.returncode:
            sys.exit(f"valgrind's Python ended with {child.returncode}:\n{errors[-2000:]}")
        return _read(output, order)


def _read(output: Path, order: list[list[str]]) -> dict[str, Row]:
    """Give each batch its count: the first of three dumps ends what came before, each other one a batch."""
    rows: dict[str, Row] = {}
    for place, (row, contender) in enumerate(order):
        few, many = (_count(Path(f"{output}.{3 * place + part}")) for part in (2, 3))
        rows.setdefault(row, {})[contender] = (many - few) / (MANY - FEW)
    return rows


def _count(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)", dump.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    if found is None:
        sys.exit(f"{dump.name} holds no sum: does this Python call {MARK}? Look into it with callgrind_annotate")
    return int(found[1])


def serve_under_valgrind() -> None:
    from rows import ROWS, prepare
    from visits import open_sites

    with open_sites() as sites:
        for row in ROWS:
            contenders, make, drive = prepare(sites, row)
            for name, app in contenders.items():
                drive(app, [make() for _ in range(FEW)])  # what is made once
                few, many = ([make() for _ in range(number)] for number in (FEW, MANY))
                os.getsid(0)
                drive(app, few)
                os.getsid(0)
                drive(app, many)
                os.getsid(0)
                print(json.dumps([row.name, name]), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--under-valgrind", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().under_valgrind:
        serve_under_valgrind()
    else:
        from rows import print_rows

        print_rows("instructions of one request, by callgrind", [measure()], scale=1, digits=0)
