"""The scenarios that Raptor's own server-side template is tested with, as far as they concern URLs.

They stand in ``template.tpl`` of ``RaptorServices/raptor-sgtm-eventtracking`` (Apache-2.0) under ``___TESTS___``:
each names an input and parts of the expected URL. Where the template errs, ``docs/trackers.md`` says how.
"""

from __future__ import annotations

import pytest

from footfall.events import Basket, Buy, Click, ClickRecommended, Custom, Event, Money
from footfall.identity.visitor import Visitor
from footfall.trackers import Raptor

VISITOR = Visitor(device_id="d", session_id="s")
RAPTOR = Raptor("1234", page_url=True)
# The template's own test of purchases puts the price at p5, the quantity at p6 and the subtotal at p7.
PURCHASES = Raptor(
    "1234",
    parameters={
        "event_type": 1,
        "product_id": 2,
        "product_name": 3,
        "category_path": 4,
        "price": 5,
        "quantity": 6,
        "subtotal": 7,
    },
)
NAMED = {"product_name": "someProduct", "category_path": "someCategory"}


def buy(item: str, name: str, price: str, quantity: int) -> Buy:
    return Buy(item, quantity=quantity, price=Money(price, "DKK"), fields={"product_name": name})


@pytest.mark.parametrize(
    ("raptor", "event", "visitor", "parts"),
    [
        (
            RAPTOR,
            Click("someProductId", fields={"product_name": "someOtherData"}),
            VISITOR,
            ["p1=visit", "p2=someProductId", "p3=someOtherData"],
        ),
        (
            RAPTOR,
            Click("1234", fields=NAMED),
            VISITOR,
            ["p1=visit", "p2=1234", "p3=someProduct", "p4=someCategory"],
        ),
        (
            RAPTOR,
            Basket("1234", fields=NAMED),
            VISITOR,
            ["p1=basket", "p2=1234", "p3=someProduct", "p4=someCategory"],
        ),
        (
            RAPTOR,
            ClickRecommended("1234", module="clickedModule", fields=NAMED),
            VISITOR,
            ["p1=itemclick", "p2=1234", "p3=someProduct", "p4=someCategory", "am=clickedModule"],
        ),
        (
            PURCHASES,
            buy("1234", "someProduct1", "1000", 1),
            VISITOR,
            ["p1=buy", "p2=1234", "p3=someProduct1", "p5=1000", "p6=1", "p7=1000"],
        ),
        (
            PURCHASES,
            buy("2345", "someProduct2", "2000", 2),
            VISITOR,
            ["p1=buy", "p2=2345", "p3=someProduct2", "p5=2000", "p6=2", "p7=4000"],
        ),
        (
            PURCHASES,
            buy("3456", "someProduct3", "3000.5", 2),
            VISITOR,
            ["p1=buy", "p2=3456", "p3=someProduct3", "p5=3000.5", "p6=2", "p7=6001"],
        ),
        (
            RAPTOR,
            Click("1234"),
            Visitor(
                device_id="d",
                session_id="s",
                reaid="1234",
                page_url="https://shop.example/?reaid=1234&utm_source=utmSource&utm_campaign=utmCampaign"
                "&utm_term=utmTerm&utm_medium=utmMedium&utm_content=utmContent",
            ),
            [
                "utm_source=utmSource",
                "utm_campaign=utmCampaign",
                "utm_term=utmTerm",
                "utm_medium=utmMedium",
                "utm_content=utmContent",
                "reaid=1234",
            ],
        ),
        (
            RAPTOR,
            Click("1234"),
            Visitor(device_id="d", session_id="s", page_url="https://www.myUrl.dk"),
            ["url=https%3A%2F%2Fwww.myUrl.dk"],
        ),
        (
            RAPTOR,
            Custom("search", {"product_id": "someProductId", "product_name": "someOtherData"}),
            VISITOR,
            ["p1=search", "p2=someProductId", "p3=someOtherData"],
        ),
    ],
    ids=[
        "Should track when no productObject in dataLayer",
        "Should track visit events",
        "Should track basket events",
        "Should track itemclick events",
        "Should track purchase events / Should calculate subtotals: 1000*1",
        "Should calculate subtotals: 2000*2",
        "Should calculate subtotals: 3000.5*2",
        "Should append utm codes to tracking",
        "Should append encoded url to tracking",
        "Should track search events",
    ],
)
def test_the_vendors_scenario_holds(raptor: Raptor, event: Event, visitor: Visitor, parts: list[str]) -> None:
    """The template looks for parts of the URL, as here: a price of ``1000`` is found in ``1000.00``."""
    (request,) = raptor.requests(event, visitor)
    assert [part for part in parts if part not in request.url] == []
