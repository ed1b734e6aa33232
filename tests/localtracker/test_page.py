"""The local tracker's page in a real browser: what somebody sees who watches their shop."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from tests.conftest import Serve
from tests.localtracker.conftest import CLICK, DEVICE, IDS, VISIT, Client, OpenPage

from footfall import Config, Site
from footfall.consent import own_cookie
from footfall.delivery import Delivery
from footfall.demo.catalogue import make_catalogue
from footfall.demo.shop import CONSENT, create_shop, who_is_logged_in
from footfall.localtracker import LocalTracker, assess
from footfall.localtracker.meanings import RAPTOR, YOOCHOOSE
from footfall.trackers import Raptor, Yoochoose

pytestmark = pytest.mark.timeout(180)  # a busy machine is slow to start a browser

EXAMPLES = Path(__file__).parents[2] / "examples"
WRONG = "/api/00000/rate/u/1/1?rating=101"
DOUBTFUL = "/api/00000/click/anna%40shop.example/1/1"
#: Without a screen, Chromium calls itself a program.
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest.fixture
def shop(tracker: LocalTracker, serve: Serve) -> Iterator[str]:
    """The demo's shop, in debug; gives its address."""
    site = Site(
        Config(consent=own_cookie(), ruid_cookie="base64"),
        trackers=[Raptor("12345", base_url=tracker.url), Yoochoose("00000", base_url=tracker.url)],
        delivery=Delivery(spool="memory:"),
        consent_endpoint=CONSENT,
        user_id=who_is_logged_in,
    )
    app = create_shop(site, make_catalogue(range(1, 9)))
    app.debug = True
    with serve(app) as port:
        yield f"http://127.0.0.1:{port}"
    site.close()


def test_what_is_done_in_the_shop_is_seen_in_the_other_tab(shop: str, open_page: OpenPage, chromium: Browser) -> None:
    watching = open_page()
    shopping = chromium.new_page(user_agent=PERSON)
    shopping.goto(f"{shop}/?reaid=Zx81")
    shopping.get_by_role("button", name="Yes").click()

    def do(what: Callable[[], object], **said: str) -> None:
        what()
        for tracker, words in said.items():
            row = watching.locator(".row", has=watching.locator(f".by.{tracker}"), has_text=words)
            expect(row).to_be_visible(timeout=20_000)  # how soon it is, benchmarks/localtracker.py tells

    tile, button = shopping.locator(".grid a"), functools.partial(shopping.get_by_role, "button")
    do(tile.nth(0).click, raptor="opened item 1", yoochoose="opened item 1")
    shopping.goto(shop)
    do(tile.nth(1).click, raptor="opened item 2", yoochoose="opened item 2")
    do(button(name="Put into the basket").click, raptor="changed the basket: item 2", yoochoose="put item 2 into")
    shopping.goto(shop)
    do(button(name="Log in").click, yoochoose="logged in as johndoe")
    shopping.goto(f"{shop}/product/2/basket")
    do(button(name="Buy it").click, raptor="bought 1 of item 2 for", yoochoose="bought 1 of item 2 for")
    shopping.close()

    watching.locator(".row", has_text="put item 2 into").click()
    parts = watching.locator("#detail .parameters tr")
    expect(parts.filter(has_text="itemid")).to_contain_text("A whole number of 1 to 2147483647")
    watching.get_by_role("button", name=re.compile("This visitor.s journey")).click()
    way = watching.locator("#way")
    expect(way.locator(".picture svg")).to_have_attribute("aria-label", re.compile("^9 requests in 1 visit;"))
    expect(way.locator(".picture .name")).to_have_text(["Requests", "Visit", "Browser", "reaid", "ruid", "Logged in"])
    expect(way.locator(".visit li", has=watching.locator(".yoochoose")).locator(".link")).to_have_text(
        [
            *("opened item 1", "opened item 2", "put item 2 into the basket", "logged in as johndoe"),
            re.compile(r"bought 1 of item 2 for .* EUR each"),
        ]
    )
    expect(way.locator(".visit li").first).to_contain_text("known by a newsletter's link (reaid)")
    expect(way.locator(".visit li", has_text="as john@shop.example")).to_have_count(1)

    watching.get_by_role("link", name="Application").click()
    order = watching.locator(".trace", has_text="POST /product/2/order 303")
    expect(order).to_contain_text("2 of 2 arrived")
    expect(watching.locator(".trace", has_text="GET /product/2/order 200")).to_contain_text(
        "page: no event was emitted"
    )
    order.locator("summary").click()
    expect(order.locator("dl")).to_contain_text("a person opened a page")


def test_seven_mistakes_are_seven_things_to_mend(tracker: LocalTracker, open_page: OpenPage) -> None:
    environment = {**os.environ, "TRACKER_URL": tracker.url}
    subprocess.run([sys.executable, EXAMPLES / "broken_shop.py"], env=environment, check=True, timeout=60)
    page = open_page("#mend")
    findings = page.locator("#findings article")
    expect(findings).to_have_count(7)
    expect(page.locator("#mends")).to_have_text("7")
    told = {
        "coid is missing": "send the cookie id",
        "fullprice has a comma as its decimal point": "write the price of one item",
        "quantity is 0": "write a whole number of 1 or more",
        "userid has a backslash": "send an id without",
        "sid differs from that of": "keep the session cookie",
        "userid is the anonymous id that logged in": "send the account's id with every event",
        "buy was reported in the same words": "report a purchase where the order is placed",
    }
    for finding, mend in told.items():
        expect(findings.filter(has_text=finding)).to_contain_text(f"To mend it: {mend}")


HOSTILE = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>'\"`${7*7}"
EVIL = quote(HOSTILE, safe="")
PLACES = [
    f"/api/00000/click/{EVIL}/1/1",
    f"/api/{EVIL}/click/u/1/1",
    f"/api/00000/{EVIL}/u/1/1",
    f"/api/00000/click/u/{EVIL}/{EVIL}",
    f"/api/00000/click/u/1/1?categorypath={EVIL}&{EVIL}={EVIL}",
    f"/api/00000/buy/u/1/1?quantity={EVIL}&fullprice={EVIL}",
    f"/api/00000/login/{EVIL}/{EVIL}",
    f"/12345.rsa?p1={EVIL}&p2={EVIL}&p3={EVIL}&p7={EVIL}&{IDS}&reaid={EVIL}&am={EVIL}&url={EVIL}",
    f"/{EVIL}.rsa?p1={EVIL}&coid={EVIL}&sid={EVIL}&ruid={EVIL}",
    f"/12345.rsa?{EVIL}={EVIL}",
    f"/12345.rsa?p1=buy&{IDS}&" + "&".join(f"{name}={EVIL}" for name in (*RAPTOR, "p5", "p6", "p12", "p13", "p77")),
    "/api/00000/buy/u/1/1?" + "&".join(f"{name}={EVIL}" for name in YOOCHOOSE),
    f"/{EVIL}",
]


def test_no_visitors_text_is_ever_markup(client: Client, tracker: LocalTracker, open_page: OpenPage) -> None:
    for target in PLACES:
        client.send(target)
    unquoted = HOSTILE.replace('"', "")
    decisions = ["class", "reason", "consent", "device", "session", "ruid", "reaid", "xuid", "user", "cookies", "cache"]
    told = ", ".join(f'{name}="{unquoted}"' for name in decisions)
    tracker._store.add_trace(1.0, HOSTILE, f'{told}, events="{"click!" + unquoted.replace(" ", "")}"')
    page = open_page()
    expect(page.locator(".row")).to_have_count(len(PLACES))
    for number in range(len(PLACES)):
        page.locator(".row").nth(number).click()
        expect(page.locator("#detail .raw")).to_be_visible()
    for visitor in (HOSTILE, DEVICE, "u"):
        page.goto(f"{tracker.url}/#journey={quote(visitor, safe='')}")
        expect(page.locator("#whose input")).to_have_value(visitor)
        expect(page.locator("#way > *").first).to_be_visible()
    for view in ("mend", "application"):
        page.goto(f"{tracker.url}/#{view}")
        expect(page.locator(f"#{view} > div:last-child > *").first).to_be_visible()
    assert (page.title(), page.locator("img, main script, iframe").count()) == ("Local tracker", 0)
    expect(page.locator("#traces")).to_contain_text("<img src=x onerror=")


def test_only_what_is_asked_for_is_shown(client: Client, open_page: OpenPage) -> None:
    for target in (CLICK, VISIT, WRONG, DOUBTFUL):
        client.send(target)
    page = open_page()
    filters, said = page.locator("#filters"), page.locator(".row .said")
    expect(said).to_have_count(4)
    filters.get_by_label("Tracker").select_option("raptor")
    expect(said).to_have_text(["visitopened item 3298"])
    filters.get_by_label("Tracker").select_option("")
    filters.get_by_label("Verdict").select_option("wrong")
    expect(said).to_have_text(["raterated item 1 101 of 100"])
    page.get_by_role("button", name="Show all").click()
    filters.get_by_label("Event").select_option("click")
    expect(said).to_have_count(2)
    filters.get_by_label("Visitor").fill("Js79009234YU7")
    expect(said).to_have_text(["clickopened item 123"])
    expect(page.get_by_role("link", name="CSV")).to_have_attribute(
        "href", "/export.csv?kind=click&visitor=Js79009234YU7"
    )
    client.send(CLICK)
    expect(said).to_have_count(2)


def test_a_chart_counts_by_minute_as_far_back_as_there_is_something(
    client: Client, tracker: LocalTracker, open_page: OpenPage
) -> None:
    for target in (CLICK, WRONG, DOUBTFUL):
        client.send(target)
    page = open_page()
    chart = page.locator("#chart svg")
    expect(chart).to_have_attribute("aria-label", re.compile("^3 requests in the last hour, at most"))
    expect(page.locator("#span")).to_have_text("the last 15 minutes")
    heights = "bars => bars.reduce((sum, bar) => sum + Number(bar.getAttribute('height')), 0)"
    looks = ("right", "doubtful", "wrong", "fault")
    drawn = [page.locator(f".bar-{look}").evaluate_all(heights) for look in looks]
    assert drawn == [pytest.approx(drawn[0])] * 3 + [0]
    tracker._store.add(time.time() - 2_400, "GET", CLICK, assess("GET", CLICK))
    expect(chart).to_have_attribute("aria-label", re.compile("^4 requests"))
    expect(page.locator("#span")).to_have_text("the last hour")


def test_a_page_finds_the_tracker_that_was_started_again_and_shows_what_that_has(chromium: Browser) -> None:
    page = chromium.new_page()
    with LocalTracker() as first:
        Client(first).send(CLICK)
        page.goto(first.url)
        expect(page.locator(".row")).to_have_count(1)
    expect(page.locator("#connection")).to_have_text("Not connected, trying again")
    with LocalTracker(port=int(first.url.rpartition(":")[2])) as second:
        Client(second).send(VISIT)
        expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
        expect(page.locator(".row .said")).to_have_text(["visitopened item 3298"])
        page.close()


def test_an_address_that_somebody_mistyped_is_still_a_page(open_page: OpenPage) -> None:
    expect(open_page("#%").locator("#requests")).to_be_visible()


def test_everything_is_done_without_a_mouse(client: Client, open_page: OpenPage) -> None:
    for target in (CLICK, VISIT, WRONG):
        client.send(target)
    page = open_page(narrow=True)
    expect(page.locator(".row")).to_have_count(3)
    page.keyboard.press("/")
    expect(page.locator("#filters [name=visitor]")).to_be_focused()
    rows = page.locator("#list")
    for _ in range(12):  # tabs past the filters' buttons and links
        if rows.evaluate("list => list === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(rows).to_be_focused()
    page.keyboard.press("End")
    detail = page.locator("#detail")
    expect(detail).to_be_focused()
    expect(detail.get_by_role("heading", level=2)).to_have_text("Opened item 123")
    page.keyboard.press("Escape")
    expect(rows).to_be_focused()
    expect(detail).not_to_be_visible()


def test_a_hundred_thousand_requests_are_no_more_to_the_browser_than_those_in_view(
    tracker: LocalTracker, open_page: OpenPage
) -> None:
    assessment = assess("GET", CLICK)
    for _ in range(100_000):
        tracker._store.add(1.0, "GET", CLICK, assessment)
    first = tracker._store.received(limit=1)[0].number
    page = open_page()
    rows = page.locator(".row")
    expect(rows.first).to_have_attribute("aria-setsize", "100000", timeout=60_000)
    assert rows.count() < 60
    page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight }")
    expect(rows.last).to_have_attribute("data-number", str(first))
    page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight / 2 }")
    expect(rows.first).to_have_attribute("aria-posinset", re.compile("^4999.$"))
    tracker._store.add(1.0, "GET", CLICK, assessment)
    expect(page.locator("#fresh")).to_have_text("1 new request ↑")
    page.locator("#fresh").click()
    expect(rows.first).to_have_attribute("aria-posinset", "1")


def test_a_fault_is_ordered_and_turned_off_from_the_page(client: Client, open_page: OpenPage) -> None:
    page = open_page("#faults")
    page.locator("#order [name=kind]").select_option("503")
    page.get_by_label("Retry-After, seconds").fill("9")
    expect(page.locator("#order-call")).to_have_text(
        f'curl -X POST "{client.tracker.url}/faults.json?kind=503&share=1&retry_after=9"'
    )
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("#on")).to_contain_text("503 for 100 % of the requests, Retry-After: 9")
    expect(page.locator("#trouble")).to_be_visible()
    assert client.send(CLICK).headers["retry-after"] == "9"
    page.locator("#order [name=kind]").select_option("hang")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("#order-error")).to_contain_text("more than every request")
    page.get_by_role("button", name="Turn it off").click()
    expect(page.locator("#trouble")).not_to_be_visible()
    assert client.send(CLICK).status == 204


def test_a_trace_is_explained_when_it_is_pasted(open_page: OpenPage) -> None:
    page = open_page("#application")
    page.get_by_label("Footfall-Trace").fill('Footfall-Trace: class="bot", reason="a program", events="click!bot"')
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#pasted")).to_contain_text("click not sent: a program, not a visitor")
    page.get_by_label("Footfall-Trace").fill("x")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#pasted")).to_contain_text("paste the value of the header")


def test_forgetting_empties_the_page(client: Client, open_page: OpenPage) -> None:
    client.send(CLICK)
    page = open_page()
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_role("button", name="Forget everything").click()
    expect(page.locator("#empty")).to_contain_text("Nothing has been received yet")
    expect(page.locator("#numbers div").first).to_have_text("received0")


@pytest.mark.parametrize(("answer", "left"), [("accept", 0), ("dismiss", 1)])
def test_what_is_kept_in_a_file_is_forgotten_only_by_who_means_it(
    chromium: Browser, tmp_path: Path, answer: str, left: int
) -> None:
    page = chromium.new_page()
    page.on("dialog", lambda dialog: getattr(dialog, answer)())
    with LocalTracker(keep=tmp_path / "kept.sqlite3") as tracker:
        Client(tracker).send(CLICK)
        page.goto(tracker.url)
        expect(page.locator(".row")).to_have_count(1)
        page.get_by_role("button", name="Forget everything").click()
        expect(page.locator(".row")).to_have_count(left)
        assert tracker.count() == left
        page.close()


@pytest.mark.parametrize(("dark", "narrow"), [(False, False), (True, False), (False, True), (True, True)])
def test_a_checker_finds_nothing_that_shuts_anybody_out(
    client: Client, tracker: LocalTracker, open_page: OpenPage, *, dark: bool, narrow: bool
) -> None:
    for target in (VISIT, f"/api/00000/login/{DEVICE}/johndoe", f"/api/00000/click/{DEVICE}/1/1", WRONG, DOUBTFUL):
        client.send(target)
    tracker._store.add_trace(1.0, "GET /shirt 200", 'class="page", reason="a page", events="buy!consent"')
    client.send("/faults.json?kind=503&share=0.1", "POST")
    page = open_page(dark=dark, narrow=narrow, checked=True)
    grave: dict[str, list[tuple[str, str]]] = {}
    for view, part in (
        ("requests", ".row"),
        ("mend", "#findings article"),
        (f"journey={DEVICE}", ".visit"),
        ("application", ".trace"),
        ("faults", ".on"),
        ("request=1", ""),
    ):
        page.goto(f"{tracker.url}/#{view if view != 'request=1' else f'request={tracker.received()[0].number}'}")
        expect(page.locator(part or "#detail .parameters").first).to_be_visible()
        violations = Axe().run(page).response["violations"]
        grave[view] = [
            (one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in ("serious", "critical")
        ]
    assert {view: found for view, found in grave.items() if found} == {}
