"""What taking an event over costs a request, and what it does to the tail: ``python benchmarks/delivery_accept.py``.

It is compared, in the same process and in turns, with what a site would write otherwise: a queue that survives nothing,
and a commit to SQLite for each event. Ratios carry over to other machines. Takes a minute.
"""

from __future__ import annotations

import queue
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from footfall.delivery import Delivery
from footfall.wire import WireRequest

EVENTS = 10_000  # a thread
ROUNDS = 5
ID = "6f1c0a3e-7a52-4f0e-8ef4-6b1a2c3d4e5f"
URL = f"https://tracker.example/12345.rsa?p1=visit&p2=3298&p3=Shoes%2FChildren&coid={ID}&sid={ID}&ruid=YW5uYUBzaG9wLmRr"
REQUEST = WireRequest(tracker="main", kind="visit", url=URL, visitor=ID)

Emit = Callable[[], object]


def in_turns(contenders: dict[str, Callable[[], Emit]], threads: int) -> dict[str, tuple[float, float, float, float]]:
    """Measure microseconds a call: median, 99th percentile, longest, and CPU of the whole process an event."""
    found: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, make in contenders.items():
            found[name].append(measure(make, threads))
    return {
        name: tuple(statistics.median(column) for column in zip(*rows, strict=True)) for name, rows in found.items()
    }  # type: ignore[misc]


def measure(make: Callable[[], Emit], threads: int) -> tuple[float, float, float, float]:
    times: list[list[float]] = [[] for _ in range(threads)]

    def run(mine: list[float]) -> None:
        emit = make()
        emit()
        for _ in range(EVENTS):
            start = time.perf_counter()
            emit()
            mine.append(time.perf_counter() - start)

    workers = [threading.Thread(target=run, args=(mine,)) for mine in times]
    cpu = time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    used = (time.process_time() - cpu) / EVENTS / threads
    spans = sorted(span for mine in times for span in mine)
    points = (spans[len(spans) // 2], spans[len(spans) * 99 // 100], spans[-1], used)
    return tuple(point * 1e6 for point in points)  # type: ignore[return-value]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Delivery(f"sqlite:///{folder}/spool.sqlite3", deliver_here=False, max_pending_bytes=4 * 1024**3)
        power = Delivery(
            f"sqlite:///{folder}/power.sqlite3", deliver_here=False, durable="power", max_pending_bytes=4 * 1024**3
        )
        plain: queue.SimpleQueue[WireRequest] = queue.SimpleQueue()
        database = str(Path(folder, "plain.sqlite3"))

        def committed() -> Emit:
            db = sqlite3.connect(database, isolation_level=None, timeout=60)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("CREATE TABLE IF NOT EXISTS events (url TEXT)")
            return lambda: db.execute("INSERT INTO events VALUES (?)", (URL,))

        contenders: dict[str, Callable[[], Emit]] = {
            "a queue in memory": lambda: lambda: plain.put(REQUEST),
            "a SQLite commit": committed,
            "footfall": lambda: lambda: file.accept([REQUEST]),
        }
        print("| contender | threads | p50 us | p99 us | longest us | CPU us/event | p99 / that of a commit |")
        print("|---|---|---|---|---|---|---|")
        for threads in (1, 4):
            rows = in_turns(contenders, threads)
            for name, (p50, p99, longest, cpu) in rows.items():
                ratio = p99 / rows["a SQLite commit"][1]
                print(
                    f"| {name} | {threads} | {p50:.1f} | {p99:.1f} | {longest:.0f} | {cpu:.1f} | {ratio:.2f} |",
                    flush=True,
                )
            file.flush(60)
        p50, p99, longest, cpu = measure(lambda: lambda: power.accept([REQUEST]), 4)
        print(f'| footfall, durable="power" | 4 | {p50:.1f} | {p99:.1f} | {longest:.0f} | {cpu:.1f} | |')
        file.close()
        power.close()


if __name__ == "__main__":
    main()
