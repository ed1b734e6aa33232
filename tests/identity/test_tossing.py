"""Cookie tossing: what a sibling subdomain can plant, and how a name's prefix ends it; and hosts that are none."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.identity.asking import DEVICE, PAGE, SESSION, make_site, respond, set_cookies, view
from tests.identity.jar import Jar

from footfall import CookieNames, Site
from footfall.identity.classify import classify_request
from footfall.identity.domain import cookie_scope, parse_host
from footfall.testing import Clock

SHOP, EVIL = "https://www.shop.example/", "https://evil.shop.example/"
PLANTED = "00000000-0000-4000-8000-00000000dead"  # smaller than most, so that it is chosen of two


def visit(site: Site, jar: Jar) -> str | None:
    """Open a page of the shop, keep what it sets, and return the device it was."""
    request = view(SHOP, cookie=jar.send(SHOP))
    device = site.begin(request).device_id
    for line in set_cookies(respond(site, view(SHOP, cookie=jar.send(SHOP)))):
        jar.keep(SHOP, [line])
    return device


def plant(jar: Jar, name: str) -> None:
    for line in (
        f"{name}={PLANTED}; Domain=shop.example; Path=/; Secure; HttpOnly",
        f"{name}={PLANTED}; Path=/; Secure; HttpOnly",
        f"{name}={PLANTED}; Domain=shop.example; Path=/",
    ):
        jar.keep(EVIL, [line])


def test_a_sibling_subdomain_can_plant_an_id() -> None:
    """Whoever controls one can be this visitor, or make the visitor them: an id proves nothing."""
    site, jar = make_site(), Jar(Clock())
    visit(site, jar)
    plant(jar, "rsa")
    assert visit(site, jar) == PLANTED


@pytest.mark.parametrize("prefix", ["__Host-", "__Host-Http-"])
def test_a_name_with_a_host_prefix_ends_that(prefix: str) -> None:
    names = CookieNames(device=f"{prefix}rsa", session=f"{prefix}rsaSession")
    site, jar = make_site(cookie_names=names, cookie_domain=None), Jar(Clock())
    visit(site, jar)
    before = visit(site, jar)
    plant(jar, names.device)
    assert (visit(site, jar), before is None) == (before, False)


def test_a_prefixed_name_s_cookies_have_what_it_asks_for() -> None:
    names = CookieNames(device="__Host-Http-d", session="__Host-s", ruid="__Http-r", reaid="__Secure-a")
    site = make_site(cookie_names=names, cookie_domain=None, script_access=False)
    sent = f"__Host-Http-d={DEVICE}; __Host-Http-d={SESSION}; __Host-s={SESSION}"
    request = view("https://www.shop.example/?reaid=X", cookie=sent)
    lines = set_cookies(respond(site, request, lambda tracking: tracking.identify("anna@shop.example")))
    jar = Jar(Clock())
    for line in lines:
        jar.keep(SHOP, [line])
    kept = {line.partition("=")[0] for line in lines}
    assert {pair.partition("=")[0] for pair in (jar.send(SHOP) or "").split("; ")} == kept
    assert kept == {"__Host-Http-d", "__Host-s", "__Host-sOpen", "__Http-r", "__Secure-a"}


def test_over_http_a_prefixed_name_is_nobody_s() -> None:
    site = make_site(cookie_names=CookieNames(device="__Host-rsa"), cookie_domain=None)
    assert set_cookies(respond(site, view("http://www.shop.example/"))) == []


NO_HOSTS = [
    "anna@shop.example",
    "anna:secret@shop.example",
    "shop.example:80a",
    "shop.example:-1",
    "shop.example:8:0",
    ":80",
]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_a_host_with_userinfo_or_a_port_that_is_no_number_is_none(host: str) -> None:
    assert (parse_host(host), cookie_scope(host, "auto").domain, cookie_scope(host, "shop.example").domain) == (
        "",
        None,
        None,
    )


@pytest.mark.parametrize("origin", [f"https://{host}" for host in NO_HOSTS])
def test_an_origin_with_such_a_host_is_another_site_s(origin: str) -> None:
    headers: Mapping[str, str] = {"user-agent": PAGE["user-agent"], "accept": "*/*", "origin": origin}
    assert classify_request(view(method="POST", headers=headers)).name == "cross-site"
