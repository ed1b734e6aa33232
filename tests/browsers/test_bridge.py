"""The bridge in real browsers: what a visitor chooses in a platform reaches the endpoint, once a change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from html import escape
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from tests.browsers.browser import Browser, Certificate
from tests.browsers.standins import CATEGORIES, STAND_INS
from tests.conftest import Serve

from footfall import Config, Site
from footfall.asgi import TrackingMiddleware
from footfall.consent import cookiebot, first_of, own_cookie
from footfall.delivery import Delivery

Wait = Callable[[Callable[[], object]], bool]

BOTH = pytest.mark.parametrize("opened", ["chromium", "firefox"], indirect=True)
#: No inline script, no eval, nothing from elsewhere.
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"


@dataclass
class Bridged:
    """A shop whose pages have a platform's script and the bridge."""

    site: Site
    told: list[str] = field(default_factory=list)  #: the choices that reached the endpoint
    port: int = 0

    def url(self, browser: Browser, path: str, host: str = "www") -> str:
        return f"https://{browser.hosts[host]}:{self.port}{path}"


def make_shop(site: Site) -> Starlette:
    async def show(request: Request) -> Response:
        platform = request.path_params["platform"]
        device, person = map(escape, CATEGORIES[platform])
        said = f' data-device="{device}" data-person="{person}"' if device else ""
        return HTMLResponse(
            f"<!doctype html><link rel=icon href=data:,><title>{platform}</title>"
            f'<script src="{site.consent_bridge}"{said}></script><script src="/standin.js?{platform}"></script>',
            headers={"Content-Security-Policy": POLICY},
        )

    async def stand_in(request: Request) -> Response:
        name = request.url.query.replace("%20", " ")
        return Response(STAND_INS[name], media_type="text/javascript")

    app = Starlette(routes=[Route("/page/{platform}", show), Route("/standin.js", stand_in)])
    app.add_middleware(TrackingMiddleware, site=site)
    return app


@pytest.fixture(scope="module")
def served(serve: Serve, certificate: Certificate) -> Iterator[Bridged]:
    config = Config(consent=first_of(cookiebot("marketing"), own_cookie()), ruid_cookie="off")
    site = Site(config, delivery=Delivery("memory:"), consent_endpoint="/consent", send=False)
    shop, app = Bridged(site), make_shop(site)

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/consent":
            shop.told.append(scope["query_string"].decode())
        await app(scope, receive, send)

    with serve(noting, certificate=certificate.path, key=certificate.key) as shop.port:
        yield shop


def chosen(browser: Browser) -> str:
    """The choice that the jar holds, without version and time."""
    values = [cookie.value for cookie in browser.cookies() if cookie.name == "footfallConsent"]
    return values[0][2:5] if values else ""


def is_chosen(browser: Browser, kept: str) -> bool:
    return chosen(browser) == kept


@pytest.mark.parametrize("platform", STAND_INS)
@BOTH
def test_a_choice_reaches_the_endpoint_once_a_change(
    browser: Browser, served: Bridged, wait_until: Wait, platform: str
) -> None:
    served.told.clear()
    page = served.url(browser, f"/page/{quote(platform)}")
    browser.visit(page)
    assert (chosen(browser), served.told) == ("", [])  # what a platform says before a choice is none
    for click, kept in (("true, true", "g.g"), ("true, false", "g.d"), ("true, false", "g.d")):
        browser.run(f"choose({click})")
        assert wait_until(partial(is_chosen, browser, kept))
    browser.visit(page)  # it says the same again
    browser.visit(page)
    browser.run("choose(false, false)")
    assert wait_until(partial(is_chosen, browser, "d.d"))
    browser.visit(page)
    assert served.told == ["grant", "grant-device", "deny"]


@BOTH
def test_a_sibling_s_page_cannot_set_a_name_with_a_host_prefix(browser: Browser, served: Bridged) -> None:
    browser.visit(served.url(browser, "/page/custom", "basket"))
    for name in ("rsa", "__Host-rsa"):
        browser.run(f"document.cookie = '{name}=x; Domain={browser.hosts['shop']}; Path=/; Secure'")
    assert [cookie.name for cookie in browser.cookies() if cookie.name.endswith("rsa")] == ["rsa"]
