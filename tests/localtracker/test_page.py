"""The local tracker's page in a real browser: what somebody sees who watches their shop."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from tests.conftest import Serve
from tests.localtracker.conftest import CLICK, DEVICE, IDS, VISIT, Client, OpenPage

from footfall import Config, Money, Site
from footfall.asgi import TrackingMiddleware
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Basket, Buy, Click
from footfall.localtracker import LocalTracker, judge
from footfall.trackers import Raptor, Yoochoose

pytestmark = pytest.mark.timeout(180)  # a busy machine is slow to start a browser

EXAMPLES = Path(__file__).parents[2] / "examples"
WRONG = "/api/00000/rate/u/1/1?rating=101"
DOUBTFUL = "/api/00000/click/anna%40shop.example/1/1"
#: Without a screen, Chromium calls itself a program.
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
LINKS = "".join(f'<p><a href="/{name}">{name}</a></p>' for name in ("shirt", "basket", "login", "order"))


async def show(request: Request) -> HTMLResponse:
    tracking, page = request.state.tracking, request.url.path
    if page == "/shirt":
        tracking.emit(Click("3298", ["Shoes"]))
    elif page == "/basket":
        tracking.emit(Basket("3298"))
    elif page == "/order":
        tracking.emit(Buy("3298", 2, price=Money("19.99", "EUR")))
    answer = HTMLResponse(f"<!doctype html><title>Shop</title><link rel=icon href='data:,'>{LINKS}")
    if page == "/login":
        tracking.identify("anna@shop.example")
        tracking.login("johndoe")
        answer.set_cookie("user", "johndoe")
    return answer


@pytest.fixture
def shop(tracker: LocalTracker, serve: Serve) -> Iterator[str]:
    """A shop in debug, with a landing page, an item, a basket, a login and an order; gives its address."""
    site = Site(
        Config(consent=always_granted, ruid_cookie="base64"),
        trackers=[Raptor("12345", base_url=tracker.url), Yoochoose("00000", base_url=tracker.url)],
        delivery=Delivery(spool="memory:"),
        user_id=lambda request: request.cookies.get("user"),
    )
    app = Starlette(
        debug=True,
        routes=[Route("/{page:path}", show)],
        middleware=[Middleware(TrackingMiddleware, site=site)],
    )
    with serve(app) as port:
        yield f"http://127.0.0.1:{port}"
    site.close()


def test_what_is_done_in_the_shop_is_seen_in_the_other_tab(shop: str, open_page: OpenPage, chromium: Browser) -> None:
    watching = open_page()
    shopping = chromium.new_page(user_agent=PERSON)
    shopping.goto(f"{shop}/?reaid=Zx81")
    for name, said in (
        ("shirt", "opened item 3298"),
        ("basket", "put item 3298 into the basket"),
        ("login", "logged in as johndoe"),
        ("order", "bought 2 of item 3298 for 19.99 EUR each"),
    ):
        shopping.get_by_role("link", name=name).click()
        expect(watching.locator(".row", has_text=said).first).to_be_visible()
    shopping.close()

    watching.locator(".row", has_text="put item 3298").click()
    watching.get_by_role("button", name=re.compile("This visitor.s journey")).click()
    way = watching.locator("#way")
    for told in ("known by a newsletter's link (reaid)", "logged in as johndoe", "as anna@shop.example"):
        expect(way).to_contain_text(told)
    expect(way.locator(".picture svg")).to_have_attribute("aria-label", re.compile("^7 requests in 1 visit;"))

    watching.get_by_role("link", name="Application").click()
    order = watching.locator(".trace", has_text="GET /order 200")
    expect(order).to_contain_text("2 of 2 arrived")
    expect(watching.locator(".trace", has_text="GET / 200")).to_contain_text("page: no event was emitted")
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
        "sid is another one": "keep the session cookie",
        "userid is the anonymous id that logged in": "send the account's id with every event",
        "buy is there as it came": "report a purchase where the order is placed",
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
    f"/{EVIL}",
]


def test_no_visitors_text_is_ever_markup(client: Client, tracker: LocalTracker, open_page: OpenPage) -> None:
    for target in PLACES:
        client.send(target)
    tracker._store.add_trace(1.0, HOSTILE, f'class="{HOSTILE.replace(chr(34), "")}", events="{HOSTILE}"')
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
    verdict = judge("GET", CLICK)
    for _ in range(100_000):
        tracker._store.add(1.0, "GET", CLICK, verdict)
    first = tracker._store.received(limit=1)[0].number
    page = open_page()
    rows = page.locator(".row")
    expect(rows.first).to_have_attribute("aria-setsize", "100000", timeout=60_000)
    assert rows.count() < 60
    page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight }")
    expect(rows.last).to_have_attribute("data-number", str(first))
    page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight / 2 }")
    expect(rows.first).to_have_attribute("aria-posinset", re.compile("^4999.$"))
    tracker._store.add(1.0, "GET", CLICK, verdict)
    expect(page.locator("#fresh")).to_have_text("1 new request ↑")
    page.locator("#fresh").click()
    expect(rows.first).to_have_attribute("aria-posinset", "1")


def test_a_fault_is_ordered_and_turned_off_from_the_page(client: Client, open_page: OpenPage) -> None:
    page = open_page("#faults")
    page.locator("#order [name=kind]").select_option("503")
    page.get_by_label("Retry-After, seconds").fill("9")
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
