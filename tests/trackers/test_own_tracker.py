"""The tracker that ``examples/own_tracker.py`` shows how to write."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from footfall.errors import NoIdentity
from footfall.events import Buy, Click, Money, PageView
from footfall.identity.visitor import Visitor
from footfall.trackers import Tracker

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_tracker.py"


@pytest.fixture
def webhook() -> Tracker:
    names: dict[str, Any] = runpy.run_path(str(EXAMPLE))
    tracker: Tracker = names["Webhook"]("http://127.0.0.1:9000/events")
    return tracker


def test_it_is_a_tracker(webhook: Tracker) -> None:
    assert isinstance(webhook, Tracker)


def test_it_posts_json(webhook: Tracker, visitor: Visitor) -> None:
    (request,) = webhook.requests(Buy("9", price=Money("1", "EUR")), visitor)
    assert (request.method, request.url, json.loads(request.body)) == (
        "POST",
        "http://127.0.0.1:9000/events",
        {"event": "buy", "device": visitor.device_id, "item": "9", "price": "1.00", "currency": "EUR"},
    )


def test_it_leaves_other_events_alone(webhook: Tracker, visitor: Visitor) -> None:
    assert webhook.requests(PageView(), visitor) == []


def test_it_takes_no_visitor_without_a_device(webhook: Tracker) -> None:
    with pytest.raises(NoIdentity):
        webhook.requests(Click("9"), Visitor())
