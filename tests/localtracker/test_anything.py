"""Whatever is asked of the local tracker, in whatever order, it answers, counts right, and never fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import characters, dictionaries, floats, integers, sampled_from, text
from tests.localtracker.conftest import CLICK, DEVICE, IDS, VISIT, Client

from footfall.localtracker import LocalTracker

PATHS = (
    *("/rows.json", "/request.json", "/journey.json", "/mends.json", "/traces.json", "/trace.json"),
    *("/received.json", "/counts.json", "/export.jsonl", "/export.csv", "/faults.json", "/", "/assets/main.js"),
)
NAMES = (
    *("tracker", "kind", "visitor", "verdict", "status", "after", "limit", "offset", "up_to", "number"),
    *("trace", "at_least"),
)
VALUES = ("raptor", "click", "accepted", "doubtful", "0", "1", "-1", "99999999999999999999", "200", DEVICE, 'class="x"')
TARGETS = (
    *(CLICK, VISIT, f"/api/00000/login/{DEVICE}/johndoe", "/api/00000/buy/johndoe/1/1?fullprice=1.00EUR&quantity=1"),
    *(f"/12345.rsa?p1=visit&{IDS}0", "/nowhere", "/api/00000/rate/u/1/1"),
)
anything = text(characters(codec="utf-8"), max_size=20)
written = sampled_from(VALUES) | anything.map(lambda value: quote(value, safe=""))


class Anything(RuleBasedStateMachine):
    """Sends, asks, orders and forgets."""

    client: Client  #: given by the test

    def __init__(self) -> None:
        super().__init__()
        self.client.send("/clear", "POST")
        self.client.send("/faults.json", "DELETE")
        self.sent = 0
        self.cut = False

    def ask(self, target: str, method: str = "GET") -> Any:
        answer = self.client.send(target, method)
        assert answer.status < 500, target
        return answer.body

    @rule(wanted=sampled_from(TARGETS))
    def track(self, wanted: str) -> None:
        self.ask(wanted)
        self.sent += 1

    @rule(first=sampled_from(["/api/00000/click/", "/api/00000/", "/12345.rsa?p1=visit&", "/x"]), rest=anything)
    def track_anything(self, first: str, rest: str) -> None:
        self.ask(first + quote(rest, safe="/?&=%"))
        self.sent += 1

    @rule(
        path=sampled_from(PATHS),
        query=dictionaries(sampled_from(NAMES), written, max_size=4),
        method=sampled_from(("GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "X")),
    )
    def ask_anything(self, path: str, query: dict[str, str], method: str) -> None:
        self.ask(f"{path}?within=0&" + "&".join(f"{name}={value}" for name, value in query.items()), method)

    @rule(kind=sampled_from(["400", "429", "latency", "x"]), share=floats(0, 1.2), tracker=sampled_from(["", "raptor"]))
    def order(self, kind: str, share: float, tracker: str) -> None:
        self.ask(f"/faults.json?kind={kind}&share={share}&seconds=0&tracker={tracker}", "POST")

    @rule(line=anything, trace=anything)
    def tell(self, line: str, trace: str) -> None:
        self.client.tracker._store.add_trace(1.0, line, f'class="{trace}", events="click>raptor:00000000 {trace}"')

    @precondition(lambda self: self.sent > 10)
    @rule()
    def forget(self) -> None:
        self.ask("/clear", "POST")
        self.sent = 0

    @rule(number=integers(0, 5))
    def look_closer(self, number: int) -> None:
        rows = json.loads(self.ask(f"/rows.json?limit=1&offset={number}"))["rows"]
        for row in rows:
            detail = json.loads(self.ask(f"/request.json?number={row['number']}"))
            assert (detail["says"], detail["look"]) == (row["says"], row["look"])
            if row["visitor"]:
                journey = json.loads(self.ask(f"/journey.json?visitor={quote(row['visitor'], safe='')}"))
                assert row["visitor"] in journey["ids"]

    @invariant()
    def everything_that_came_is_counted(self) -> None:
        counts = json.loads(self.ask("/counts.json"))["counts"]
        listed = json.loads(self.ask("/received.json?limit=1"))["count"]
        exported = self.ask("/export.jsonl").count("\n")
        assert (sum(one["count"] for one in counts), listed, exported) == (self.sent,) * 3


@pytest.fixture
def run(client: Client) -> Callable[[], None]:
    machine = type("Machine", (Anything,), {"client": client})
    few = settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    return lambda: run_state_machine_as_test(machine, settings=few)


@pytest.mark.heavy
def test_no_order_of_requests_makes_it_fail_or_count_wrong(run: Callable[[], None]) -> None:
    run()


@pytest.mark.heavy
def test_many_writers_and_readers_at_once_lose_nothing(tracker: LocalTracker, client: Client) -> None:
    import threading

    errors: list[Exception] = []

    def work(targets: tuple[str, ...]) -> None:
        try:
            for target in targets * 10:
                client.send(target)
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(TARGETS,)) for _ in range(4)]
    threads += [threading.Thread(target=work, args=(("/rows.json", "/counts.json", "/export.csv"),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (errors, tracker.count()) == ([], 4 * 10 * len(TARGETS))
