"""kill -9 at random moments, of web processes and of deliverers: nothing is lost, and the sum adds up."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

IN_FLIGHT = 64

WEB = """
delivery = Delivery(spool, deliver_here={here})
for n in range({start}, {start} + 100_000):
    emit([n], "buy" if n % 10 == 0 else "click")
    say(n)
    if n % 50 == 0: time.sleep(0.01)
"""

DELIVERER = """
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
say("ready")
say(Deliverer(spool).run(stop))
"""


def named(n: int) -> str:
    return f"/{'buy' if n % 10 == 0 else 'click'}/{n}"


@pytest.mark.heavy
def test_web_processes_killed_at_random_lose_nothing(start_child: Any, all_delivered: Any, sink: Any) -> None:
    accepted: set[str] = set()
    for start in range(0, 1_000_000, 100_000):
        child = start_child(WEB.format(here=True, start=start))
        child.wait_for(f"{start + 100}")
        time.sleep(random.random() * 0.4)  # the moment is the point
        child.kill()
        accepted |= {named(n) for n in range(start, start + 101)} | {named(int(line)) for line in child.said()}
    check(all_delivered, sink, accepted, kills=10)


@pytest.mark.heavy
def test_web_processes_and_deliverers_killed_at_random_lose_nothing(
    start_child: Any, all_delivered: Any, sink: Any
) -> None:
    accepted: set[str] = set()
    for start in range(0, 800_000, 100_000):
        deliverer = start_child(DELIVERER)
        web = start_child(WEB.format(here=False, start=start))
        web.wait_for(f"{start + 100}")
        for child in random.sample([web, deliverer], 2):
            time.sleep(random.random() * 0.3)  # the moment is the point
            child.kill()
        accepted |= {named(n) for n in range(start, start + 101)} | {named(int(line)) for line in web.said()}
    check(all_delivered, sink, accepted, kills=8)


def test_what_a_killed_process_left_is_adopted_and_cleared_away(
    start_child: Any, make_delivery: Any, spool: str, until: Any
) -> None:
    """T5: while the adopting process goes on, not only when it ends."""
    start_child("delivery = Delivery(spool); emit(range(1000)); os.kill(os.getpid(), signal.SIGKILL)").said()
    outbox = Path(f"{spool.removeprefix('sqlite:///')}.outbox")
    left = {path.name for path in outbox.iterdir()}
    assert any(name.endswith(".segment") for name in left)
    delivery = make_delivery()
    delivery.warm_up()
    assert until(lambda: not left & {path.name for path in outbox.iterdir()})
    assert delivery.flush(20) == 0


def check(all_delivered: Any, sink: Any, accepted: set[str], *, kills: int) -> None:
    stats = all_delivered(None)
    arrived = Counter(sink.targets)
    repeated = {target: number for target, number in arrived.items() if number > 1}
    assert stats.accepted >= len(accepted)
    assert not [target for target in repeated if target.startswith("/buy")]
    assert sum(repeated.values()) - len(repeated) <= kills * IN_FLIGHT
    missing = accepted - set(arrived)
    assert all(target.startswith("/buy") for target in missing)
    assert len(missing) <= stats.failed <= kills * IN_FLIGHT


def test_a_deliverer_drains_on_sigterm(start_child: Any, sink: Any, spool: str) -> None:
    start_child("delivery = Delivery(spool, deliver_here=False); emit(range(1000)); delivery.close()").said()
    assert sink.requests == []
    child = start_child(DELIVERER)
    child.wait_for("ready")
    child.kill(signal.SIGTERM)
    assert child.said() == ["0"]
    assert len(sink.requests) == len(set(sink.targets)) == 1000


def test_a_deliverer_ends_though_its_signal_comes_while_it_looks_whether_to(start_child: Any) -> None:
    """A handler cannot wait for a lock that its own thread holds."""
    said = start_child("""
class Unlucky(threading.Event):
    def is_set(self):
        os.kill(os.getpid(), signal.SIGTERM)
        return super().is_set()
    def wait(self, timeout=None):
        with self._cond:  # as the real one does for a moment
            return self.is_set()
stop = Unlucky()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
threading.Timer(20, os._exit, [1]).start()
say(Deliverer(spool).run(stop))
os._exit(0)
""").said()
    assert said == ["0"]


def test_a_deliverer_ends_in_time_though_the_tracker_hangs(start_child: Any, sink: Any, answers: Any) -> None:
    sink.always(answers.HANG)
    start_child("delivery = Delivery(spool, deliver_here=False); emit(range(100)); delivery.close()").said()
    child = start_child(DELIVERER.replace("run(stop)", "run(stop, drain=timedelta(seconds=1))"))
    child.wait_for("ready")
    child.kill(signal.SIGTERM)
    start = time.monotonic()
    assert child.said() == ["100"]
    assert time.monotonic() - start < 6


@pytest.mark.heavy
def test_two_deliverers_share_the_work_and_repeat_nothing(start_child: Any, sink: Any, all_delivered: Any) -> None:
    """T21."""
    start_child("delivery = Delivery(spool, deliver_here=False); emit(range(3000)); delivery.close()").said()
    children = [start_child(DELIVERER) for _ in range(2)]
    all_delivered(3000)
    for child in children:
        child.kill(signal.SIGTERM)
        child.said()
    assert len(sink.requests) == 3000


def test_one_visitors_order_holds_over_several_processes(start_child: Any, sink: Any, all_delivered: Any) -> None:
    """D-07: each request of the one visitor is accepted by another process than the one before."""
    code = """
delivery = Delivery(spool)
delivery.warm_up()
say("ready")
for line in sys.stdin:
    n = int(line)
    delivery.accept([WireRequest(tracker="main", kind="click", url=f"{url}/{n}", visitor="anna")])
    say(n)
"""
    children = [start_child(code) for _ in range(3)]
    for child in children:
        child.wait_for("ready")
    for n in range(300):
        children[n % 3].tell(f"{n}")
        children[n % 3].wait_for(f"{n}")
    for child in children:
        child.end_of_input()
        child.said()
    all_delivered(300)
    assert list(dict.fromkeys(sink.answered)) == [f"/{n}" for n in range(300)]


@pytest.mark.heavy
def test_the_sum_adds_up_at_any_moment_seen_from_any_process(start_child: Any, make_delivery: Any, until: Any) -> None:
    delivery = make_delivery(deliver_here=False)
    children = [start_child("delivery = Delivery(spool); emit(range(2000)); delivery.flush(30)") for _ in range(2)]
    accepted = 0

    def adds_up() -> bool:
        nonlocal accepted
        stats = delivery.stats()
        assert stats.accepted == stats.delivered + stats.pending + stats.failed + stats.erased
        assert stats.accepted >= accepted
        accepted = stats.accepted
        return bool(stats.delivered == 4000)

    assert until(adds_up, 60)
    for child in children:
        child.said()
