"""What a browser's jar makes of our cookies over time: sessions, devices, subdomains, payments."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from tests.identity.asking import FIREFOX, PAGE, SCRIPT, guid, make_site
from tests.identity.browsing import WWW, Browser

from footfall import CookieNames
from footfall.testing import Clock

MINUTE, DAY = 60, 86400
BASKET = "https://basket.shop.example/"


@pytest.fixture
def browser() -> Browser:
    return Browser(make_site(), Clock())


def after(browser: Browser, seconds: float, url: str = WWW) -> tuple[str | None, str | None]:
    browser.clock.advance(seconds)
    return browser.open(url)


# Sessions


@pytest.mark.parametrize(("gap", "sessions"), [(19 * 60 + 59, 1), (20 * 60, 2), (20 * 60 + 1, 2)])
def test_a_session_ends_after_twenty_quiet_minutes(browser: Browser, gap: int, sessions: int) -> None:
    """R-23, T-02: 0, 19:59, 39:58 are one; at 20:00 it is over."""
    seen = {browser.open()[1], after(browser, gap)[1]}
    assert len(seen) == sessions


def test_each_visit_gives_twenty_minutes_more(browser: Browser) -> None:
    """R-23."""
    assert len({browser.open()[1], after(browser, 1199)[1], after(browser, 1199)[1]}) == 1


def test_a_visit_every_nineteen_minutes_all_day_is_one_session(browser: Browser) -> None:
    """R-24."""
    assert len({after(browser, 19 * MINUTE)[1] for _ in range(76)}) == 1


def test_a_session_ends_with_the_browser_and_the_device_does_not(browser: Browser) -> None:
    """R-25, T-01."""
    before = browser.open()
    browser.jar.close_browser()
    now = after(browser, 1)
    assert (now[0] == before[0], now[1] == before[1]) == (True, False)


def test_a_session_outlives_the_browser_where_a_site_says_so() -> None:
    """T-01."""
    browser = Browser(make_site(session_ends_with_browser=False), Clock())
    before = browser.open()
    browser.jar.close_browser()
    assert after(browser, 1) == before


def test_a_session_is_as_long_as_the_site_says() -> None:
    """T-01, T-02: the vendor's own template has 1,296 seconds."""
    browser = Browser(make_site(session_idle=timedelta(seconds=1296)), Clock())
    assert len({browser.open()[1], after(browser, 1295)[1], after(browser, 1296)[1]}) == 2


@pytest.mark.parametrize(
    "headers",
    [{**SCRIPT, "sec-fetch-dest": "image"}, {**PAGE, "sec-purpose": "prefetch"}, {**PAGE, "user-agent": "Googlebot"}],
    ids=["picture", "prefetch", "bot"],
)
def test_what_is_no_visit_keeps_no_session_alive(browser: Browser, headers: dict[str, str]) -> None:
    """R-23, T-37."""
    first = browser.open()[1]
    browser.clock.advance(15 * MINUTE)
    browser.ask(WWW, headers=headers)
    assert after(browser, 15 * MINUTE)[1] != first


def test_a_script_of_the_page_keeps_its_session_alive(browser: Browser) -> None:
    first = browser.open()[1]
    browser.clock.advance(15 * MINUTE)
    browser.ask(WWW, headers=SCRIPT)
    assert after(browser, 15 * MINUTE)[1] == first


# Devices


@pytest.mark.parametrize(("days", "devices"), [(90, 1), (364, 1), (365, 2)])
def test_a_device_is_known_for_a_year_since_its_last_visit(browser: Browser, days: int, devices: int) -> None:
    """R-21, Y-03, T-34."""
    assert len({browser.open()[0], after(browser, days * DAY)[0]}) == devices


def test_a_device_that_visits_is_known_for_ever(browser: Browser) -> None:
    """R-21: renewed at each visit."""
    assert len({after(browser, 300 * DAY)[0] for _ in range(5)}) == 1


def test_four_hundred_days_are_what_browsers_keep() -> None:
    browser = Browser(make_site(device_lifetime=timedelta(days=400)), Clock())
    first = browser.open()[0]
    assert [after(browser, 399 * DAY)[0] == first, after(browser, 400 * DAY)[0] == first] == [True, False]


def test_a_device_is_one_on_every_subdomain(browser: Browser) -> None:
    """R-40."""
    assert browser.open("https://www.shop.example/") == browser.open(BASKET) == browser.open("https://shop.example/")


def test_a_device_is_one_on_every_port(browser: Browser) -> None:
    assert browser.open("https://www.shop.example:8443/") == browser.open(WWW)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/", "http://127.0.0.1/", "https://shop.co.uk/", "http://shop.example/"]
)
def test_a_device_is_kept_wherever_a_site_runs(browser: Browser, url: str) -> None:
    """R-40, T-09, D-10: no Domain that the browser refuses, no Secure over plain http."""
    assert browser.open(url) == browser.open(url)


def test_a_paying_visitor_comes_back_as_themselves(browser: Browser) -> None:
    """The browser withholds its cookies from the payment provider's form, and would keep whatever it got."""
    before = browser.open()
    paid = browser.come_back_from_paying()
    assert (paid, browser.open()) == ((None, None), before)


def test_six_scripts_at_once_of_a_new_visitor_are_nobody(browser: Browser) -> None:
    for _ in range(6):
        browser.ask(WWW, headers=SCRIPT)
    assert len(browser.jar) == 0


def test_an_old_browser_is_one_device(browser: Browser) -> None:
    old = {"user-agent": FIREFOX, "accept": "text/html"}
    assert browser.ask(WWW, headers=old) == browser.ask(WWW, headers=old) == (guid(1), guid(2))


def test_a_visitor_moves_with_the_sites_names_and_domain() -> None:
    was = make_site(cookie_names=CookieNames(device="coid", session="sid"), cookie_domain="www.shop.example")
    browser = Browser(was, Clock())
    before = browser.open()
    browser._site = make_site(
        former_cookie_names=CookieNames(device="coid", session="sid"),
        former_cookie_domain="www.shop.example",
        cookie_domain="shop.example",
    )
    moved = browser.open()
    assert (moved, browser.open(BASKET), browser.jar.value("coid")) == (before, before, None)


def test_a_host_only_twin_is_healed(browser: Browser) -> None:
    """Set by an older release of the site, say: from the next page on there is one."""
    browser.open()
    browser.jar.keep(WWW, ["rsa=ffffffff-ffff-4fff-8fff-ffffffffffff; Path=/; Max-Age=1000"])
    browser.open()
    assert browser.jar.value("rsa") == guid(1)


# A year of it


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(8))
def test_a_year_of_one_browser_is_as_many_sessions_and_devices_as_the_rules_give(seed: int, turn: int) -> None:
    """R-20..R-25, R-40, T-01, T-02, T-37: counted beside the jar, from the rules alone."""
    chance = random.Random(seed + 8 * turn)
    clock = Clock()
    browser = Browser(make_site(), clock)
    start, alive_until, known_until = clock.now, 0.0, 0.0
    seen: set[tuple[str | None, str | None]] = set()
    sessions = devices = 0
    while clock.now - start < 366 * DAY:
        clock.advance(chance.choices([1, 30, 600, 1199, 1200, 1201, 3600, DAY, 9 * DAY], [9] * 7 + [3, 1])[0])
        if chance.random() < 0.002:
            clock.advance(chance.choice([100 * DAY, 364 * DAY, 365 * DAY]))
        what = chance.choices(["page", "script", "image", "prefetch", "payment", "close"], [10, 3, 2, 1, 1, 1])[0]
        url = chance.choice([WWW, BASKET, "https://shop.example/"])
        if what == "close":
            browser.jar.close_browser()
            alive_until = 0.0
        elif what == "payment":
            browser.come_back_from_paying(url)
        elif what == "image":
            browser.ask(url, headers={**SCRIPT, "sec-fetch-dest": "image"})
        elif what == "prefetch":
            browser.ask(url, headers={**PAGE, "sec-purpose": "prefetch"})
        elif what == "script":
            browser.ask(url, headers=SCRIPT)
            if clock.now < alive_until:
                alive_until = clock.now + 1200
            if clock.now < known_until:
                known_until = clock.now + 365 * DAY
        else:
            sessions += clock.now >= alive_until
            devices += clock.now >= known_until
            alive_until, known_until = clock.now + 1200, clock.now + 365 * DAY
            seen.add(browser.open(url))
    assert (len({session for _, session in seen}), len({device for device, _ in seen})) == (sessions, devices)
