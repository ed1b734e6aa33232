"""What the live page is made of: rows, details, journeys, what there is to mend, exports, and the stream of news."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from tests.localtracker.conftest import CLICK, DEVICE, IDS, SESSION, VISIT, Client

from footfall.localtracker import LocalTracker, Received, Store, assess, live
from footfall.localtracker.journey import follow
from footfall.localtracker.meanings import find_meaning
from footfall.localtracker.yoochoose import EVENTS

WRONG = "/api/00000/rate/u/1/1?rating=101"
DOUBTFUL = "/api/00000/click/anna%40shop.example/1/1"


def ask(client: Client, path: str) -> Any:
    answer = client.send(path)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("", ["", "click", "rate", "visit", "click"]),
        ("?limit=2", ["", "click"]),
        ("?limit=2&offset=2", ["rate", "visit"]),
        ("?verdict=right", ["visit", "click"]),
        ("?verdict=doubtful", ["click"]),
        ("?verdict=wrong", ["", "rate"]),
        ("?tracker=raptor", ["visit"]),
        ("?kind=click", ["click", "click"]),
        ("?visitor=u", ["rate"]),
        ("?verdict=fault", []),
    ],
)
def test_rows_come_latest_first_as_they_are_asked_for(client: Client, query: str, kinds: list[str]) -> None:
    for target in (CLICK, VISIT, WRONG, DOUBTFUL, "/nowhere"):
        client.send(target)
    assert [row["kind"] for row in ask(client, f"/rows.json{query}")["rows"]] == kinds


def test_rows_stay_where_they_are_while_more_comes(client: Client) -> None:
    for _ in range(3):
        client.send(CLICK)
    latest = ask(client, "/rows.json")["rows"][0]["number"]
    client.send(VISIT)
    page = ask(client, f"/rows.json?up_to={latest}&offset=1&limit=1")
    assert [row["number"] for row in page["rows"]] == [latest - 1]


def test_a_detail_explains_every_part_with_its_place_in_the_document(client: Client, tracker: LocalTracker) -> None:
    client.send("/12345.rsa?p1=visit&p2=3298&p77=x&ruid=YW5uYUBzaG9wLmRr&reaid=Zx81&" + IDS)
    [one] = tracker.received()
    detail = ask(client, f"/request.json?number={one.number}")
    parts = {part["name"]: part for part in detail["parameters"]}
    assert list(parts) == ["customerid", "p1", "p2", "p77", "ruid", "reaid", "coid", "sid"]
    assert [name for name, part in parts.items() if not (part["means"] and part["rule"] and part["place"])] == []
    assert parts["ruid"]["reads"] == "anna@shop.dk"
    assert detail["says"] == "opened item 3298"


@pytest.mark.parametrize(
    ("says", "target"),
    [
        ("opened item 123", CLICK),
        ("opened item 123 of type 3", "/api/00000/click/u/3/123"),
        ("bought 2 of item 129 for 4.44 EUR each", "/api/00000/buy/u/1/129?quantity=2&fullprice=4.44EUR"),
        ("logged in as johndoe", "/api/00000/login/u/johndoe"),
        ("was shown item 1, 2", "/api/00000/rendered/u/1/1,2"),
        ("read or watched 60 % of item 466 of type 3", "/api/00000/consume/u/3/466?percentage=60"),
        ("opened item 3298 (A shirt)", f"/12345.rsa?p1=visit&p2=3298&p3=A%20shirt&{IDS}"),
        ("bought 2 of item 1 for 9.95 EUR each", f"/12345.rsa?p1=buy&p2=1&p6=EUR&p12=9.95&p13=2&{IDS}"),
        ("followed the recommendation of item 1 by Top", f"/12345.rsa?p1=itemclick&p2=1&am=Top&{IDS}"),
        ("opened an item that is not named", f"/12345.rsa?p1=visit&{IDS}"),
        ("reported newsletter", f"/12345.rsa?p1=newsletter&{IDS}"),
        ("is no tracker's request", "/nowhere"),
    ],
)
def test_a_request_is_told_in_a_sentence(client: Client, says: str, target: str) -> None:
    client.send(target)
    assert ask(client, "/rows.json")["rows"][0]["says"] == says


def test_every_parameter_that_is_taken_without_a_remark_is_explained_with_its_rule() -> None:
    yoochoose = {name for event in EVENTS.values() for name in (*event.required, *event.optional)}
    paths = {"customerid", "userid", "itemtypeid", "itemid", "sourceuserid", "targetuserid", "modelId", "lang"}
    raptor = {"customerid", "coid", "sid", "ruid", "reaid", "xuid", "am", *(f"p{number}" for number in range(1, 1_000))}
    for tracker, names in (("yoochoose", yoochoose | paths), ("raptor", raptor)):
        assert [name for name in names if not all(find_meaning(tracker, name))] == []


def test_a_request_that_was_forgotten_is_not_there(client: Client) -> None:
    assert client.send("/request.json?number=4711").status == 404


def test_what_there_is_to_mend_is_told_once_with_its_latest(client: Client, tracker: LocalTracker) -> None:
    for target in (WRONG, DOUBTFUL, WRONG):
        client.send(target)
    latest = tracker.received()[-1].number
    mends = ask(client, "/mends.json")["mends"]
    assert [(one["field"], one["count"], bool(one["fatal"])) for one in mends] == [
        ("rating", 2, True),
        ("userid", 1, False),
    ]
    assert mends[0]["latest"] == latest


PERSON = f"{IDS}&reaid=Zx81"


def test_a_journey_tells_what_was_known_and_what_was_new() -> None:
    steps = [
        (0.0, f"/12345.rsa?p1=pageview&{PERSON}"),
        (10.0, f"/12345.rsa?p1=visit&p2=1&{PERSON}"),
        (10.1, f"/api/00000/click/{DEVICE}/1/1"),
        (20.0, f"/api/00000/login/{DEVICE}/johndoe"),
        (60.0, f"/12345.rsa?p1=buy&p2=1&p7=johndoe&ruid=YW5uYUBzaG9wLmRr&{PERSON}"),
        (60.1, "/api/00000/buy/johndoe/1/1?quantity=1&fullprice=1.00EUR"),
        (90.0, f"/12345.rsa?p1=visit&p2=2&{PERSON}"),
    ]
    received = [
        Received(number=number, at=at, method="GET", target=target, assessment=assess("GET", target))
        for number, (at, target) in enumerate(steps)
    ]
    journey: list[Any] = follow(received)
    assert [(one["tracker"], one["kind"], one["news"]) for one in journey] == [
        ("raptor", "pageview", ["a new visit begins", "known by a newsletter's link (reaid)"]),
        ("raptor", "visit", []),
        ("yoochoose", "click", []),
        ("yoochoose", "login", ["logged in as johndoe"]),
        ("raptor", "buy", ["known as a person (ruid) as anna@shop.dk"]),
        ("yoochoose", "buy", []),
        ("raptor", "visit", ["no longer known as a person (ruid)", "logged out"]),
    ]
    assert {one["known"]["session"] for one in journey} == {SESSION}


def test_a_journey_has_all_of_one_person_by_any_of_their_ids(client: Client) -> None:
    for target in (VISIT, f"/api/00000/login/{DEVICE}/johndoe", "/api/00000/rate/johndoe/1/1?rating=1", CLICK):
        client.send(target)
    journey = ask(client, f"/journey.json?visitor={DEVICE}")
    assert journey["ids"] == [DEVICE, "johndoe"]
    assert [one["kind"] for one in journey["journey"]] == ["visit", "login", "rate"]
    assert ask(client, "/journey.json?visitor=johndoe") == journey


def test_whoever_shares_the_id_of_everybody_is_not_one_person(client: Client) -> None:
    """T-10."""
    client.send("/api/00000/login/not_defined/anna")
    client.send("/api/00000/login/not_defined/bert")
    ids = {name: ask(client, f"/journey.json?visitor={name}")["ids"] for name in ("anna", "not_defined")}
    assert ids == {"anna": ["anna"], "not_defined": ["not_defined"]}


def test_a_journey_needs_somebody(client: Client) -> None:
    assert json.loads(client.send("/journey.json").body)["error"].startswith("visitor: ")


def test_json_lines_have_everything_that_matches(client: Client) -> None:
    for target in (CLICK, VISIT, WRONG):
        client.send(target)
    answer = client.send("/export.jsonl?tracker=yoochoose")
    assert [json.loads(line)["kind"] for line in answer.body.splitlines()] == ["click", "rate"]
    assert answer.headers["content-disposition"] == 'attachment; filename="received.jsonl"'


def test_a_table_has_everything_that_matches(client: Client) -> None:
    for target in (CLICK, VISIT, WRONG):
        client.send(target)
    rows = list(csv.DictReader(io.StringIO(client.send("/export.csv?verdict=wrong").body)))
    assert [(row["kind"], row["status"], row["target"]) for row in rows] == [("rate", "400", WRONG)]
    assert rows[0]["findings"].startswith("rating: ")


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "\uff1d1+1", "\uff20x"])
def test_no_cell_of_a_table_is_a_formula(formula: str, client: Client) -> None:
    client.send(f"/api/00000/click/{quote(formula, safe='')}/1/1")
    [row] = csv.DictReader(io.StringIO(client.send("/export.csv").body, newline=""))
    assert row["visitor"] == f"'{formula}"


@pytest.mark.parametrize("formula", ["x;=1+1", "x\t@SUM(A1)", "x\r\n=1+1", "x\n-1"])
def test_nor_is_one_where_other_signs_part_the_cells(formula: str, client: Client) -> None:
    client.send(f"/api/00000/click/{quote(formula, safe='')}/1/1?categorypath=a;=b")
    table = client.send("/export.csv").body
    assert [cell for cell in re.split(r"[;\t\r\n]", table) if cell.startswith(("=", "+", "-", "@"))] == []


def test_what_is_no_formula_stays_as_it_was_in_a_table(client: Client) -> None:
    client.send("/api/00000/click/a-b=c%2Bd%40e;f/1/1")
    [row] = csv.DictReader(io.StringIO(client.send("/export.csv").body))
    assert row["visitor"] == "a-b=c+d@e;f"


def test_the_stream_tells_of_what_comes(client: Client, tracker: LocalTracker) -> None:
    connection = http.client.HTTPConnection(tracker.url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/live")
    stream = connection.getresponse()
    before = json.loads(stream.readline().removeprefix(b"data: "))
    client.send(CLICK)
    assert stream.readline() == b"\n"
    after = json.loads(stream.readline().removeprefix(b"data: "))
    stream.close()
    connection.close()
    assert (before["tally"], after["tally"]) == ([], [["yoochoose", "click", 204, "right", 1]])
    assert [count for _, _, count in after["minutes"]] == [1]


def test_an_open_page_does_not_keep_a_tracker_from_closing() -> None:
    tracker = LocalTracker()
    connection = http.client.HTTPConnection(tracker.url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/live")
    stream = connection.getresponse()
    stream.readline()
    tracker.close()
    stream.read()  # ends as a whole answer does: one that was broken off would raise
    connection.close()


def test_a_stream_that_is_slow_to_notice_still_ends_as_a_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_TICK", 1.8)  # as on a machine that has other work
    test_an_open_page_does_not_keep_a_tracker_from_closing()


def test_whoever_waits_for_more_does_not_keep_a_tracker_from_closing(
    wait_until: Callable[[Callable[[], object]], bool],
) -> None:
    tracker = LocalTracker()
    client, answers = Client(tracker), list[str]()
    waiting = threading.Thread(target=lambda: answers.append(client.send("/received.json?at_least=1&within=60").body))
    waiting.start()
    assert wait_until(lambda: tracker._server._server.server_state.tasks)
    tracker.close()
    waiting.join(10)
    assert [json.loads(answer)["count"] for answer in answers] == [0]


def test_many_that_wait_keep_nobody_from_an_answer(client: Client) -> None:
    waiting = [threading.Thread(target=lambda: client.send("/received.json?at_least=1&within=30")) for _ in range(60)]
    for one in waiting:
        one.start()
    assert ask(client, "/rows.json")["rows"] == []
    client.send(CLICK)
    for one in waiting:
        one.join(30)


def test_memory_keeps_the_latest_and_counts_them_all() -> None:
    store = Store(most=100)
    for number in range(1, 301):
        target = f"/api/00000/click/u/1/{number}"
        store.add(1.5, "GET", target, assess("GET", target))
        if number % 10 == 0:
            store.count()  # has them written, as time would
    kept = [int(one.params["itemid"]) for one in store.received()]
    assert (kept[-1], 100 <= len(kept) <= 105, kept) == (300, True, list(range(kept[0], 301)))
    assert (store.count(), store.count_kept(), store.count(visitor="u")) == (300, len(kept), len(kept))
    store.close()
