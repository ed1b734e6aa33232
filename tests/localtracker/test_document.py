"""What the local tracker's own page of documentation shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.localtracker.conftest import CLICK, Client

from footfall import Site
from footfall.asgi import TrackingMiddleware
from footfall.events import Click
from footfall.localtracker import Fault, LocalTracker, Rules

DOCUMENT = (Path(__file__).parents[2] / "docs" / "localtracker.md").read_text(encoding="utf-8")


def make_shop(site: Site) -> Starlette:
    async def shirt(request: Request) -> PlainTextResponse:
        request.state.tracking.emit(Click("3298"))
        return PlainTextResponse("a shirt")

    return Starlette(routes=[Route("/shirt", shirt)], middleware=[Middleware(TrackingMiddleware, site=site)])


def test_its_test_passes() -> None:
    [example] = re.findall(r"```python\n(.+?)```", DOCUMENT, re.DOTALL)
    names: dict[str, Any] = {"make_shop": make_shop}
    exec(example, names)
    names["test_a_shirt_that_is_looked_at_is_reported"]()


def test_its_call_orders_the_fault_that_its_python_orders(tracker: LocalTracker, client: Client) -> None:
    [query] = re.findall(r'curl -X POST "http://127.0.0.1:8100(.+?)"', DOCUMENT)
    assert client.send(query, "POST").status == 200
    [python] = re.findall(r"tracker.faults.order\((.+?\))\)", DOCUMENT)
    assert tracker.faults.on == (eval(python, {"Fault": Fault}),)


@pytest.mark.parametrize("line", re.findall(r"^\| `GET (/.+?)`", DOCUMENT, re.MULTILINE))
def test_its_addresses_answer(client: Client, line: str) -> None:
    client.send(CLICK)
    assert client.send(line.replace("within=10", "within=0")).status == 200


def test_it_has_every_switch() -> None:
    told = set(re.findall(r"`(\w+)=", DOCUMENT))
    # How the demo runs it, and nobody else.
    assert {name for name in Rules.__dataclass_fields__ if name != "replayed"} - told == set()
