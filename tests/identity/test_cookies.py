"""The lines that set cookies."""

from __future__ import annotations

import re

import pytest
from tests.identity.asking import KNOWN, all_of, guid, make_site, respond, set_cookies, view

from footfall import CookieNames, Tracking
from footfall.identity.cookies import CookieWriter


def identify(tracking: Tracking) -> None:
    tracking.identify("anna@shop.example")


def test_a_first_visit_sets_these_lines() -> None:
    """R-20..R-23, R-40, D-10: a year, 20 minutes, the browser's end; on the whole domain."""
    assert set_cookies(respond(make_site(), view("https://www.shopname.com/"))) == [
        f"rsa={guid(1)}; Max-Age=31536000; Domain=shopname.com; Path=/; Secure; HttpOnly; SameSite=Lax",
        f"rsaSession={guid(2)}; Max-Age=1200; Domain=shopname.com; Path=/; Secure; HttpOnly; SameSite=Lax",
        "rsaSessionOpen=1; Domain=shopname.com; Path=/; Secure; HttpOnly; SameSite=Lax",
    ]


@pytest.mark.parametrize(
    ("secure", "scheme", "expected"),
    [("auto", "https", 3), ("auto", "http", 0), (True, "https", 3), (False, "https", 0), (False, "http", 0)],
)
def test_cookies_are_secure_as_the_setting_says(secure: str | bool, scheme: str, expected: int) -> None:
    """D-10."""
    lines = set_cookies(respond(make_site(secure=secure), view(f"{scheme}://www.shop.example/")))
    assert (len(lines), sum("; Secure" in line for line in lines)) == (3, expected)


def test_secure_cookies_are_not_for_plain_http() -> None:
    """Nothing at all: no browser would keep them, so an id would be nobody's."""
    tracking = make_site(secure=True).begin(view("http://www.shop.example/"))
    assert (tracking.finish(200, []), tracking.device_id) == (None, None)


@pytest.mark.parametrize(("scheme", "expected"), [("http", 0), ("https", 3)])
def test_names_that_demand_https_are_set_over_https_alone(scheme: str, expected: int) -> None:
    site = make_site(cookie_names=CookieNames(device="__Secure-rsa"))
    assert len(set_cookies(respond(site, view(f"{scheme}://www.shop.example/")))) == expected


def test_a_page_script_may_read_the_ids_where_the_site_says_so() -> None:
    """D-10: device and session, and no other."""
    lines = set_cookies(respond(make_site(script_access=True), view("https://shop.example/?reaid=X"), identify))
    assert [line.partition("=")[0] for line in lines if "; HttpOnly" not in line] == ["rsa", "rsaSession"]


def test_a_persons_cookies_live_a_year_and_are_for_no_script() -> None:
    """R-28, R-34."""
    lines = set_cookies(respond(make_site(), view("https://shop.example/?reaid=X"), identify))
    assert [line.partition("; ")[2] for line in lines[3:]] == [
        "Max-Age=31536000; Domain=shop.example; Path=/; Secure; HttpOnly; SameSite=Lax"
    ] * 2


@pytest.mark.parametrize("ruid_cookie", ["sealed", "base64"])
@pytest.mark.parametrize("person", ["a", "anna@shop.example", "ø" * 512, "\U0001f6cd" * 512])
def test_no_line_has_quotes_or_grows_too_long(ruid_cookie: str, person: str) -> None:
    """Base64 padding included: http.cookies would put it in quotes."""
    site = make_site(ruid_cookie=ruid_cookie, cookie_names=CookieNames(ruid="r" * 64))
    host = f"{'a' * 63}.{'b' * 63}.{'c' * 63}.example"
    lines = set_cookies(respond(site, view(f"https://{host}/"), lambda tracking: tracking.identify(person)))
    assert all(re.fullmatch(r'[\x20-\x7e]{1,4095}(?<!")', line) and '"' not in line for line in lines)
    assert len(lines) == 4


def test_a_cookie_is_expired_where_it_was_set_and_where_it_shadows() -> None:
    """D-05: the same Domain and Path."""
    writer = CookieWriter("shop.example", secure=True, former_domain="www.shop.example")
    writer.expire("rsa")
    assert [value for _, value in writer.lines] == [
        "rsa=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax",
        "rsa=; Max-Age=0; Domain=shop.example; Path=/; Secure; HttpOnly; SameSite=Lax",
        "rsa=; Max-Age=0; Domain=www.shop.example; Path=/; Secure; HttpOnly; SameSite=Lax",
    ]


def test_a_host_only_cookie_is_expired_once() -> None:
    writer = CookieWriter(None, secure=False)
    writer.expire("rsa")
    assert writer.lines == [("Set-Cookie", "rsa=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax")]


def test_a_cookie_that_no_browser_keeps_is_not_written() -> None:
    writer = CookieWriter(None, secure=False)
    writer.set("a", "x" * 4096)
    assert writer.lines == []


@pytest.mark.parametrize("status", [200, 201, 204, 206, 301, 302, 303, 307, 400, 403, 404, 410, 500, 503])
def test_every_final_status_renews(status: int) -> None:
    """T-37, D-03: error pages get cookies too; once each."""
    names = [line.partition("=")[0] for line in set_cookies(respond(make_site(), view(cookie=KNOWN), status=status))]
    assert names == ["rsa", "rsaSession", "rsaSessionOpen"]


@pytest.mark.parametrize("status", [100, 103, 304])
def test_no_cookie_on_a_status_that_a_cache_folds_into_another(status: int) -> None:
    """D-03."""
    assert respond(make_site(), view(cookie=KNOWN), status=status) == []


def test_other_cookies_are_untouched_and_ours_come_last() -> None:
    """D-03."""
    given = [("Set-Cookie", "session=x; Path=/"), ("Set-Cookie", "rsaOther=y")]
    assert set_cookies(respond(make_site(), view(cookie=KNOWN), headers=given))[:2] == [
        "session=x; Path=/",
        "rsaOther=y",
    ]


def test_a_response_is_finished_once() -> None:
    """D-03: an error page after a failed one does not set them again."""
    tracking = make_site().begin(view())
    assert (tracking.finish(200, []) is None, tracking.finish(500, [])) == (False, None)


def test_a_response_with_a_cookie_is_private() -> None:
    """D-06."""
    assert all_of(respond(make_site(), view()), "cache-control") == ["private"]
