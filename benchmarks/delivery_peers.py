"""How many of 1,000 events arrive, beside six tracking SDKs: ``tox run -e peers [-- contender ...]``.

Takes about half an hour, half a minute a contender for each case where something hangs. Each case runs in a process
of its own against one sink on loopback, with each contender's default options, except Mixpanel's buffer: without it,
every event is a request that the page waits for. After the case, for all contenders alike, comes "the next start": a
second process with the same contender that emits nothing. After an outage the benchmark waits half a minute. Under a
server, an event counts once its request was answered; unanswered requests are repeated. What a kill leaves depends
on its moment: read those rows as "some".
"""

from __future__ import annotations

import http.client
import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from delivery_sink import Sink, running_sink

import footfall

EVENTS = 1000
TOO_LONG = 30.0  # seconds


@dataclass(frozen=True)
class Contender:
    """An SDK, and the least code that emits event *n* with it."""

    package: str
    code: str  # defines emit(n) and flush(); has URL, PORT and FOLDER


CONTENDERS = {
    "footfall": Contender(
        "footfall",
        """
from footfall.delivery import Delivery
from footfall.wire import WireRequest
delivery = Delivery(f"sqlite:///{FOLDER}/spool.sqlite3")
def emit(n):
    delivery.accept([WireRequest(tracker="main", kind="visit", url=f"{URL}/evt{n}x", visitor=f"u{n % VISITORS}")])
def start(): delivery.warm_up()
def flush(): delivery.flush()
""",
    ),
    "Segment": Contender(
        "segment-analytics-python",
        """
import segment.analytics as sdk
sdk.write_key, sdk.host = "key", URL
def emit(n): sdk.track(f"u{n % VISITORS}", f"evt{n}x")
def flush(): sdk.flush()
""",
    ),
    "Rudder": Contender(
        "rudder-sdk-python",
        """
import rudderstack.analytics as sdk
sdk.write_key, sdk.dataPlaneUrl = "key", URL
def emit(n): sdk.track(f"u{n % VISITORS}", f"evt{n}x")
def flush(): sdk.flush()
""",
    ),
    "PostHog": Contender(
        "posthog",
        """
from posthog import Posthog
sdk = Posthog("phc_key", host=URL)
def emit(n): sdk.capture(f"evt{n}x", distinct_id=f"u{n % VISITORS}")
def flush(): sdk.flush()
""",
    ),
    "Snowplow": Contender(
        "snowplow-tracker",
        """
from snowplow_tracker import AsyncEmitter, StructuredEvent, Tracker
sdk = Tracker(namespace="n", emitters=[AsyncEmitter("127.0.0.1", protocol="http", port=PORT, method="post")])
def emit(n): sdk.track(StructuredEvent(category="c", action=f"evt{n}x"))
def flush(): sdk.flush()
""",
    ),
    "Mixpanel": Contender(
        "mixpanel",
        """
from mixpanel import BufferedConsumer, Mixpanel
consumer = BufferedConsumer(events_url=f"{URL}/track")
sdk = Mixpanel("token", consumer=consumer)
def emit(n): sdk.track(f"u{n % VISITORS}", f"evt{n}x")
def flush(): consumer.flush()
""",
    ),
    "Amplitude": Contender(
        "amplitude-analytics",
        """
from amplitude import Amplitude, BaseEvent
sdk = Amplitude("key")
sdk.configuration.server_url = f"{URL}/2/httpapi"
def emit(n): sdk.track(BaseEvent(event_type=f"evt{n}x", user_id=f"user{n % VISITORS:05}"))
def flush(): sdk.flush()
""",
    ),
}

PRELUDE = """
import logging, os, signal, sys, time
logging.disable()
URL, PORT, FOLDER = os.environ["SINK_URL"], int(os.environ["SINK_PORT"]), os.environ["SINK_FOLDER"]
VISITORS = 50
def start(): pass
"""
# An application whose page /7 emits event 7, and says which process did.
WSGI = """
def application(environ, start_response):
    emit(int(environ["PATH_INFO"][1:]))
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
"""
ASGI = """
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    emit(int(scope["path"][1:]))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})
"""


class Arena:
    """One contender against the sink."""

    def __init__(self, contender: Contender, sink: Sink) -> None:
        self.contender = contender
        self.sink = sink
        self.folder = tempfile.mkdtemp()
        sink.mode("answer")
        sink.reset()

    def begin(self, code: str) -> subprocess.Popen[bytes]:
        return self.begin_program([sys.executable, "-c", PRELUDE + self.contender.code + code])

    def begin_program(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        source = str(Path(footfall.__file__).parents[1])
        return subprocess.Popen(
            arguments,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": source,
                "PYTHONWARNINGS": "ignore",
                "SINK_URL": self.sink.url,
                "SINK_PORT": str(self.sink.port),
                "SINK_FOLDER": self.folder,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def run(self, code: str, timeout: float = TOO_LONG) -> float | None:
        """Run to the end; returns the seconds that it took, or None if it had to be killed."""
        started = time.monotonic()
        process = self.begin(code)
        try:
            process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None
        return time.monotonic() - started

    def next_start(self) -> None:
        self.run("start(); time.sleep(4)", 15)

    def arrived(self, total: int = EVENTS) -> str:
        """Wait until nothing more arrives; returns how many did, and how many of them more than once."""
        before = -1
        while (counts := self.sink.counts()).unique != before and counts.unique < total:
            before = counts.unique
            time.sleep(1.0)
        counts = self.sink.counts()
        return f"{total - self.sink.missing(total)}" + (f" (+{counts.repeated} twice)" if counts.repeated else "")


def ending(last: str) -> Callable[[Arena], str]:
    def case(arena: Arena) -> str:
        took = arena.run(f"for n in range({EVENTS}): emit(n)\n{last}")
        arena.next_start()
        return arena.arrived() + ("" if took is not None else ", killed")

    return case


def killed_by(number: int) -> Callable[[Arena], str]:
    def case(arena: Arena) -> str:
        process = arena.begin(f"for n in range({EVENTS}): emit(n)\nprint('done', flush=True)\ntime.sleep(60)")
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        process.communicate()
        arena.next_start()
        return arena.arrived()

    return case


def forked(arena: Arena) -> str:
    arena.run(f"""
emit({EVENTS}); time.sleep(1)
pid = os.fork()
if pid == 0:
    for n in range(50): emit(n)
    time.sleep(16)
    os._exit(0)
os.waitpid(pid, 0)
""")
    return str(50 - arena.sink.missing(50))


def troubled(mode: str) -> Callable[[Arena], str]:
    def case(arena: Arena) -> str:
        arena.sink.mode(mode)
        process = arena.begin(f"for n in range({EVENTS}): emit(n)\ntime.sleep(120)")
        time.sleep(5)
        arena.sink.mode("answer")
        deadline = time.monotonic() + TOO_LONG
        while arena.sink.counts().unique < EVENTS and time.monotonic() < deadline:
            time.sleep(0.25)
        result = arena.arrived()
        process.kill()
        process.communicate()
        return result

    return case


def one_in_ten_fails(arena: Arena) -> str:
    """A hundred events a second, each of a visitor of its own. The sink answers each tenth 500, for ever: the share of the others.

    A batch that holds such an event fails as a whole: that is what an SDK makes of such a tracker.
    """
    arena.sink.mode("picky")
    process = arena.begin(f"""
VISITORS = {EVENTS}
started = time.monotonic()
for n in range({EVENTS}):
    emit(n)
    time.sleep(max(started + n / 100 - time.monotonic(), 0))
time.sleep(120)
""")
    good = EVENTS - EVENTS // 10
    deadline = time.monotonic() + EVENTS / 100 + TOO_LONG
    while arena.sink.counts().unique < good and time.monotonic() < deadline:
        time.sleep(0.25)
    result = f"{100 * arena.sink.counts().unique / good:.0f} % of {good}"
    process.kill()
    process.communicate()
    return result


def flushing(mode: str) -> Callable[[Arena], str]:
    def case(arena: Arena) -> str:
        arena.sink.mode(mode)
        process = arena.begin("""
try:
    for n in range(100): emit(n)
    started = time.monotonic()
    flush()
except Exception as error: print(f"raises {type(error).__name__}", flush=True)
else: print(f"{time.monotonic() - started:.1f} s", flush=True)
os._exit(0)
""")
        try:
            out, _ = process.communicate(timeout=TOO_LONG)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return f"over {TOO_LONG:.0f} s"
        return out.decode().strip()

    return case


class Pages:
    """A server that runs a contender, and whoever opens its pages."""

    def __init__(self, arena: Arena, arguments: list[str], application: str) -> None:
        self.file = Path(arena.folder, "application.py")
        self.file.write_text(PRELUDE + arena.contender.code + application, encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.process = arena.begin_program([sys.executable, "-m", *(a.format(port=self.port) for a in arguments)])
        self.seen: Counter[int] = Counter()  #: pages by process

    def open(self, numbers: Iterable[int]) -> None:
        """Open pages, eight at a time, each until it is answered."""
        with ThreadPoolExecutor(8) as visitors:
            self.seen.update(visitors.map(self._open_one, numbers))

    def _open_one(self, number: int) -> int:
        deadline = time.monotonic() + TOO_LONG
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", f"/{number}")
                reply = connection.getresponse()
                if reply.status == 200:
                    return int(reply.read())
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)  # a killed worker, or a reload, takes a moment to be made good
            finally:
                connection.close()
        return 0  # never answered: it counts as not accepted, and its absence is the contender's

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.communicate(timeout=TOO_LONG)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


GUNICORN = ["gunicorn", "-w", "4", "-b", "127.0.0.1:{port}", "application"]
UVICORN = ["uvicorn", "--reload", "--port", "{port}", "--log-level", "critical", "application:application"]


def worker_killed(arena: Arena) -> str:
    pages = Pages(arena, GUNICORN, WSGI)
    pages.open(range(EVENTS // 2))
    with ThreadPoolExecutor(1) as visitor:
        rest = visitor.submit(pages.open, range(EVENTS // 2, EVENTS))
        os.kill(max(pages.seen), signal.SIGKILL)
        rest.result()
    return served(arena, pages)


def preloaded(arena: Arena) -> str:
    pages = Pages(arena, [GUNICORN[0], "--preload", *GUNICORN[1:]], f"{WSGI}\nemit({EVENTS})\n")
    pages.open(range(EVENTS))
    return served(arena, pages)


def reloaded(arena: Arena) -> str:
    pages = Pages(arena, UVICORN, ASGI)
    pages.open(range(EVENTS // 2))
    before = set(pages.seen)
    pages.file.write_text(pages.file.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    deadline = time.monotonic() + TOO_LONG
    number = EVENTS // 2
    while set(pages.seen) <= before and number < EVENTS and time.monotonic() < deadline:
        pages.open([number])
        number += 1
        time.sleep(0.05)  # the reloader looks at its files a few times a second
    pages.open(range(number, EVENTS))
    return served(arena, pages)


def served(arena: Arena, pages: Pages) -> str:
    unanswered = pages.seen[0]
    pages.end()
    arena.next_start()
    return arena.arrived() + (f", {unanswered} pages never answered" if unanswered else "")


CASES: dict[str, Callable[[Arena], str]] = {
    "the script ends right after": ending(""),
    "`os._exit` right after": ending("os._exit(0)"),
    "SIGTERM right after": killed_by(signal.SIGTERM),
    "SIGKILL right after": killed_by(signal.SIGKILL),
    "forked after first use: the child's 50": forked,
    "SIGKILL of one of four gunicorn workers": worker_killed,
    "`gunicorn --preload`, emitted before the fork too": preloaded,
    "`uvicorn --reload`": reloaded,
    "tracker refuses for 5 s": troubled("refuse"),
    "tracker hangs for 5 s": troubled("hang"),
    "tracker answers 503 for 5 s": troubled("busy"),
    "one event in ten is always answered 500: of the others": one_in_ten_fails,
    "`flush()` while the tracker hangs": flushing("hang"),
    "`flush()` while the tracker refuses": flushing("refuse"),
}


def main() -> None:
    names = sys.argv[1:] or list(CONTENDERS)
    versions = []
    for name in names:
        try:
            versions.append(f"{name} {importlib.metadata.version(CONTENDERS[name].package)}")
        except importlib.metadata.PackageNotFoundError:
            if name != "footfall":
                sys.exit(f"{CONTENDERS[name].package} is not installed: tox run -e peers")
    print(f"Of {EVENTS} events, how many arrived. Python {sys.version.split()[0]}; {', '.join(versions)}\n")
    print(f"| case | {' | '.join(names)} |")
    print(f"| --- |{' --- |' * len(names)}")
    with running_sink() as sink:
        for title, case in CASES.items():
            cells = [case(Arena(CONTENDERS[name], sink)) for name in names]
            print(f"| {title} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
