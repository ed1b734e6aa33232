"""The consent endpoint: the banner's one address, answered before the application is asked, behind every door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doors.exchange import FIREFOX, Headers, Reply, Request, Response, guid, make_site
from tests.doors.rows import KNOWN, NOW, attributes, consent_line, expired, ids, person
from tests.identity.asking import make_site as ask_site
from tests.identity.asking import respond, view
from tests.privacy.shops import SHOPS

from footfall import Consent, Site, Tracking
from footfall.consent import own_cookie
from footfall.errors import ConfigError
from footfall.testing import Clock, Recorder, recording
from footfall.tracking.answers import answer_consent

HOST = "https://www.shop.example"
ENDPOINT = "/consent"
LANDING = f"{HOST}/shirt?reaid=r1&page=2"
SCRIPT: Headers = [
    ("user-agent", FIREFOX),
    ("accept", "*/*"),
    ("origin", HOST),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
]
FORM: Headers = [
    ("user-agent", FIREFOX),
    ("accept", "text/html"),
    ("origin", HOST),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
]
#: A browser that says where its request comes from by the Origin alone: an older one, or a page over plain http.
OLD: Headers = [("user-agent", FIREFOX), ("origin", HOST)]


def never(tracking: Tracking) -> None:
    raise AssertionError("the application was asked")


def post(choice: str, headers: Headers = SCRIPT, *, referer: str | None = LANDING, cookie: str = "") -> Request:
    """Make a banner's request."""
    extra = [] if referer is None else [("referer", referer)]
    url = f"{HOST}{ENDPOINT}" + (f"?{choice}" if choice else "")
    return Request(method="POST", url=url, headers=[*headers, *extra], cookies=(cookie,) if cookie else ())


@pytest.fixture
def site() -> Site:
    return make_site(consent=own_cookie(), site={"consent_endpoint": ENDPOINT})


@pytest.fixture
def reported(site: Site) -> Iterator[Recorder]:
    with recording(site) as recorder:
        yield recorder


Send = Callable[[Request], Response]


@pytest.fixture(params=SHOPS)
def send(request: pytest.FixtureRequest, site: Site) -> Send:
    """Send a request through a door; each test that asks for this runs once for each of them."""
    shop = SHOPS[request.param]
    return lambda one: shop(site, one, never, Reply())


def test_a_grant_sets_the_ids_the_landing_pages_reaid_and_the_choice(send: Send) -> None:
    """D-05, R-33: the newsletter's click is not lost to the banner."""
    response = send(post("grant"))
    assert (response.status, response.body) == (204, b"")
    assert response.all("set-cookie") == [
        *ids(guid(1), guid(2)),
        person("rsaReaId", "r1"),
        consent_line("g.g"),
    ]
    assert response.all("cache-control") == ["private, no-store"]


def test_a_grant_to_the_device_alone_leaves_the_reaid_where_it_is(send: Send) -> None:
    response = send(post("grant-device"))
    assert (response.status, response.all("set-cookie")) == (204, [*ids(guid(1), guid(2)), consent_line("g.d")])


def test_a_denial_sets_nothing_but_itself(send: Send) -> None:
    response = send(post("deny"))
    assert (response.status, response.all("set-cookie")) == (204, [consent_line("d.d")])


def test_a_withdrawal_expires_everything_and_erases_what_waits(send: Send, reported: Recorder) -> None:
    """D-05: as easily as consent was given."""
    granted = f"footfallConsent=1.g.g.{NOW - 60}"
    response = send(post("deny", cookie=f"{granted}; {KNOWN}; rsaReaId=r0"))
    assert response.all("set-cookie") == [
        *expired("rsa", "rsaSession", "rsaSessionOpen", "rsaReaId"),
        consent_line("d.d"),
    ]
    assert reported.erased == ["aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"]


def test_a_form_is_sent_back_to_its_page(send: Send) -> None:
    response = send(post("grant", FORM))
    assert (response.status, response.all("location")) == (303, ["/shirt?reaid=r1&page=2"])
    assert person("rsaReaId", "r1") in response.all("set-cookie")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_only_a_post_is_a_choice(send: Send, method: str) -> None:
    request = Request(method=method, url=f"{HOST}{ENDPOINT}?grant", headers=SCRIPT)
    response = send(request)
    assert (response.status, response.all("allow"), response.all("set-cookie")) == (405, ["POST"], [])


FOREIGN: dict[str, Headers] = {
    "another site": [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
    "another site, old browser": [("origin", "https://evil.example")],
    "a suffix of ours": [("origin", "https://evilshop.example")],
    "nowhere": [("origin", "null")],
    "no word": [],
    "rubbish": [("origin", "https://[")],
    "typed": [("sec-fetch-site", "none")],
    "another site that says our origin": [("origin", HOST), ("sec-fetch-site", "cross-site")],
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_another_site_cannot_choose_for_the_visitor(send: Send, headers: Headers) -> None:
    response = send(post("grant", [("user-agent", FIREFOX), *headers]))
    assert (response.status, response.all("set-cookie")) == (403, [])


@pytest.mark.parametrize("headers", [SCRIPT, FORM, OLD, [*OLD[:1], ("origin", "https://basket.shop.example")]])
def test_the_sites_own_pages_can(send: Send, headers: Headers) -> None:
    assert consent_line("g.g") in send(post("grant", headers)).all("set-cookie")


@pytest.mark.parametrize("choice", ["", "yes", "grant=1", "grant&deny", "GRANT", "gr%61nt", "grant&x"])
def test_what_is_no_choice_is_a_bad_request(send: Send, choice: str) -> None:
    response = send(post(choice))
    assert (response.status, response.all("set-cookie")) == (400, [])


def test_with_gpc_on_a_grant_changes_nothing(send: Send) -> None:
    """D-05, 11 CCR 7025."""
    response = send(post("grant", [*SCRIPT, ("sec-gpc", "1")]))
    assert (response.status, response.all("set-cookie")) == (204, [])


def test_the_next_page_knows_the_choice(send: Send, site: Site) -> None:
    lines = send(post("grant")).all("set-cookie")
    cookie = "; ".join(line.partition(";")[0] for line in lines)
    seen: list[object] = []
    page = Request(cookies=(cookie,))
    SHOPS["asgi"](site, page, lambda t: seen.append((t.consent, t.device_id, t.reaid)), Reply())
    assert seen == [(Consent.GRANTED, guid(1), "r1")]


def test_elsewhere_the_application_is_asked(site: Site) -> None:
    asked: list[Tracking] = []
    SHOPS["asgi"](site, Request(method="POST", url=f"{HOST}{ENDPOINT}/x?grant", headers=SCRIPT), asked.append, Reply())
    assert len(asked) == 1


@pytest.mark.parametrize("path", ["consent", "", "https://www.shop.example/consent"])
def test_an_endpoint_is_a_path(path: str) -> None:
    with pytest.raises(ConfigError, match=r"consent_endpoint: is .*write a path such as '/consent'"):
        make_site(site={"consent_endpoint": path})


# The Referer, which anybody may have written


def choose(referer: str, *, scheme: str = "https") -> tuple[str, str | None, list[str]]:
    """Grant by a form with that Referer: where it sends, which reaid it kept, every line it wrote."""
    site = ask_site(consent=own_cookie())
    site.now = Clock()
    headers = {**dict(FORM), "referer": referer}
    request = view(f"{scheme}://www.shop.example{ENDPOINT}?grant", method="POST", headers=headers)
    tracking = site.begin(request)
    answer = answer_consent(tracking, request)
    location = dict(answer.headers)["Location"]
    edit = tracking.finish(answer.status, answer.headers)
    assert edit is not None
    return location, tracking.reaid, [value for _, value in edit.add]


FOREIGN_PAGES = [
    "https://evil.example/?reaid=secret-of-a-visitor",
    "https://www.shop.example.evil.example/?reaid=x1",
    "https://evil.example/www.shop.example/?reaid=x1",
    "https://www.shop.example@evil.example/?reaid=x1",
    "https://basket.shop.example/?reaid=x1",
    "//evil.example/?reaid=x1",
    "/shirt?reaid=x1",
    "?reaid=x1",
    "https://[www.shop.example]/?reaid=x1",
    "about:blank?reaid=x1",
    "",
]


@pytest.mark.parametrize("referer", FOREIGN_PAGES)
def test_a_referer_of_another_origin_gives_no_reaid_and_no_way(referer: str) -> None:
    assert choose(referer)[:2] == ("/", None)


@pytest.mark.parametrize(
    "query",
    [
        "reaid=a&reaid=b",
        "reaid=",
        "reaid=a b",
        "reaid=%0d%0aSet-Cookie:x",
        "reaid=%C3%A9",
        "REAID=a",
        f"reaid={'a' * 513}",
    ],
)
def test_a_referer_without_one_good_reaid_gives_none(query: str) -> None:
    assert choose(f"{HOST}/shirt?{query}")[1] is None


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("", "/"),
        ("//evil.example", "/evil.example"),
        ("/\\evil.example", "/%5Cevil.example"),
        ("///evil.example/x?y=1", "/evil.example/x?y=1"),
        ("/shirt?a=%20b#reaid=1", "/shirt?a=%20b"),
        ("/caf\xc3\xa9", "/caf%C3%A9"),
        (ENDPOINT, "/"),
        (f"{ENDPOINT}?grant", "/"),
    ],
)
def test_a_form_is_sent_to_a_page_of_this_site_and_never_round_in_circles(path: str, location: str) -> None:
    assert choose(HOST + path)[0] == location


REFERERS = st.one_of(
    st.text(max_size=200),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(
            ["https://www.shop.example", "https://WWW.SHOP.EXAMPLE", "https://www.shop.example:443", "//", ""]
        ),
        st.text(alphabet="/\\?#&=%@:.\r\n\t \x00é漢ax", max_size=40),
        st.sampled_from(["", "?reaid=a", "&reaid=%0a", "?reaid=\r\nSet-Cookie: x=1", "#reaid=a"]),
    ),
)


@given(referer=REFERERS)
def test_no_referer_breaks_out_of_the_site_or_of_a_header(referer: str) -> None:
    """D-04."""
    location, reaid, lines = choose(referer)
    assert all(line.isascii() and line.isprintable() for line in (location, *lines))
    assert urlsplit(urljoin(HOST, location.replace("\\", "/")))[:2] == ("https", "www.shop.example")
    assert reaid is None or f"rsaReaId={reaid}; Max-Age=31536000{attributes()}" in lines


def test_an_answer_shows_nobodys_address_in_its_repr() -> None:
    site = ask_site(consent=own_cookie())
    request = view(f"{HOST}{ENDPOINT}?grant", method="POST", headers={**dict(FORM), "referer": LANDING})
    assert "r1" not in repr(answer_consent(site.begin(request), request))


def test_without_an_endpoint_its_path_is_the_applications() -> None:
    site = ask_site(consent=own_cookie())
    assert site.begin(view(f"{HOST}{ENDPOINT}?grant", method="POST", headers=dict(SCRIPT))).answer() is None
    assert respond(site, view(f"{HOST}{ENDPOINT}?grant", method="POST", headers=dict(SCRIPT))) == []
