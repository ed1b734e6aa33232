"""What a response must say to caches when it has a cookie of ours, and when it may have none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import KNOWN, Headers, all_of, make_site, respond, set_cookies, view

from footfall import Tracking
from footfall.events import Click
from footfall.identity import cache_decision
from footfall.testing import recording
from footfall.wsgi import edit_headers


def read(tracking: Tracking) -> None:
    assert tracking.device_id


def identify(tracking: Tracking) -> None:
    tracking.identify("anna@shop.example")


def answer(
    headers: Headers, *, pending: bool = True, changed: bool = False, read: bool = False
) -> tuple[bool, Headers]:
    """Whether a 200 may have our cookies, and its headers without them."""
    edit = cache_decision(200, headers, pending=pending, changed=changed, read=read)
    return edit.cookies, edit_headers(headers, edit)


CC, CDN, SURROGATE, ACCEL = "Cache-Control", "CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"
PRIVATE = (CC, "private")
HTML = [("Content-Type", "text/html"), ("X-A", "1")]
UNSTORED = (SURROGATE, 'no-store, content="ESI/1.0"')
ONE_VISITOR = ("Cloudflare-CDN-Cache-Control", "private")
EXPIRES = ("Expires", "Thu, 01 Dec 2044 16:00:00 GMT")

# What the application said; what the response says once it has our cookies.
SET: list[tuple[str, Headers, Headers]] = [
    ("nothing", [], [(CC, "private")]),
    ("Last-Modified alone", [("Last-Modified", "x")], [("Last-Modified", "x"), (CC, "private")]),
    ("Expires alone", [EXPIRES], [EXPIRES, (CC, "private")]),
    ("an empty line", [(CC, "")], [(CC, "private")]),
    ("max-age", [(CC, "max-age=60")], [(CC, "private, max-age=60")]),
    ("private", [(CC, "private")], [(CC, "private")]),
    ("private with a capital", [(CC, "Private, max-age=60")], [(CC, "private, max-age=60")]),
    ("private by halves", [(CC, 'private="Set-Cookie", max-age=60')], [(CC, "private, max-age=60")]),
    ("private by halves, with a comma", [(CC, 'private="Set-Cookie, X", max-age=1')], [(CC, "private, max-age=1")]),
    ("no-store", [(CC, "no-store")], [(CC, "private, no-store")]),
    ("no-cache", [(CC, "no-cache, max-age=60")], [(CC, "private, no-cache, max-age=60")]),
    ("no-cache by halves", [(CC, 'no-cache="Set-Cookie"')], [(CC, 'private, no-cache="Set-Cookie"')]),
    ("immutable", [(CC, "max-age=60, immutable")], [(CC, "private, max-age=60, immutable")]),
    ("two lines", [(CC, "max-age=60"), (CC, "must-revalidate")], [(CC, "private, max-age=60, must-revalidate")]),
    ("odd case", [("cAcHe-CoNtRoL", "Max-Age=60")], [(CC, "private, Max-Age=60")]),
    ("public and private", [(CC, "public, max-age=60"), (CC, "private")], [(CC, "private, max-age=60")]),
    ("public and no-store", [(CC, "public, no-store")], [(CC, "private, no-store")]),
    ("a CDN that may not store", [(CDN, "no-store")], [(CDN, "no-store"), (CC, "private")]),
    ("a CDN for one visitor", [ONE_VISITOR], [ONE_VISITOR, PRIVATE]),
    ("a CDN that must ask", [(CDN, "no-cache")], [(CC, "private")]),
    ("a CDN for no time", [(CDN, "max-age=0")], [(CC, "private")]),
    ("a surrogate that may not store", [UNSTORED], [UNSTORED, PRIVATE]),
    ("nginx for no time", [(ACCEL, "0")], [(ACCEL, "0"), (CC, "private")]),
    ("nginx, empty", [(ACCEL, "")], [(CC, "private")]),
    ("other headers", HTML, [*HTML, PRIVATE]),
    ("a field of a like name", [("X-Cache-Control-Was", "max-age=6")], [("X-Cache-Control-Was", "max-age=6"), PRIVATE]),
]  # fmt: skip

# What the application said for shared caches; what it says where an identity changed and must be written.
SHARED: list[tuple[str, Headers, Headers]] = [
    ("public", [(CC, "public, max-age=60")], [(CC, "private, max-age=60")]),
    ("public in capitals", [(CC, "PUBLIC")], [(CC, "private")]),
    ("s-maxage", [(CC, "s-maxage=60")], [(CC, "private")]),
    ("s-maxage with blanks", [(CC, " S-MaxAge = 60 ,max-age=5")], [(CC, "private, max-age=5")]),
    ("public, immutable", [(CC, "public, max-age=9, immutable")], [(CC, "private, max-age=9, immutable")]),
    ("proxy-revalidate", [(CC, "public, proxy-revalidate")], [(CC, "private")]),
    ("public on a second line", [(CC, "max-age=1"), (CC, "public")], [(CC, "private, max-age=1")]),
    ("public and private by halves", [(CC, 'public, private="Set-Cookie"')], [(CC, "private")]),
    ("public and no-cache", [(CC, "public, no-cache")], [(CC, "private, no-cache")]),
    ("CDN-Cache-Control", [(CDN, "max-age=60")], [(CC, "private")]),
    ("CDN over private", [(CC, "private"), (CDN, "max-age=60")], [(CC, "private")]),
    ("a vendor's CDN field", [("cloudflare-cdn-cache-control", "max-age=6")], [(CC, "private")]),
    ("LiteSpeed's field", [("X-LiteSpeed-Cache-Control", "public,max-age=6")], [(CC, "private")]),
    ("Akamai's field", [("Akamai-Cache-Control", "max-age=6")], [(CC, "private")]),
    ("anybody's field", [("Corner-Shop-Cache-Control", "max-age=6")], [(CC, "private")]),
    ("Surrogate-Control", [(SURROGATE, "max-age=60")], [(CC, "private")]),
    ("Edge-Control", [("Edge-Control", "max-age=60")], [(CC, "private")]),
    ("X-Accel-Expires", [("x-accel-expires", "60")], [(CC, "private")]),
    ("two CDNs of two minds", [(CDN, "no-store"), (SURROGATE, "max-age=60")], [(CDN, "no-store"), (CC, "private")]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "said"), [row[1:] for row in SET], ids=[row[0] for row in SET])
def test_a_response_with_our_cookies_is_private(given: Headers, said: Headers) -> None:
    """D-06: bare, in lower case, on one line; what else the application said stays."""
    assert answer(given) == (True, said)


@pytest.mark.parametrize("given", [row[1] for row in SHARED], ids=[row[0] for row in SHARED])
def test_a_response_for_shared_caches_has_no_cookie_and_is_left_alone(given: Headers) -> None:
    """D-06."""
    assert answer(given) == (False, given)


@pytest.mark.parametrize(("given", "said"), [row[1:] for row in SHARED], ids=[row[0] for row in SHARED])
def test_a_change_of_identity_makes_a_shared_response_private(given: Headers, said: Headers) -> None:
    """D-06: and whatever would let a cache store it goes."""
    assert answer(given, changed=True) == (True, said)


def test_a_site_may_have_shared_responses_made_private() -> None:
    headers = [(CC, "public, max-age=60")]
    site = make_site(public_responses="private")
    made = respond(site, view(cookie=KNOWN), headers=headers)
    assert (all_of(made, CC), len(set_cookies(made))) == (["private, max-age=60"], 3)


def test_a_change_without_a_cookie_changes_no_header() -> None:
    assert answer([(CC, "public")], pending=False, changed=True) == (False, [(CC, "public")])


@pytest.mark.parametrize(("given", "said"), [
    ([], [("Vary", "Cookie")]),
    ([("Vary", "Accept")], [("Vary", "Accept, Cookie")]),
    ([("vary", "Accept"), ("VARY", "Origin , X")], [("Vary", "Accept, Origin, X, Cookie")]),
    ([("Vary", "")], [("Vary", "Cookie")]),
    ([("Vary", "cookie")], [("Vary", "cookie")]),
    ([("Vary", "Accept"), ("Vary", "COOKIE")], [("Vary", "Accept"), ("Vary", "COOKIE")]),
    ([("Vary", "*")], [("Vary", "*")]),
    ([("Vary", "Accept, *")], [("Vary", "Accept, *")]),
    ([("Vary", "X-Cookie")], [("Vary", "X-Cookie, Cookie")]),
])  # fmt: skip
def test_a_page_that_read_an_id_varies_by_cookie_once(given: Headers, said: Headers) -> None:
    assert answer(given, pending=False, read=True) == (False, said)


def test_emitting_is_not_reading() -> None:
    """A per-visitor Vary kills hit rates."""
    site = make_site()
    with recording(site):
        headers = respond(site, view(cookie=KNOWN), lambda tracking: tracking.emit(Click("1")))
    assert all_of(headers, "vary") == []


@pytest.mark.parametrize(
    "name", ["device_id", "session_id", "ruid", "reaid", "xuid", "is_new_device", "is_new_session"]
)
def test_reading_an_id_is(name: str) -> None:
    headers = respond(make_site(), view(cookie=KNOWN), lambda tracking: getattr(tracking, name))
    assert all_of(headers, "vary") == ["Cookie"]


@pytest.mark.parametrize("status", [100, 103, 304])
@pytest.mark.parametrize("changed", [True, False])
def test_never_on_a_304_or_1xx(status: int, changed: bool) -> None:
    """D-03: a cache folds a 304's headers into what it stored."""
    edit = cache_decision(status, [], pending=True, changed=changed, read=True, public_responses="private")
    assert (edit.cookies, edit.drop, edit.add) == (False, frozenset(), [])


def test_the_applications_own_headers_are_never_touched() -> None:
    headers = [(CC, "max-age=60"), ("Vary", "Accept")]
    respond(make_site(), view(), read, headers=headers)
    assert headers == [(CC, "max-age=60"), ("Vary", "Accept")]


def test_identifying_on_a_shared_response_is_written() -> None:
    """R-26."""
    headers = respond(make_site(), view(cookie=KNOWN), identify, headers=[(CC, "public")])
    assert (all_of(headers, CC), len(set_cookies(headers))) == (["private"], 4)


def test_landing_on_a_shared_response_is_written() -> None:
    """R-33."""
    request = view("https://www.shop.example/?reaid=X", cookie=KNOWN)
    assert len(set_cookies(respond(make_site(), request, headers=[(CC, "public")]))) == 4


def test_landing_with_what_is_known_leaves_a_shared_response_alone() -> None:
    request = view("https://www.shop.example/?reaid=X", cookie=f"{KNOWN}; rsaReaId=X")
    assert respond(make_site(), request, headers=[(CC, "public")]) == [(CC, "public")]


@pytest.mark.parametrize(("status", "given"), [(200, [(CC, "public")]), (304, [])])
def test_an_id_that_no_response_set_is_taken_back(status: int, given: Headers) -> None:
    """D-02: nobody holds it, so no later event may carry it."""
    tracking = make_site().begin(view())
    minted = tracking.device_id
    tracking.finish(status, given)
    assert minted is not None
    assert tracking.device_id is None


def test_an_event_of_a_shared_response_goes_and_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    site = make_site()
    with recording(site) as recorder:
        for _ in range(2):
            respond(site, view(cookie=KNOWN), lambda tracking: tracking.emit(Click("1")), headers=[(CC, "public")])
    assert (len(recorder.events), [record.name for record in caplog.records]) == (2, ["footfall.site"])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([CC, CDN, SURROGATE, ACCEL, "Vary", "X"]),
            st.text(st.sampled_from('pub lic,private="no-store\\max-age=60;*')) | st.text(),
        )
    ),
    st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["skip", "private"]),
)  # fmt: skip
def test_no_header_makes_it_raise_and_no_cookie_goes_out_unprivate(
    headers: Headers, pending: bool, changed: bool, read: bool, public: str
) -> None:
    edit = cache_decision(200, headers, pending=pending, changed=changed, read=read, public_responses=public)
    said = edit_headers(headers, edit)
    assert not edit.cookies or [value.split(",")[0] for value in all_of(said, CC)] == ["private"]
