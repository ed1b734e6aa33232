"""A fleet on one machine: hosts with a web process and a forwarder each, workers, and somebody who kills them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.engines.servers import Postgres, Valkey
from tests.engines.sink import Sink

import footfall
from footfall.delivery import Stats, engine_status, spool_status
from footfall.errors import SpoolError

__all__ = ["Fleet", "Host"]

VISITORS = 25  # a host, as its web process has them, too
LEASE = 2.0  # seconds, so that nobody waits long for what a killed worker had

WEB = """
import os, sys, time
from footfall.delivery import Delivery
from footfall.wire import WireRequest

spool, engine, url, host, first, last, pace = sys.argv[1:]
delivery = Delivery(spool, engine=engine, deliver_here=False)
for n in range(int(first), int(last)):
    request = WireRequest(tracker="main", kind="click", url=f"{url}/{host}/{n}", visitor=f"{host}-{n % 25}")
    assert delivery.accept([request])
    os.write(1, f"{n}\\n".encode())
    time.sleep(float(pace))
delivery.close(5)
"""
FORWARDER = """
import sys, time
from footfall.delivery import Delivery
delivery = Delivery(sys.argv[1], engine=sys.argv[2])
delivery.attend()
time.sleep(3600)
"""
WORKER = """
import sys, time
from datetime import timedelta
from footfall.delivery.worker import Worker
worker = Worker(sys.argv[1], lease=float(sys.argv[2]), timeout=timedelta(seconds=5))
worker.start()
time.sleep(3600)
"""


Server = Postgres | Valkey


@dataclass
class Child:
    """A process, and how to start it again."""

    command: Callable[[], list[str]]
    out: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    kills: int = 0

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1])}
        command = [sys.executable, "-c", *self.command()]
        if self.out is None:
            self.process = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        else:
            with self.out.open("ab") as out:
                self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.DEVNULL)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        if self.process is not None:
            self.kills += self.runs
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)


@dataclass
class Host:
    """A machine with a disk of its own."""

    name: str
    folder: Path
    engine: str
    url: str
    events: int
    pace: float  # seconds between two events
    web: Child = field(init=False)
    forwarder: Child = field(init=False)
    gone: bool = False
    forwarded: int = 0  # of a machine that is gone

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.spool = f"sqlite:///{self.folder}/spool.sqlite3"
        self.said = self.folder.with_suffix(".said")
        self.said.touch()
        self.first = 0
        self.web = Child(self._web, self.said)
        self.forwarder = Child(lambda: [FORWARDER, self.spool, self.engine])

    def _web(self) -> list[str]:
        accepted = self.accepted()
        # What it was about to say when it was killed, nobody knows: that number is not asked for again.
        self.first = max(accepted) + 2 if accepted else 0
        return [WEB, self.spool, self.engine, self.url, self.name, str(self.first), str(self.events), str(self.pace)]

    def accepted(self) -> set[int]:
        lines = self.said.read_text(encoding="ascii").split("\n")[:-1]
        return {int(line) for line in lines}

    @property
    def is_done(self) -> bool:
        return not self.web.runs and max(self.accepted(), default=-1) >= self.events - 1

    def pending(self) -> int:
        if self.gone:
            return 0
        try:
            return spool_status(self.spool).stats.pending
        except SpoolError:
            return 1

    def throw_away(self) -> None:
        """Lose the machine, and its disk with it."""
        self.forwarder.kill()
        self.forwarded = spool_status(self.spool).stats.forwarded
        shutil.rmtree(self.folder)
        self.gone = True


class Fleet:
    """Three hosts, some workers and one engine."""

    def __init__(self, server: Server, sink: Sink, folder: Path, *, events: int, pace: float, workers: int = 2) -> None:
        self.server = server
        self.sink = sink
        self.engine = server.url
        self.hosts = [Host(name, folder / name, self.engine, sink.url, events, pace) for name in ("a", "b", "c")]
        self.workers: list[Child] = []
        self.hire(workers)
        self.server_kills = 0

    def hire(self, workers: int) -> None:
        """Have more workers."""
        self.workers += [Child(lambda: [WORKER, self.engine, str(LEASE)]) for _ in range(workers)]

    def children(self) -> list[Child]:
        alive = [host for host in self.hosts if not host.gone]
        return [*(host.forwarder for host in alive), *self.workers]

    def tend(self) -> None:
        """Start what is not running."""
        for host in self.hosts:
            if not host.gone and not host.web.runs and not host.is_done:
                host.web.start()
        for child in self.children():
            if not child.runs:
                child.start()

    def kill_one(self, chance: random.Random, whom: str) -> None:
        """Kill one process of a kind, while something is under way."""
        self.run(10, until=lambda: self.under_way > 0)
        match whom:
            case "web":
                chance.choice(self.hosts).web.kill()
            case "forwarder":
                chance.choice([host for host in self.hosts if not host.gone]).forwarder.kill()
            case "worker":
                chance.choice(self.workers).kill()
            case _:
                self.server_kills += 1
                if isinstance(self.server, Postgres):
                    self.server.stop("immediate")
                else:
                    self.server.kill()
                self.server.start()

    @property
    def under_way(self) -> int:
        try:
            return engine_status(self.engine).under_way
        except SpoolError:
            return 0

    def is_drained(self) -> bool:
        if not all(host.is_done for host in self.hosts) or any(host.pending() for host in self.hosts):
            return False
        try:
            return engine_status(self.engine).stats.pending == 0
        except SpoolError:
            return False

    def run(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Keep all running for a while, or until something is true; says whether it came true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.tend()
            if until():
                return True
            time.sleep(0.05)
        return False

    def end(self) -> None:
        for host in self.hosts:
            host.web.kill()
        for child in self.children():
            child.kill()

    # What came of it

    @property
    def lost(self) -> set[str]:
        sent = {f"/{host.name}/{n}" for host in self.hosts for n in host.accepted()}
        return sent - set(self.sink.targets)

    @property
    def duplicates(self) -> int:
        return sum(number - 1 for number in Counter(self.sink.targets).values())

    @property
    def most_duplicates(self) -> int:
        """What can have been under way when a worker, or the engine, was killed."""
        kills = sum(worker.kills for worker in self.workers) + self.server_kills * len(self.workers)
        return 64 * kills

    def overtaken(self) -> list[str]:
        """The visitors of whom a later request arrived before an earlier one."""
        seen: set[str] = set()
        latest: dict[tuple[str, int], int] = {}
        found: list[str] = []
        for target in self.sink.targets:
            if target in seen:
                continue
            seen.add(target)
            _, host, number = target.split("/")
            visitor = host, int(number) % VISITORS
            if latest.get(visitor, -1) > int(number):
                found.append(target)
            latest[visitor] = int(number)
        return found

    def stats(self) -> tuple[Stats, Stats]:
        """What all hosts that are left count together, and what the engine counts."""
        hosts = [spool_status(host.spool).stats for host in self.hosts if not host.gone]
        together = Stats(
            accepted=sum(one.accepted for one in hosts),
            pending=sum(one.pending for one in hosts),
            failed=sum(one.failed for one in hosts),
            erased=sum(one.erased for one in hosts),
            forwarded=sum(one.forwarded for one in hosts),
        )
        return together, engine_status(self.engine).stats
