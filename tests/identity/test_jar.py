"""The tests' own browser keeps cookies as real ones do: what was measured in three of them."""

from __future__ import annotations

import pytest
from tests.identity.jar import Jar

from footfall.testing import Clock

WWW = "https://www.shop.example/"


def sent(line: str, url: str = WWW, to: str | None = None) -> bool:
    """Is a cookie that one response sets in the next request's header."""
    jar = Jar(Clock())
    jar.keep(url, [line])
    return jar.send(to or url) is not None


@pytest.mark.parametrize(
    ("line", "url", "to", "expected"),
    [
        ("a=1", WWW, WWW, True),
        ("a=1", WWW, "https://basket.shop.example/", False),
        ("a=1; Domain=shop.example", WWW, "https://basket.shop.example/", True),
        ("a=1; Domain=.shop.example", WWW, "https://shop.example/", True),
        ("a=1; Domain=shop.example", WWW, "https://evilshop.example/", False),
        ("a=1; Domain=basket.shop.example", WWW, "https://basket.shop.example/", False),
        ("a=1; Domain=example", WWW, WWW, False),
        ("a=1; Domain=co.uk", "https://shop.co.uk/", "https://shop.co.uk/", False),
        ("a=1; Domain=0.0.1", "http://127.0.0.1/", "http://127.0.0.1/", False),
        ("a=1; Secure", "http://www.shop.example/", WWW, False),
        ("a=1; Secure", WWW, "http://www.shop.example/", False),
        ("__Secure-a=1", WWW, WWW, False),
        ("a=1; Path=/x", WWW, WWW, False),
        ("a=1; Max-Age=0", WWW, WWW, False),
        ("a=1; Max-Age=60.5", WWW, WWW, True),
        ("a=" + "x" * 4095, WWW, WWW, True),
        ("a=" + "x" * 4096, WWW, WWW, False),
        ("a=\x01", WWW, WWW, False),
    ],
)
def test_a_cookie_is_kept_and_sent_where_browsers_do(line: str, url: str, to: str, expected: bool) -> None:
    assert sent(line, url, to) is expected


def test_a_lifetime_is_cut_to_four_hundred_days() -> None:
    clock = Clock()
    jar = Jar(clock)
    jar.keep(WWW, ["a=1; Max-Age=99999999"])
    clock.advance(400 * 86400)
    assert jar.send(WWW) is None


def test_a_plain_page_cannot_overlay_a_secure_cookie() -> None:
    jar = Jar(Clock())
    jar.keep(WWW, ["a=1; Secure; Domain=shop.example"])
    jar.keep("http://www.shop.example/", ["a=2; Domain=shop.example", "a=; Max-Age=0; Domain=shop.example"])
    assert jar.value("a") == "1"


def test_a_host_only_cookie_and_the_domains_are_two() -> None:
    jar = Jar(Clock())
    jar.keep(WWW, ["a=1; Domain=shop.example", "a=2"])
    assert jar.send(WWW) == "a=1; a=2"


def test_lax_cookies_stay_at_home_when_another_site_posts() -> None:
    jar = Jar(Clock())
    jar.keep(WWW, ["a=1; SameSite=Lax", "b=2; SameSite=None; Secure"])
    assert jar.send(WWW, cross_site_post=True) == "b=2"


def test_a_cookie_without_a_lifetime_goes_with_the_browser() -> None:
    jar = Jar(Clock())
    jar.keep(WWW, ["a=1", "b=2; Max-Age=60"])
    jar.close_browser()
    assert jar.send(WWW) == "b=2"
