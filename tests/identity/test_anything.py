"""Whatever a visitor sends and an application answers: nothing raises, and nothing unchecked reaches a header."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.heavy import TIMES
from tests.identity.asking import (
    CLICK,
    DEVICE,
    FIREFOX,
    KNOWN,
    PAGE,
    PAYMENT_RETURN,
    SCRIPT,
    SESSION,
    Headers,
    make_site,
    set_cookies,
)

from footfall import Consent, CookieNames, Site, Tracking
from footfall.consent import cookiebot, first_of, own_cookie
from footfall.identity.domain import matches_domain, parse_host
from footfall.request import RequestView
from footfall.testing import recording
from footfall.wsgi import edit_headers

SITES: list[Callable[[], Site]] = [
    make_site,
    lambda: make_site(consent=own_cookie(), honour_gpc="unless-consented"),
    lambda: make_site(
        consent={"device": cookiebot("statistics"), "person": first_of(cookiebot("marketing"), own_cookie())}
    ),
    lambda: make_site(
        cookie_domain=None, cookie_names=CookieNames(device="__Host-Http-rsa", session="__Host-s", reaid="__Http-r")
    ),
    lambda: make_site(consent=lambda _: Consent.DENIED),
    lambda: make_site(consent={"device": lambda _: Consent.GRANTED, "person": lambda _: Consent.DENIED}),
    lambda: make_site(cookie_domain=None),
    lambda: make_site(cookie_domain="shop.example", former_cookie_domain="www.shop.example"),
    lambda: make_site(former_cookie_names=CookieNames(device="coid", session="sid", ruid="r", reaid="a", xuid="x")),
    lambda: make_site(person_ids="xuid", secure=True, script_access=True),
    lambda: make_site(ruid_cookie="base64", session_ends_with_browser=False, public_responses="private"),
    lambda: make_site(cookie_names=CookieNames(device="__Secure-rsa"), strip_query_ids=True, ignore_bots=False),
]

NAMES = ["rsa", "rsaSession", "rsaSessionOpen", "rsaRuid", "rsaReaId", "rsaXuid", "rsaGone", "footfallConsent"]
FORMER = ["coid", "sid", "sidOpen", "r", "a", "x", "__Secure-rsa", "__Host-Http-rsa", "__Host-s", "__Http-r"]
BYTES = st.text(st.characters(max_codepoint=255), max_size=40)
VALUES = BYTES | st.sampled_from(
    [DEVICE, SESSION, DEVICE.upper(), "1", "", "X", "A=b", "x" * 513, "1.g.g.1764000000", "1." + "A" * 90, "YW5uYQ==",
     '"1"', "\r\nSet-Cookie: evil=1", "a;Domain=evil.test"]
)  # fmt: skip
COOKIES = st.lists(
    st.tuples(st.sampled_from(NAMES + FORMER), VALUES).map("=".join) | BYTES | st.just(KNOWN), max_size=12
).map("; ".join)
QUERIES = st.lists(st.tuples(st.sampled_from(["reaid", "xuid", "q"]), VALUES).map("=".join) | BYTES, max_size=4).map(
    "&".join
)
HOSTS = BYTES | st.sampled_from(
    ["www.shop.example", "shop.example:8443", "WWW.SHOP.EXAMPLE", "127.0.0.1", "[::1]:80", "localhost", "co.uk",
     "shop.example.", "evil.test", "shop.example\r\nSet-Cookie: evil=1", "x" * 300]
)  # fmt: skip
MARKS = st.sampled_from([PAGE, SCRIPT, PAYMENT_RETURN, {}, {"user-agent": FIREFOX, "accept": "text/html"}]) | (
    st.dictionaries(st.sampled_from([*PAYMENT_RETURN, "sec-purpose", "sec-gpc", "x-requested-with"]), BYTES)
)
ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(["Cache-Control", "cache-control", "CDN-Cache-Control", "Vary", "Set-Cookie", "Expires", "X"]),
        st.sampled_from(["public", "s-maxage=1", "private", 'private="x"', "no-store", "*", "Cookie", "a=1"]) | BYTES,
    ),
    max_size=5,
)  # fmt: skip
STEPS: list[Callable[[Tracking], object]] = [
    lambda tracking: (tracking.device_id, tracking.session_id, tracking.ruid, tracking.reaid, tracking.xuid),
    lambda tracking: tracking.emit(CLICK),
    lambda tracking: tracking.identify("anna@shop.example"),
    lambda tracking: tracking.identify("\ud800"),
    lambda tracking: tracking.login("johndoe"),
    lambda tracking: tracking.logout(),
    lambda tracking: tracking.grant(),
    lambda tracking: tracking.grant(person=False),
    lambda tracking: tracking.deny(),
    lambda tracking: tracking.forget(),
    lambda tracking: tracking.snapshot(),
    lambda tracking: (tracking.answer(), repr(tracking)),
]

GUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
ENCODED = r"(?:[\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]|%25){1,512}"
SHAPES = {
    "rsa": GUID,
    "__Secure-rsa": GUID,
    "rsaSession": GUID,
    "rsaSessionOpen": "1",
    "rsaRuid": r"1\.[A-Za-z0-9_-]{50,}|[A-Za-z0-9+/]+=*",
    "rsaReaId": ENCODED,
    "rsaXuid": ENCODED,
    "rsaGone": "[0-9a-f]{16}",
    "__Secure-rsaGone": "[0-9a-f]{16}",
    "__Host-Http-rsa": GUID,
    "__Host-Http-rsaGone": "[0-9a-f]{16}",
    "__Host-s": GUID,
    "__Host-sOpen": "1",
    "__Http-r": ENCODED,
    "footfallConsent": r"1\.[gdu]\.[gdu]\.[0-9]+(?:\.gpc)?",
}
LINE = re.compile(
    r"(?P<name>[^=;]+)=(?P<value>[^;]*)(?:; Max-Age=(?P<age>[0-9]+))?(?:; Domain=(?P<domain>[a-z0-9._-]+))?"
    r"; Path=/(?:; Secure)?(?:; HttpOnly)?; SameSite=Lax"
)


@st.composite
def requests(draw: st.DrawFn) -> RequestView:
    headers = {**draw(MARKS), "cookie": draw(COOKIES)}
    return RequestView(
        method=draw(st.sampled_from(["GET", "GET", "POST", "HEAD", "OPTIONS"])),
        scheme=draw(st.sampled_from(["https", "https", "http", "wss"])),
        host=draw(HOSTS),
        path="/" + draw(BYTES),
        query=draw(QUERIES),
        header=headers.get,
    )


def check(line: str, host: str) -> tuple[str, str | None]:
    """One line of ours is well-formed, and its value of its own cookie's shape; returns name and scope."""
    found = LINE.fullmatch(line)
    assert found, "not the form of a line of ours"
    assert line.isascii()
    assert len(line) < 4096
    assert '"' not in line
    assert found["domain"] is None or matches_domain(parse_host(host), found["domain"])
    if found["age"] == "0":
        assert found["value"] == ""
        assert found["name"] in SHAPES or found["name"] in FORMER
    else:
        assert re.fullmatch(SHAPES[found["name"]], found["value"])
    return found["name"], found["domain"]


@settings(max_examples=300 * TIMES, deadline=None)
@given(
    make=st.sampled_from(SITES),
    request=requests(),
    steps=st.lists(st.sampled_from(STEPS), max_size=4),
    late=st.sampled_from(STEPS),
    status=st.sampled_from([200, 200, 200, 204, 303, 304, 404, 500]),
    headers=ANSWERS,
)
@example(
    make=make_site,
    request=RequestView(
        method="GET", scheme="https", host="www.shop.example", path="/", query="reaid=X",
        header={**PAGE, "cookie": f"{KNOWN}; {KNOWN}"}.get,
    ),
    steps=STEPS[:3], late=STEPS[0], status=200, headers=[],
)  # fmt: skip
def test_nothing_raises_and_nothing_unchecked_reaches_a_header(
    make: Callable[[], Site],
    request: RequestView,
    steps: list[Callable[[Tracking], object]],
    late: Callable[[Tracking], object],
    status: int,
    headers: Headers,
) -> None:
    """D-01, D-03, D-04: never two of our cookies of one name and scope; ASCII, below 4,096 bytes, no quotes."""
    site = make()
    with recording(site):
        tracking = site.begin(request)
        for step in steps:
            step(tracking)
        given_headers = list(headers)
        edit = tracking.finish(status, given_headers)
        late(tracking)
    assert given_headers == headers
    said = headers if edit is None else edit_headers(headers, edit)
    theirs = set_cookies(headers)
    lines = set_cookies(said)
    assert lines[: len(theirs)] == theirs
    ours = [check(line, request.host) for line in lines[len(theirs) :]]
    assert len(set(ours)) == len(ours)
    added = [one for one in said if one not in headers and one[0] != "Set-Cookie"]
    assert {name for name, _ in added} <= {"Cache-Control", "Vary"}
    assert not ours or "private" in [value.split(",")[0] for name, value in said if name == "Cache-Control"]
