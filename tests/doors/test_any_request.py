"""Whatever a visitor or an application sends: no door raises, and nothing unchecked reaches a header."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.doors.drivers import DOORS, call_asgi, call_wsgi
from tests.doors.exchange import KEY, PAGE, Reply, Request, Response, make_site
from tests.doors.rows import ALICE, VISIT
from tests.heavy import TIMES

from footfall import Tracking, asgi, wsgi
from footfall.consent import always_granted, own_cookie
from footfall.events import Click
from footfall.testing import recording

#: What of a header's value can come over a wire at all.
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)


def either(*values: str) -> st.SearchStrategy[str]:
    """Draw one of the values that matter, or anything."""
    return st.sampled_from(values) | VALUE


def named(names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(names, values).map("=".join)


COOKIE_NAMES = st.sampled_from(
    ["rsa", "rsaSession", "rsaSessionOpen", "rsaRuid", "rsaReaId", "rsaGone", "footfallConsent"]
)
COOKIE_VALUES = either(ALICE, VISIT, ALICE.upper(), "1", "r1", "1.g.g.1700000000", "1.d.d.1700000000", '"', "{}")
COOKIES = st.lists(st.lists(named(COOKIE_NAMES, COOKIE_VALUES) | VALUE, max_size=6).map("; ".join), max_size=3).map(
    tuple
)
FIELDS = named(
    st.sampled_from(["reaid", "xuid", "a"]), st.sampled_from(["r1", "r2", "%0d%0a", "a%20b", "%3b", "\xe9", ""])
)
QUERIES = st.lists(FIELDS, max_size=4).map("&".join)
PATHS = st.text(st.sampled_from("/ab.%5C0dA\\;:@~\xe9"), max_size=12).map("/{}".format)
HOSTS = st.sampled_from(
    ["www.shop.example", "SHOP.example:8443", "127.0.0.1", "[::1]:80", "co.uk", "..", "a" * 300, "x_y.shop.example"]
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["referer", "origin", "sec-gpc", "sec-purpose", "sec-fetch-site", "sec-fetch-dest", "accept"]),
        either("1", "cross-site", "same-origin", "prefetch", "document", "image", "https://[", "null"),
    ),
    max_size=4,
).map(lambda more: [*PAGE, *more])
REQUESTS = st.builds(
    lambda method, scheme, host, path, query, headers, cookies: Request(
        method=method, url=f"{scheme}://{host}{path}?{query}", headers=headers, cookies=cookies
    ),
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PROPFIND"]),
    st.sampled_from(["http", "https"]),
    HOSTS,
    PATHS,
    QUERIES,
    HEADERS,
    COOKIES,
)
APPLICATIONS = st.builds(
    Reply,
    status=st.sampled_from([200, 204, 301, 304, 404, 500]),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Cache-Control", "vary", "CDN-Cache-Control", "Expires", "Set-Cookie", "X-Accel-Expires"]),
            either("public", "private", "*", "Cookie", "max-age=60", "s-maxage", 'private="a, b"', "0"),
        ),
        max_size=5,
    ),
)

OCTETS = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]"
LINE = re.compile(
    rf"(?P<name>[A-Za-z]+)=(?P<value>{OCTETS}*)(; Max-Age=\d+)?(?P<domain>; Domain=[a-z0-9_.-]+)?"
    r"; Path=/(; Secure)?(; HttpOnly)?; SameSite=Lax"
)


def use(tracking: Tracking) -> None:
    tracking.emit(Click("3298"))
    assert tracking.device_id != ""
    tracking.identify("anna@shop.example")


def assert_clean(response: Response, reply: Reply) -> None:
    theirs = [value.strip() for name, value in reply.headers if name == "Set-Cookie"]
    lines = response.all("set-cookie")
    assert lines[: len(theirs)] == theirs or response.status == 303
    ours = [LINE.fullmatch(line) for line in lines[len(theirs) if response.status != 303 else 0 :]]
    assert all(ours)
    scopes = [(found["name"], found["domain"]) for found in ours if found]
    assert len(set(scopes)) == len(scopes)
    assert all(len(line) < 4096 for line in lines)
    for location in response.all("location"):
        assert re.fullmatch(r"/(?!/)[\x21-\x7e]*", location)
        assert "\\" not in location
    if ours:
        assert "private" in ", ".join(response.all("cache-control"))


def make_asgi(reply: Reply) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        use(scope["state"]["tracking"])
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return app


def make_wsgi(reply: Reply) -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        use(environ["footfall.tracking"])
        start_response(f"{reply.status} Whatever", list(reply.headers))
        return []

    return app


@given(REQUESTS, APPLICATIONS, st.booleans())
@settings(max_examples=150 * TIMES, deadline=None)
def test_both_plain_doors_take_anything_and_send_only_what_they_checked(
    request: Request, reply: Reply, granted: bool
) -> None:
    config: dict[str, Any] = {"strip_query_ids": True, "consent": always_granted if granted else own_cookie()}
    found: list[list[str]] = []
    for call, middleware, make in (
        (call_asgi, asgi.TrackingMiddleware, make_asgi),
        (call_wsgi, wsgi.TrackingMiddleware, make_wsgi),
    ):
        site = make_site(ruid_cookie="base64", **config)
        with recording(site):
            response = call(middleware(make(reply), site), request)
        assert_clean(response, reply)
        found.append(response.all("set-cookie"))
    assert found[0] == found[1]


@given(REQUESTS)
@settings(max_examples=50 * TIMES, deadline=None)
def test_every_door_takes_anything(request: Request) -> None:
    for door in DOORS.values():
        site = make_site(secret_keys=(KEY,))
        with recording(site):
            assert_clean(door(site, request, use, Reply()), Reply())
