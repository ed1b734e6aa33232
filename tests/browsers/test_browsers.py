"""What real browsers make of our cookies, and what we make of real browsers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.browsers.browser import Browser, Cookie
from tests.browsers.shop import Shop

Wait = Callable[[Callable[[], object]], bool]
YEAR, TWENTY_MINUTES = 31_536_000, 1_200
PURPOSE = {"prefetch": "prefetch", "prerender": "prefetch;prerender"}
#: The title of the page that a payment provider's return ends at.
RETURNED = {"/pay": "paid", "/pay-and-go-on": "thanks"}

EVERY = pytest.mark.parametrize("opened", ["chromium", "firefox", "webkit"], indirect=True)
PERSISTENT = pytest.mark.parametrize("opened", ["chromium", "firefox"], indirect=True)
SPECULATING = pytest.mark.parametrize("opened", ["chromium"], indirect=True)


def ours(browser: Browser) -> dict[str, Cookie]:
    return {cookie.name: cookie for cookie in browser.cookies() if cookie.name.startswith("rsa")}


def go(browser: Browser, script: str, title: str, wait_until: Wait) -> None:
    """Run what leads to another page, and wait until that is there."""
    browser.run(f"void setTimeout(() => {{ {script} }}, 0)")
    assert wait_until(lambda: browser.title() == title), f"the page {title!r} did not come up"


def post_form(url: str) -> str:
    """Write the script that leaves a page by a form, as a payment provider does."""
    return (
        "const form = document.createElement('form'); form.method = 'POST';"
        f" form.action = {json.dumps(url)}; document.documentElement.append(form); form.submit()"
    )


def follow_link(url: str) -> str:
    return (
        f"const link = document.createElement('a'); link.href = {json.dumps(url)};"
        " document.documentElement.append(link); link.click()"
    )


def fetch_six(path: str) -> str:
    """Write six calls at once; their addresses differ, for WebKit makes one of six that do not."""
    calls = [f"fetch({json.dumps(f'{path}?{number}')}).then(answer => answer.json())" for number in range(6)]
    return f"Promise.all([{', '.join(calls)}])"


def values(browser: Browser) -> dict[str, str]:
    return {name: cookie.value for name, cookie in ours(browser).items()}


@EVERY
def test_one_visit_is_one_device_and_one_session_on_every_subdomain(browser: Browser, shop: Shop) -> None:
    """R-06, R-07, R-20, R-40, D-02."""
    for host in ("www", "basket", "shop"):
        browser.visit(shop.url(host))
    jar = values(browser)
    assert {(event.visitor, event.session) for event in shop.reported()} == {(jar["rsa"], jar["rsaSession"])}
    assert len(shop.reported()) == 3


@EVERY
def test_a_browser_holds_each_cookie_as_it_was_meant(browser: Browser, shop: Shop) -> None:
    """R-21, R-40, D-09: lifetime, domain, and who may read it."""
    browser.visit(shop.url("www"))
    jar = browser.cookies()
    assert {cookie.name for cookie in jar} == {"rsa", "rsaSession", "rsaSessionOpen"}
    assert {(one.domain, one.secure, one.http_only, one.same_site) for one in jar} == {
        (f".{shop.hosts['shop']}", True, True, "lax")
    }
    found = {cookie.name: cookie.lifetime for cookie in jar}
    assert found["rsa"] == pytest.approx(YEAR, abs=60)
    assert found["rsaSession"] == pytest.approx(TWENTY_MINUTES, abs=60)
    assert found["rsaSessionOpen"] is None


@PERSISTENT
def test_a_closed_browser_comes_back_as_the_same_device_in_a_new_session(browser: Browser, shop: Shop) -> None:
    """R-21, R-25, T-01."""
    browser.visit(shop.url("www"))
    before = values(browser)
    browser.reopen()
    browser.visit(shop.url("www"))
    after = values(browser)
    assert after["rsa"] == before["rsa"]
    assert after["rsaSession"] != before["rsaSession"]


@EVERY
@pytest.mark.parametrize("path", ["/pay", "/pay-and-go-on"])
def test_a_payment_providers_return_leaves_the_visitor_who_they_are(
    browser: Browser, shop: Shop, wait_until: Wait, path: str
) -> None:
    """T-37: the browser withholds our cookies from another site's form, and would store new ones all the same."""
    browser.visit(shop.url("www"))
    before = values(browser)
    browser.visit(shop.url("other"))
    go(browser, post_form(shop.url("www", path)), RETURNED[path], wait_until)
    browser.visit(shop.url("www"))
    assert values(browser) == before
    assert len(shop.minted()) == 1


@EVERY
def test_a_purchase_at_a_payment_providers_return_is_reported_under_no_new_id(
    browser: Browser, shop: Shop, wait_until: Wait
) -> None:
    """T-37, Y-04."""
    browser.visit(shop.url("www"))
    browser.visit(shop.url("other"))
    go(browser, post_form(shop.url("www", "/pay")), "paid", wait_until)
    bought = shop.reported("buy")
    assert [(event.tracker, event.visitor) for event in bought] == [("yoochoose", "not_defined")]


@EVERY
def test_a_snapshot_kept_with_the_order_reports_the_purchase_as_the_visitors(
    browser: Browser, shop: Shop, wait_until: Wait
) -> None:
    browser.visit(shop.url("www"))
    visitor = values(browser)["rsa"]
    order = browser.run("fetch('/check-out').then(answer => answer.json())")
    browser.visit(shop.url("other"))
    go(browser, post_form(shop.url("www", f"/pay?order={order}")), "paid", wait_until)
    bought = shop.reported("buy")
    assert {(event.tracker, event.visitor) for event in bought} == {("raptor", visitor), ("yoochoose", visitor)}


@EVERY
def test_six_calls_at_once_of_a_new_visitor_are_one_device(browser: Browser, shop: Shop) -> None:
    """R-20, R-06."""
    browser.visit(shop.url("www"))
    answers = browser.run(fetch_six("/click"))
    assert set(answers) == {values(browser)["rsa"]}
    assert len(shop.asked_for("/click")) == 6
    assert len(shop.minted()) == 1


@EVERY
def test_six_calls_at_once_without_a_cookie_mint_nobody_if_they_report_nothing(browser: Browser, shop: Shop) -> None:
    browser.visit(shop.url("www"))
    browser.drop_cookies()
    shop.asked.clear()
    assert browser.run(fetch_six("/look-up")) == ["in stock"] * 6
    assert (shop.minted(), values(browser)) == (set(), {})
    assert [one.cookies for one in shop.asked_for("/look-up")] == [""] * 6


@EVERY
def test_a_first_call_that_reports_something_names_the_visitor_for_the_next_six(browser: Browser, shop: Shop) -> None:
    """D-02: a page out of a shared cache comes without ids, and its script is the first to reach the server."""
    browser.visit(shop.url("www"))
    browser.drop_cookies()
    shop.asked.clear()
    first = browser.run("fetch('/click').then(answer => answer.json())")
    assert [one.cookies for one in shop.asked_for("/click")] == [""]
    assert set(browser.run(fetch_six("/click"))) == {first}
    assert values(browser)["rsa"] == first


@EVERY
def test_another_site_that_calls_ours_makes_no_visitor(browser: Browser, shop: Shop) -> None:
    browser.visit(shop.url("other"))
    address = json.dumps(shop.url("www", "/click"))
    browser.run(f"fetch({address}, {{mode: 'no-cors', credentials: 'include'}}).then(() => null)")
    assert [one.set_cookies for one in shop.asked_for("/click")] == [[]]
    assert [event.tracker for event in shop.reported()] == ["yoochoose"]


@EVERY
def test_a_newsletters_link_tells_who_follows_it_and_changes_no_device(
    browser: Browser, shop: Shop, wait_until: Wait
) -> None:
    """R-33."""
    browser.visit(shop.url("www"))
    device = values(browser)["rsa"]
    browser.visit(shop.url("other"))
    shop.reported()
    shop.tracker.clear()
    go(browser, follow_link(shop.url("www", "/page/offer?reaid=Zm9v")), "offer", wait_until)
    jar = values(browser)
    assert (jar["rsa"], jar["rsaReaId"]) == (device, "Zm9v")
    assert [(event.visitor, event.params["reaid"]) for event in shop.reported()] == [(device, "Zm9v")]


@EVERY
def test_scripts_see_no_cookie_of_ours(browser: Browser, shop: Shop) -> None:
    browser.visit(shop.url("www"))
    assert browser.run("document.cookie") == ""


@EVERY
def test_scripts_see_device_and_session_where_they_may(browser: Browser, shop: Shop) -> None:
    browser.visit(shop.url("open"))
    seen = dict(one.split("=") for one in browser.run("document.cookie").split("; "))
    jar = values(browser)
    assert seen == {"rsa": jar["rsa"], "rsaSession": jar["rsaSession"]}


@EVERY
def test_a_twin_of_the_device_cookie_is_gone_after_the_next_page(browser: Browser, shop: Shop) -> None:
    """D-03: a release of long ago may have set one for the host alone."""
    browser.visit(shop.url("www", "/before"))
    assert len([cookie for cookie in browser.cookies() if cookie.name == "rsa"]) == 2
    browser.visit(shop.url("www"))
    assert [cookie.domain for cookie in browser.cookies() if cookie.name == "rsa"] == [f".{shop.hosts['shop']}"]


@EVERY
def test_a_forgotten_visitors_browser_holds_no_id(browser: Browser, shop: Shop) -> None:
    """D-05."""
    browser.visit(shop.url("www", "/?reaid=Zm9v"))
    assert set(values(browser)) == {"rsa", "rsaSession", "rsaSessionOpen", "rsaReaId"}
    browser.visit(shop.url("basket", "/forget"))
    assert set(values(browser)) == {"rsaGone"}


@SPECULATING
@pytest.mark.parametrize("action", ["prefetch", "prerender"])
def test_a_page_fetched_before_anybody_wants_it_is_no_visit(
    browser: Browser, shop: Shop, wait_until: Wait, action: str
) -> None:
    """T-37: nothing is reported, and no cookie set, renewed or lost."""
    browser.visit(shop.url("www"))
    before = ours(browser)
    speculate(browser, action)
    assert wait_until(lambda: shop.asked_for("/page/next"))
    asked = shop.asked_for("/page/next")
    assert [(one.purpose, one.set_cookies) for one in asked] == [(PURPOSE[action], [])]
    assert len(shop.reported()) == 1
    assert values(browser) == {name: cookie.value for name, cookie in before.items()}


@SPECULATING
@pytest.mark.parametrize("action", ["prefetch", "prerender"])
def test_a_page_that_was_fetched_early_and_is_then_opened_leaves_the_visitor_who_they_are(
    browser: Browser, shop: Shop, wait_until: Wait, action: str
) -> None:
    """T-37."""
    browser.visit(shop.url("www"))
    before = values(browser)
    speculate(browser, action)
    assert wait_until(lambda: shop.asked_for("/page/next"))
    go(browser, "location.href = '/page/next'", "next", wait_until)
    assert browser.run("fetch('/click').then(answer => answer.json())") == before["rsa"]
    assert values(browser) == before


@PERSISTENT
def test_a_link_that_says_prefetch_makes_no_visit(browser: Browser, shop: Shop, wait_until: Wait) -> None:
    """T-37."""
    browser.visit(shop.url("www"))
    before = values(browser)
    link = "const link = document.createElement('link'); link.rel = 'prefetch'; link.href = '/page/next'"
    browser.run(f"void (() => {{ {link}; document.head.append(link) }})()")
    assert wait_until(lambda: shop.asked_for("/page/next"))
    assert [(one.purpose, one.set_cookies) for one in shop.asked_for("/page/next")] == [("prefetch", [])]
    assert (values(browser), len(shop.reported())) == (before, 1)


def speculate(browser: Browser, action: str) -> None:
    """Put speculation rules into the page, as a shop's own would have them."""
    rules = json.dumps({action: [{"source": "list", "urls": ["/page/next"], "eagerness": "immediate"}]})
    script = (
        f"const rules = document.createElement('script'); rules.type = 'speculationrules';"
        f" rules.textContent = {json.dumps(rules)}; document.head.append(rules)"
    )
    browser.run(f"void (() => {{ {script} }})()")
