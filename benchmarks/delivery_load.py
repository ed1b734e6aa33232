"""A hundred thousand events against a hanging tracker, a million through the spool: memory, speed, and whether it stays so.

``python benchmarks/delivery_load.py [hanging] [million]``; both take a few minutes. Ratios carry over to other machines.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from delivery_sink import running_sink

from footfall.delivery import Delivery
from footfall.delivery.journal.codec import Kind, encode_request
from footfall.delivery.journal.journal import Journal
from footfall.wire import WireRequest

MIB = 1024 * 1024
MILLION = 1_000_000


def request(url: str, n: int) -> WireRequest:
    visitor = f"6f1c0a3e-7a52-4f0e-8ef4-{n % 5000:012x}"
    target = f"/12345.rsa?p1=visit&p2=evt{n}x&p3=Shoes%2FChildren&coid={visitor}&sid={visitor}&ruid=YW5uYUBzaG9wLmRr"
    return WireRequest(tracker="main", kind="visit", url=url + target, visitor=visitor)


def resident() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def warm(delivery: Delivery, url: str) -> None:
    """Have everything loaded and opened before memory is measured."""
    delivery.accept([request(url, MILLION * 2)])
    delivery.flush(10)
    gc.collect()


def hanging() -> None:
    print("100,000 events, with a pause of 0.2 ms after each and as fast as they come, while the tracker hangs\n")
    print("| spool  | pace     | accepted | refused | resident MiB over idle | p50 us | p99 us | p99 us without us |")
    print("|--------|----------|----------|---------|------------------------|--------|--------|-------------------|")
    for where in ("file", "memory"):
        for pace in (0.0002, 0.0):
            with tempfile.TemporaryDirectory() as folder, running_sink() as sink:
                delivery = Delivery("memory:" if where == "memory" else f"sqlite:///{folder}/spool.sqlite3")
                warm(delivery, sink.url)
                sink.mode("hang")
                idle, most, times, bare = resident(), 0, list[float](), list[float]()
                for n in range(100_000):
                    start = time.perf_counter()
                    item = request(sink.url, n)
                    middle = time.perf_counter()
                    delivery.accept([item])
                    times.append(time.perf_counter() - middle)
                    bare.append(middle - start)
                    if n % 1000 == 0:
                        most = max(most, resident())
                    if pace:
                        time.sleep(pace)
                for _ in range(50):
                    time.sleep(0.1)
                    most = max(most, resident())
                stats = delivery.stats()
                delivery.close(1)
            print(
                f"| {where:<6} | {'steady' if pace else 'at once':<8} | {stats.accepted - 1:<8} "
                f"| {sum(stats.refused.values()):<7} | {(most - idle) / MIB:<22.1f} | {percentile(times, 50):<6.1f} "
                f"| {percentile(times, 99):<6.1f} | {percentile(bare, 99):<17.1f} |",
                flush=True,
            )


def million() -> None:
    print("\n1,000,000 events that a process left in its journal: spooled, then delivered\n")
    print("The ratios are of what the last tenth took to what the first did.\n")
    print(
        "| step     | events/s | ratio of wall time   | ratio of CPU time   | MiB over idle          | spool MiB | CPU us/event |"
    )
    print(
        "|----------|----------|----------------------|---------------------|------------------------|-----------|--------------|"
    )
    with tempfile.TemporaryDirectory() as folder, running_sink() as sink:
        spool = f"sqlite:///{folder}/spool.sqlite3"
        path = Path(folder, "spool.sqlite3")
        leave_behind(Path(f"{path}.outbox"), sink.url)
        delivery = Delivery(spool, deliver_here=False, max_pending_bytes=4096 * MIB)
        step("spool", delivery.warm_up, lambda: in_spool(delivery, "accepted"), path)
        delivery.close(60)
        delivery = Delivery(spool, max_pending_bytes=4096 * MIB)
        step("deliver", delivery.warm_up, lambda: in_spool(delivery, "delivered"), path)
        print(f"\nat the tracker: {sink.counts()}; missing {sink.missing(MILLION)}")
        delivery.close()
        print(f"in the end: {path.stat().st_size / MIB:.1f} MiB")


def in_spool(delivery: Delivery, name: str) -> int:
    """Read a counter of the spool, without counting the journals as `stats` would: that takes longer the more they hold."""
    process = delivery._process
    return int(getattr(process.spool.totals().trackers["main"], name)) if process else 0


def leave_behind(folder: Path, url: str) -> None:
    """Write the journal of a process that has ended, so that nothing but the spool's own work is measured after it."""
    journal = Journal(folder, limit=4096 * MIB)
    for n in range(MILLION):
        assert journal.append([(Kind.REQUEST, encode_request(request(url, n)))]) is None
    journal.close()


def step(name: str, work, done, path: Path) -> None:  # type: ignore[no-untyped-def]
    idle, cpu, start = resident(), time.process_time(), time.perf_counter()
    thread = threading.Thread(target=work)
    thread.start()
    marks, most, used = [(0.0, 0)], 0, [(0.0, 0)]
    while marks[-1][1] < MILLION:
        time.sleep(0.1)
        number = done()
        marks.append((time.perf_counter() - start, number))
        used.append((time.process_time() - cpu, number))
        most = max(most, resident())
    thread.join()
    total = time.perf_counter() - start
    size = path.stat().st_size / MIB
    print(
        f"| {name:<8} | {MILLION / total:<8.0f} | {ratio(marks):<20.2f} | {ratio(used):<19.2f} | {(most - idle) / MIB:<22.1f} | {size:<9.1f} "
        f"| {used[-1][0] / MILLION * 1e6:<12.1f} |",
        flush=True,
    )


def ratio(marks: list[tuple[float, int]]) -> float:
    """Return how much longer the last tenth took than the first."""
    tenth = MILLION // 10
    return (at(marks, MILLION) - at(marks, MILLION - tenth)) / at(marks, tenth)


def at(marks: list[tuple[float, int]], number: int) -> float:
    """Return when so many were done, interpolated between two looks."""
    for (before, less), (after, more) in itertools.pairwise(marks):
        if more >= number:
            return before + (after - before) * (number - less) / max(more - less, 1)
    return marks[-1][0]


def percentile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1] * 1e6


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["hanging", "million"]
    if "hanging" in chosen:
        hanging()
    if "million" in chosen:
        million()
