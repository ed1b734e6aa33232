"""Faults to order: what clients see of each, for whom, and for how many."""

from __future__ import annotations

import http.client
import json
import random
import time

import pytest
from tests.localtracker.conftest import CLICK, VISIT, Client

from footfall.errors import ConfigError
from footfall.localtracker import Fault, Faults, LocalTracker, create_app


@pytest.mark.parametrize("kind", ["400", "429", "500", "503"])
def test_a_status_is_answered_as_ordered(client: Client, tracker: LocalTracker, kind: str) -> None:
    client.send(f"/faults.json?kind={kind}", "POST")
    assert client.send(CLICK).status == int(kind)
    [one] = tracker.received()
    assert (one.status, one.look, one.fault) == (int(kind), "fault", kind)


@pytest.mark.parametrize(("kind", "header"), [("429", "7"), ("503", "7"), ("500", None), ("400", None)])
def test_only_who_is_busy_says_when_to_come_back(client: Client, kind: str, header: str | None) -> None:
    """Y-67."""
    client.send(f"/faults.json?kind={kind}&retry_after=7", "POST")
    assert client.send(CLICK).headers.get("retry-after") == header


def test_a_cut_connection_ends_without_an_answer(client: Client, tracker: LocalTracker) -> None:
    tracker.faults.order(Fault(kind="cut"))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client.send(CLICK)
    assert [(one.status, one.fault) for one in tracker.received()] == [(0, "cut")]


def test_a_hang_ends_without_an_answer_when_its_time_is_over(client: Client, tracker: LocalTracker) -> None:
    tracker.faults.order(Fault(kind="hang", seconds=0.05))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client.send(CLICK)
    assert [(one.status, one.fault) for one in tracker.received()] == [(0, "hang")]


def test_a_client_that_hangs_up_on_a_slow_answer_got_none(tracker: LocalTracker) -> None:
    tracker.faults.order(Fault(kind="latency", seconds=60))
    connection = http.client.HTTPConnection(tracker.url.removeprefix("http://"), timeout=0.1)
    connection.request("GET", CLICK)
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    assert [(one.status, one.fault) for one in tracker.wait_until(1)] == [(0, "hang")]


def test_a_late_answer_is_the_true_one(client: Client, tracker: LocalTracker) -> None:
    tracker.faults.order(Fault(kind="latency", seconds=0.05))
    begun = time.monotonic()
    assert client.send("/api/00000/rate/u/1/1").status == 400
    assert time.monotonic() - begun >= 0.05
    assert [(one.look, one.fault) for one in tracker.received()] == [("wrong", "")]


def test_a_fault_for_one_tracker_leaves_the_other_alone(client: Client) -> None:
    client.send("/faults.json?kind=503&tracker=raptor", "POST")
    assert (client.send(VISIT).status, client.send(CLICK).status) == (503, 204)


def test_faults_are_turned_off_one_by_one_and_all_at_once(client: Client) -> None:
    client.send("/faults.json?kind=503&share=0.5", "POST")
    client.send("/faults.json?kind=429&share=0.5", "POST")
    client.send("/faults.json?kind=503&share=0", "POST")
    assert [one["kind"] for one in json.loads(client.send("/faults.json").body)["faults"]] == ["429"]
    assert json.loads(client.send("/faults.json", "DELETE").body) == {"faults": []}
    assert client.send(CLICK).status == 204


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_site_cannot_order_faults(client: Client, tracker: LocalTracker, method: str) -> None:
    tracker.faults.order(Fault(kind="503", share=0.1))
    answer = client.send("/faults.json?kind=500", method, {"Sec-Fetch-Site": "cross-site"})
    assert (answer.status, [one.kind for one in tracker.faults.on]) == (403, ["503"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=502", "kind"),
        ("", "kind"),
        ("kind=503&share=1.1", "share"),
        ("kind=503&share=x", "share"),
        ("kind=hang&seconds=121", "seconds"),
        ("kind=429&retry_after=-1", "retry_after"),
        ("kind=429&tracker=matomo", "tracker"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_by_its_field(client: Client, query: str, field: str) -> None:
    answer = client.send(f"/faults.json?{query}", "POST")
    assert (answer.status, json.loads(answer.body)["error"].partition(":")[0]) == (400, field)


def test_faults_for_more_than_every_request_are_refused() -> None:
    faults = Faults()
    faults.order(Fault(kind="503", share=0.6))
    with pytest.raises(ConfigError, match=r"share: .* more than every request"):
        faults.order(Fault(kind="hang", share=0.5, tracker="raptor"))
    assert [one.kind for one in faults.on] == ["503"]


def test_each_fault_gets_its_share_and_the_rest_is_answered() -> None:
    faults = Faults(random.Random(1).random)
    faults.order(Fault(kind="503", share=0.3))
    faults.order(Fault(kind="hang", share=0.2))
    drawn = [fault.kind if fault else None for _, fault in (faults.draw("raptor") for _ in range(10_000))]
    assert [round(drawn.count(kind) / 10_000, 1) for kind in ("503", "hang", None)] == [0.3, 0.2, 0.5]


def test_a_share_of_the_answers_is_late_and_a_fault_may_come_late_too() -> None:
    faults = Faults(random.Random(1).random)
    faults.order(Fault(kind="latency", share=0.3, seconds=4))
    faults.order(Fault(kind="503", share=0.5))
    drawn = [(wait, fault is not None) for wait, fault in (faults.draw("raptor") for _ in range(10_000))]
    shares = {one: round(drawn.count(one) / 10_000, 2) for one in sorted(set(drawn))}
    assert shares == {
        (0, False): pytest.approx(0.35, abs=0.02),
        (0, True): pytest.approx(0.35, abs=0.02),
        (4, False): pytest.approx(0.15, abs=0.02),
        (4, True): pytest.approx(0.15, abs=0.02),
    }


def test_what_comes_again_after_a_fault_is_not_taken_for_a_second_purchase(
    client: Client, tracker: LocalTracker
) -> None:
    buy = "/api/00000/buy/johndoe/1/1?fullprice=1.00EUR&quantity=1"
    tracker.faults.order(Fault(kind="503"))
    client.send(buy)
    tracker.faults.mend()
    client.send(buy)
    assert [(one.look, one.remarks) for one in tracker.received()] == [("fault", ()), ("right", ())]


def test_a_server_that_lets_nobody_cut_its_connections_breaks_off_its_answer() -> None:
    import asyncio

    app = create_app(faults=(faults := Faults()))
    faults.order(Fault(kind="cut"))
    sent: list[dict[str, object]] = []

    async def serve() -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.request"}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)  # type: ignore[arg-type]  # a server's bare callables

    asyncio.run(serve())
    assert [message["type"] for message in sent] == ["http.response.start"]
