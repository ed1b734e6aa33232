"""What the package's trackers write and what the local tracker takes: two readings of the documents, one result."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis.strategies import builds, characters, decimals, integers, just, lists, none, sampled_from, text

from footfall import Item, Money
from footfall.errors import EventError
from footfall.events import (
    Basket,
    Blacklist,
    Buy,
    Click,
    ClickRecommended,
    Consume,
    Custom,
    Event,
    Login,
    PageView,
    Rate,
    RemoveFromBasket,
    Rendered,
)
from footfall.identity.visitor import Visitor
from footfall.localtracker import Assessment, Rules, assess
from footfall.trackers import Raptor, Tracker, Yoochoose

DEVICE = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
SESSION = "E7B3A1C2-0F4D-4E5A-9B8C-1D2E3F4A5B6C"

words = text(characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
items = builds(Item, integers(1, 2_147_483_647), type=integers(1, 5))
categories = lists(words.filter(lambda word: not set(word) & set("/\\,;") and word.strip() == word), max_size=3)
prices = builds(Money, decimals(0, 10_000, places=2), sampled_from(["EUR", "JPY", "KWD"]))
events = (
    builds(Click, items, categories)
    | builds(Basket, items, categories)
    | builds(RemoveFromBasket, items)
    | builds(Buy, items, integers(1, 99), price=prices, order_id=none() | words)
    | builds(Consume, items, none() | integers(0, 100))
    | builds(Rate, items, rating=integers(0, 100))
    | builds(Blacklist, items)
    | builds(ClickRecommended, items, words, words)
    | builds(Rendered, lists(items, max_size=300))
    | builds(Login, words)
    | builds(PageView)
    | builds(Custom, just("search"))
)
visitors = builds(
    Visitor,
    device_id=just(DEVICE),
    session_id=just(SESSION),
    anonymous_id=just(DEVICE),
    user_id=none() | words,
    ruid=none() | words,
    reaid=none() | just("abc"),
)


def assessments(tracker: Tracker, event: Event, visitor: Visitor, rules: Rules | None = None) -> list[Assessment]:
    found: list[Assessment] = []
    for request in tracker.requests(event, visitor):
        address = urlsplit(request.url)
        target = f"{address.path}?{address.query}" if address.query else address.path
        found.append(assess(request.method, target, rules))
    return found


@pytest.mark.parametrize("tracker", [Raptor("12345"), Yoochoose("00000")])
@given(event=events, visitor=visitors)
def test_whatever_a_tracker_writes_is_taken_without_a_remark(tracker: Tracker, event: Event, visitor: Visitor) -> None:
    """R-09, Y-11."""
    try:
        found = assessments(tracker, event, visitor)
    except EventError:
        return  # refused where it was written: nothing is sent
    assert [(one.status, one.problems) for one in found if not one.accepted or one.problems] == []


def test_a_buy_whose_price_is_waived_needs_a_contract_that_says_so() -> None:
    """T-20: the document calls the price required, today's documentation optional."""
    visitor = Visitor(device_id=DEVICE, session_id=SESSION, anonymous_id=DEVICE)
    statuses = [
        assessments(Yoochoose("00000"), Buy("1", price=None), visitor, rules)[0].status
        for rules in (None, Rules(buy_optional=True))
    ]
    assert statuses == [400, 204]
