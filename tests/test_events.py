"""Events, items and money: what they take, what they refuse, and what they never show."""

from __future__ import annotations

import copy
import dataclasses
import decimal
import pickle
from collections.abc import Callable
from decimal import Decimal

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Item,
    Login,
    Money,
    PageView,
    Rate,
    RecommendationLink,
    RemoveFromBasket,
    Rendered,
)

PRICE = Money("19.99", "EUR")

EVERY_EVENT: list[Event] = [
    PageView(),
    Click("3298", category_path=["Shoes", "Children"]),
    Consume("452", percentage=60),
    Basket("128", content=["128", "129"]),
    RemoveFromBasket("128", content=["129"]),
    Buy("128", quantity=2, price=PRICE, order_id="A-1"),
    Rate("133", rating=50),
    Blacklist("9"),
    ClickRecommended("155", scenario="also_bought", module="GetSimilarItems"),
    Rendered(items=["128", Item("29712", type=3)]),
    RecommendationLink("//event.yoochoose.net/rendered/johndoe/1/155"),
    Login("johndoe"),
    Custom("search", {"search_term": "boots"}),
]


def named(event: Event) -> str:
    return type(event).__name__


@pytest.mark.parametrize("event", EVERY_EVENT, ids=named)
def test_an_event_cannot_be_changed(event: Event) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, dataclasses.fields(event)[-1].name, None)


@pytest.mark.parametrize("event", EVERY_EVENT, ids=named)
def test_an_event_survives_pickle_and_copy(event: Event) -> None:
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event


@pytest.mark.parametrize("event", EVERY_EVENT, ids=named)
def test_every_event_takes_a_sites_own_fields(event: Event) -> None:
    assert dataclasses.replace(event, fields={"brand_id": "Asics"}).fields == {"brand_id": "Asics"}


def test_every_kind_is_a_word_of_its_own() -> None:
    assert len({event.kind for event in EVERY_EVENT}) == len(EVERY_EVENT)


@pytest.mark.parametrize("item", ["3298", 3298, Item("3298"), Item(3298, type=1)])
def test_text_a_number_and_an_item_name_the_same_item(item: Item | str | int) -> None:
    assert Click(item).item == Item("3298", 1)


def test_an_item_is_its_type_and_its_id() -> None:
    """Y-21: the same id under two types is two items."""
    assert Item("29712", type=1) != Item("29712", type=2)


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        (["Shoes", "Children"], ("Shoes", "Children")),
        ("Shoes/Children", ("Shoes", "Children")),
        ("/Cameras/", ("Cameras",)),
        ("Cameras", ("Cameras",)),
        ("", ()),
        ((), ()),
    ],
)
def test_a_category_path_is_a_list_or_text_with_slashes(path: str | list[str], levels: tuple[str, ...]) -> None:
    """Y-25, Y-26."""
    assert Click("1", category_path=path).category_path == levels


def test_zero_percent_is_a_percentage() -> None:
    """Y-33: 0 is not 'absent'."""
    assert Consume("452", percentage=0).percentage == 0


REFUSED: dict[str, Callable[[], object]] = {
    "an item that is empty": lambda: Click(""),
    "an item that is a float": lambda: Click(1.0),  # type: ignore[arg-type]
    "an item that is a bool": lambda: Click(True),
    "an item that is None": lambda: Click(None),  # type: ignore[arg-type]
    "an item id of a thousand digits": lambda: Click(10**1000),
    "an item type of 0": lambda: Item("1", type=0),
    "an item type that is text": lambda: Item("1", type="2"),  # type: ignore[arg-type]
    "an item type that is a float": lambda: Item("1", type=1.0),  # type: ignore[arg-type]
    "a level of a category path that is empty": lambda: Click("1", category_path="Shoes//Children"),
    "a level of a category path that is a number": lambda: Click("1", category_path=[1]),  # type: ignore[list-item]
    "a category path that is a number": lambda: Click("1", category_path=1),  # type: ignore[arg-type]
    "a percentage of -1": lambda: Consume("1", percentage=-1),
    "a percentage of 101": lambda: Consume("1", percentage=101),
    "a percentage of 12.5": lambda: Consume("1", percentage=12.5),  # type: ignore[arg-type]
    "a rating of 101": lambda: Rate("1", rating=101),
    "a rating of -1": lambda: Rate("1", rating=-1),
    "a rating of 4.5": lambda: Rate("1", rating=4.5),  # type: ignore[arg-type]
    "a quantity of 0": lambda: Buy("1", quantity=0, price=PRICE),
    "a quantity of -1": lambda: Buy("1", quantity=-1, price=PRICE),
    "a quantity of 1.5": lambda: Buy("1", quantity=1.5, price=PRICE),  # type: ignore[arg-type]
    "a quantity of ten digits too many": lambda: Buy("1", quantity=10**20, price=PRICE),
    "a price that is text": lambda: Buy("1", price="19.99"),  # type: ignore[arg-type]
    "a price that is a float": lambda: Buy("1", price=19.99),  # type: ignore[arg-type]
    "an order id that is empty": lambda: Buy("1", price=PRICE, order_id=""),
    "a basket's content that is one text": lambda: Basket("1", content="12"),
    "items that are one text": lambda: Rendered(items="12"),
    "items that are a number": lambda: Rendered(items=12),  # type: ignore[arg-type]
    "a scenario that is empty": lambda: ClickRecommended("1", scenario=""),
    "a module that is a number": lambda: ClickRecommended("1", module=1),  # type: ignore[arg-type]
    "a user that is empty": lambda: Login(""),
    "a user that is a number": lambda: Login(7),  # type: ignore[arg-type]
    "a link that is empty": lambda: RecommendationLink(""),
    "a custom event's name with a space": lambda: Custom("add to wishlist"),
    "a parameter given twice": lambda: Custom("search", {"term": "a"}, fields={"term": "b"}),
    "a field that is a float": lambda: PageView(fields={"price": 1.5}),  # type: ignore[dict-item]
    "a field that is a list": lambda: PageView(fields={"sizes": [1]}),  # type: ignore[dict-item]
    "a field that is not a number": lambda: PageView(fields={"price": Decimal("NaN")}),
    "a field whose name is no name": lambda: PageView(fields={"p 2": "x"}),
    "fields that are a list": lambda: PageView(fields=["x"]),  # type: ignore[arg-type]
    "an amount that is a float": lambda: Money(19.99, "EUR"),  # type: ignore[arg-type]
    "an amount with a comma": lambda: Money("19,99", "EUR"),
    "an amount with a space": lambda: Money("19.99 ", "EUR"),
    "an amount with an exponent": lambda: Money("2.5E1", "EUR"),
    "an amount in other digits": lambda: Money("\u0661\u0662", "EUR"),
    "an amount that is empty": lambda: Money("", "EUR"),
    "an amount that is True": lambda: Money(True, "EUR"),
    "an amount below zero": lambda: Money(Decimal("-0.01"), "EUR"),
    "an amount that is infinite": lambda: Money(Decimal("Infinity"), "EUR"),
    "an amount that is not a number": lambda: Money(Decimal("NaN"), "EUR"),
    "an amount beyond all money": lambda: Money(Decimal("1E+999999"), "EUR"),
    "a currency in small letters": lambda: Money("19.99", "eur"),
    "a currency that is a sign": lambda: Money("19.99", "€"),
    "a line of no items": lambda: Money("10", "EUR").divided_by(0),
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED.keys())
def test_building_refuses(build: Callable[[], object]) -> None:
    """Y-17, Y-19, Y-33, Y-36, Y-37, Y-45, T-22; each message says what is wrong and what to do."""
    with pytest.raises(EventError, match=r"^[a-z_ \[\]']+: .*(give|write|leave out|leave the|leave it|a price)"):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: Buy("1"),  # type: ignore[call-arg]
        lambda: Rate("1"),  # type: ignore[call-arg]
        lambda: Blacklist("1", rating=3),  # type: ignore[call-arg]
        lambda: Consume("1", category_path=["Shoes"]),  # type: ignore[call-arg]
    ],
    ids=["a buy without a price", "a rate without a rating", "a blacklist with a rating", "a consume with a category"],
)
def test_a_signature_refuses(build: Callable[[], object]) -> None:
    """Y-29, Y-45, Y-47, T-20: what a kind of event lacks or needs is seen by type checkers too."""
    with pytest.raises(TypeError):
        build()


def test_a_buy_may_waive_its_price() -> None:
    """T-20."""
    assert Buy("1", price=None).price is None


@pytest.mark.parametrize("build", [Login, RecommendationLink, Click, lambda text: Click("1", fields={text: "x"})])
def test_an_error_never_quotes(build: Callable[[str], object]) -> None:
    secret = "anna@shop.example"
    try:
        shown = repr(build(secret))
    except EventError as error:
        shown = str(error)
    assert "anna" not in shown


def test_a_repr_shows_what_is_the_shops_own() -> None:
    assert repr(Buy("128", quantity=2, price=PRICE, order_id="A-1")) == (
        "<Buy item=<Item 1/128> quantity=2 price=Money(amount=Decimal('19.99'), currency='EUR')>"
    )


@pytest.mark.parametrize(
    "event",
    [
        Login("anna"),
        RecommendationLink("//event.yoochoose.net/rendered/anna/1/155"),
        Custom("search", {"search_term": "anna"}),
        PageView(fields={"nickname": "anna"}),
        Buy("1", price=None, order_id="anna"),
    ],
    ids=named,
)
def test_a_repr_hides_what_a_visitor_sent(event: Event) -> None:
    assert "anna" not in repr(event)


def test_fields_are_not_the_callers_own_mapping() -> None:
    fields = {"brand_id": "Asics"}
    event = PageView(fields=fields)
    fields["brand_id"] = "Nike"
    assert event.fields == {"brand_id": "Asics"}


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("19.99", "EUR", "19.99"),
        ("2.5", "EUR", "2.50"),
        (Decimal("2.5E1"), "EUR", "25.00"),
        (456, "JPY", "456"),
        ("456.5", "JPY", "457"),
        ("1.2345", "KWD", "1.235"),
        ("2.505", "EUR", "2.51"),
        ("2.504999", "EUR", "2.50"),
        (0, "EUR", "0.00"),
        (Decimal("-0.00"), "EUR", "0.00"),
        (Decimal("0.1") + Decimal("0.2"), "EUR", "0.30"),
        ("999999999999999999", "EUR", "999999999999999999.00"),
    ],
)
def test_money_is_written_in_its_minor_unit(amount: str | Decimal | int, currency: str, written: str) -> None:
    """Y-37, Y-39, T-22: half up, no exponent, no float noise."""
    assert Money(amount, currency).format_amount() == written


def test_a_line_total_is_divided_and_rounded_half_up() -> None:
    """Y-37, T-22: 10 euros for 4 pens are 2.50 each; a third of 10 euros is 3.33."""
    assert [Money("10", "EUR").divided_by(n) for n in (4, 3)] == [Money("2.50", "EUR"), Money("3.33", "EUR")]


def test_money_does_not_depend_on_an_applications_decimal_context() -> None:
    with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
        assert Money("1234.565", "EUR").times(3).format_amount() == "3703.71"


def test_the_table_of_minor_units_is_the_published_one() -> None:
    """T-22: the table of ISO 4217 as the package iso4217 carries it."""
    published = {one.code: one.exponent for one in iso4217.Currency if one.exponent is not None}
    assert {code: Money(0, code).minor_units for code in published} == published


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False), st.integers(1, 1000))
def test_a_price_is_never_off_by_more_than_half_a_cent(total: Decimal, quantity: int) -> None:
    exact = decimal.Context(prec=80)
    one = Money(total, "EUR").divided_by(quantity).amount
    assert abs(exact.subtract(exact.multiply(one, quantity), total)) <= exact.multiply(Decimal("0.005"), quantity)
