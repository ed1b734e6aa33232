"""Buys of the past: the published signatures, and what a time may look like."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from footfall.errors import EventError
from footfall.events import Buy, Click, Money
from footfall.identity.visitor import Visitor
from footfall.trackers import Raptor, Yoochoose

KEY = "8695-1828-92810-5535-4239"
SIGNING = Yoochoose.ibexa("00000", licence_key=KEY)


@pytest.mark.parametrize(
    ("item", "price", "quantity", "at", "url"),
    [
        (
            11,
            "19.99",
            1,
            "2012-01-01T11:00:00",
            (
                "https://event.perso.ibexa.co/api/00000/buy/johndoe/1/11?fullprice=19.99EUR"
                "&overridetimestamp=2012-01-01T11%3A00%3A00&quantity=1&signature=d0026f017ae823f19530d93318c5a2f6"
            ),
        ),
        (
            94,
            "23.99",
            5,
            "2012-01-02T11:00:00",
            (
                "https://event.perso.ibexa.co/api/00000/buy/johndoe/1/94?fullprice=23.99EUR"
                "&overridetimestamp=2012-01-02T11%3A00%3A00&quantity=5&signature=53ae5744879d5a3ae833f3ef34109b44"
            ),
        ),
        (
            78,
            "7.59",
            1,
            "2012-01-03T11:00:00",
            (
                "https://event.perso.ibexa.co/api/00000/buy/johndoe/1/78?fullprice=7.59EUR"
                "&overridetimestamp=2012-01-03T11%3A00%3A00&quantity=1&signature=d73e76754fb333e9733936bbd11bb5cd"
            ),
        ),
    ],
)
def test_the_published_signature_is_reproduced(item: int, price: str, quantity: int, at: str, url: str) -> None:
    """'Importing historical user tracking data': all three examples, to the last character."""
    event = Buy(item, quantity=quantity, price=Money(price, "EUR"), at=at)
    assert [request.url for request in SIGNING.requests(event, Visitor(user_id="johndoe"))] == [url]


def query(at: str | datetime | None, price: Money | None = None) -> str:
    (request,) = SIGNING.requests(Buy(11, price=price, at=at), Visitor(user_id="johndoe"))
    return request.url.partition("?")[2]


def test_a_buy_of_now_is_not_signed() -> None:
    assert query(None) == "quantity=1"


def test_an_absent_price_is_neither_sent_nor_signed() -> None:
    assert query("2012-01-01T11:00:00").startswith("overridetimestamp=2012-01-01T11%3A00%3A00&quantity=1&signature=")


@pytest.mark.parametrize(
    ("at", "sent"),
    [
        ("2012-01-01T11:00:00", "2012-01-01T11%3A00%3A00"),
        ("2012-01-01 11:00:00", "2012-01-01T11%3A00%3A00"),
        ("2012-01-01T11:00", "2012-01-01T11%3A00%3A00"),
        ("2012-01-01T11:00:00.987", "2012-01-01T11%3A00%3A00"),
        ("2012-01-01T11:00:00Z", "2012-01-01T11%3A00%3A00"),
        ("2012-01-01T12:00:00+01:00", "2012-01-01T11%3A00%3A00"),
        (datetime(2012, 1, 1, 11, 0, 0, 987), "2012-01-01T11%3A00%3A00"),  # noqa: DTZ001 - without a zone, as given
        (datetime(2012, 1, 1, 12, tzinfo=timezone(timedelta(hours=1))), "2012-01-01T11%3A00%3A00"),
    ],
)
def test_a_time_is_written_as_the_tracker_wants_it(at: str | datetime, sent: str) -> None:
    assert query(at).split("&")[0] == f"overridetimestamp={sent}"


@pytest.mark.parametrize(
    "at", ["", "yesterday", "2012-01-01", "2012-13-01T11:00:00", "1325415600", "2012-01-01T25:00:00", 1325415600]
)
def test_a_time_that_is_none_is_refused(at: Any) -> None:
    assert str(Buy("9", price=None, at=at).finding).startswith("at: ")


def test_the_end_of_time_is_refused() -> None:
    assert str(Buy("9", price=None, at="9999-12-31T23:59:59-23:59").finding).startswith("at: ")


def test_a_buy_of_the_past_needs_a_licence_key() -> None:
    """Sent without one, it would count as a buy of today."""
    with pytest.raises(EventError, match="licence_key"):
        Yoochoose("00000").requests(Buy(11, price=None, at="2012-01-01T11:00:00"), Visitor(user_id="johndoe"))


def test_only_a_buy_carries_a_time() -> None:
    """No other event has a documented one; type checkers see that too."""
    with pytest.raises(TypeError):
        Click(11, at="2012-01-01T11:00:00")  # type: ignore[call-arg]


def test_a_time_is_none_of_raptors_parameters(visitor: Visitor) -> None:
    bought = [Raptor("1").requests(Buy(11, price=None, at=at), visitor) for at in (None, "2012-01-01T11:00:00")]
    assert bought[0] == bought[1]


def test_a_text_item_id_is_signed_as_it_stands_in_the_path() -> None:
    tracker = Yoochoose("00000", licence_key=KEY, text_item_ids=True)
    (request,) = tracker.requests(Buy("a b", price=None, at="2012-01-01T11:00:00"), Visitor(user_id="u"))
    signed = f"1&a%20b&{KEY}&overridetimestamp=2012-01-01T11%3A00%3A00&quantity=1"
    assert request.url.endswith(f"&signature={hashlib.md5(signed.encode()).hexdigest()}")
