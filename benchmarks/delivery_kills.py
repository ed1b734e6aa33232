"""``kill -9`` at random moments until 100,000 events are accepted: ``python benchmarks/delivery_kills.py [events]``.

Three web processes emit and two workers deliver, all on one spool; several times a second one of the five is
killed and another takes its place. An event counts as accepted once its process has said so. Takes some minutes.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from delivery_sink import running_sink

import footfall
from footfall.delivery import Delivery

TOTAL = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
CHUNK = 20_000  # numbers that one web process may use up

WEB = """
import os, sys, time
from footfall.delivery import Delivery
from footfall.wire import WhenUnanswered, WireRequest
spool, url, start, number = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
delivery = Delivery(spool, deliver_here=False)
for n in range(start, start + number):
    buy = n % 20 == 0
    when = WhenUnanswered.SET_ASIDE if buy else WhenUnanswered.REPEAT
    kind, visitor = "buy" if buy else "click", str(n % 500)
    request = WireRequest(tracker="main", kind=kind, url=f"{url}/evt{n}x", visitor=visitor, when_unanswered=when)
    if delivery.accept([request]):
        os.write(1, b"%d\\n" % n)
    if n % 50 == 0:
        time.sleep(0.01)
"""
WORKER = """
import sys, threading
from footfall.commands.deliver import Deliverer
Deliverer(sys.argv[1]).run(threading.Event())
"""


class Child:
    def __init__(self, code: str, *arguments: object) -> None:
        self.said = tempfile.TemporaryFile()
        source = str(Path(footfall.__file__).parents[1])
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=self.said,
            env={**os.environ, "PYTHONPATH": source},
        )

    def accepted(self) -> set[int]:
        self.said.seek(0)
        return {int(line) for line in self.said.read().split(b"\n")[:-1]}

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def main() -> None:
    accepted: set[int] = set()
    kills = {"web": 0, "worker": 0}
    with tempfile.TemporaryDirectory() as folder, running_sink() as sink:
        spool = f"sqlite:///{folder}/spool.sqlite3"
        chunks = count(step=CHUNK)

        def start(kind: str) -> Child:
            return Child(WORKER, spool) if kind == "worker" else Child(WEB, spool, sink.url, next(chunks), CHUNK)

        children = [(kind, start(kind)) for kind in ("web", "web", "web", "worker", "worker")]
        done = 0
        while done + sum(len(child.accepted()) for kind, child in children if kind == "web") < TOTAL:
            time.sleep(0.1 + random.random() * 0.9)
            place = random.randrange(len(children))
            kind, child = children[place]
            child.kill()
            kills[kind] += 1
            accepted |= child.accepted()
            done = len(accepted)
            children[place] = (kind, start(kind))
        for kind, child in children:
            child.kill()
            kills[kind] += 1
            accepted |= child.accepted()
        print(f"{len(accepted)} events accepted; killed {kills['web']} web processes and {kills['worker']} workers")
        delivery = Delivery(spool)
        delivery.warm_up()
        left = delivery.flush(300)
        stats = delivery.stats()
        delivery.close()
        seen = sink.counts()
        missing = [n for n in accepted if not sink.has(n)]
    print(
        "\n| accepted (said) | accepted (counted) | delivered | failed | pending | at the tracker | twice | never there |"
    )
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {len(accepted)} | {stats.accepted} | {stats.delivered} | {stats.failed} | {left} | {seen.unique} "
        f"| {seen.repeated} | {len(missing)} |"
    )
    lost = [n for n in missing if n % 20]
    adds_up = stats.accepted == stats.delivered + stats.pending + stats.failed + stats.erased
    print(
        f"\nthe sum adds up: {adds_up}; lost: {len(lost)}; purchases set aside because nobody can know whether they "
        f"arrived: {stats.failed}, of which {len(missing)} had not"
    )
    sys.exit(0 if adds_up and not lost and len(missing) <= stats.failed else 1)


if __name__ == "__main__":
    main()
