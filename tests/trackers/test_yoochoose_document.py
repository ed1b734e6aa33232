"""Every worked URL of the YOOCHOOSE document 'Tracking API', in its order, at its host, for its users."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from footfall.events import Basket, Buy, Click, ClickRecommended, Consume, Event, Item, Login, Money, Rate, Rendered
from footfall.identity.visitor import Visitor
from footfall.trackers import Yoochoose

TRACKER = Yoochoose("00000", base_url="http://event.yoochoose.net")
ANONYMOUS = Visitor(anonymous_id="Js79009234YU7")
JOHNDOE = Visitor(anonymous_id="Js79009234YU7", user_id="johndoe")

# What the document calls the example, the event, whose it is, the path to the last character, the query parsed.
EXAMPLES: dict[str, tuple[Event, Visitor, str, list[tuple[str, str]]]] = {
    "navigates to an item": (
        Click("123", category_path=["Shoes", "Children"]),
        ANONYMOUS,
        "/api/00000/click/Js79009234YU7/1/123",
        [("categorypath", "/Shoes/Children")],
    ),
    "products are rendered": (
        Rendered(items=[128, 129, 155]),
        ANONYMOUS,
        "/api/00000/rendered/Js79009234YU7/1/128,129,155",
        [],
    ),
    "click on recommended product 155": (
        ClickRecommended("155", scenario="also_bought"),
        ANONYMOUS,
        "/api/00000/clickrecommended/Js79009234YU7/1/155",
        [("scenario", "also_bought")],
    ),
    "watched a video": (Consume(Item("452", type=3)), ANONYMOUS, "/api/00000/consume/Js79009234YU7/3/452", []),
    # T-17: the text says item 466, the printed URL 452. The text counts.
    "watched 60 percent of a video": (
        Consume(Item("466", type=3), percentage=60),
        ANONYMOUS,
        "/api/00000/consume/Js79009234YU7/3/466",
        [("percentage", "60")],
    ),
    "puts product 128 into the basket": (Basket("128"), ANONYMOUS, "/api/00000/basket/Js79009234YU7/1/128", []),
    "puts product 129 into the basket": (Basket("129"), ANONYMOUS, "/api/00000/basket/Js79009234YU7/1/129", []),
    "logs in": (Login("johndoe"), JOHNDOE, "/api/00000/login/Js79009234YU7/johndoe", []),
    # T-21: the document's two orders of the query differ, and these two URLs run together on one line.
    "buys product 128": (
        Buy("128", quantity=1, price=Money("19.99", "EUR")),
        JOHNDOE,
        "/api/00000/buy/johndoe/1/128",
        [("fullprice", "19.99EUR"), ("quantity", "1")],
    ),
    "buys product 129": (
        Buy("129", quantity=2, price=Money("4.44", "EUR")),
        JOHNDOE,
        "/api/00000/buy/johndoe/1/129",
        [("fullprice", "4.44EUR"), ("quantity", "2")],
    ),
    # T-18: the text says johndoe, who has logged in, the printed URL Js79009234YU7. T-19: 5 of 5 stars stay 5.
    "rates product 133": (Rate("133", rating=5), JOHNDOE, "/api/00000/rate/johndoe/1/133", [("rating", "5")]),
}


@pytest.mark.parametrize(("event", "visitor", "path", "query"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_worked_example_is_reproduced(
    event: Event, visitor: Visitor, path: str, query: list[tuple[str, str]]
) -> None:
    """Y-13, Y-31, Y-32, Y-42, Y-44, Y-50, Y-52, Y-53, Y-54."""
    (request,) = TRACKER.requests(event, visitor)
    parts = urlsplit(request.url)
    assert (parts.scheme, parts.netloc, parts.path, parse_qsl(parts.query)) == (
        "http",
        "event.yoochoose.net",
        path,
        query,
    )


@pytest.mark.parametrize(
    ("event", "url"),
    [
        (
            Click("123", category_path=["Shoes", "Children"]),
            "http://event.yoochoose.net/api/00000/click/Js79009234YU7/1/123?categorypath=%2FShoes%2FChildren",
        ),
        (
            Buy("1", quantity=4, price=Money("10", "EUR").divided_by(4)),
            "http://event.yoochoose.net/api/00000/buy/Js79009234YU7/1/1?fullprice=2.50EUR&quantity=4",
        ),
        (
            Click("1", category_path=["Cameras&Foto", "Compact Cameras", "Canon"]),
            (
                "http://event.yoochoose.net/api/00000/click/Js79009234YU7/1/1"
                "?categorypath=%2FCameras%26Foto%2FCompact%20Cameras%2FCanon"
            ),
        ),
        (
            Click("1", category_path="/Foto/Cameras/Compact/Canon"),
            (
                "http://event.yoochoose.net/api/00000/click/Js79009234YU7/1/1"
                "?categorypath=%2FFoto%2FCameras%2FCompact%2FCanon"
            ),
        ),
        (Rate("1", rating=50), "http://event.yoochoose.net/api/00000/rate/Js79009234YU7/1/1?rating=50"),
    ],
    ids=["Click Event", "Buy Event: 4 pens", "table of the Click Event", "categorypath", "Rate Event"],
)
def test_an_encoded_text_is_the_documents_to_the_last_byte(event: Event, url: str) -> None:
    """Y-11, Y-25, Y-28, Y-37."""
    assert [request.url for request in TRACKER.requests(event, ANONYMOUS)] == [url]
