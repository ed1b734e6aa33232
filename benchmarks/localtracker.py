"""How many requests the local tracker takes, with its page open: ``python benchmarks/localtracker.py [REQUESTS]``.

Its rate is compared with an empty Starlette endpoint under the same server, in turns, so that a busy machine slows both
alike: the ratio counts, the rates depend on the machine. Then it is sent REQUESTS in all (1,000,000), and its memory is
compared with that at 150,000. Then the page's first view of 100,000 requests is compared with that of 100, and the time
is taken from a click in the demo's shop to its rows on the page in another tab.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

#: Without a screen, Chromium calls itself a program.
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
ROUNDS, EACH, CONNECTIONS = 9, 4_000, 16
REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 1_000_000
FULL = 150_000
VISITORS = [str(uuid.UUID(int=number, version=4)) for number in range(1, 2_001)]
VISIT = "/12345.rsa?p1=visit&p2={0}&p3=A%20shirt&p4=Shoes%3BChildren&p12=19.99&coid={1}&sid={1}&ruid=YW5uYUBzaG9wLmRr"
CLICK = "/api/00000/click/{1}/1/{0}?categorypath=%2FShoes%2FChildren"


def serve(what: str) -> None:
    """Be one of the contenders until the parent goes."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    from footfall.localtracker import BackgroundServer, LocalTracker

    async def empty(_: object) -> Response:
        return Response(status_code=204)

    nothing = Starlette(routes=[Route("/{path:path}", empty)])
    server = BackgroundServer(nothing) if what == "empty" else LocalTracker()
    print(server.url.rpartition(":")[2], flush=True)
    sys.stdin.read()
    server.close()


@contextlib.contextmanager
def running(what: str) -> Iterator[tuple[int, int]]:
    """Run a contender; gives its port and process id."""
    argv = [sys.executable, __file__, "--serve", what]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline()), process.pid
        process.stdin.close()


def ask(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


@contextlib.contextmanager
def page_open(port: int) -> Iterator[list[int]]:
    """Do what an open page does: follow the news, and fetch the latest rows with each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/live")
    stream, told = connection.getresponse(), [0]

    def follow() -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            while line := stream.readline():
                if line.startswith(b"data:"):
                    told[0] += 1
                    ask(port, f"/rows.json?limit=100&up_to={json.loads(line[5:])['last']}")

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    yield told
    if connection.sock is not None:
        connection.sock.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    connection.close()


class Client:
    """Some connections, a request under way on each."""

    def __init__(self, port: int) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for one in self._sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent = 0

    def send(self, count: int) -> float:
        """Send some requests; returns how many a second."""
        begun = time.perf_counter()
        for _ in range(count // CONNECTIONS):
            for one in self._sockets:
                target = (VISIT, CLICK)[self._sent % 2].format(
                    self._sent % 5_000 + 1, VISITORS[self._sent // 2 % 2_000]
                )
                self._sent += 1
                one.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            for one in self._sockets:
                answer = one.recv(4_096)
                assert answer[9:12] in (b"200", b"204"), answer
        return count / (time.perf_counter() - begun)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Return resident megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1_024


def compare_rates(empty: tuple[int, int], tracker: tuple[int, int]) -> None:
    rates: dict[str, list[float]] = {"empty": [], "tracker": []}
    costs: dict[str, list[float]] = {"empty": [], "tracker": []}
    clients = {"empty": (Client(empty[0]), empty[1]), "tracker": (Client(tracker[0]), tracker[1])}
    for client, _ in clients.values():
        client.send(EACH)
    for _ in range(ROUNDS):
        for name, (client, pid) in clients.items():
            before = processor_seconds(pid)
            rates[name].append(client.send(EACH))
            costs[name].append((processor_seconds(pid) - before) / EACH * 1e6)
    for name, found in rates.items():
        print(f"{name:8} {statistics.median(found):7,.0f}/s {statistics.median(costs[name]):5.0f} us of processor each")
    ratio = statistics.median(rates["tracker"]) / statistics.median(rates["empty"])
    print(f"rate of the tracker, page open, to the empty endpoint's: {ratio:.2f} (to hold: 0.6)")


def compare_memory(port: int, pid: int) -> None:
    client = Client(port)
    client.send(FULL)
    before, begun = memory(pid), time.perf_counter()
    client.send(REQUESTS - FULL)
    took = time.perf_counter() - begun
    count = json.loads(ask(port, "/received.json?limit=1"))["count"]
    after = memory(pid)
    rate = (REQUESTS - FULL) / took
    print(f"{count:,} received at {rate:,.0f}/s; memory {before:.0f} MB at {FULL:,}, {after:.0f} MB now")
    print(f"memory now to memory then: {after / before:.2f}")


def compare_views() -> None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("views: playwright is not installed")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        took: dict[int, list[float]] = {}
        for count in (96, 100_000):
            with running("tracker") as (port, _):
                Client(port).send(count)
                for _ in range(5):
                    page = browser.new_page()
                    begun = time.perf_counter()
                    page.goto(f"http://127.0.0.1:{port}/")
                    page.locator(".row").first.wait_for()
                    page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight }")
                    page.locator('.row[data-number="1"]').wait_for()
                    took.setdefault(count, []).append(time.perf_counter() - begun)
                    page.close()
        few, many = (statistics.median(found) for found in took.values())
        print(
            f"first view and its end: {few:.2f} s with 96 requests, {many:.2f} s with 100,000; ratio {many / few:.2f}"
        )
        browser.close()


def measure_delay() -> None:
    """Click through the demo's shop in one tab, and see how soon each event is on the page in another."""
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        print("delay: playwright is not installed")
        return
    from footfall import Config, Site
    from footfall.consent import always_granted
    from footfall.delivery import Delivery
    from footfall.demo.catalogue import make_catalogue
    from footfall.demo.shop import create_shop
    from footfall.localtracker import BackgroundServer, LocalTracker
    from footfall.trackers import Raptor, Yoochoose

    items, took = range(1, 22), list[float]()
    with LocalTracker() as tracker, sync_playwright() as playwright:
        site = Site(
            Config(consent=always_granted, ruid_cookie="off"),
            trackers=[Raptor("12345", base_url=tracker.url), Yoochoose("00000", base_url=tracker.url)],
            delivery=Delivery(spool="memory:"),
        )
        with BackgroundServer(create_shop(site, make_catalogue(items))) as shop:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            watching, shopping = browser.new_page(), browser.new_page(user_agent=PERSON)
            watching.goto(tracker.url)
            for item in items:
                shopping.goto(f"{shop.url}/product/{item}", wait_until="commit")
                begun = time.perf_counter()
                for name in ("raptor", "yoochoose"):
                    row = watching.locator(".row", has=watching.locator(f".by.{name}")).filter(has_text=f"item {item}")
                    expect(row.first).to_contain_text(f"opened item {item}", timeout=30_000)
                took.append(time.perf_counter() - begun)
            browser.close()
        site.close()
    took = sorted(took[1:])  # the first begins a session of everything
    print(f"from a click to both its rows: {statistics.median(took):.2f} s, at worst {took[-1]:.2f} s (to hold: 1)")


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        return serve(sys.argv[2])
    with running("empty") as empty, running("tracker") as tracker, page_open(tracker[0]) as told:
        compare_rates(empty, tracker)
        compare_memory(*tracker)
        print(f"the open page was told {told[0]} times")
    compare_views()
    return measure_delay()


if __name__ == "__main__":
    main()
