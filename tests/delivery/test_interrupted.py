"""Signal handlers that raise, at any instant: a soft time limit, an alarm, Ctrl-C."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from footfall import delivery

# The main thread is struck at random instants; another emits all the while, and must go on.
STRUCK = """
import random, logging
class Struck(Exception): pass
strikes = 0
def handler(*_):
    global strikes
    strikes += 1
    raise Struck
signal.signal(signal.SIGALRM, handler)
done, others, stop = [], [], threading.Event()

def emit_beside():
    for n in range(1_000_000, 2_000_000):
        if stop.is_set(): return
        if delivery.accept([request(n)]): others.append(n)
        time.sleep(0.0005)

def struck(act, seconds):
    deadline = time.monotonic() + seconds
    tries = 0
    while time.monotonic() < deadline and len(done) < 6000 and tries < MOST:
        tries += 1
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, LONGEST))
                act(tries)
                while True: act(tries := tries + 1)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Struck:
            pass

def accept(n):
    if delivery.accept([request(n)]): done.append(n)
acts = {"accept": accept, "stats": lambda _: delivery.stats(), "flush": lambda _: delivery.flush(0.005),
        "erase": lambda n: delivery.erase("nobody"), "warm_up": lambda _: delivery.warm_up(),
        "refuse": lambda n: delivery.refuse("main", "bot")}
"""


@pytest.mark.parametrize("where", ["file", "memory"])
@pytest.mark.parametrize("act", ["accept", "stats", "flush", "erase", "warm_up", "refuse"])
def test_a_handler_that_raises_leaves_nothing_taken(act: str, where: str, start_child: Any, sink: Any) -> None:
    said = start_child(
        STRUCK
        + f"""
MOST = {20_000 if act == "erase" else 10_000_000}
LONGEST = {0.0001 if act == "accept" else 0.0004 if act in {"erase", "refuse"} else 0.003}
delivery = Delivery({"'memory:'" if where == "memory" else "spool"})
beside = threading.Thread(target=emit_beside); beside.start()
struck(acts[{act!r}], 4)
stop.set(); beside.join(5)
say(beside.is_alive())
say(strikes)
before = len(others)
for n in range(100): accept(9_000_000 + n)
say(delivery.flush(30))
stats = delivery.stats()
say(stats.accepted == stats.delivered and stats.accepted >= len(done) + len(others))
os.write(1, (repr(sorted(done + others)) + "\\n").encode())
say(delivery.close(5))
"""
    ).said()
    alive, strikes, pending, adds_up, accepted, left = said
    assert (alive, pending, adds_up, left) == ("False", "0", "True", "0")
    assert int(strikes) > 100
    assert {f"/click/{n}" for n in ast.literal_eval(accepted)} <= set(sink.answered)


def test_a_handler_that_raises_during_close_leaves_it_to_be_closed_again(start_child: Any, all_delivered: Any) -> None:
    said = start_child(
        STRUCK
        + """
LONGEST = 0.01; MOST = 10_000_000
emitted, longest = 0, 0.0
for round in range(12):
    delivery = Delivery(spool)
    for _ in range(20):
        delivery.accept([request(emitted)]); emitted += 1
    struck(lambda _: delivery.close(1), 0.05)
    begun = time.monotonic()
    delivery.close(50)
    longest = max(longest, time.monotonic() - begun)
say(emitted); say(longest)
"""
    ).said()
    all_delivered(int(said[0]))
    assert float(said[1]) < 15  # it asks nothing of a thread that has ended, which would take most of the 50 seconds


def test_no_loop_stands_in_a_block_that_holds_a_lock() -> None:
    """CPython 3.13 lets the jump back of a loop at the end of a ``with`` be outside of it: a lock stays taken there."""
    loops = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp)
    found: list[str] = []
    blocks = 0
    for path in sorted(Path(delivery.__file__).parent.rglob("*.py")):
        for block in ast.walk(ast.parse(path.read_text())):
            if isinstance(block, ast.With) and any(
                ast.unparse(item.context_expr) in {"self._lock", "self._starting"} for item in block.items
            ):
                blocks += 1
                found += [f"{path.name}:{node.lineno}" for node in ast.walk(block) if isinstance(node, loops)]
    assert (found, blocks > 10) == ([], True)
