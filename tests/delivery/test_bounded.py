"""Waiting for delivery takes no longer than it was given, whoever holds the spool; and a process short of something."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

SLACK = 0.7  # seconds: the machine may be busy


@pytest.fixture
def held(spool: str, make_delivery: Any) -> Iterator[sqlite3.Connection]:
    """Another program that holds the spool."""
    make_delivery().warm_up()
    with closing(sqlite3.connect(spool.removeprefix("sqlite:///"), isolation_level=None, timeout=10)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield db


def test_flush_and_close_take_no_longer_than_given_while_another_process_holds_the_spool(
    held: sqlite3.Connection, make_delivery: Any, request_to: Any
) -> None:
    delivery = make_delivery()
    assert delivery.accept([request_to(f"/{n}") for n in range(10)])
    for wait, given in ((delivery.flush, 0.5), (delivery.flush, 2.0), (delivery.close, 2.0)):
        start = time.monotonic()
        assert wait(given) == 10
        assert time.monotonic() - start < given + SLACK


def test_the_end_of_a_process_takes_no_longer_while_another_holds_the_spool(
    held: sqlite3.Connection, start_child: Any
) -> None:
    child = start_child("delivery = Delivery(spool); emit(range(10)); say(time.monotonic())")
    begun = float(child.said()[0])
    assert time.monotonic() - begun < 2.5 + 2 * SLACK


def test_without_threads_flush_takes_no_longer_either(held: sqlite3.Connection, start_child: Any) -> None:
    said = start_child("""
from footfall.delivery import delivery as module
module.why_unattended = lambda: "this is a test"
import logging; logging.disable()
delivery = Delivery(spool); emit(range(10))
start = time.monotonic()
say(delivery.flush(1)); say(delivery.close(1)); say(time.monotonic() - start < 4)
os._exit(0)
""").said()
    assert said == ["10", "10", "True"]


def test_flush_of_a_process_that_has_accepted_nothing_takes_no_longer(spool: str, make_delivery: Any) -> None:
    first = make_delivery()
    first.warm_up()
    first.close()
    with closing(sqlite3.connect(Path(spool.removeprefix("sqlite:///")), isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        db.execute("DELETE FROM once")
        start = time.monotonic()
        assert make_delivery().flush(0.5) == 0
        assert time.monotonic() - start < 0.5 * 2 + SLACK


NO_THREADS = """
import _thread, logging
logging.basicConfig(stream=sys.stdout, format="%(message)s")
start_new_thread, refused = _thread.start_new_thread, []
def refuse(*_):
    refused.append(1)
    raise RuntimeError("can't start new thread")
"""


def test_a_process_short_of_threads_for_a_moment_tries_again_by_itself(start_child: Any, sink: Any) -> None:
    said = start_child(
        NO_THREADS
        + """
_thread.start_new_thread = refuse
delivery = Delivery(spool); emit(range(10))
_thread.start_new_thread = start_new_thread
deadline = time.monotonic() + 10
n = 10
while delivery.stats().delivered < 10 and time.monotonic() < deadline:
    emit([n]); n += 1; time.sleep(0.05)
say(delivery.flush(10))
"""
    ).said()
    assert said[-1] == "0"
    assert [line for line in said[:-1] if "no thread can be started" in line and "ulimit -u" in line]
    assert len(said) == 2


def test_a_process_short_of_files_for_a_moment_tries_again_by_itself(start_child: Any, sink: Any) -> None:
    """And says that it lacks files, not rights."""
    said = start_child(
        """
import logging, resource
logging.basicConfig(stream=sys.stdout, format="%(message)s")
import pycurl, footfall.delivery.sending.courier
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
delivery = Delivery(spool)
used = len(os.listdir("/proc/self/fd"))
for spare in (0, 2, 4, 6):
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + spare, hard))
    for n in range(spare * 100, spare * 100 + 100):
        delivery.accept([request(n)])
    time.sleep(1.1)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
time.sleep(1.1)
emit(range(1000, 1010))
say(delivery.flush(20))
stats = delivery.stats()
say(stats.accepted == stats.delivered)
"""
    ).said()
    assert said[-2:] == ["0", "True"]
    told = [line for line in said[:-2] if "open" in line or "file" in line]
    assert any("ulimit -n" in line for line in told)
    assert not any("write access" in line for line in told)


@pytest.mark.parametrize("kind", ["legacy", "isolated"])
def test_a_subinterpreter_ends_cleanly_and_loses_nothing(kind: str, start_child: Any, all_delivered: Any) -> None:
    """As mod_wsgi's, and one that libcurl's module cannot be loaded in: it says who sends."""
    child = start_child(f"""
try:
    import _interpreters
except ImportError:
    say("none here"); os._exit(0)
one = _interpreters.create({kind!r})
failed = _interpreters.run_string(one, f'''
import logging, os, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from footfall.delivery import Delivery
from footfall.wire import WireRequest
delivery = Delivery({{spool!r}}, deliver_here=True)
for n in range(10):
    assert delivery.accept([WireRequest(tracker="main", kind="click", url={{url!r}} + "/" + str(n))])
delivery.stats()
''')
_interpreters.destroy(one)
say(failed)
""")
    said = child.said()
    if said == ["none here"]:
        pytest.skip("this Python shows no subinterpreters")
    assert (child.process.returncode, said[-1]) == (0, "None")
    assert kind == "legacy" or any("run `footfall deliver` beside it" in line for line in said)
    all_delivered(10)
