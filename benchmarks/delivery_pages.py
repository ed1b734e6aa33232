"""How long a page takes without us, with us, and with us while the tracker hangs: ``python benchmarks/delivery_pages.py``.

Four uvicorn servers of one small Starlette shop take turns: one without us, one that recognizes its visitor and reports
nothing, two whose pages each report a click. First the page does nothing else (100,000 times), then five milliseconds of
work, like a page that renders a template. Compare the ratios in the last columns; the memory is the server's own, above
what it was after its first thousand pages. Takes a quarter of an hour; ``python benchmarks/delivery_pages.py 10000``
opens fewer.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from delivery_sink import running_sink

import footfall

PAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
BATCH = 1_000
PAUSE = 0.001  # seconds between two pages: a server that is never idle shows what work costs, not who waits
MIB = 1024 * 1024
PAGE = b"<p>shirt</p>"
REQUEST = b"""\
GET /shirt HTTP/1.1\r
Host: 127.0.0.1\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
Sec-Fetch-Site: none\r
Sec-Fetch-Mode: navigate\r
Sec-Fetch-Dest: document\r
Cookie: rsa=0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11; rsaSession=7c4f1f6e-2a44-4b0e-8f7e-1d2c3b4a5968; rsaSessionOpen=1\r
\r
"""
SHOP = """
import os
import time
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from footfall import Config, Site
from footfall.asgi import TrackingMiddleware
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Click
from footfall.trackers import Raptor

tracker, work, reports = os.environ["TRACKER"], float(os.environ["WORK"]), os.environ["REPORTS"] == "True"

async def page(request):
    if reports:
        request.state.tracking.emit(Click("3298"))
    until = time.thread_time() + work  # of this thread alone: waiting for another is no work
    while time.thread_time() < until:
        pass
    return HTMLResponse("<p>shirt</p>")

middleware = []
if tracker:
    site = Site(
        Config(consent=always_granted, ruid_cookie="off"),
        [Raptor("12345", base_url=tracker)],
        delivery=Delivery("sqlite:///spool.sqlite3"),
    )
    middleware = [Middleware(TrackingMiddleware, site=site)]
application = Starlette(routes=[Route("/{path:path}", page)], middleware=middleware)
"""


class Shop:
    """One server, and a visitor who opens its pages one after the other."""

    def __init__(self, folder: str, tracker: str, work: float, *, reports: bool = True) -> None:
        Path(folder).mkdir()
        Path(folder, "shop.py").write_text(SHOP, encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        source = str(Path(footfall.__file__).parents[1])
        options = ["--port", str(self.port), "--log-level", "critical", "--timeout-keep-alive", "600"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *options, "shop:application"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": source, "TRACKER": tracker, "WORK": str(work), "REPORTS": str(reports)},
        )
        self.times: list[float] = []
        self.connection = self.connect()
        self.idle = self.most = 0

    def connect(self) -> socket.socket:
        deadline = time.monotonic() + 20
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)  # it is still starting
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection

    def open(self, pages: int) -> None:
        for _ in range(pages):
            start = time.perf_counter()
            self.connection.sendall(REQUEST)
            reply = b""  # read no further than to its end: what a client makes of its headers is not the shop's time
            while not reply.endswith(PAGE):
                part = self.connection.recv(65536)
                assert part, reply
                reply += part
            self.times.append(time.perf_counter() - start)
            assert reply.startswith(b"HTTP/1.1 200 ")
            time.sleep(PAUSE)
        self.most = max(self.most, resident(self.process.pid))

    def warm(self) -> None:
        self.open(BATCH)
        self.times.clear()
        self.idle = self.most = resident(self.process.pid)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def main() -> None:
    take_turns(PAGES, 0.0)
    take_turns(PAGES // 20, 0.005)


def take_turns(pages: int, work: float) -> None:
    with tempfile.TemporaryDirectory() as folder, running_sink() as answering, running_sink() as hanging:
        hanging.mode("hang")
        shops = {
            "without us": Shop(f"{folder}/without", "", work, reports=False),
            "nothing reported": Shop(f"{folder}/silent", answering.url, work, reports=False),
            "the tracker answers": Shop(f"{folder}/answers", answering.url, work),
            "the tracker hangs": Shop(f"{folder}/hangs", hanging.url, work),
        }
        try:
            for shop in shops.values():
                shop.warm()
            for _ in range(0, pages, BATCH):
                for shop in shops.values():
                    shop.open(BATCH)
        finally:
            for shop in shops.values():
                shop.close()
    print(f"{pages} pages each, one after the other, with {work * 1000:.0f} ms of work of their own\n")
    print("| a shop              | p50 us | p99 us | longest ms | MiB over idle | p50 ratio | p99 ratio |")
    print("|---------------------|--------|--------|------------|---------------|-----------|-----------|")
    base = cuts(shops["without us"].times)
    for name, shop in shops.items():
        p50, p99 = cuts(shop.times)
        print(
            f"| {name:<19} | {p50:<6.0f} | {p99:<6.0f} | {max(shop.times) * 1e3:<10.1f} "
            f"| {(shop.most - shop.idle) / MIB:<13.1f} | {p50 / base[0]:<9.2f} | {p99 / base[1]:<9.2f} |"
        )
    print(flush=True)


def cuts(times: list[float]) -> tuple[float, float]:
    found = statistics.quantiles(times, n=100)
    return found[49] * 1e6, found[98] * 1e6


if __name__ == "__main__":
    main()
