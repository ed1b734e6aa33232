"""A request taken apart for a person to read."""

from __future__ import annotations

import dataclasses

import pytest

from footfall.events import (
    Buy,
    Click,
    ClickRecommended,
    Custom,
    Event,
    Login,
    Money,
    PageView,
    RecommendationLink,
    Rendered,
)
from footfall.identity.visitor import Visitor
from footfall.trackers import Explains, Raptor, Tracker, Yoochoose

RAPTOR = Raptor("12345", parameters={**Raptor.DEFAULT_PARAMETERS, "color": 31}, page_url=True)
YOOCHOOSE = Yoochoose("00000", licence_key="key")
FULL = Visitor(
    device_id="d",
    session_id="s",
    anonymous_id="d",
    user_id="john doe",
    ruid="anna@shop.dk",
    reaid="r",
    page_url="https://shop.example/?utm_source=mail",
)


def explained(tracker: Tracker, event: Event, visitor: Visitor = FULL) -> list[tuple[str, str]]:
    assert isinstance(tracker, Explains)
    (request,) = tracker.requests(event, visitor)
    return [(one.name, one.value) for one in tracker.explain(request)]


def test_raptors_parameters_are_explained_in_order() -> None:
    assert explained(RAPTOR, Click("a b", fields={"color": "blå"})) == [
        ("p1", "visit"),
        ("p2", "a b"),
        ("p7", "john doe"),
        ("p31", "blå"),
        ("coid", "d"),
        ("ruid", "YW5uYUBzaG9wLmRr"),
        ("sid", "s"),
        ("reaid", "r"),
        ("url", "https://shop.example/?utm_source=mail"),
        ("utm_source", "mail"),
    ]


def test_yoochooses_path_and_query_are_explained_in_order() -> None:
    assert explained(YOOCHOOSE, Buy("9", price=Money("1", "EUR"), at="2012-01-01T11:00:00"))[:-1] == [
        ("customerid", "00000"),
        ("event", "buy"),
        ("userid", "john doe"),
        ("itemtypeid", "1"),
        ("itemid", "9"),
        ("fullprice", "1.00EUR"),
        ("overridetimestamp", "2012-01-01T11:00:00"),
        ("quantity", "1"),
    ]


def test_a_login_is_explained_as_source_and_target() -> None:
    assert explained(YOOCHOOSE, Login("john doe")) == [
        ("customerid", "00000"),
        ("event", "login"),
        ("sourceuserid", "d"),
        ("targetuserid", "john doe"),
    ]


def test_a_link_is_explained_as_it_is() -> None:
    link = "//event.yoochoose.net/rendered/u/1/9?modelId=37"
    assert explained(YOOCHOOSE, RecommendationLink(link)) == [("link", f"https:{link}"), ("modelId", "37")]


def test_a_renamed_position_is_explained_by_its_name() -> None:
    raptor = Raptor("1", parameters={"event_type": 1, "product_id": 2, "color": 7})
    (request,) = raptor.requests(PageView(fields={"color": "blue"}), Visitor(device_id="d", session_id="s"))
    assert raptor.explain(request)[1].meaning == "color: the site's own"


def test_the_ruid_of_an_order_without_a_browser_is_explained_as_clear_text() -> None:
    raptor = Raptor("1", offline_orders=True)
    (request,) = raptor.requests(Buy("1", price=None), Visitor(ruid="anna@shop.dk"))
    meanings = {one.name: (one.value, one.meaning) for one in raptor.explain(request)}
    assert meanings["ruid"] == ("anna@shop.dk", "the person as the shop knows them, in clear text")


@pytest.mark.parametrize(
    ("tracker", "event"),
    [
        (RAPTOR, PageView(fields=dict.fromkeys(["brand_id", "stock_status"], True))),
        (RAPTOR, Buy("1", price=Money("1", "EUR"), order_id="A-1")),
        (RAPTOR, ClickRecommended("1", module="m")),
        (RAPTOR, Custom("search")),
        (YOOCHOOSE, Click("1", category_path=["Shoes"])),
        (YOOCHOOSE, ClickRecommended("1", scenario="s")),
        (YOOCHOOSE, Rendered(["1", "2"])),
        (YOOCHOOSE, Buy("1", price=Money("1", "EUR"), at="2012-01-01T11:00:00")),
    ],
)
def test_every_parameter_has_a_meaning_and_a_source(tracker: Raptor | Yoochoose, event: Event) -> None:
    for visitor in (FULL, dataclasses.replace(FULL, ruid=None, reaid=None, xuid="x")):
        for request in tracker.requests(event, visitor):
            assert all(one.meaning and one.source for one in tracker.explain(request))
