"""Events, items and money: what they take, what they find wrong, and what they never show."""

from __future__ import annotations

import copy
import dataclasses
import decimal
import itertools
import pickle
import re
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import IntEnum
from typing import Any, ClassVar

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
from footfall.events.currencies import _WITHDRAWN, CODES
from footfall.events.judging import Judged

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


REFUSED: dict[str, Callable[[], Judged]] = {
    "an item that is empty": lambda: Click(""),
    "an item that is a float": lambda: Click(1.0),  # type: ignore[arg-type]
    "an item that is a bool": lambda: Click(True),
    "an item that is None": lambda: Click(None),  # type: ignore[arg-type]
    "an item that is a UUID": lambda: Click(uuid.UUID(int=1)),  # type: ignore[arg-type]
    "a price that is a Decimal": lambda: Buy("1", price=Decimal("19.99")),  # type: ignore[arg-type]
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
    "a user that is a float": lambda: Login(7.0),  # type: ignore[arg-type]
    "a user that is True": lambda: Login(True),
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
    "a currency that ISO 4217 does not have": lambda: Money("19.99", "EUX"),
    "a line of no items": lambda: Money("10", "EUR").divided_by(0),
    "no items at a price": lambda: Money("10", "EUR").times(0),
    "more money than there is": lambda: Money("999999999999999999", "EUR").times(2_000_000_000),
    "what is divided of a wrong amount": lambda: Money("19,99", "EUR").divided_by(4),
    "what is computed of a wrong amount": lambda: Money("19,99", "EUR").times(2),
    "what is rounded of a wrong amount": lambda: Money("1", "EURO").rounded(),
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_found_and_raises_nothing(build: Callable[[], Judged]) -> None:
    """Y-17, Y-19, Y-33, Y-36, Y-37, Y-45, T-22; each finding says what is wrong and what to do."""
    finding = build().finding
    assert finding is not None
    assert re.match(r"[a-z_ \[\]']+: .*(give|write|leave out|leave the|leave it|a price)", finding)


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_can_be_compared_hashed_shown_and_copied(build: Callable[[], Judged]) -> None:
    one = build()
    other = copy.deepcopy(one)
    assert (repr(one), hash(one), one.finding) == (repr(other), hash(other), other.finding)
    assert type(pickle.loads(pickle.dumps(one))) is type(one)


@pytest.mark.parametrize("event", EVERY_EVENT, ids=named)
def test_what_is_right_has_no_finding(event: Event) -> None:
    assert event.finding is None


class Odd:
    """A value that raises whatever it is asked: what it is, how long, whether it is equal."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("anna@shop.example")

    @__class__.setter
    def __class__(self, kind: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("anna@shop.example")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("anna@shop.example")

    def __bool__(self) -> bool:
        raise RuntimeError("anna@shop.example")

    def __len__(self) -> int:
        raise RuntimeError("anna@shop.example")

    def __repr__(self) -> str:
        raise RuntimeError("anna@shop.example")

    __hash__ = None  # type: ignore[assignment]


def fail_while_iterated() -> Iterator[str]:
    yield "1"
    raise RuntimeError("anna@shop.example")


ODD: Any = Odd()
WITH_ODD: dict[str, Callable[[], Judged]] = {
    "item": lambda: Click(ODD),
    "item type": lambda: Item("1", type=ODD),
    "category path": lambda: Click("1", ODD),
    "level": lambda: Click("1", [ODD]),
    "failing category path": lambda: Click("1", fail_while_iterated()),
    "endless category path": lambda: Click("1", itertools.repeat("Shoes")),
    "content": lambda: Basket("1", content=ODD),
    "item in content": lambda: Basket("1", content=[ODD]),
    "failing items": lambda: Rendered(fail_while_iterated()),
    "quantity": lambda: Buy("1", ODD, price=None),
    "price": lambda: Buy("1", price=ODD),
    "order": lambda: Buy("1", price=None, order_id=ODD),
    "time": lambda: Buy("1", price=None, at=ODD),
    "rating": lambda: Rate("1", rating=ODD),
    "percentage": lambda: Consume("1", ODD),
    "scenario": lambda: ClickRecommended("1", ODD),
    "link": lambda: RecommendationLink(ODD),
    "user": lambda: Login(ODD),
    "name": lambda: Custom(ODD),
    "parameters": lambda: Custom("search", ODD),
    "fields": lambda: PageView(fields=ODD),
    "field": lambda: PageView(fields={"brand_id": ODD}),
    "amount": lambda: Money(ODD, "EUR"),
    "currency": lambda: Money("1", ODD),
    "number of pieces": lambda: Money("1", "EUR").divided_by(ODD),
}


@pytest.mark.parametrize("build", WITH_ODD.values(), ids=WITH_ODD.keys())
def test_no_value_makes_anything_raise(build: Callable[[], Judged]) -> None:
    one = build()
    assert one.finding is not None
    assert (one == build(), hash(one) == hash(build()), "anna" in f"{one!r}{one.finding}") in (
        (True, True, False),
        (False, True, False),  # two generators
    )


def test_iterables_are_taken_when_an_event_is_built() -> None:
    path = iter(["Shoes", "Children"])
    event = Basket("1", category_path=path, content=(str(n) for n in range(2)))
    assert (event.category_path, event.content, list(path)) == (("Shoes", "Children"), (Item("0"), Item("1")), [])


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (lambda: Rate("5", rating="anna@shop.example"), "<Rate item=<Item 1/5> rating=<str of 17>>"),  # type: ignore[arg-type]
        (lambda: Click(None), "<Click item=<Item 1/<NoneType>>>"),  # type: ignore[arg-type]
        (lambda: Click("1", ["anna", ""]), "<Click item=<Item 1/1> category_path=<tuple of 2>>"),
        (lambda: Item("1", type="anna"), "<Item <str of 4>/1>"),  # type: ignore[arg-type]
        (lambda: Money("anna", "EUR"), "Money(amount=<str of 4>, currency='EUR')"),
        (lambda: Money("1", "ANNA"), "Money(amount=Decimal('1'), currency=<str of 4>)"),
        (lambda: Custom("anna@shop.example"), "<Custom name=<str of 17>>"),
        (lambda: ClickRecommended("1", module=""), "<ClickRecommended item=<Item 1/1> module=<str of 0>>"),
        (
            lambda: Buy("1", quantity=0, price=Money("1", "EUR")),
            "<Buy item=<Item 1/1> quantity=<int> price=Money(amount=Decimal('1'), currency='EUR')>",
        ),
    ],
)
def test_a_repr_shows_of_a_wrong_field_its_type_and_length(wrong: Callable[[], Judged], shown: str) -> None:
    assert repr(wrong()) == shown


@pytest.mark.parametrize(
    "event",
    [
        Click(Item("")),
        Basket("1", content=["2", ""]),
        Rendered([Item("1", type=0)]),
        Buy("1", price=Money("19,99", "EUR")),
        Buy("1", price=Money("1", "EUR").divided_by(0)),
        dataclasses.replace(Click(""), category_path=("Shoes",)),
    ],
    ids=named,
)
def test_an_event_takes_over_the_finding_of_its_parts(event: Event) -> None:
    assert event.finding is not None


def test_a_wrong_event_is_mended_by_a_right_value() -> None:
    assert dataclasses.replace(Rate("5", rating=101), rating=100).finding is None


def test_wrong_events_are_equal_by_what_they_hold() -> None:
    assert Rate("5", rating=101) == Rate("5", rating=101) != Rate("5", rating=102)
    assert Rate("5", rating=1) != Rate("5", rating=True)


def test_a_value_of_a_subclass_becomes_plain() -> None:
    class Text(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("anna@shop.example")

        __hash__ = str.__hash__

    class Number(IntEnum):
        ONE = 1

    event = Buy(Text("9"), quantity=Number.ONE, price=None, order_id=Text("A-1"), fields={"brand_id": Text("x")})
    parts = (event.item.id, event.quantity, event.order_id, event.fields["brand_id"])
    assert (parts, [type(one) for one in parts]) == (("9", 1, "A-1", "x"), [str, int, str, str])


@dataclasses.dataclass(frozen=True)
class Favourite(Event):
    """An event of a site's own, as its tracker would have it."""

    kind: ClassVar[str] = "favourite"

    shelf: Any
    item: Item = dataclasses.field(default_factory=lambda: Item("1"))

    def judge(self) -> str | None:
        if self.shelf == "broken":
            raise KeyError("anna@shop.example")
        if self.shelf == "refused":
            raise EventError("shelf: is refused; name another")
        if self.shelf == "odd":
            return 7  # type: ignore[return-value]
        return None if self.shelf else "shelf: is empty; name one"


@pytest.mark.parametrize(
    ("event", "finding"),
    [
        (Favourite("summer"), None),
        (Favourite(""), "shelf: is empty; name one"),
        (Favourite("refused"), "shelf: is refused; name another"),
        (Favourite("broken"), "Favourite: its judge() raised KeyError; return text, or None if the event is right"),
        (Favourite("odd"), "Favourite: its judge() returned a int; return text, or None if the event is right"),
        (Favourite("summer", Item("")), Item("").finding),
        (Favourite((Item("1"), Item(""))), Item("").finding),
        (Favourite("summer", fields={"p 2": "x"}), PageView(fields={"p 2": "x"}).finding),
    ],
)
def test_an_event_of_ones_own_is_judged_by_its_hook(event: Event, finding: str | None) -> None:
    assert event.finding == finding


def test_an_event_of_ones_own_is_compared_and_hashed_whatever_it_holds() -> None:
    assert (Favourite(ODD) == Favourite(ODD), hash(Favourite([])) == hash(Favourite([])), repr(Favourite("anna"))) == (
        True,
        True,
        "<Favourite>",
    )
    assert Favourite("a") != Favourite("b")


def test_an_event_of_ones_own_that_forgets_our_part_says_so() -> None:
    class Forgetful(Event):
        def __init__(self) -> None:
            pass

    assert Forgetful().finding == "Forgetful: its __init__ or __post_init__ does not call super()'s; let it"


def test_an_event_of_ones_own_has_text_for_a_kind() -> None:
    class Kindless(Event):
        kind: ClassVar[Any] = 7

    assert Kindless().finding == "Kindless: its kind is a int; give text"


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
def test_a_finding_never_quotes(build: Callable[[str], Event]) -> None:
    event = build("anna@shop.example")
    assert "anna" not in f"{event!r}{event.finding}"


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


def test_the_list_of_currencies_is_the_published_one_and_what_was_withdrawn_of_late() -> None:
    """As the package iso4217 carries it: what is missing here is refused, and what is too much is not checked."""
    published = {one.code for one in iso4217.Currency}
    assert published ^ CODES == set(_WITHDRAWN.split())
    assert published < CODES


def test_a_price_of_a_time_before_the_euro_is_a_price() -> None:
    assert Money("100", "HRK").finding is None


def test_a_wrong_amount_is_written_as_nothing() -> None:
    wrong = Money("19,99", "EUR")
    assert (wrong.format_amount(), wrong.minor_units) == ("", 2)


@pytest.mark.parametrize(("given", "user_id"), [("7", "7"), (7, "7"), ("JohnDoe", "JohnDoe")])
def test_a_login_takes_a_primary_key_as_it_is(given: str | int, user_id: str) -> None:
    assert Login(given).user_id == user_id


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False), st.integers(1, 1000))
def test_a_price_is_never_off_by_more_than_half_a_cent(total: Decimal, quantity: int) -> None:
    exact = decimal.Context(prec=80)
    one = Money(total, "EUR").divided_by(quantity).amount
    assert abs(exact.subtract(exact.multiply(one, quantity), total)) <= exact.multiply(Decimal("0.005"), quantity)
