"""The demo: real visits in, the same visits at each tracker, and a table that tells if not."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from importlib.resources import files

import pytest

from footfall.demo.browser import CookieJar
from footfall.demo.catalogue import make_catalogue
from footfall.demo.report import Report, compare, format_summary
from footfall.demo.visits import Step, count_sessions, read_steps
from footfall.localtracker import Received, assess

DEMO = [sys.executable, "-m", "footfall.cli", "demo", "--port", "0", "--tracker-port", "0"]
DEVICES = {0: "7d444840-9dc0-11d1-b245-5ffdce74fad2", 1: "8d444840-9dc0-11d1-b245-5ffdce74fad2"}
SESSION = "9d444840-9dc0-11d1-b245-5ffdce74fad2"


def rows(output: str) -> dict[str, list[str]]:
    """Read the table: from a row's name to its numbers, shop first."""
    table = (line.split("│")[1:-1] for line in output.splitlines() if line.startswith("│"))
    return {name.strip(): [cell.strip() for cell in cells if cell.strip()] for name, *cells in table}


def test_the_demo_shows_every_real_visit_at_both_trackers_and_ends_with_0() -> None:
    """R-23, T-02: 149 sessions come of 20 visitors only if the session cookie lives exactly 1200 seconds."""
    process = subprocess.run([*DEMO, "--exit"], capture_output=True, text=True, timeout=110, check=False)
    table = rows(process.stdout)
    assert process.stderr == ""
    assert table == {
        "visitors": ["20", "20", "20"],
        "sessions": ["149", "149", "not told"],
        "events": ["862", "862", "862"],
        "clicks": ["800", "800", "800"],
        "basket": ["52", "52", "52"],
        "buys": ["10", "10", "10"],
        "accepted": ["862", "862"],
        "delivered": ["862", "862"],
        "pending": ["0", "0"],
        "failed": ["0", "0"],
        "lost": ["0", "0"],
        "twice": ["0", "0"],
        "wrong": ["0", "0"],
    }
    assert process.stdout.endswith(
        "20 visitors, 149 sessions, 862 events (800 clicks, 52 basket, 10 buys) received by each of the 2 trackers:"
        " none lost, none twice.\n"
    )
    assert process.returncode == 0


def test_the_demo_stays_open_for_clicking_until_it_is_interrupted() -> None:
    with subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        watchdog = threading.Timer(100, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            last = next(line for line in process.stdout if line.startswith("Click through"))
            shop, tracker = re.findall(r"http://[0-9.:]+", last)
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            opener.addheaders = [("Accept", "text/html"), ("User-Agent", "Mozilla/5.0 (X11; Linux) Firefox/140.0")]
            product = f"{shop}/product/{read_steps()[0].item}"
            with opener.open(product, timeout=10) as reply:
                assert "May we tell our recommendation service" in reply.read().decode()
            choice = urllib.request.Request(
                f"{shop}/consent?grant",
                data=b"",
                headers={
                    "Origin": shop,
                    "Referer": product,
                    "Sec-Fetch-Mode": "navigate",
                    "Sec-Fetch-Site": "same-origin",
                },
            )
            with opener.open(choice, timeout=10) as reply:
                assert "(made up from the item id" in reply.read().decode()
            query = f"{tracker}/received.json?at_least=1726&within=30&limit=1"
            with urllib.request.urlopen(query, timeout=40) as reply:
                assert json.load(reply)["count"] == 1726
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait(10)
            watchdog.cancel()


def test_the_visits_are_the_real_ones() -> None:
    data = files("footfall.demo").joinpath("data", "otto-sessions.jsonl").read_bytes()
    assert hashlib.sha256(data).hexdigest().startswith("8994e47578f7")


def test_the_visits_are_named_with_their_authors_and_licence() -> None:
    text = files("footfall.demo").joinpath("data", "ATTRIBUTION.md").read_text(encoding="utf-8")
    for part in ("Philipp Normann", "https://github.com/otto-de/recsys-dataset", "creativecommons.org/licenses/by/4.0"):
        assert part in text


def test_the_visits_are_20_visitors_149_sessions_and_862_steps() -> None:
    steps = read_steps()
    assert (len({step.visitor for step in steps}), count_sessions(steps, 1200.0), len(steps)) == (20, 149, 862)


@pytest.mark.parametrize(("gap", "sessions"), [(1199.0, 1), (1200.0, 2)])
def test_a_session_ends_after_twenty_idle_minutes(gap: float, sessions: int) -> None:
    """R-23, T-02."""
    assert count_sessions([Step(0, 0.0, "click", 1), Step(0, gap, "click", 1)], 1200.0) == sessions


@pytest.mark.parametrize(("now", "value"), [(0.0, "x"), (1199.0, "x"), (1200.0, None)])
def test_the_browser_keeps_a_cookie_for_its_max_age(now: float, value: str | None) -> None:
    jar = CookieJar()
    jar.keep(["sid=x; Max-Age=1200; Path=/; HttpOnly"], 0.0)
    assert (jar.value("sid", now), jar.header(now)) == (value, f"sid={value}" if value else "")


def test_the_browser_stays_open_for_cookies_without_an_age() -> None:
    jar = CookieJar()
    jar.keep(["sidOpen=1; Path=/"], 0.0)
    assert jar.header(1e9) == "sidOpen=1"


def test_the_browser_deletes_what_it_is_told_to() -> None:
    jar = CookieJar()
    jar.keep(["rsa=x; Max-Age=60", "rsa=; Max-Age=0"], 0.0)
    assert jar.header(0.0) == ""


def test_every_item_of_the_visits_has_a_price_and_a_place_in_the_catalogue() -> None:
    catalogue = make_catalogue(step.item for step in read_steps())
    assert all(product.price.amount > 0 and all(product.category_path) for product in catalogue.values())
    assert make_catalogue([3298]) == make_catalogue([3298])


STEPS = [Step(0, 0.0, "click", 11), Step(0, 5.0, "buy", 11), Step(1, 9.0, "click", 11)]
ARRIVED = [
    f"/12345.rsa?p1=visit&p2=11&coid={DEVICES[0]}&sid={SESSION}",
    f"/12345.rsa?p1=buy&p2=11&coid={DEVICES[0]}&sid={SESSION}",
    f"/12345.rsa?p1=visit&p2=11&coid={DEVICES[1]}&sid={DEVICES[1]}",
    f"/api/00000/click/{DEVICES[0]}/1/11",
    f"/api/00000/buy/{DEVICES[0]}/1/11?fullprice=1.00EUR&quantity=1",
    f"/api/00000/click/{DEVICES[1]}/1/11",
]


def report(targets: list[str]) -> Report:
    received = [
        Received(number=number, at=0.0, method="GET", target=target, assessment=assess("GET", target))
        for number, target in enumerate(targets)
    ]
    return compare(STEPS, DEVICES, received, 1200.0)


def test_what_arrived_as_it_was_done_is_complete() -> None:
    complete = report(ARRIVED)
    assert complete.complete
    assert format_summary(complete) == (
        "2 visitors, 2 sessions, 3 events (2 clicks, 0 basket, 1 buys) received by each of the 2 trackers:"
        " none lost, none twice."
    )


@pytest.mark.parametrize(
    ("targets", "lost", "twice", "wrong"),
    [
        (ARRIVED[1:], 1, 0, 0),
        ([*ARRIVED, ARRIVED[1]], 0, 1, 0),
        ([ARRIVED[0].replace(DEVICES[0], DEVICES[1]), *ARRIVED[1:]], 1, 1, 0),
        ([ARRIVED[0].replace("p2=11", "p2=12"), *ARRIVED[1:]], 1, 1, 0),
        ([*ARRIVED, f"{ARRIVED[0]}&p0=x"], 0, 0, 1),
        (ARRIVED[3:], 3, 0, 0),
    ],
)
def test_what_did_not_arrive_as_it_was_done_is_counted(targets: list[str], lost: int, twice: int, wrong: int) -> None:
    found = report(targets)
    raptor = found.received["raptor"]
    assert (raptor.lost, raptor.twice, raptor.wrong, found.complete) == (lost, twice, wrong, False)


def test_a_session_that_was_cut_in_two_is_not_complete() -> None:
    assert not report([ARRIVED[0].replace(SESSION, DEVICES[0]), *ARRIVED[1:]]).complete


def test_a_tracker_that_nobody_knows_is_not_complete() -> None:
    assert not report([*ARRIVED, "/nowhere"]).complete
