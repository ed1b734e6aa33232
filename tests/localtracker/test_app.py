"""The local tracker over real sockets: answers, what it keeps, its page and its API."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import characters, text
from tests.heavy import TIMES
from tests.localtracker.conftest import CLICK, IDS, VISIT, Client

from footfall.localtracker import LocalTracker, Rules, create_app


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
    assert json.loads(answer.body)["error"].startswith(query.partition("=")[0] + ": is ")


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


def test_the_page_allows_no_script_but_its_own_files_and_nothing_from_elsewhere(client: Client) -> None:
    answer = client.send("/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert policy.pop("default-src") == "'none'"
    assert policy.pop("require-trusted-types-for") == "'script'"  # text cannot become markup, whatever a script does
    assert set(policy.values()) == {"'self'", "'none'"}


class Parts(HTMLParser):
    """Collects what a browser would load or run of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self._in_script = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.inline += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self._in_script = tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append(data)


def test_the_page_needs_no_address_but_its_own(client: Client) -> None:
    parts = Parts(client.send("/").body)
    assert parts.inline == []
    assert [one for one in parts.addresses if not one.startswith(("/", "#"))] == []


def test_every_file_that_the_page_names_is_there(client: Client) -> None:
    named = [one for one in Parts(client.send("/").body).addresses if one.startswith("/assets/")]
    scripts = [one for one in named if one.endswith(".js")]
    while scripts:
        imported = [f"/assets/{name}" for name in re.findall(r'from "\./(.+?)"', client.send(scripts.pop()).body)]
        scripts += [one for one in imported if one not in named]
        named += imported
    assert {one: client.send(one).status for one in named} == dict.fromkeys(named, 200)
    assert {client.send(one).headers["content-type"].partition(";")[0] for one in named} == {
        "text/css", "image/svg+xml", "text/javascript"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fapp.py", "%2e%2e/app.py", "__init__.py"])
def test_nothing_but_the_pages_files_is_served(client: Client, name: str) -> None:
    assert client.send(f"/assets/{name}").status == 404


@settings(max_examples=60 * TIMES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
