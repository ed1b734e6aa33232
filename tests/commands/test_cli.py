"""The `footfall` command, run as a process where that matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from footfall.cli import main
from footfall.localtracker import LocalTracker, Store

CLICK = "/api/00000/click/Js79009234YU7/1/123"


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `footfall tracker` on a free port; yields the process and the tracker's address."""
    command = [sys.executable, "-m", "footfall.cli", "tracker", "--port", "0", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        # A process that hangs is killed, and whatever waits for its output goes on.
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            yield process, first.split()[2].rstrip("/")
        finally:
            process.kill()
            process.wait(10)
            watchdog.cancel()


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as reply:
        content: bytes = reply.read()
        return content


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_tracker_runs_until_it_is_told_to_end(number: signal.Signals) -> None:
    with running() as (process, url):
        fetch(url + CLICK)
        received = json.loads(fetch(url + "/received.json"))["received"]
        process.send_signal(number)
        assert process.wait(20) == 0
    assert [one["kind"] for one in received] == ["click"]


def test_the_tracker_says_what_to_configure() -> None:
    with running() as (process, url):
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2)]
    assert lines == [f'Raptor("12345", base_url="{url}")', f'Yoochoose("00000", base_url="{url}")']


def test_the_tracker_keeps_what_it_got_in_the_file_it_is_given(tmp_path: Path) -> None:
    kept = tmp_path / "kept.sqlite3"
    with running("--keep", str(kept)) as (process, url):
        fetch(url + CLICK)
        process.terminate()
        process.wait(20)
    store = Store(kept)
    targets = [one.target for one in store.received()]
    store.close()
    assert targets == [CLICK]


@pytest.mark.parametrize(
    ("options", "target", "status"),
    [
        (["--customer", "12345"], CLICK, 404),
        (["--licence-key", "00000:secret"], CLICK, 401),
        (["--max-item-type", "6"], "/api/00000/click/u/6/1", 204),
        (["--text-item-ids"], "/api/00000/click/u/1/shoe", 204),
        (["--buy-optional"], "/api/00000/buy/u/1/1", 204),
        (["--ibexa"], "/api/00000/click/u/99/1", 204),
    ],
)
def test_the_tracker_follows_the_contract_it_is_told_of(options: list[str], target: str, status: int) -> None:
    with running(*options) as (_, url):
        try:
            with urllib.request.urlopen(url + target, timeout=10) as reply:
                found = reply.status
        except urllib.error.HTTPError as refusal:
            found = refusal.code
            refusal.close()
    assert found == status


def test_a_port_that_is_taken_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with LocalTracker() as tracker:
        assert main(["tracker", "--port", tracker.url.rpartition(":")[2]]) == 2
    address = tracker.url.removeprefix("http://")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"footfall: port: the local tracker cannot listen on {address} (")
    assert line.endswith("); stop what does, or choose another with --port")


@pytest.mark.parametrize(
    ("missing", "command", "part"),
    [
        ("uvicorn", "tracker", "the local tracker"),
        ("uvicorn", "demo", "the local tracker"),
        ("rich", "demo", "the demo"),
    ],
)
def test_a_missing_extra_is_named_in_one_line_with_status_2(missing: str, command: str, part: str) -> None:
    code = f"import sys; sys.modules['{missing}'] = None; from footfall.cli import main; sys.exit(main(['{command}']))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 2
    assert process.stderr == (
        f"footfall: {part} needs the extra 'tracker': python3 -m pip install 'footfall[tracker]'\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["tracker", "--port", "65536"],
        ["tracker", "--port", "http"],
        ["demo", "--port", "-1"],
        ["tracker", "--licence-key", "00000"],
    ],
)
def test_what_the_command_cannot_read_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize("program", ["footfall", "footfall.cli"])
def test_the_version_is_the_installed_ones_however_it_is_asked(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", program, "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"footfall {version('footfall')}\n"


def test_python_m_footfall_ends_as_the_command_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "footfall", "check", "nothing_here:site"], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2


@pytest.mark.parametrize("command", ["tracker", "demo"])
def test_help_names_each_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert f"    {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["tracker", "demo"])
def test_each_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: footfall {command}" in capsys.readouterr().out
