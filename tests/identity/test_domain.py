"""Where a cookie lives."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import KNOWN, make_site, respond, set_cookies, view

from footfall.identity import cookie_scope, registrable_domain
from footfall.identity.domain import is_public_suffix, matches_domain, parse_host

HOSTS = [
    # the registrable domain, never www. or basket., never a public suffix.
    ("www.shopname.com", "shopname.com"),
    ("basket.shopname.com", "shopname.com"),
    ("a.b.c.shopname.com", "shopname.com"),
    ("shopname.com", "shopname.com"),
    ("shopname.com:8443", "shopname.com"),
    ("WWW.Shop.CO.UK", "shop.co.uk"),
    ("shop.co.uk", "shop.co.uk"),
    ("www.shop.example", "shop.example"),
    ("x.shop.test", "shop.test"),
    # T-09: private suffixes are suffixes.
    ("myshop.github.io", "myshop.github.io"),
    ("www.myshop.github.io", "myshop.github.io"),
    # Wildcards and their exceptions.
    ("www.ck", "www.ck"),
    ("shop.www.ck", "www.ck"),
    ("foo.ck", None),
    ("a.foo.ck", "a.foo.ck"),
    ("city.kawasaki.jp", "city.kawasaki.jp"),
    ("a.b.kawasaki.jp", "a.b.kawasaki.jp"),
    ("b.kawasaki.jp", None),
    # Punycode in, punycode out.
    ("www.xn--mnchen-shop-thb.de", "xn--mnchen-shop-thb.de"),
    ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
    # Nothing is registrable: host-only.
    ("co.uk", None),
    ("github.io", None),
    ("com", None),
    ("localhost", None),
    ("localhost:8000", None),
    ("singlehost", None),
    ("127.0.0.1", None),
    ("127.0.0.1:8000", None),
    ("10.1", None),
    ("0x7f.1", None),
    ("shop.0x7f", None),
    ("[::1]", None),
    ("[::1]:8443", None),
    ("::1", None),
    ("shop.com.", None),
    ("www.shop.com.:443", None),
    # No host at all.
    ("", None),
    (".", None),
    (".shop.com", None),
    ("shop..com", None),
    ("a..b.com", None),
    ("shop com", None),
    ("user@shop.com", None),
    ("shop.com/path", None),
    ("shop.com\r\nSet-Cookie: a=b", None),
    ("shop.com;Domain=evil.test", None),
    ("m\xfcnchen.de", None),
    ("\u017fhop.com", None),
    ("\u212aiosk.com", None),
    ("*.shop.com", None),
    ("x" * 64 + ".com", None),
    ("a." * 130 + "com", None),
    ("x." * 40_000 + "com", None),
]


@pytest.mark.parametrize(("host", "domain"), HOSTS, ids=[ascii(host[:40]) for host, _ in HOSTS])
def test_a_cookie_lives_on_the_registrable_domain(host: str, domain: str | None) -> None:
    """R-40, T-09: what the tracker's document calls the top-level domain."""
    assert cookie_scope(host, "auto").domain == domain


@given(st.text(), st.sampled_from(["auto", None, "shop.example"]))
def test_no_host_makes_it_raise(host: str, configured: str | None) -> None:
    domain = cookie_scope(host, configured).domain
    assert domain is None or matches_domain(parse_host(host), domain)


@given(st.from_regex(r"([a-z0-9-]{1,9}\.){0,4}[a-z]{2,9}(:[0-9]+)?", fullmatch=True))
def test_a_domain_is_one_that_browsers_accept_of_its_host(host: str) -> None:
    domain = registrable_domain(parse_host(host))
    assert domain is None or (matches_domain(parse_host(host), domain) and not is_public_suffix(domain))


@pytest.mark.parametrize(
    ("host", "domain", "matches"),
    [
        ("shop.example", "shop.example", True),
        ("www.shop.example", "shop.example", True),
        ("evilshop.example", "shop.example", False),
        ("shop.example.evil.test", "shop.example", False),
        ("example", "shop.example", False),
        ("127.0.0.1", "0.1", False),
        ("", "shop.example", False),
    ],
)
def test_a_domain_matches_at_a_dot(host: str, domain: str, matches: bool) -> None:
    assert matches_domain(host, domain) is matches


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("www.shop.example:8443", "shop.example"),
        ("localhost:8000", "localhost"),
        ("127.0.0.1:8000", "127.0.0.1"),
        ("[::1]:8000", "[::1"),
        ("[::1]", "[::1"),
        ("shop.com.", "shop.com"),
    ],
)
def test_a_seal_is_bound_to_a_place_without_its_port(host: str, name: str) -> None:
    """A cookie knows no port, and neither may what it is bound to."""
    assert cookie_scope(host, "auto").name == name


def scopes(lines: list[str]) -> set[str]:
    """The Domain attributes of some cookie lines; "" where there is none."""
    return {line.partition("; Domain=")[2].partition(";")[0] for line in lines}


@pytest.mark.parametrize(
    ("configured", "host", "expected"),
    [
        ("auto", "www.shop.example", {"shop.example"}),
        ("shop.example", "www.shop.example", {"shop.example"}),
        ("shop.example", "shop.example:8443", {"shop.example"}),
        ("www.shop.example", "a.www.shop.example", {"www.shop.example"}),
        (None, "www.shop.example", {""}),
        ("auto", "localhost:8000", {""}),
        ("auto", "127.0.0.1:8000", {""}),
        ("shop.example", "shop.example.evil.test", {""}),
        ("shop.example", "www.shop.example.", {""}),
        ("shop.example", "", {""}),
    ],
)
def test_every_cookie_of_a_response_lives_in_one_place(configured: str | None, host: str, expected: set[str]) -> None:
    """R-40, T-09: the setting first; host-only where it does not cover the host."""
    site = make_site(cookie_domain=configured)
    assert scopes(set_cookies(respond(site, view(host=host)))) == expected


def test_a_setting_that_does_not_cover_the_host_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """T-09."""
    site = make_site(cookie_domain="shop.example")
    with caplog.at_level(logging.WARNING):
        for host in ("other.test", "shop.example", "10.0.0.1"):
            respond(site, view(host=host))
    assert len(caplog.records) == 1
    assert "'shop.example'" in caplog.text
    assert "other.test" not in caplog.text


@pytest.mark.parametrize("suffix", ["co.uk", "github.io", "foo.ck", "b.kawasaki.jp"])
def test_a_public_suffix_is_known(suffix: str) -> None:
    assert is_public_suffix(suffix)


@pytest.mark.parametrize("domain", ["shop.co.uk", "myshop.github.io", "www.ck", "city.kawasaki.jp", "shop.example"])
def test_a_domain_that_somebody_registered_is_no_suffix(domain: str) -> None:
    assert not is_public_suffix(domain)


def test_a_cookie_of_the_former_domain_is_expired_where_the_new_one_is_set() -> None:
    site = make_site(cookie_domain="shop.example", former_cookie_domain="www.shop.example")
    lines = [line for line in set_cookies(respond(site, view(cookie=KNOWN))) if line.startswith("rsa=")]
    assert [line.partition("; Path")[0] for line in lines] == [
        "rsa=; Max-Age=0; Domain=www.shop.example",
        "rsa=0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11; Max-Age=31536000; Domain=shop.example",
    ]


def test_a_site_goes_from_a_domain_to_host_only() -> None:
    site = make_site(cookie_domain=None, former_cookie_domain="shop.example")
    assert scopes(set_cookies(respond(site, view(cookie=KNOWN)))) == {"", "shop.example"}


def test_a_former_domain_that_does_not_cover_the_host_is_left_alone() -> None:
    site = make_site(former_cookie_domain="other.example")
    assert scopes(set_cookies(respond(site, view(cookie=KNOWN)))) == {"shop.example"}
