"""The redirect that takes a newsletter's id out of the address bar."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import FIREFOX, KNOWN, PAGE, PAYMENT_RETURN, SCRIPT, all_of, make_site, set_cookies, view

from footfall import Consent
from footfall.identity.landing import landing_redirect, strip_fields
from footfall.wsgi import edit_headers

NAMES = ("reaid", "xuid")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/shirt", "/shirt"),
        ("/", "/"),
        ("", "/"),
        ("//evil.test/..", "/evil.test/.."),
        ("///evil.test", "/evil.test"),
        ("/\\evil.test", "/%5Cevil.test"),
        ("\\\\evil.test", "/%5C%5Cevil.test"),
        ("/\t/evil.test", "/%09/evil.test"),
        ("/\r\nSet-Cookie: a=b", "/%0D%0ASet-Cookie:%20a=b"),
        ("/%2F/evil.test", "/%2F/evil.test"),
        ("/%5Cevil.test", "/%5Cevil.test"),
        ("/%2e%2e", "/%2e%2e"),
        ("http://evil.test/", "/http://evil.test/"),
        ("/@evil.test", "/@evil.test"),
        ("/a?b#c", "/a%3Fb%23c"),
        ("/sm\xf8rrebr\xf8d", "/sm%F8rrebr%F8d"),
        ("/\u20ac", "/%3F"),
    ],
)
def test_a_location_stays_on_its_site(path: str, location: str) -> None:
    assert landing_redirect(path, "reaid=X", NAMES) == location


PATHS = st.text(st.sampled_from("/\\.@:?#%2Fevil\t\r\n\xe9 ")) | st.text()


@given(PATHS, PATHS)
def test_no_address_leads_to_another_site(path: str, query: str) -> None:
    location = landing_redirect(path, query, NAMES)
    target = urlsplit(urljoin("https://www.shop.example/x", location))
    assert (target.scheme, target.netloc) == ("https", "www.shop.example")
    assert location.isascii()
    assert location.isprintable()
    assert "\\" not in location.partition("?")[0]
    assert " " not in location


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("reaid=X", ""),
        ("reaid=X&xuid=Y", ""),
        ("a=1&reaid=X&b=2", "a=1&b=2"),
        ("a=%20+%2B&reaid=X&b=&c&=d", "a=%20+%2B&b=&c&=d"),
        ("b=2&a=1&reaid=X&a=0", "b=2&a=1&a=0"),
        ("a=1&&reaid=X&", "a=1&&"),
        ("reaid=X&areaid=Y&reaids=Z", "areaid=Y&reaids=Z"),
        ("reaid&reaid=&a", "a"),
        ('f={a|b}^`<>"[]\\&reaid=X', 'f={a|b}^`<>"[]\\'),
        ("a=%zz&reaid=X", "a=%zz"),
        ("a=reaid=X&reaid=X", "a=reaid=X"),
        ("a=1;reaid=X", "a=1;reaid=X"),
    ],
)
def test_the_rest_of_a_query_stays_byte_for_byte(query: str, rest: str) -> None:
    assert landing_redirect("/p", query, NAMES) == ("/p?" + rest if rest else "/p")


@given(st.lists(st.from_regex(r"[\x21\x22\x24\x25\x27-\x7e]*", fullmatch=True)))
def test_no_other_field_is_changed(fields: list[str]) -> None:
    kept = [field for field in fields if field.partition("=")[0] not in NAMES]
    assert strip_fields("&".join([*fields, "reaid=X"]), NAMES) == "&".join(kept)


LANDING = "https://www.shop.example/shirt?a=1&reaid=X"


def test_a_landing_is_redirected_and_its_id_kept() -> None:
    """R-33: a 303 that no cache keeps, with the cookie on it."""
    tracking = make_site(strip_query_ids=True).begin(view(LANDING))
    answer = tracking.answer()
    assert answer is not None
    edit = tracking.finish(answer.status, answer.headers)
    assert edit is not None
    headers = edit_headers(answer.headers, edit)
    assert (answer.status, all_of(headers, "location"), all_of(headers, "cache-control")) == (
        303,
        ["/shirt?a=1"],
        ["private, no-store"],
    )
    assert "rsaReaId=X" in [line.partition(";")[0] for line in set_cookies(headers)]


@pytest.mark.parametrize(
    ("what", "request_of"),
    [
        ("a page without ids", view("https://www.shop.example/shirt?a=1", cookie=KNOWN)),
        ("the other mode's id", view("https://www.shop.example/?xuid=X")),
        ("two ids of two minds", view("https://www.shop.example/?reaid=X&reaid=Y")),
        ("a malformed id", view("https://www.shop.example/?reaid=%0d%0a")),
        ("a form", view(LANDING, method="POST", headers={**PAGE, "sec-fetch-site": "same-origin"})),
        ("a payment's return", view(LANDING, method="POST", headers=PAYMENT_RETURN)),
        ("a script's call", view(LANDING, headers=SCRIPT)),
        ("a prefetch", view(LANDING, headers={**PAGE, "sec-purpose": "prefetch"})),
        ("HEAD", view(LANDING, method="HEAD")),
        ("a bot", view(LANDING, headers={**PAGE, "user-agent": "Googlebot"})),
        ("a picture", view(LANDING, headers={"user-agent": FIREFOX, "sec-fetch-dest": "image"})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_else_is_redirected(what: str, request_of: object) -> None:
    assert make_site(strip_query_ids=True).begin(request_of).answer() is None  # type: ignore[arg-type]


def test_a_site_that_did_not_ask_for_it_is_not_redirected() -> None:
    assert make_site().begin(view(LANDING)).answer() is None


@pytest.mark.parametrize("said", [Consent.UNKNOWN, Consent.DENIED])
def test_an_id_that_may_not_be_kept_stays_in_the_address(said: Consent) -> None:
    """D-05: it would be lost."""
    assert make_site(strip_query_ids=True, consent=lambda _: said).begin(view(LANDING)).answer() is None


def test_an_id_that_cannot_be_kept_stays_in_the_address() -> None:
    site = make_site(strip_query_ids=True, secure=True)
    assert site.begin(view("http://www.shop.example/?reaid=X")).answer() is None
