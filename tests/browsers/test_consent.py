"""The banner in real browsers: nothing before the choice, everything with it, nothing after its withdrawal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send
from tests.browsers.browser import Browser, BrowserError, Certificate
from tests.conftest import Serve

from footfall import Config, Site
from footfall.consent import own_cookie
from footfall.delivery import Delivery
from footfall.demo.catalogue import make_catalogue
from footfall.demo.shop import CONSENT, create_shop
from footfall.localtracker import LocalTracker, Received
from footfall.trackers import Raptor, Yoochoose

Wait = Callable[[Callable[[], object]], bool]

EVERY = pytest.mark.parametrize("opened", ["chromium", "firefox", "webkit"], indirect=True)
#: What does not depend on how a browser keeps its jar or writes its Referer.
ONE = pytest.mark.parametrize("opened", ["chromium"], indirect=True)
ITEM, NEXT_ITEM = 3298, 4711
IDS = {"rsa", "rsaSession", "rsaSessionOpen"}


@dataclass
class Demo:
    """The demo's shop, which asks before it knows anybody."""

    site: Site
    tracker: LocalTracker
    browser: Browser
    wait_until: Wait
    port: int

    def url(self, path: str, host: str = "www") -> str:
        return f"https://{self.browser.hosts[host]}:{self.port}{path}"

    def visit(self, path: str, host: str = "www") -> None:
        self.browser.visit(self.url(path, host))

    def offers(self) -> list[str]:
        """The choices that the page in view offers; between two pages there is none."""
        forms = json.dumps("form[action^='/consent'] button")
        try:
            offered: list[str] = self.browser.run(f"[...document.querySelectorAll({forms})].map(one => one.id)")
        except BrowserError:
            return []
        return offered if self.browser.title() else []

    def press(self, button: str, then: str) -> None:
        """Press a button, and wait for the page that offers one other thing alone."""
        self.browser.run(f"void setTimeout(() => document.getElementById('{button}').click(), 0)")
        assert self.wait_until(lambda: self.offers() == [then]), f"no page came up that offers {then!r} alone"

    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value for cookie in self.browser.cookies()}

    def reported(self) -> list[Received]:
        assert self.site.flush(10) == 0
        return self.tracker.received()


@pytest.fixture(scope="module")
def served(serve: Serve, certificate: Certificate) -> Iterator[tuple[Site, LocalTracker, int]]:
    with LocalTracker() as tracker:
        site = Site(
            Config(consent=own_cookie(), ruid_cookie="off"),
            [Raptor("12345", base_url=tracker.url), Yoochoose("00000", base_url=tracker.url)],
            delivery=Delivery("memory:"),
            consent_endpoint=CONSENT,
        )
        shop = create_shop(site, make_catalogue([ITEM, NEXT_ITEM]))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            host = dict(scope["headers"])[b"host"].decode()
            stranger = HTMLResponse("<!doctype html><link rel=icon href=data:,><title>elsewhere</title>")
            await (stranger if host.startswith("other.") else shop)(scope, receive, send)

        with serve(app, certificate=certificate.path, key=certificate.key) as port:
            yield site, tracker, port
        site.close(1)


@pytest.fixture
def demo(served: tuple[Site, LocalTracker, int], browser: Browser, wait_until: Wait) -> Demo:
    site, tracker, port = served
    site.flush(10)
    tracker.clear()
    return Demo(site, tracker, browser, wait_until, port)


@ONE
def test_before_the_choice_the_browser_keeps_nothing_and_nothing_is_sent(demo: Demo) -> None:
    """D-05."""
    demo.visit(f"/product/{ITEM}?reaid=Zm9v")
    assert (demo.offers(), demo.cookies(), demo.reported()) == (["grant", "deny"], {}, [])


@EVERY
def test_a_grant_keeps_the_ids_and_the_landing_reaid_and_sends_the_first_event_once(demo: Demo) -> None:
    """D-05, R-33, R-10."""
    demo.visit(f"/product/{ITEM}?reaid=Zm9v")
    demo.press("grant", then="deny")
    jar = demo.cookies()
    assert (set(jar), jar["rsaReaId"], jar["footfallConsent"][:6]) == (
        IDS | {"rsaReaId", "footfallConsent"},
        "Zm9v",
        "1.g.g.",
    )
    events = demo.reported()
    assert sorted((event.tracker, event.visitor) for event in events) == [
        ("raptor", jar["rsa"]),
        ("yoochoose", jar["rsa"]),
    ]
    assert [event.params["reaid"] for event in events if event.tracker == "raptor"] == ["Zm9v"]


@EVERY
def test_a_withdrawal_empties_the_browser_and_nothing_more_is_sent(demo: Demo) -> None:
    """D-05."""
    demo.visit(f"/product/{ITEM}?reaid=Zm9v")
    demo.press("grant", then="deny")
    before = len(demo.reported())
    demo.press("deny", then="grant")
    demo.visit(f"/product/{NEXT_ITEM}")
    jar = demo.cookies()
    assert (set(jar), jar["footfallConsent"][:6]) == ({"footfallConsent"}, "1.d.d.")
    assert (len(demo.reported()), before) == (2, 2)


@ONE
def test_a_no_is_kept_and_nothing_else(demo: Demo) -> None:
    """D-05: on every host of the shop, so that no page asks again."""
    demo.visit(f"/product/{ITEM}?reaid=Zm9v")
    demo.press("deny", then="grant")
    demo.visit(f"/product/{NEXT_ITEM}", host="basket")
    assert (set(demo.cookies()), demo.offers(), demo.reported()) == ({"footfallConsent"}, ["grant"], [])


@EVERY
def test_a_banner_in_script_keeps_the_same_and_the_next_page_reports(demo: Demo) -> None:
    """D-05, R-33."""
    demo.visit(f"/product/{ITEM}?reaid=Zm9v")
    status = demo.browser.run("fetch('/consent?grant', {method: 'POST'}).then(answer => answer.status)")
    jar = demo.cookies()
    assert (status, set(jar), demo.reported()) == (204, IDS | {"rsaReaId", "footfallConsent"}, [])
    demo.visit(f"/product/{NEXT_ITEM}")
    assert {event.visitor for event in demo.reported()} == {jar["rsa"]}


@ONE
def test_another_site_cannot_grant_for_its_visitors(demo: Demo) -> None:
    demo.visit("/", host="other")
    address = json.dumps(demo.url("/consent?grant"))
    demo.browser.run(f"fetch({address}, {{method: 'POST', mode: 'no-cors', credentials: 'include'}}).then(() => null)")
    demo.visit(f"/product/{ITEM}")
    assert (demo.cookies(), demo.offers()) == ({}, ["grant", "deny"])
