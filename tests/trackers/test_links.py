"""Links of a recommendation response: sent byte for byte, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from footfall.errors import EventError
from footfall.events import Item, RecommendationLink
from footfall.identity.visitor import Visitor
from footfall.trackers import Yoochoose, read_recommendations

TRACKER = Yoochoose("00000")
LOCAL = Yoochoose("00000", base_url="http://127.0.0.1:8100")

# The document's own sample is not valid JSON (T-15); these are its strings.
CLICKED = "//event.yoochoose.net/clickrecommended/johndoe/1/100175717?scenario=also_clicked&modelId=37"
RENDERED = "//event.yoochoose.net/rendered/johndoe/1/100175717"
RESPONSE: dict[str, Any] = {
    "recommendationItems": [
        {
            "relevance": 23,
            "itemType": 1,
            "itemId": 100175717,
            "origin": {"itemIds": [10, 11], "itemType": 1, "source": "REQUEST"},
            "category": "Men/Shirts",
            "links": {"clickRecommended": CLICKED, "rendered": RENDERED},
        },
        {"relevance": 22, "itemType": 3, "itemId": 100172819},
    ]
}


def sent(link: str, tracker: Yoochoose = TRACKER) -> list[tuple[str, str]]:
    return [(request.kind, request.url) for request in tracker.requests(RecommendationLink(link), Visitor())]


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        (CLICKED, "clickrecommended"),
        (RENDERED, "rendered"),
        ("//event.yoochoose.net/api/00000/rendered/user/1/555?scenario=landing_page&modelid=5768", "rendered"),
        ("//event.yoochoose.net/ebl/00000/clickrecommended/user/1/555", "clickrecommended"),
        ("//EVENT.yoochoose.net:443/rendered/a%2fb,c/1/1,2?x=%7E~", "rendered"),
    ],
)
def test_a_link_is_sent_byte_for_byte(link: str, kind: str) -> None:
    """Y-48, Y-49."""
    assert sent(link) == [(kind, f"https:{link}")]


def test_a_link_takes_the_scheme_of_the_base_url() -> None:
    assert sent("//127.0.0.1:8100/rendered/johndoe/1/1", LOCAL) == [
        ("rendered", "http://127.0.0.1:8100/rendered/johndoe/1/1")
    ]


@pytest.mark.parametrize(
    "link",
    [
        "//evil.example/rendered/johndoe/1/1",
        "//event.yoochoose.net.evil.example/rendered/johndoe/1/1",
        "//event.yoochoose.net:8443/rendered/johndoe/1/1",
        "//event.yoochoose.net:80/rendered/johndoe/1/1",
        "//event.yoochoose.net@evil.example/rendered/johndoe/1/1",
        "//johndoe@event.yoochoose.net/rendered/johndoe/1/1",
        "///event.yoochoose.net/rendered/johndoe/1/1",
        "//event.yoochoose.net\\@evil.example/rendered/johndoe/1/1",
        "//event.yoochoose.net/rendered/john\\doe/1/1",
        "//event.yoochoose.net/rendered/john doe/1/1",
        "//event.yoochoose.net/rendered/johndoe/1/1\r\nHost: evil.example",
        "//event.yoochoose.net/rendered/johndoe/1/1\n",
        "//event.yoochoose.net/rendered/j\u00f6hn/1/1",
        "//event.yoochoose.net/rendered/%zz/1/1",
        "//event.yoochoose.net/rendered/johndoe/1/1#fragment",
        "//event.yoochoose.net/rendered/../api/00000/buy/johndoe/1/1",
        "//event.yoochoose.net/rendered/%2e%2E/x",
        "//event.yoochoose.net/api/00000/buy/johndoe/1/1?quantity=99",
        "//event.yoochoose.net/api/00000/buy/rendered/1/1",
        "//event.yoochoose.net/",
        "//event.yoochoose.net",
        "//",
        "https://event.yoochoose.net/rendered/johndoe/1/1",
        "/rendered/johndoe/1/1",
        "javascript:alert(1)",
        "//event.yoochoose.net/rendered/" + "1," * 1000,
        "//event.yoochoose.net:99999999/rendered/johndoe/1/1",
    ],
)
def test_a_link_is_refused(link: str) -> None:
    """Y-49, T-15: another host or port, another event, or no link at all."""
    with pytest.raises(EventError) as caught:
        sent(link)
    assert "johndoe" not in str(caught.value)


def test_a_link_of_another_tracker_of_the_site_is_left_to_it() -> None:
    link = RecommendationLink(RENDERED, tracker="news")
    assert [len(tracker.requests(link, Visitor())) for tracker in (TRACKER, Yoochoose("1", name="news"))] == [0, 1]


@pytest.mark.parametrize("response", [RESPONSE, json.dumps(RESPONSE), json.dumps(RESPONSE).encode()])
def test_a_response_is_read(response: str | bytes | dict[str, Any]) -> None:
    """Y-48, Y-49, T-15: a recommendation without links has none."""
    first, second = read_recommendations(response)
    assert (first.item, first.clicked, first.rendered) == (
        Item(100175717),
        RecommendationLink(CLICKED),
        RecommendationLink(RENDERED),
    )
    assert (second.item, second.clicked, second.rendered) == (Item(100172819, type=3), None, None)


def test_a_read_link_knows_its_tracker() -> None:
    first, _ = read_recommendations(RESPONSE, tracker="news")
    assert first.clicked == RecommendationLink(CLICKED, tracker="news")


@pytest.mark.parametrize(
    "response",
    ["", "not JSON", "[]", "null", "{}", b"\xff", '{"recommendationItems": "x"}', '{"recommendationItems": [1]}'],
)
def test_what_is_no_response_is_refused(response: str | bytes) -> None:
    with pytest.raises(EventError):
        read_recommendations(response)


@pytest.mark.parametrize("item", [{}, {"itemId": None}, {"itemId": [1]}, {"itemId": 1, "itemType": "x"}])
def test_a_recommendation_of_no_item_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(EventError):
        read_recommendations({"recommendationItems": [item]})


def test_a_recommendation_shows_no_visitor() -> None:
    assert "johndoe" not in repr(read_recommendations(RESPONSE))
