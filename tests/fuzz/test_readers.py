"""A short run of the fuzzer; a long one is `python -m tests.fuzz.readers -runs=10000000`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.heavy import TIMES

pytest.importorskip("atheris", reason="has no wheel for this system")
ROOT = Path(__file__).parents[2]
RUNS = 3000 * TIMES


def test_nothing_raises_and_nothing_echoes(tmp_path: Path) -> None:
    options = [f"-runs={RUNS}", "-seed=1", f"-artifact_prefix={tmp_path}/", "--seeds", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.readers", *options],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ran = re.search(r"^Done (\d+) runs", done.stderr, re.MULTILINE)
    assert ran is not None
    assert int(ran[1]) >= RUNS  # it ends a batch that it has begun
