"""Raptor: section A of the requirements, and its events."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from footfall.errors import EventError, NoIdentity
from footfall.events import (
    Basket,
    Blacklist,
    Buy,
    Click,
    ClickRecommended,
    Consume,
    Custom,
    Event,
    Item,
    Login,
    Money,
    PageView,
    Rate,
    RecommendationLink,
    RemoveFromBasket,
    Rendered,
)
from footfall.identity.visitor import Visitor
from footfall.trackers import Raptor
from footfall.wire import WhenUnanswered, WireRequest

RAPTOR = Raptor("12345")


def one(event: Event, visitor: Visitor, raptor: Raptor = RAPTOR) -> WireRequest:
    (request,) = raptor.requests(event, visitor)
    return request


def sent(event: Event, visitor: Visitor, raptor: Raptor = RAPTOR) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(one(event, visitor, raptor).url).query, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), "a parameter was sent twice"
    return dict(pairs)


def shop(event: Event, visitor: Visitor, raptor: Raptor = RAPTOR) -> dict[str, str]:
    return {name: value for name, value in sent(event, visitor, raptor).items() if name[1:].isdecimal()}


def test_the_base_url_can_be_another(visitor: Visitor) -> None:
    """R-02."""
    raptor = Raptor("00012", base_url="http://127.0.0.1:8100")
    assert one(PageView(), visitor, raptor).url.startswith("http://127.0.0.1:8100/00012.rsa?p1=pageview&")


@pytest.mark.parametrize(
    ("event", "parameters"),
    [
        (PageView(), {"p1": "pageview"}),
        (Click("3298"), {"p1": "visit", "p2": "3298"}),
        (
            Click("3298", category_path=["Shoes", "Children"]),
            {"p1": "visit", "p2": "3298", "p4": "Shoes#Shoes;Children#Children"},
        ),
        (
            Click("3298", category_path=["400#running", "402#running-clothes"]),
            {"p1": "visit", "p2": "3298", "p4": "400#running;402#running-clothes"},
        ),
        (Basket("456"), {"p1": "basket", "p2": "456"}),
        (
            Basket("456", content=["123", "456", "123"]),
            {"p1": "basket", "p2": "456", "p10": "123,456"},
        ),
        (RemoveFromBasket("456", content=["123"]), {"p1": "basket", "p2": "456", "p10": "123"}),
        (
            Buy("128", quantity=2, price=Money("4.44", "EUR"), order_id="A-1"),
            {"p1": "buy", "p2": "128", "p5": "8.88", "p6": "EUR", "p12": "4.44", "p13": "2", "p21": "A-1"},
        ),
        (Buy("128", price=None), {"p1": "buy", "p2": "128", "p13": "1"}),
        (ClickRecommended("155", module="GetSimilarItems"), {"p1": "itemclick", "p2": "155"}),
        (Custom("search"), {"p1": "search"}),
        (Custom("contentvisit", {"product_name": "About us"}), {"p1": "contentvisit", "p3": "About us"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_an_event_becomes(event: Event, parameters: dict[str, str], visitor: Visitor) -> None:
    """R-03, R-05: only given parameters are sent, gaps are allowed."""
    assert shop(event, visitor) == parameters


@pytest.mark.parametrize(
    "event",
    [
        Consume("1"),
        Rate("1", rating=1),
        Blacklist("1"),
        Rendered(["1"]),
        Login("johndoe"),
        RecommendationLink("//event.yoochoose.net/rendered/a/1/1"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_kind_that_raptor_lacks_makes_no_request(event: Event, visitor: Visitor) -> None:
    assert RAPTOR.requests(event, visitor) == []


@pytest.mark.parametrize(
    "event",
    [PageView(), Click("1"), Basket("1"), RemoveFromBasket("1"), Buy("1", price=None), Custom("search")],
    ids=lambda event: type(event).__name__,
)
def test_every_request_names_device_and_session_once(event: Event, visitor: Visitor) -> None:
    """R-06, R-07, T-28."""
    request = one(event, visitor)
    assert (request.url.count(f"&coid={visitor.device_id}"), request.url.count(f"&sid={visitor.session_id}")) == (1, 1)


@pytest.mark.parametrize("stranger", [Visitor(session_id="s"), Visitor(device_id="d"), Visitor(anonymous_id="a")])
def test_a_visitor_without_device_or_session_is_not_sent(stranger: Visitor) -> None:
    """R-06, R-07."""
    with pytest.raises(NoIdentity):
        RAPTOR.requests(Click("1"), stranger)


@pytest.mark.parametrize(
    ("ruid", "written"),
    [
        ("anna@shop.dk", "YW5uYUBzaG9wLmRr"),
        ("søren.ø@shop.dk", "c8O4cmVuLsO4QHNob3AuZGs%3D"),
        ("sørn@shop.dk", "c8O4cm5Ac2hvcC5kaw%3D%3D"),
        ("a>b", "YT5i"),
        ("~~~?", "fn5%2BPw%3D%3D"),
        ("???", "Pz8%2F"),
    ],
)
def test_ruid_is_padded_standard_base64_percent_encoded(ruid: str, written: str, visitor: Visitor) -> None:
    """R-08, R-09, T-30."""
    assert f"&ruid={written}&sid=" in one(PageView(), dataclasses.replace(visitor, ruid=ruid)).url


def test_a_live_upper_case_id_is_sent_as_it_is() -> None:
    """T-31: the vendor's own scripts make such ids, which are no version 4 either."""
    live = Visitor(device_id="6B29FC40-CA47-1067-B31D-00DD010662DA", session_id="s")
    assert sent(PageView(), live)["coid"] == "6B29FC40-CA47-1067-B31D-00DD010662DA"


def test_an_unknown_id_is_no_parameter(visitor: Visitor) -> None:
    """R-08, R-10, R-11, R-12: no ``ruid=`` without a value."""
    assert sent(PageView(), visitor).keys() == {"p1", "coid", "sid"}


def test_reaid_and_ruid_go_together(visitor: Visitor) -> None:
    """R-10, R-36, R-37, T-04, T-06: reaid as it is, apart from percent-encoding."""
    parameters = sent(PageView(), dataclasses.replace(visitor, ruid="anna@shop.dk", reaid="Ab/1=="))
    assert (parameters["ruid"], parameters["reaid"]) == ("YW5uYUBzaG9wLmRr", "Ab/1==")


def test_xuid_is_sent_as_it_is(visitor: Visitor) -> None:
    """R-11, R-36."""
    assert one(PageView(), dataclasses.replace(visitor, xuid="Ab/1==")).url.endswith("&xuid=Ab%2F1%3D%3D")


@pytest.mark.parametrize("other", ["ruid", "reaid"])
def test_xuid_is_never_beside(other: str, visitor: Visitor) -> None:
    """R-39, T-08."""
    assert "xuid" not in sent(PageView(), dataclasses.replace(visitor, xuid="x", **{other: "y"}))


def test_a_logged_in_user_is_p7(visitor: Visitor) -> None:
    """R-12."""
    assert sent(PageView(), dataclasses.replace(visitor, user_id="johndoe"))["p7"] == "johndoe"


def test_the_positions_are_the_customers_own(visitor: Visitor) -> None:
    """R-04, R-05, R-12: the event's type need not be p1, nor the user p7."""
    raptor = Raptor("1", parameters={"event_type": 9, "product_id": "p3", "user_id": 70})
    user = dataclasses.replace(visitor, user_id="johndoe")
    assert shop(Click("1", category_path=["Shoes"]), user, raptor) == {"p3": "1", "p9": "visit", "p70": "johndoe"}


def test_parameters_stand_in_the_order_of_their_numbers(visitor: Visitor) -> None:
    buy = Buy("128", quantity=2, price=Money("4.44", "EUR"), order_id="A-1")
    assert list(shop(buy, visitor)) == ["p1", "p2", "p5", "p6", "p12", "p13", "p21"]


def test_a_field_goes_to_its_position(visitor: Visitor) -> None:
    """R-04: and is written as Raptor's reference does."""
    raptor = Raptor("1", parameters={**Raptor.DEFAULT_PARAMETERS, "color": 31})
    event = Click(
        "1",
        fields={"brand_id": 7, "price": Decimal("100.00"), "stock_status": True, "color": "blå", "master_id": None},
    )
    assert shop(event, visitor, raptor) == {"p1": "visit", "p2": "1", "p8": "7", "p12": "100.00", "p15": "true"} | {
        "p31": "blå"
    }


def test_an_empty_field_is_left_out(visitor: Visitor) -> None:
    assert shop(Click("1", fields={"brand_id": ""}), visitor) == {"p1": "visit", "p2": "1"}


def test_a_field_may_write_a_category_path_in_raptors_own_form(visitor: Visitor) -> None:
    event = Click("1", category_path=["Shoes"], fields={"category_path": "400#Shoes"})
    assert shop(event, visitor)["p4"] == "400#Shoes"


@pytest.mark.parametrize(
    "event",
    [
        Click("1", fields={"colour": "blue"}),
        Custom("search", {"term": "boots"}),
        Click("1", fields={"product_id": "2"}),
        Click("1", fields={"event_type": "buy"}),
        Click("1", fields={"user_id": "johndoe"}),
        Buy("1", quantity=2, price=None, fields={"quantity": 3}),
        ClickRecommended("1", scenario="also_bought"),
        Custom("buy"),
        Custom("itemclick"),
        Custom("Buy"),
        Click("1", category_path=["Bags, belts"]),
        Click("1", category_path=["Bags; belts"]),
        Basket("1", content=["1,2"]),
        Click("1" * 2500),
        Click("\ud800"),
    ],
    ids=[
        "a field that the map lacks",
        "a parameter that the map lacks",
        "a field that the event has",
        "a field for the event's type",
        "a field for the user",
        "a field for the quantity",
        "a click on a recommendation without its module",
        "a custom buy",
        "a custom itemclick",
        "a custom buy in other letters",
        "a category with a comma",
        "a category with a semicolon",
        "a basket whose id has the separator",
        "an item id of 2,500 characters",
        "half a surrogate pair",
    ],
)
def test_raptor_refuses(event: Event, visitor: Visitor) -> None:
    """R-04, R-13, T-16."""
    with pytest.raises(EventError):
        RAPTOR.requests(event, visitor)


def test_a_basket_separator_may_be_agreed(visitor: Visitor) -> None:
    raptor = Raptor("1", basket_separator="|")
    assert shop(Basket("1", content=["1,2", "3"]), visitor, raptor)["p10"] == "1,2|3"


def test_commas_in_categories_may_be_replaced(visitor: Visitor) -> None:
    raptor = Raptor("1", replace_in_categories="")
    assert shop(Click("1", category_path=["Bags, belts"]), visitor, raptor)["p4"] == "Bags belts#Bags belts"


def test_am_is_absent_elsewhere(visitor: Visitor) -> None:
    """R-13."""
    assert "am" not in sent(Click("1"), visitor)


def test_click_tracking_can_be_off(visitor: Visitor) -> None:
    """R-15: only Web Advisor customers have it."""
    assert Raptor("1", click_tracking=False).requests(ClickRecommended("1", scenario="x"), visitor) == []


def test_item_ids_are_mapped_everywhere(visitor: Visitor) -> None:
    """Y-20: one hook for all events."""
    raptor = Raptor("1", item_id=lambda item: item.id.partition("-")[0])
    assert shop(Basket("12-red", content=["12-red", "12-blue"]), visitor, raptor) == {
        "p1": "basket",
        "p2": "12",
        "p10": "12",
    }


def test_a_hook_that_raises_is_an_event_error_that_quotes_nothing(visitor: Visitor) -> None:
    raptor = Raptor("1", item_id={"1": "2"}.__getitem__)  # type: ignore[arg-type]
    with pytest.raises(EventError, match="item_id: the hook raised KeyError") as caught:
        raptor.requests(Click("9"), visitor)
    assert caught.value.__cause__ is None


def test_only_a_buy_is_set_aside_when_unanswered(visitor: Visitor) -> None:
    buy, click = one(Buy("1", price=None), visitor), one(Click("1"), visitor)
    assert (buy.when_unanswered, click.when_unanswered) == (WhenUnanswered.SET_ASIDE, WhenUnanswered.REPEAT)


def test_a_request_says_whose_it_is_and_what(visitor: Visitor) -> None:
    request = one(ClickRecommended("1", module="m"), visitor)
    assert (request.tracker, request.kind, request.visitor) == ("raptor", "itemclick", visitor.device_id)


PAGE = "https://shop.example/søg?q=a%20b&utm_source=news+letter&reaid=secret&XUID=secret&utm_term=caf%C3%A9#top"


def test_the_page_is_sent_if_asked_for(visitor: Visitor) -> None:
    """As the vendor's template does, but without its mistakes: utm_* encoded, no person's id in the address."""
    parameters = sent(PageView(), dataclasses.replace(visitor, page_url=PAGE), Raptor("1", page_url=True))
    assert {name: value for name, value in parameters.items() if name == "url" or name.startswith("utm_")} == {
        "url": "https://shop.example/søg?q=a%20b&utm_source=news+letter&utm_term=caf%C3%A9",
        "utm_source": "news letter",
        "utm_term": "café",
    }


def test_the_page_is_not_sent_unasked(visitor: Visitor) -> None:
    assert "url" not in sent(PageView(), dataclasses.replace(visitor, page_url=PAGE))


def test_an_endless_address_does_not_cost_the_event(visitor: Visitor) -> None:
    endless = dataclasses.replace(visitor, page_url="https://shop.example/?q=" + "a" * 3000)
    assert "url" not in sent(PageView(), endless, Raptor("1", page_url=True))


OFFLINE = Raptor("12345", offline_orders=True)
CUSTOMER = Visitor(ruid="anna@shop.dk")


def test_an_order_without_a_browser_goes_to_the_stream() -> None:
    """Offline Event Tracking: ruid is the plain address there."""
    order = Buy("128", price=Money("4.44", "EUR"), order_id="A-1")
    assert one(order, CUSTOMER, OFFLINE).url == (
        "https://t.raptorsmartadvisor.com/12345.stream?p1=buy&p2=128&p5=4.44&p6=EUR&p12=4.44&p13=1&p21=A-1"
        "&ruid=anna%40shop.dk&source=webhook"
    )


def test_an_order_with_a_browser_does_not(visitor: Visitor) -> None:
    assert "/12345.rsa?" in one(Buy("1", price=None), visitor, OFFLINE).url


@pytest.mark.parametrize(
    ("event", "visitor", "raptor"),
    [
        (Buy("1", price=None), Visitor(), OFFLINE),
        (Click("1"), CUSTOMER, OFFLINE),
        (Buy("1", price=None), CUSTOMER, RAPTOR),
    ],
    ids=["of nobody", "that is no order", "unless allowed"],
)
def test_without_a_browser_nothing_is_sent(event: Event, visitor: Visitor, raptor: Raptor) -> None:
    with pytest.raises(NoIdentity):
        raptor.requests(event, visitor)


def test_an_items_type_is_no_parameter(visitor: Visitor) -> None:
    assert shop(Click(Item("1", type=4)), visitor) == {"p1": "visit", "p2": "1"}
