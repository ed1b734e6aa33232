"""Cases: which requests are visits, what their cookies look like, and what a cookie header may hold."""

from __future__ import annotations

from typing import Any

from tests.doors.exchange import FIREFOX, PAGE, Reply, Request, guid
from tests.doors.rows import (
    ALICE,
    ANNA,
    CROSS_SITE_POST,
    IMAGE,
    KNOWN,
    OTHER,
    SCRIPT,
    UNMARKED,
    VISIT,
    Case,
    attributes,
    both,
    emit,
    fetched,
    identify,
    identify_and_emit,
    ids,
    read,
    with_headers,
    yoochoose,
)

__all__ = ["CASES"]

VISITS = [
    Case(what="a first visit mints both ids", cookies=ids(guid(1), guid(2))),
    Case(
        what="the first visit's event carries the ids that its cookies set (D-02)",
        view=emit,
        cookies=ids(guid(1), guid(2)),
        wire=both(guid(1), guid(2)),
    ),
    Case(
        what="a page that was given an id varies by cookie",
        view=read,
        cookies=ids(guid(1), guid(2)),
        vary=["Cookie"],
    ),
    Case(
        what="a Vary of the application's is kept",
        view=read,
        reply=Reply(headers=[("Vary", "Accept-Encoding")]),
        cookies=ids(guid(1), guid(2)),
        vary=["Accept-Encoding, Cookie"],
    ),
    Case(
        what="a returning visitor keeps both ids, renewed (R-21, R-23)",
        request=Request(cookies=(KNOWN,)),
        view=emit,
        cookies=ids(ALICE, VISIT),
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="twenty idle minutes end the session and not the device (R-23)",
        request=Request(cookies=(f"rsa={ALICE}; rsaSessionOpen=1",)),
        view=emit,
        cookies=ids(ALICE, guid(1)),
        wire=both(ALICE, guid(1)),
    ),
    Case(
        what="a closed browser ends the session (R-25)",
        request=Request(cookies=(f"rsa={ALICE}; rsaSession={VISIT}",)),
        view=emit,
        cookies=ids(ALICE, guid(1)),
        wire=both(ALICE, guid(1)),
    ),
    Case(
        what="a site may let sessions outlive the browser",
        request=Request(cookies=(f"rsa={ALICE}; rsaSession={VISIT}",)),
        config={"session_ends_with_browser": False},
        cookies=ids(ALICE, VISIT)[:2],
    ),
    Case(
        what="a script may read the ids where the site says so",
        config={"script_access": True},
        cookies=[
            *ids(guid(1), guid(2), http_only=False)[:2],
            f"rsaSessionOpen=1{attributes()}",
        ],
    ),
    Case(
        what="an error page sets cookies like any other",
        reply=Reply(status=404),
        cookies=ids(guid(1), guid(2)),
    ),
    Case(
        what="several cookies of the application's stay, each on its line, before ours (D-03)",
        reply=Reply(headers=[("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/")]),
        cookies=["a=1; Path=/", "b=2; Path=/", *ids(guid(1), guid(2))],
    ),
    Case(
        what="a link from another site is a visit like any other",
        request=Request(headers=with_headers(("sec-fetch-site", "cross-site")), cookies=(KNOWN,)),
        view=emit,
        cookies=ids(ALICE, VISIT),
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="a browser that marks nothing visits a page if it accepts HTML",
        request=Request(headers=UNMARKED),
        cookies=ids(guid(1), guid(2)),
    ),
    Case(
        what="a page fetched again by a service worker is a page",
        request=Request(headers=with_headers(("sec-fetch-dest", "empty"), ("sec-fetch-mode", "same-origin"))),
        cookies=ids(guid(1), guid(2)),
    ),
]

NO_VISITS = [
    Case(
        what="a payment provider's return mints no id over the visitor's own",
        request=Request(method="POST", headers=CROSS_SITE_POST),
        view=emit,
        wire=[yoochoose("not_defined")],
        refused=["no id"],
    ),
    Case(
        what="a payment provider's return with our cookies reports under them and renews nothing",
        request=Request(method="POST", headers=CROSS_SITE_POST, cookies=(KNOWN,)),
        view=emit,
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="an old browser's form from another site mints nothing",
        request=Request(method="POST", headers=[*UNMARKED, ("origin", "https://pay.example")]),
        view=emit,
        wire=[yoochoose("not_defined")],
        refused=["no id"],
    ),
    Case(
        what="a prefetched page counts nothing and disturbs nothing",
        request=Request(headers=with_headers(("sec-purpose", "prefetch;prerender")), cookies=(KNOWN,)),
        view=emit,
        refused=["speculative", "speculative"],
    ),
    Case(
        what="a page prefetched by a script is speculative too",
        request=Request(headers=with_headers(("x-sec-purpose", "prefetch"))),
        view=identify,
    ),
    Case(
        what="a bot gets no id and reports nothing",
        request=Request(headers=with_headers(("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)"))),
        view=identify_and_emit,
        refused=["bot", "bot"],
    ),
    Case(
        what="who names no user agent is a bot",
        request=Request(headers=PAGE[1:], cookies=(KNOWN,)),
        view=emit,
        refused=["bot", "bot"],
    ),
    Case(
        what="HEAD is no visit",
        request=Request(method="HEAD", cookies=(KNOWN,)),
        view=emit,
        refused=["no page", "no page"],
    ),
    Case(
        what="a preflight is nobody's",
        request=Request(
            method="OPTIONS",
            headers=fetched("cross-site", "empty", "cors", ("access-control-request-method", "POST")),
        ),
        view=emit,
        refused=["preflight", "preflight"],
    ),
    Case(what="a script's call mints nothing unasked", request=Request(headers=SCRIPT)),
    Case(
        what="a script's call mints once its view emits",
        request=Request(headers=SCRIPT),
        view=emit,
        cookies=ids(guid(1), guid(2)),
        wire=both(guid(1), guid(2)),
    ),
    Case(
        what="a script's call renews the visit",
        request=Request(headers=SCRIPT, cookies=(KNOWN,)),
        cookies=ids(ALICE, VISIT),
    ),
    Case(
        what="a sister host's script mints nothing even if its view emits",
        request=Request(headers=fetched("same-site", "empty")),
        view=emit,
        wire=[yoochoose("not_defined")],
        refused=["no id"],
    ),
    Case(
        what="another site's script reports under our cookies if it has them, and renews nothing",
        request=Request(headers=fetched("cross-site", "empty"), cookies=(KNOWN,)),
        view=emit,
        wire=both(ALICE, VISIT),
    ),
    Case(what="a sub-resource of a newcomer is no visit", request=Request(headers=IMAGE)),
    Case(
        what="a sub-resource reports and renews nothing",
        request=Request(headers=IMAGE, cookies=(KNOWN,)),
        view=emit,
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="a frame of the site renews and mints nothing",
        request=Request(headers=fetched("same-origin", "iframe", "navigate"), cookies=(f"rsa={ALICE}",)),
        cookies=ids(ALICE, VISIT)[:1],
    ),
    Case(
        what="a program that accepts anything opens no page",
        request=Request(headers=[("user-agent", FIREFOX), ("accept", "*/*")]),
    ),
]

CACHES = [
    Case(
        what="a response for shared caches gets no cookie and stays as it is (D-06)",
        request=Request(cookies=(KNOWN,)),
        view=emit,
        reply=Reply(headers=[("Cache-Control", "public, max-age=60")]),
        cache_control=["public, max-age=60"],
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="s-maxage is for shared caches too",
        reply=Reply(headers=[("Cache-Control", "s-maxage=60")]),
        cache_control=["s-maxage=60"],
    ),
    Case(
        what="a site may rather have such a response private",
        request=Request(cookies=(KNOWN,)),
        reply=Reply(headers=[("Cache-Control", "public, max-age=60, s-maxage=600")]),
        config={"public_responses": "private"},
        cookies=ids(ALICE, VISIT),
        cache_control=["private, max-age=60"],
    ),
    Case(
        what="a change of identity is written to any response, which is private then",
        request=Request(cookies=(KNOWN,)),
        view=identify,
        reply=Reply(headers=[("Cache-Control", "public, max-age=60")]),
        cookies=[*ids(ALICE, VISIT), ANNA],
        cache_control=["private, max-age=60"],
    ),
    Case(
        what="what is not shared keeps its age",
        request=Request(cookies=(KNOWN,)),
        reply=Reply(headers=[("Cache-Control", "Private, max-age=60")]),
        cookies=ids(ALICE, VISIT),
        cache_control=["private, max-age=60"],
    ),
    Case(
        what="a 304 carries no cookie",
        request=Request(cookies=(KNOWN,)),
        view=emit,
        reply=Reply(status=304, body=b""),
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="a response that gets no cookie is left alone",
        request=Request(headers=IMAGE, cookies=(KNOWN,)),
        reply=Reply(headers=[("Cache-Control", "public, max-age=60"), ("Vary", "Accept")]),
        cache_control=["public, max-age=60"],
        vary=["Accept"],
    ),
]

SMALLER, LARGER = sorted((ALICE, OTHER))
HEALED = [
    f"rsa=; Max-Age=0{attributes(domain=None)}",
    *ids(SMALLER, VISIT),
]

BYTES = [
    Case(
        what="of two valid ids the choice does not depend on their order, and the host's own is expired",
        request=Request(cookies=(f"rsa={SMALLER}; rsa={LARGER}; rsaSession={VISIT}; rsaSessionOpen=1",)),
        view=emit,
        cookies=HEALED,
        wire=both(SMALLER, VISIT),
    ),
    Case(
        what="of two valid ids in the other order the same is chosen",
        request=Request(cookies=(f"rsa={LARGER}; rsa={SMALLER}; rsaSession={VISIT}; rsaSessionOpen=1",)),
        view=emit,
        cookies=HEALED,
        wire=both(SMALLER, VISIT),
    ),
    Case(
        what="cookies on several header lines are one list",
        request=Request(cookies=(f"a=1; rsa={ALICE}", f"rsaSession={VISIT}; rsaSessionOpen=1; b=2")),
        cookies=ids(ALICE, VISIT),
    ),
    Case(
        what="cookies joined by a comma are one list",
        request=Request(cookies=(f"a=1,rsa={ALICE}, rsaSession={VISIT},rsaSessionOpen=1",)),
        cookies=ids(ALICE, VISIT),
    ),
    Case(
        what="a neighbour of JSON hides nothing",
        request=Request(cookies=('x={"a": "b, c"}; [bad]=1; flag; =v; ' + KNOWN,)),
        cookies=ids(ALICE, VISIT),
    ),
    Case(
        what="a neighbour of bytes beyond ASCII hides nothing",
        request=Request(cookies=("x=b\xf8rn\xff; " + KNOWN,)),
        cookies=ids(ALICE, VISIT),
    ),
    Case(
        what="a neighbour whose name ends in ours is not ours",
        request=Request(cookies=(f"xrsa={OTHER}; {KNOWN}",)),
        cookies=ids(ALICE, VISIT),
    ),
    Case(
        what="a malformed id is a missing one and never echoed (D-04)",
        request=Request(cookies=(f"rsa=rubbish; rsaSession={VISIT}\xe9; rsaSessionOpen=1",)),
        cookies=ids(guid(1), guid(2)),
    ),
    Case(
        what="an id in upper case is kept as it is (T-31)",
        request=Request(cookies=(KNOWN.replace(ALICE, ALICE.upper()),)),
        view=emit,
        cookies=ids(ALICE.upper(), VISIT),
        wire=both(ALICE.upper(), VISIT),
    ),
]


def host(url: str, domain: str | None, *, secure: bool = True, **fields: Any) -> Case:
    where = "no domain" if domain is None else domain
    return Case(
        what=f"a cookie of {url} lives on {where} (R-40)",
        request=Request(url=url, headers=PAGE if secure else UNMARKED),
        cookies=ids(guid(1), guid(2), domain=domain, secure=secure),
        **fields,
    )


HOSTS = [
    host("https://shop.example/", "shop.example"),
    host("https://basket.shop.example:8443/", "shop.example"),
    host("https://WWW.Shop.Example/", "shop.example"),
    host("https://www.shop.co.uk/", "shop.co.uk"),
    host("https://co.uk/", None),
    host("https://my-shop.github.io/", "my-shop.github.io"),
    host("https://127.0.0.1/", None),
    host("https://[::1]:8000/", None),
    host("http://localhost:8000/", None, secure=False),
    host("http://www.shop.example/", "shop.example", secure=False),
    host("https://www.shop.example./", None),
    host("https://a.b.shop.example/", "b.shop.example", config={"cookie_domain": "b.shop.example"}),
    host("https://www.paper.example/", None, config={"cookie_domain": "shop.example"}),
    host("https://www.shop.org/", None, config={"cookie_domain": None}),
    Case(
        what="where cookies must be secure, plain http sets none and knows nobody new",
        request=Request(url="http://www.shop.example/", headers=UNMARKED),
        view=emit,
        config={"secure": True},
        wire=[yoochoose("not_defined")],
        refused=["no id"],
    ),
]


def forwarded(what: str, proxies: int, *lines: tuple[str, str], domain: str | None, secure: bool) -> Case:
    return Case(
        what=what,
        request=Request(url="http://10.0.0.7/", headers=with_headers(*lines)),
        config={"trusted_proxies": proxies},
        cookies=ids(guid(1), guid(2), domain=domain, secure=secure),
    )


HTTPS, SHOP = ("x-forwarded-proto", "https"), ("x-forwarded-host", "www.shop.example")
PROXIES = [
    forwarded("nobody's word on scheme and host is taken unasked (T-39)", 0, HTTPS, SHOP, domain=None, secure=False),
    forwarded("a trusted proxy says scheme and host", 1, HTTPS, SHOP, domain="shop.example", secure=True),
    forwarded(
        "what a visitor wrote before the trusted proxy did counts for nothing",
        1,
        ("x-forwarded-proto", "https, http"),
        ("x-forwarded-host", "evil.test, www.shop.example"),
        domain="shop.example",
        secure=False,
    ),
    forwarded(
        "of two trusted proxies the outer one saw the visitor",
        2,
        ("x-forwarded-proto", "http,https,http"),
        ("x-forwarded-host", "evil.test,www.shop.example,inner.test"),
        domain="shop.example",
        secure=True,
    ),
    forwarded("with fewer words than proxies none is believed", 2, HTTPS, SHOP, domain=None, secure=False),
    forwarded(
        "a forwarded scheme that is none, or an empty host, changes nothing",
        1,
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-host", " "),
        domain=None,
        secure=False,
    ),
]

CASES = [*VISITS, *NO_VISITS, *CACHES, *BYTES, *HOSTS, *PROXIES]
