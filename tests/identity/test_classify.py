"""What a request is: every row of the table, and every header that a browser may say it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import FIREFOX, PAGE, PAYMENT_RETURN, SCRIPT, make_site, view

from footfall.identity import classify_request
from footfall.identity.bots import is_bot
from footfall.request import RARE, USUAL, RequestClass

PLAIN: Mapping[str, str] = {"user-agent": FIREFOX, "accept": "text/html,*/*;q=0.8"}  # plain http, or an old browser


def same_site(destination: str, site: str = "same-origin") -> dict[str, str]:
    return {"user-agent": FIREFOX, "accept": "*/*", "sec-fetch-site": site, "sec-fetch-dest": destination}


def shown(found: RequestClass) -> str:
    """The class, and the letters of what it may do: read, mint, (mint on) use, renew, capture, emit, write."""
    letters = {
        "r": found.read,
        "m": found.mint,
        "u": found.mint_on_use,
        "n": found.renew,
        "c": found.capture,
        "e": found.emit,
        "w": found.write,
    }
    return f"{found.name}: {''.join(letter for letter, may in letters.items() if may)}"


ROWS = [
    # A page that a person opened.
    ("a typed address", "GET", PAGE, "page: rmuncew"),
    ("a link from another site", "GET", {**PAGE, "sec-fetch-site": "cross-site"}, "page: rmuncew"),
    ("a link from a subdomain", "GET", {**PAGE, "sec-fetch-site": "same-site"}, "page: rmuncew"),
    ("a form of the site's own", "POST", {**PAGE, "sec-fetch-site": "same-origin"}, "page: rmuncew"),
    ("a destination in capitals", "GET", {**PAGE, "sec-fetch-dest": " Document "}, "page: rmuncew"),
    ("a mode without a destination", "GET", {"user-agent": FIREFOX, "sec-fetch-mode": "navigate"}, "page: rmuncew"),
    ("an old browser's page", "GET", PLAIN, "page: rmuncew"),
    (
        "an old browser that upgrades",
        "GET",
        {"user-agent": FIREFOX, "accept": "*/*", "upgrade-insecure-requests": "1"},
        "page: rmuncew",
    ),
    ("a navigation by a service worker", "GET", {**SCRIPT, "accept": "text/html"}, "page: rmuncew"),
    # A script's call.
    ("fetch to the own origin", "GET", SCRIPT, "script call: runew"),
    ("fetch by POST to the own origin", "POST", SCRIPT, "script call: runew"),
    ("fetch to a sister subdomain", "GET", same_site("empty", "same-site"), "script call: rnew"),
    ("XMLHttpRequest, says its library", "GET", {**PLAIN, "x-requested-with": "XMLHttpRequest"}, "script call: rnew"),
    ("htmx", "GET", {**PLAIN, "hx-request": "true"}, "script call: rnew"),
    ("htmx, marked", "GET", {**SCRIPT, "accept": "text/html", "hx-request": "true"}, "script call: runew"),
    # A page within a page, and its parts.
    *[(f"a {one} of the site", "GET", same_site(one), "nested page: rnew") for one in
      ("iframe", "frame", "embed", "object", "fencedframe")],
    *[(f"a {one}", "GET", same_site(one), "sub-resource: rew") for one in
      ("image", "script", "style", "font", "audio", "video", "track", "manifest", "worker", "sharedworker",
       "serviceworker", "audioworklet", "paintworklet", "report", "json", "something-new")],
    ("an old browser's picture", "GET", {"user-agent": FIREFOX, "accept": "image/png"}, "sub-resource: rew"),
    # Another site's.
    ("a payment provider's return by POST", "POST", PAYMENT_RETURN, "cross-site: rew"),
    ("another site's frame", "GET", same_site("iframe", "cross-site"), "cross-site: rew"),
    ("another site's picture of ours", "GET", same_site("image", "cross-site"), "cross-site: rew"),
    ("another site's fetch", "GET", same_site("empty", "cross-site"), "cross-site: rew"),
    ("another site's fetch of a page", "GET", {**PAGE, **same_site("empty", "cross-site")}, "cross-site: rew"),
    ("an old browser's POST from another site", "POST", {**PLAIN, "origin": "https://pay.example"}, "cross-site: rew"),
    ("an old browser's POST from nowhere", "POST", {**PLAIN, "origin": "null"}, "cross-site: rew"),
    ("a POST from a name much like ours", "POST", {**PLAIN, "origin": "https://evilshop.example"}, "cross-site: rew"),
    ("a POST from below ours", "POST", {**PLAIN, "origin": "https://shop.example.evil.test"}, "cross-site: rew"),
    ("an old browser's PUT from another site", "PUT", {**PLAIN, "origin": "https://x.test"}, "cross-site: rew"),
    # Unsafe, unmarked, not from elsewhere: no id is minted, for it may still be a payment's return.
    ("an old browser's POST", "POST", PLAIN, "unmarked post: rnew"),
    ("an old browser's own POST", "POST", {**PLAIN, "origin": "https://www.shop.example"}, "unmarked post: rnew"),
    ("an old browser's POST from a subdomain", "POST", {**PLAIN, "origin": "http://basket.shop.example:81"},
     "unmarked post: rnew"),
    # Before anybody asked.
    *[(f"{name}: {value}", "GET", {**PAGE, name: value}, "speculative: r") for name, value in (
        ("sec-purpose", "prefetch"), ("sec-purpose", "prefetch;prerender"), ("sec-purpose", "Prefetch;x"),
        ("purpose", "prefetch"), ("purpose", "preview"), ("x-purpose", "preview"), ("x-moz", "prefetch"),
        ("x-sec-purpose", "prefetch"), ("next-router-prefetch", "1"), ("next-router-segment-prefetch", "/_tree"),
        ("x-middleware-prefetch", "1"), ("hx-preloaded", "true"), ("hx-preload", "true"))],
    ("a purpose of another kind", "GET", {**PAGE, "purpose": "navigation"}, "page: rmuncew"),
    ("a prefetching bot", "GET", {"user-agent": "Googlebot/2.1", "sec-purpose": "prefetch"}, "speculative: r"),
    # Nobody.
    ("a preflight", "OPTIONS", {**SCRIPT, "access-control-request-method": "POST"}, "preflight: "),
    ("a crawler", "GET", {**PAGE, "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, "bot: "),
    ("an empty user agent", "GET", {**PAGE, "user-agent": ""}, "bot: "),
    ("a blank user agent", "GET", {**PAGE, "user-agent": "  "}, "bot: "),
    ("no user agent", "GET", {"accept": "text/html"}, "bot: "),
    ("an agent that says so", "GET", {**PAGE, "signature-agent": '"https://agent.example"'}, "agent: "),
    ("a crawler that says so", "GET", {"user-agent": "bingbot/2", "signature-agent": "x"}, "bot: "),
    # Methods that show no page.
    *[(method, method, PAGE, "no page: rw") for method in ("HEAD", "TRACE", "OPTIONS", "PROPFIND", "CONNECT")],
    ("HEAD after a link from another site", "HEAD", {**PAGE, "sec-fetch-site": "cross-site"}, "no page: rw"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "headers", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_request_is_classified_by_its_row(method: str, headers: Mapping[str, str], expected: str) -> None:
    """T-37, R-20, R-21: bots, HEAD, prefetches, parts of pages; what each may read, mint, renew, capture and emit."""
    assert shown(classify_request(view(method=method, headers=headers))) == expected


@pytest.mark.parametrize(("method", "headers"), [row[1:3] for row in ROWS], ids=[row[0] for row in ROWS])
def test_every_class_says_why(method: str, headers: Mapping[str, str]) -> None:
    assert classify_request(view(method=method, headers=headers)).reason


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_websocket_is_read_and_reports_but_writes_nothing(scheme: str) -> None:
    found = classify_request(view(f"{scheme}://www.shop.example/live", headers={"user-agent": FIREFOX}))
    assert shown(found) == "websocket: re"


@pytest.mark.parametrize("mark", [{"user-agent": "Googlebot/2.1"}, {"signature-agent": '"https://agent.example"'}])
def test_bots_and_agents_are_visitors_where_the_site_says_so(mark: dict[str, str]) -> None:
    found = classify_request(view(headers={**PAGE, **mark}), ignore_bots=False)
    assert found.name == "page"


def test_every_header_that_tells_is_part_of_what_a_class_is_remembered_by() -> None:
    asked: set[str] = set()

    def note(name: str) -> str | None:
        asked.add(name)
        return None

    for method, agent in product(["GET", "POST", "OPTIONS"], [FIREFOX, ""]):
        request = view(method=method)
        request._header = lambda name, agent=agent: agent if name == "user-agent" else note(name)  # type: ignore[misc]
        classify_request(request)
    assert asked | {"user-agent"} == {*USUAL, *RARE}


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost"])
def test_a_host_without_a_domain_knows_its_own_forms(host: str) -> None:
    found = classify_request(view(method="POST", headers={**PLAIN, "origin": f"http://{host}"}, host=host))
    assert found.name == "unmarked post"


def test_another_address_is_another_site() -> None:
    request = view("http://10.0.0.1/", method="POST", headers={**PLAIN, "origin": "http://10.0.0.2"})
    assert classify_request(request).name == "cross-site"


@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "X"]),
    headers=st.dictionaries(
        st.sampled_from([*PAGE, *PAYMENT_RETURN, "purpose", "x-moz", "hx-request", "access-control-request-method"]),
        st.text(st.characters(max_codepoint=255)) | st.sampled_from(["document", "cross-site", "navigate", FIREFOX]),
    ),
)
def test_whatever_a_visitor_sends_is_of_some_class(method: str, headers: dict[str, str]) -> None:
    assert classify_request(view(method=method, headers=headers)).name


def test_a_site_replaces_the_table() -> None:
    mine = RequestClass(name="mine", reason="because", read=False)
    assert make_site(classify=lambda _: mine).begin(view()).request_class is mine


def test_a_site_bends_the_table() -> None:
    quiet = make_site(classify=lambda request: replace(classify_request(request), emit=False))
    assert shown(quiet.begin(view()).request_class) == "page: rmuncw"


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "facebookexternalhit/1.1",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "curl/8.5.0",
        "python-requests/2.32",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0.0.0 Safari/537.36",
        "Wget/1.21",
        "Go-http-client/2.0",
        "Java/17.0.1",
        "kube-probe/1.29",
        "ELB-HealthChecker/2.0",
        "GoogleHC/1.0",
        "Amazon-Route53-Health-Check-Service (ref 1234; report http://amzn.to/1vsZADi)",
        "Consul Health Check",
        "Envoy/HC",
        "Edge Health Probe",
        "Load Balancer Agent",
        "AlwaysOn",
        "HealthCheck/1.0",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Claude-User/1.0; +Claude-User@anthropic.com)",
        "meta-externalfetcher/1.1",
        "Mozilla/5.0 (Linux; Android 7.0) AppleWebKit/537.36 (compatible; Google-Read-Aloud)",
        "",
        "\t",
    ],
)
def test_a_program_is_a_bot(agent: str) -> None:
    assert is_bot(agent)


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
        "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
    ],
)
def test_a_browser_is_no_bot(agent: str) -> None:
    assert not is_bot(agent)
