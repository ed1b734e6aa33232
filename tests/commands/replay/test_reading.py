"""A row becomes an event, or an error that says why not and quotes nothing of it; the sums add up whatever happens."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.commands.replay.columns import Columns, Value
from footfall.commands.replay.engine import Refusal, Replay
from footfall.commands.replay.reading import KINDS, Amount, read_amount, read_event, read_visitor
from footfall.commands.replay.source import Source
from footfall.commands.replay.totals import OTHERS, Totals
from footfall.errors import ConfigError, EventError
from footfall.events import Basket, Blacklist, Buy, Click, Consume, Event, Item, Money, PageView, Rate, RemoveFromBasket
from footfall.identity.visitor import Visitor
from footfall.trackers import Yoochoose

ITEM = Value.parse("item")
ORDERS = Columns(
    item=ITEM,
    quantity=Value.parse("n"),
    price=Value.parse("price"),
    currency=Value.parse("=EUR"),
    order=Value.parse("order"),
    fields={"brand_id": Value.parse("brand")},
)
ROW = {"item": "A-1", "n": "2", "price": "19.99", "order": "7", "brand": "Asics"}


def test_a_row_is_an_order_line() -> None:
    assert read_event(ORDERS, ROW) == Buy(
        "A-1", quantity=2, price=Money("19.99", "EUR"), order_id="7", fields={"brand_id": "Asics"}
    )


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("click", Click(Item("1", type=3), category_path=["Shoes", "Children"])),
        ("basket", Basket(Item("1", type=3), category_path=["Shoes", "Children"])),
        ("remove-from-basket", RemoveFromBasket(Item("1", type=3))),
        ("consume", Consume(Item("1", type=3), percentage=60)),
        ("rate", Rate(Item("1", type=3), rating=80)),
        ("blacklist", Blacklist(Item("1", type=3))),
        ("page_view", PageView()),
        ("view", Click(Item("1", type=3), category_path=["Shoes", "Children"])),
    ],
)
def test_a_row_says_what_it_is(kind: str, event: Event) -> None:
    columns = Columns(
        event=Value.parse("what"),
        renamed={"view": "click"},
        item=ITEM,
        item_type=Value.parse("type"),
        category_path=Value.parse("path"),
        percentage=Value.parse("percent"),
        rating=Value.parse("stars"),
    )
    row = {"what": kind, "item": 1, "type": 3, "path": "/Shoes/Children", "percent": "60", "stars": Decimal("80.0")}
    assert read_event(columns, row) == event


def test_every_kind_of_row_is_known_to_some_tracker() -> None:
    assert set(KINDS) == {
        one.kind for one in (Buy, Click, Basket, RemoveFromBasket, Consume, Rate, Blacklist, PageView)
    }


def test_a_category_path_may_be_a_list() -> None:
    columns = Columns(event=Value.parse("=click"), item=ITEM, category_path=Value.parse("path"))
    assert read_event(columns, {"item": "1", "path": ["a", "b"]}) == Click("1", category_path=["a", "b"])


def test_the_total_of_a_line_is_divided() -> None:
    """Y-37, T-22."""
    columns = Columns(item=ITEM, quantity=Value.parse("n"), total=Value.parse("price"), currency=Value.parse("=EUR"))
    assert read_event(columns, {**ROW, "price": "10", "n": "4"}) == Buy("A-1", quantity=4, price=Money("2.50", "EUR"))


def test_a_quantity_is_one_if_there_is_no_column_for_it() -> None:
    """Y-36."""
    assert read_event(Columns(item=ITEM), ROW) == Buy("A-1", price=None)


def test_an_amount_may_have_a_decimal_comma() -> None:
    columns = Columns(item=ITEM, price=Value.parse("price"), currency=Value.parse("=DKK"), decimal_comma=True)
    assert read_event(columns, {"item": "1", "price": "1.234,50"}) == Buy("1", price=Money("1234.50", "DKK"))


def test_whole_numbers_may_have_been_exported_with_a_point() -> None:
    columns = Columns(ruid=Value.parse("customer"), user=Value.parse("other"), whole=frozenset({"customer"}))
    visitor = read_visitor(columns, {"customer": "17850.0", "other": "17850.0"})
    assert (visitor.ruid, visitor.user_id) == ("17850", "17850.0")


def test_an_empty_cell_is_no_id() -> None:
    columns = Columns(user=Value.parse("user"), device=Value.parse("device"), anonymous_user="nobody")
    visitor = read_visitor(columns, {"user": "", "device": None})
    assert (visitor.user_id, visitor.device_id, visitor.anonymous_user) == (None, None, "nobody")


@pytest.mark.parametrize("name", ["device", "session"])
def test_a_device_and_a_session_are_guids(name: str) -> None:
    """R-06, R-07: any, in the letters they have."""
    live = "6B29FC40-CA47-1067-B31D-00DD010662DA"
    visitor = read_visitor(Columns(**{name: Value.parse("id")}), {"id": live})  # type: ignore[arg-type]
    with pytest.raises(EventError, match=f"^{name}: is no GUID"):
        read_visitor(Columns(**{name: Value.parse("id")}), {"id": "17850"})  # type: ignore[arg-type]
    assert getattr(visitor, f"{name}_id") == live


def test_a_dot_leads_into_an_object() -> None:
    visitor = read_visitor(Columns(user=Value.parse("customer.id")), {"customer": {"id": 7}})
    assert visitor.user_id == "7"


def test_a_name_with_a_dot_comes_before_what_it_leads_to() -> None:
    assert Value.parse("a.b").read({"a.b": 1, "a": {"b": 2}}) == 1


@pytest.mark.parametrize(
    ("text", "form", "at"),
    [
        ("2012-01-01T11:00:00", "iso", "2012-01-01T11:00:00"),
        ("1325415600", "unix", "2012-01-01T11:00:00+00:00"),
        ("1325415600.7", "unix", "2012-01-01T11:00:00+00:00"),
        ("1325415600025", "unix-ms", "2012-01-01T11:00:00+00:00"),
        ("01.01.2012 11:00", "%d.%m.%Y %H:%M", "2012-01-01T11:00:00"),
        ("2012-01-01 11:00:00 UTC", "%Y-%m-%d %H:%M:%S UTC", "2012-01-01T11:00:00"),
    ],
)
def test_a_time_is_read(text: str, form: str, at: str) -> None:
    event = read_event(Columns(item=ITEM, time=Value.parse("t"), time_format=form), {"item": "1", "t": text})
    assert event == Buy("1", price=None, at=at)


@pytest.mark.parametrize("form", ["iso", "unix", "unix-ms", "%d.%m.%Y"])
@pytest.mark.parametrize("text", ["", "soon", "1e999", "NaN"])
def test_a_time_that_is_none_is_refused(text: str, form: str) -> None:
    columns = Columns(item=ITEM, time=Value.parse("t"), time_format=form)
    with pytest.raises(EventError, match=r"^(time|at): "):
        read_event(columns, {"item": "1", "t": text})


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"n": "-6"}, "quantity: is negative"),
        ({"n": "0"}, "quantity: "),
        ({"n": "1.5"}, "quantity: is no whole number"),
        ({"n": ""}, "quantity: is empty"),
        ({"n": "9" * 30}, "quantity: "),
        ({"price": "-1"}, "amount: is negative"),
        ({"price": "19,99"}, "price: is no amount; is it written with a comma?"),
        ({"price": "£2.55"}, "price: is no amount"),
        ({"price": ""}, "price: is empty"),
        ({"price": "1e3"}, "price: is no amount"),
        ({"item": ""}, "item: is empty"),
        ({"item": None}, "item: is empty"),
        ({"item": ["1"]}, "column 'item': "),
        ({"item": 1 << 70}, "column 'item': "),
        ({"item": Decimal("1e99")}, "column 'item': "),
    ],
)
def test_a_row_is_refused(change: dict[str, object], finding: str) -> None:
    with pytest.raises(EventError) as caught:
        read_event(ORDERS, {**ROW, **change})
    assert str(caught.value).startswith(finding)


@pytest.mark.parametrize("word", ["", "purchase", "login"])
def test_an_event_that_is_unknown_is_refused(word: str) -> None:
    with pytest.raises(EventError, match="--rename"):
        read_event(Columns(item=ITEM, event=Value.parse("what")), {**ROW, "what": word})


def test_nothing_but_a_buy_is_sent_as_if_it_were_of_now() -> None:
    with pytest.raises(EventError, match="only a buy can carry its time"):
        read_event(Columns(item=ITEM, event=Value.parse("=click"), time=Value.parse("t")), ROW)


@pytest.mark.parametrize(
    ("change", "amount"),
    [
        ({}, Amount("EUR", Decimal("39.98"))),
        ({"n": "-2"}, Amount("EUR", Decimal("-39.98"))),
        ({"price": "2.555"}, Amount("EUR", Decimal("5.110"))),
        ({"n": "x"}, None),
        ({"price": "x"}, None),
    ],
)
def test_a_row_adds_to_the_files_sum_as_it_stands(change: dict[str, object], amount: Amount | None) -> None:
    assert read_amount(ORDERS, {**ROW, **change}) == amount


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"price: the file has no column 'UnitPrise'; did you mean 'UnitPrice'\?"):
        Columns(price=Value.parse("UnitPrise")).check(["StockCode", "UnitPrice"])


def test_a_forgotten_sign_of_a_constant_is_explained() -> None:
    with pytest.raises(ConfigError, match="A constant is written =GBP"):
        Columns(currency=Value.parse("GBP")).check(["StockCode"])


cells = st.text(st.characters(codec="utf-8", exclude_characters='\r\n",'), max_size=12)
numbers = st.sampled_from(["1", "2", "-3", "0", "2.0", "1.5", "", "x"]) | cells
prices = st.sampled_from(["2.55", "0", "2.555", "0.005", "-1", "", "1,5"]) | cells


def replayed(content: str) -> tuple[Totals, list[Refusal]]:
    refusals: list[Refusal] = []
    source = Source(io.BytesIO(content.encode()), format="csv")
    tracker = Yoochoose("00000", text_item_ids=True)
    replay = Replay(source, ORDERS, tracker, Totals(), on_refused=refusals.append)
    replay.run(None, lambda _: None, lambda _: None)
    return replay.totals, refusals


@given(st.lists(st.tuples(cells, numbers, prices)))
def test_sent_refused_and_rounded_come_to_what_the_file_comes_to(rows: list[tuple[str, str, str]]) -> None:
    lines = [f"{item},{n},{price},7,x" for item, n, price in rows]
    totals, refusals = replayed("\n".join(["item,n,price,order,brand", *lines]))
    assert (totals.rows, totals.refused) == (len(rows), len(refusals))
    assert totals.requests == totals.rows - totals.refused
    rounded = dict(totals.rounding()).get("EUR", Decimal(0))
    whole = totals.sent.get("EUR", Decimal(0)) + totals.refused_sums.get("EUR", Decimal(0)) + rounded
    assert whole == totals.file.get("EUR", Decimal(0))


@given(st.text(st.characters(codec="utf-8", categories=["L"]), min_size=6, max_size=12), st.integers(0, 4))
def test_a_refusal_quotes_nothing_of_its_row(secret: str, at: int) -> None:
    secret = f"ø{secret}"  # no word of ours
    row = ["", "-", "?", "7", "x"]
    row[at] = f"{secret}\\,"
    _, refusals = replayed("\n".join(["item,n,price,order,brand", ",".join(f'"{cell}"' for cell in row)]))
    assert [secret in str(refusal) for refusal in refusals] == [False]


def test_a_reason_is_one_whatever_the_length_of_what_is_wrong() -> None:
    totals = Totals()
    for length in (3, 30):
        totals.add_refused(f"item: an id of {length} characters is not a number", None)
    assert {text: reason.rows for text, reason in totals.reasons.items()} == {"item: an id is not a number": 2}


def test_endless_reasons_are_counted_together() -> None:
    totals = Totals()
    for number in range(300):
        totals.add_refused(f"reason {number}", Amount("EUR", Decimal(1)))
    assert (len(totals.reasons), totals.reasons[OTHERS].rows, totals.refused_sums["EUR"]) == (101, 200, Decimal(300))


def test_totals_survive_being_written_down() -> None:
    totals, _ = replayed("item,n,price,order,brand\n1,2,2.555,7,x\n1,-2,2.50,7,x\n")
    assert Totals.from_json(totals.to_json()) == totals


def test_a_tracker_that_raises_costs_one_row() -> None:
    class Broken:
        name = "broken"

        def requests(self, event: Event, visitor: Visitor) -> list[object]:
            raise KeyError("anna")

    refusals: list[Refusal] = []
    source = Source(io.BytesIO(b"item\n1\n"), format="csv")
    replay = Replay(source, Columns(item=ITEM), Broken(), Totals(), on_refused=refusals.append)  # type: ignore[arg-type]
    replay.run(None, lambda _: None, lambda _: None)
    assert [refusal.reason for refusal in refusals] == ["the tracker raised KeyError"]


def test_a_kind_that_the_tracker_lacks_is_refused() -> None:
    refusals: list[Refusal] = []
    source = Source(io.BytesIO(b"item\n1\n"), format="csv")
    columns = Columns(item=ITEM, event=Value.parse("=page_view"))
    Replay(source, columns, Yoochoose("1"), Totals(), on_refused=refusals.append).run(
        None, lambda _: None, lambda _: None
    )
    assert [refusal.reason for refusal in refusals] == ["event: yoochoose has none for a page_view"]
