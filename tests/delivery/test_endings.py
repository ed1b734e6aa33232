"""However a process ends, what it accepted is delivered: by itself, or by the next one."""

from __future__ import annotations

import signal
from typing import Any

import pytest

ENDS = {
    "the script ends right after": "",
    "os._exit": "os._exit(0)",
    "an exception": "raise SystemExit(3)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
}
IN_FLIGHT = 64


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_lost_however_a_script_ends(end: str, start_child: Any, all_delivered: Any, sink: Any) -> None:
    start_child(f"delivery = Delivery(spool); emit(range(1000)); {ENDS[end]}").said()
    stats = all_delivered(1000)
    assert stats.accepted == stats.delivered == 1000
    assert len(sink.requests) - 1000 <= IN_FLIGHT


def test_nothing_is_lost_on_sigterm(start_child: Any, all_delivered: Any) -> None:
    child = start_child("delivery = Delivery(spool); emit(range(1000)); say('done'); time.sleep(60)")
    child.wait_for("done")
    child.kill(signal.SIGTERM)
    child.said()
    all_delivered(1000)


def test_a_script_that_ends_delivers_by_itself(start_child: Any, sink: Any) -> None:
    start_child("delivery = Delivery(spool); emit(range(100))").said()
    assert len(set(sink.answered)) == 100


def test_an_event_of_an_exit_hook_lands_in_the_journal(start_child: Any, all_delivered: Any) -> None:
    start_child("""
import atexit
atexit.register(lambda: emit(range(100, 200)))  # runs after delivery's own hook
delivery = Delivery(spool)
emit(range(100))
""").said()
    all_delivered(200)


def test_a_first_event_in_an_exit_hook_lands_in_the_journal(start_child: Any, all_delivered: Any) -> None:
    start_child("import atexit\ndelivery = Delivery(spool)\natexit.register(lambda: emit(range(100)))").said()
    all_delivered(100)


@pytest.mark.heavy
def test_an_event_of_a_signal_handler_lands_in_the_journal(start_child: Any, all_delivered: Any) -> None:
    said = start_child("""
delivery = Delivery(spool)
signal.signal(signal.SIGALRM, lambda *_: emit([next(late)]))
late = iter(range(5000, 10000))
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
emit(range(5000))
signal.setitimer(signal.ITIMER_REAL, 0)
say(next(late) - 5000)
os._exit(0)
""").said()
    all_delivered(5000 + int(said[0]))
