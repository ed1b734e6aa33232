"""The local tracker over real sockets: answers, what it keeps, its page and its API."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import characters, text

from footfall.localtracker import LocalTracker, Rules, create_app

IDS = "coid=7d444840-9dc0-11d1-b245-5ffdce74fad2&sid=E7B3A1C2-0F4D-4E5A-9B8C-1D2E3F4A5B6C"
VISIT = f"/12345.rsa?p1=visit&p2=3298&{IDS}"
CLICK = "/api/00000/click/Js79009234YU7/1/123?categorypath=%2FShoes%2FChildren"


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """Sends requests to a local tracker as they are written, over a real socket."""

    tracker: LocalTracker

    def send(
        self, target: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer:
        connection = http.client.HTTPConnection(self.tracker.url.removeprefix("http://"), timeout=10)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body.encode() if body else None)
            reply = connection.getresponse()
            return Answer(reply.status, reply.read().decode(), {k.lower(): v for k, v in reply.getheaders()})
        finally:
            connection.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalTracker]:
    with LocalTracker() as tracker:
        yield tracker


@pytest.fixture
def tracker(shared: LocalTracker) -> LocalTracker:
    shared.clear()
    return shared


@pytest.fixture
def client(tracker: LocalTracker) -> Client:
    return Client(tracker)


@pytest.fixture
def strict_tracker() -> Iterator[LocalTracker]:
    """A tracker that knows two customers, one of them by its licence key."""
    rules = Rules(customers=frozenset({"00000", "12345"}), credentials={"12345": "8695-1828"})
    with LocalTracker(rules=rules) as tracker:
        yield tracker


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (CLICK, 204),
        ("/api/00000/rendered/Js79009234YU7/1/128,129,155", 204),
        ("/api/00000/clickrecommended/Js79009234YU7/1/155?scenario=also_bought", 204),
        ("/api/00000/consume/Js79009234YU7/3/452", 204),
        ("/api/00000/consume/Js79009234YU7/3/466?percentage=60", 204),
        ("/api/00000/basket/Js79009234YU7/1/128", 204),
        ("/api/00000/login/Js79009234YU7/johndoe", 204),
        ("/api/00000/buy/johndoe/1/128?quantity=1&fullprice=19.99EUR", 204),
        ("/api/00000/rate/johndoe/1/133?rating=5", 204),
        ("/api/00000/blacklist/johndoe/1/9", 204),
        ("/clickrecommended/johndoe/1/100175717?scenario=also_clicked&modelId=37", 204),
        ("/rendered/johndoe/1/100175717", 204),
        (VISIT, 200),
        (f"/12345.rsa?p1=itemclick&p2=12345&{IDS}&am=GetSimilarItems", 200),
        ("/12345.stream?p1=buy&ruid=anna%40shop.dk", 200),
        ("/api/00000/click/a/../1/1", 400),
        ("/api/00000/click/../1/1", 400),
        ("/api/00000/click/u/1/0", 400),
        ("/api/00000/look/u/1/1", 404),
        ("/nowhere", 404),
        (f"{VISIT}&p3={'x' * 9000}", 414),
        (f"{VISIT}&p3={'x' * 100_000}", 414),
    ],
)
def test_a_request_is_answered_as_documented(client: Client, target: str, status: int) -> None:
    """Y-54, Y-60 to Y-64."""
    assert client.send(target).status == status


def test_a_post_with_a_body_is_taken_by_its_url(client: Client) -> None:
    """Y-10, T-11."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.send(CLICK, "POST", form, body="rating=5").status == 204


@pytest.mark.parametrize(
    ("target", "authorization", "status"),
    [
        ("/api/99999/click/u/1/1", None, 404),
        (f"/99999.rsa?{VISIT.partition('?')[2]}", None, 404),
        ("/api/00000/click/u/1/1", None, 204),
        ("/api/12345/click/u/1/1", None, 401),
        ("/api/12345/click/u/1/1", "Basic " + base64.b64encode(b"12345:wrong").decode(), 401),
        ("/api/12345/click/u/1/1", "Basic ???", 401),
        ("/api/12345/click/u/1/1", "Basic " + base64.b64encode(b"12345:8695-1828").decode(), 204),
    ],
)
def test_only_known_customers_with_their_credentials_are_let_in(
    strict_tracker: LocalTracker, target: str, authorization: str | None, status: int
) -> None:
    """Y-62, Y-64."""
    headers = {"Authorization": authorization} if authorization else {}
    assert Client(strict_tracker).send(target, headers=headers).status == status


def test_a_refusal_says_in_words_what_to_mend(client: Client) -> None:
    """Y-66."""
    answer = client.send("/api/00000/rate/u/1/1")
    assert (
        answer.body
        == "400 Bad Request\n\nwrong: rating: is missing; send it: rate requires it (Tracking API, 'Rate Event')\n"
    )
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_path_is_kept_as_it_was_written(client: Client, tracker: LocalTracker) -> None:
    """Y-11, Y-53: neither %2F nor a comma changes on the way."""
    targets = ["/api/00000/click/a%2Fb%2C%2e/1/1", "/api/00000/rendered/u/1/1,2", "/%61pi/x"]
    for target in targets:
        client.send(target)
    assert [one.target for one in tracker.received()] == targets
    assert [one.visitor for one in tracker.received()] == ["a/b,.", "u", ""]


def test_what_came_is_told_decoded(client: Client, tracker: LocalTracker) -> None:
    client.send(VISIT + "&ruid=YW5uYUBzaG9wLmRr")
    (one,) = tracker.received()
    assert (one.tracker, one.kind, one.status, one.method) == ("raptor", "visit", 200, "GET")
    assert (one.visitor, one.session) == (one.params["coid"], one.params["sid"])
    assert one.params["ruid"] == "YW5uYUBzaG9wLmRr"


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("", ["click", "visit", "rate", ""]),
        ("?tracker=raptor", ["visit"]),
        ("?kind=click", ["click"]),
        ("?visitor=Js79009234YU7", ["click"]),
        ("?status=404", [""]),
        ("?verdict=refused", ["rate", ""]),
        ("?verdict=accepted&tracker=yoochoose", ["click"]),
        ("?limit=2", ["click", "visit"]),
    ],
)
def test_the_api_chooses_what_it_is_asked_for(client: Client, query: str, kinds: list[str]) -> None:
    for target in (CLICK, VISIT, "/api/00000/rate/u/1/1?rating=101", "/nowhere"):
        client.send(target)
    received = json.loads(client.send(f"/received.json{query}").body)["received"]
    assert [one["kind"] for one in received] == kinds


def test_the_api_goes_on_after_a_number(client: Client) -> None:
    client.send(CLICK)
    first = json.loads(client.send("/received.json").body)["received"][0]["number"]
    client.send(VISIT)
    answer = json.loads(client.send(f"/received.json?after={first}").body)
    assert [one["kind"] for one in answer["received"]] == ["visit"]


def test_the_api_counts_by_tracker_kind_and_status(client: Client) -> None:
    for target in (CLICK, CLICK, VISIT):
        client.send(target)
    assert json.loads(client.send("/counts.json").body)["counts"] == [
        {"tracker": "raptor", "kind": "visit", "status": 200, "count": 1},
        {"tracker": "yoochoose", "kind": "click", "status": 204, "count": 2},
    ]


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=1001", "status=-1", "after=1e3", "within=nan", "within=61", "verdict=no"]
)
def test_the_api_names_a_parameter_it_cannot_read(client: Client, query: str) -> None:
    answer = client.send(f"/received.json?{query}")
    assert answer.status == 400
    assert json.loads(answer.body)["error"].startswith(query.partition("=")[0] + ": write ")


def test_the_api_waits_until_enough_has_come(client: Client) -> None:
    answers: list[str] = []
    waiting = threading.Thread(
        target=lambda: answers.append(client.send("/received.json?kind=click&at_least=2&within=30").body)
    )
    waiting.start()
    for target in (CLICK, VISIT, CLICK):
        client.send(target)
    waiting.join(30)
    assert json.loads(answers[0])["count"] == 2


def test_the_api_waits_no_longer_than_it_is_told(client: Client) -> None:
    assert json.loads(client.send("/received.json?at_least=1&within=0").body) == {"count": 0, "received": []}


def test_a_button_forgets_everything(client: Client, tracker: LocalTracker) -> None:
    client.send(CLICK)
    answer = client.send("/clear", "POST", {"Sec-Fetch-Site": "same-origin"})
    assert (answer.status, answer.headers["location"], tracker.count()) == (303, "/", 0)


def test_another_site_cannot_make_it_forget(client: Client, tracker: LocalTracker) -> None:
    client.send(CLICK)
    assert client.send("/clear", "POST", {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert tracker.count() == 1


class Texts(HTMLParser):
    """Collects what a browser would show, and every tag and address it would act on."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_shows_each_request_with_what_is_wrong(client: Client) -> None:
    client.send(CLICK)
    client.send("/api/00000/rate/u/1/1?rating=101")
    page = client.send("/")
    texts = Texts(page.body).texts
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert {"Js79009234YU7", "/Shoes/Children", f"GET {CLICK}"} <= set(texts)
    assert "rating: is not as it must be; write a whole number of 0 to 100 (Tracking API, 'Rate Event')" in texts


def test_the_page_shows_what_it_is_asked_for(client: Client) -> None:
    client.send(CLICK)
    client.send(VISIT)
    page = client.send("/?tracker=raptor&verdict=&kind=visit&visitor=").body
    assert f"GET {VISIT}" in Texts(page).texts
    assert f"GET {CLICK}" not in Texts(page).texts


HOSTILE = "\"'><script src=//evil.example></script><img src=x onerror=alert(1)>&lt;{{7*7}}`é\x00"
PLACES: list[Callable[[str], str]] = [
    lambda evil: f"/api/00000/click/{evil}/1/1",
    lambda evil: f"/api/{evil}/click/u/1/1",
    lambda evil: f"/api/00000/{evil}/u/1/1",
    lambda evil: f"/api/00000/click/u/{evil}/{evil}",
    lambda evil: f"/api/00000/click/u/1/1?categorypath={evil}&{evil}={evil}",
    lambda evil: f"/api/00000/buy/u/1/1?quantity={evil}&fullprice={evil}",
    lambda evil: f"/api/00000/login/{evil}/{evil}",
    lambda evil: f"/{evil}.rsa?p1={evil}&coid={evil}&sid={evil}&ruid={evil}&am={evil}",
    lambda evil: f"/12345.rsa?{evil}={evil}",
    lambda evil: f"/{evil}",
    lambda evil: f"/x/y/transfer/{evil}/{evil}",
]


@pytest.mark.parametrize("place", PLACES)
def test_hostile_text_is_only_text_on_the_page(client: Client, place: Callable[[str], str]) -> None:
    client.send(place(quote(HOSTILE, safe="")))
    assert_harmless(client.send("/").body)


@pytest.mark.parametrize("raw", ["/<script>", "/12345.rsa?p1=<img/onerror=alert(1)>", '/api/0/click/"onload="x/1/1'])
def test_hostile_bytes_are_only_text_on_the_page(client: Client, raw: str) -> None:
    client.send(raw)
    assert_harmless(client.send("/").body)


@pytest.mark.parametrize("name", ["kind", "visitor", "tracker"])
def test_hostile_text_in_the_pages_own_address_is_only_text(client: Client, name: str) -> None:
    assert_harmless(client.send(f"/?{name}={quote(HOSTILE, safe='')}").body)


def assert_harmless(page: str) -> None:
    read = Texts(page)
    assert read.tags.isdisjoint({"script", "img", "iframe", "object", "link", "base"})
    assert read.handlers == []
    assert set(read.addresses) <= {"/", "/clear", "/received.json"}


def test_the_page_allows_itself_nothing_but_its_style(client: Client) -> None:
    policy = client.send("/").headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rest=text(characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60))
def test_no_request_is_answered_by_a_server_error(client: Client, rest: str) -> None:
    assert client.send("/" + rest).status < 500
    assert client.send("/12345.rsa?" + rest).status < 500


def test_an_application_closes_the_store_that_it_made_itself() -> None:
    app = create_app()

    async def serve() -> None:
        async with app.router.lifespan_context(app):
            pass

    # A store left open is a ResourceWarning, and that an error here.
    asyncio.run(serve())
