"""The straight way of an ordinary request decides what the thorough way decides, for whatever a browser sends."""

from __future__ import annotations

import re
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import DEVICE, KEY, PAGE, SCRIPT, SESSION, make_site, view

from footfall import CookieNames, Site
from footfall.consent import always_granted, own_cookie
from footfall.identity.classify import classify_request
from footfall.request import RARE, USUAL, CookieFinder
from footfall.tracking.cookies import _Odd, response_cookies
from footfall.tracking.ids import KnownIds

NAMES = ["rsa", "rsaSession", "rsaSessionOpen", "rsaReaId", "rsaRuid", "rsaGone", "footfallConsent", "sid", "x"]
FINDERS = [
    CookieFinder(NAMES),
    CookieFinder(["sid", "rsa", "x", "s"]),
    CookieFinder(["rsa*", "footfallConsent", "rsaSession"]),
    CookieFinder(["r", "rs", "rsa"]),
]
PIECES = st.sampled_from([*NAMES, "rs", "r", "=", "=", ";", "; ", "; ", "; ", ",", " ", "\t", "1", '"', "é", "A=b"])
HEADERS = st.lists(PIECES, max_size=24).map("".join)


@given(header=HEADERS, finder=st.sampled_from(FINDERS))
def test_one_look_finds_what_a_thorough_search_finds(header: str, finder: CookieFinder) -> None:
    assert finder(header) == finder.find_anywhere(header)


VALUES = st.sampled_from(
    ["document", "empty", "navigate", "same-origin", "cross-site", "prefetch", "text/html", "1", ""]
)
AGENTS = st.sampled_from(["Mozilla/5.0 (X11; Linux) Firefox/153.0", "Googlebot/2.1", "", "curl/8"])
SITE = make_site()


@given(
    headers=st.dictionaries(st.sampled_from(USUAL + RARE), VALUES, max_size=6),
    agent=AGENTS,
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"]),
    url=st.sampled_from(["https://www.shop.example/", "http://shop.example/", "wss://www.shop.example/"]),
)
def test_a_remembered_class_is_the_one_that_would_be_found(
    headers: dict[str, str], agent: str, method: str, url: str
) -> None:
    def request() -> object:
        return view(url, method=method, headers={**headers, "user-agent": agent})

    found = [SITE.policy.classify(request()) for _ in range(2)]  # type: ignore[arg-type]
    assert found == [classify_request(request())] * 2  # type: ignore[arg-type]


IDS = st.sampled_from([DEVICE, SESSION, DEVICE.upper(), "1", "r1", "rubbish", ""])
SENT = st.lists(st.tuples(st.sampled_from(NAMES[:6]), IDS), max_size=6)
SITES = [
    make_site(consent=always_granted, secret_keys=(KEY,)),
    make_site(consent=always_granted, ruid_cookie="base64"),
    make_site(consent=always_granted, person_ids="xuid", session_ends_with_browser=False),
    make_site(consent=always_granted, script_access=True, session_idle=timedelta(minutes=5), cookie_domain=None),
    make_site(
        consent=always_granted,
        former_cookie_names=CookieNames(device="sid", session="x"),
        former_cookie_domain="www.shop.example",
    ),
    make_site(consent=own_cookie()),
]


@given(
    site=st.sampled_from(SITES),
    sent=SENT,
    sealed=st.booleans(),
    headers=st.sampled_from([PAGE, SCRIPT]),
    query=st.sampled_from(["", "reaid=r1", "xuid=r2", "reaid=%0d"]),
)
def test_a_visit_keeps_the_cookies_that_the_thorough_way_keeps(
    site: Site, sent: list[tuple[str, str]], sealed: bool, headers: dict[str, str], query: str
) -> None:
    if sealed and site.policy.sealer is not None:
        sent = [*sent, ("rsaRuid", site.policy.seal("anna@shop.example", "rsaRuid", "shop.example"))]
    cookie = "; ".join(f"{name}={value}" for name, value in sent)

    def ids() -> KnownIds:
        request = view(f"https://www.shop.example/?{query}", headers=headers, cookie=cookie or None)
        known = KnownIds(site.policy, request)
        request.finder = site.policy.find_cookies
        known.minted_device, known.minted_session = DEVICE, SESSION  # the same ones for both
        return known

    straight, thorough = ids(), ids()
    decided = [_SEALED.sub("rsaRuid=sealed", line) for _, line in response_cookies(straight)]
    expected = [_SEALED.sub("rsaRuid=sealed", line) for _, line in keep_thoroughly(thorough)]
    assert (decided, straight.changed) == (expected, thorough.changed)


_SEALED = re.compile(r"rsaRuid=1\.[^;]+")  # each seal has a nonce of its own


def keep_thoroughly(ids: KnownIds) -> list[tuple[str, str]]:
    """What `response_cookies` says of a visit whose visitor consents, by the thorough way alone."""
    lines: list[tuple[str, str]] = []
    if ids.consents[0].value != "granted":
        return lines
    odd = _Odd(ids, ids.policy.place(ids.view), lines)
    known = ids.known
    odd.keep_visit(known.device or ids.minted_device, known.alive or ids.minted_session)
    odd.keep_token()
    odd.keep_ruid()
    return lines
