"""What the local tracker reads from a URL is what was emitted: for any event, and any text a tracker takes.

The two sides are written from the documents and share no code.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.heavy import TIMES

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
from footfall.localtracker import Assessment, Rules, assess
from footfall.trackers import Raptor, Tracker, Yoochoose

LARGEST = 2**31 - 1
RULES = Rules(max_item_type=LARGEST, text_item_ids=True, buy_optional=True, max_target=100_000)
POSITIONS = {**Raptor.DEFAULT_PARAMETERS, "color": 999}
RAPTOR = Raptor("12345", parameters=POSITIONS, offline_orders=True, max_url_length=65_536)
YOOCHOOSE = Yoochoose(
    "00000", base_url="http://127.0.0.1:8100", text_item_ids=True, max_item_type=LARGEST, max_url_length=65_536
)

Pairs = list[tuple[str, str]]


def text_without(forbidden: str = "", *, least: int = 1) -> st.SearchStrategy[str]:
    """Any characters, odd ones often, none of which the documents forbid."""
    anything = st.characters(exclude_categories=["Cs"], exclude_characters=forbidden)
    odd = st.sampled_from(sorted({*"%/+&=?#;,. ~@:'\"<>|\\\r\n\t\x00éøß漢😀\u2028"} - set(forbidden)))
    return st.text(anything | odd, min_size=least, max_size=12)


any_text = text_without()
guids = st.uuids().map(str).flatmap(lambda one: st.sampled_from([one, one.upper()]))
types = st.integers(1, LARGEST)
amounts = st.decimals(0, 10**9, allow_nan=False, allow_infinity=False)
prices = st.builds(Money, amounts, st.sampled_from(["EUR", "JPY", "KWD", "GBP"])) | st.none()
quantities = st.integers(1, LARGEST)
field_values = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | any_text
fields = st.dictionaries(st.sampled_from(["brand_id", "stock_status", "color"]), field_values)


# Raptor

raptor_items = st.builds(Item, any_text | st.integers(-(2**60), 2**60), types)
raptor_levels = st.lists(text_without(",;"), max_size=3)
contents = st.lists(st.builds(Item, text_without(",")), max_size=4)
raptor_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(PageView, fields=fields),
    st.builds(Click, raptor_items, raptor_levels, fields=fields),
    st.builds(Basket, raptor_items, raptor_levels, contents, fields=fields),
    st.builds(RemoveFromBasket, raptor_items, contents, fields=fields),
    st.builds(Buy, raptor_items, quantities, price=prices, order_id=st.none() | any_text, fields=fields),
    st.builds(ClickRecommended, raptor_items, module=any_text, fields=fields),
    st.builds(
        Custom,
        st.sampled_from(["search", "contentvisit", "favorite"]),
        st.fixed_dictionaries({"product_name": any_text}),
        fields=fields,
    ),
)
by_mail = st.fixed_dictionaries({}, optional={"ruid": any_text, "reaid": any_text, "user_id": any_text})
by_another_mail = st.fixed_dictionaries({"xuid": any_text}, optional={"user_id": any_text})
raptor_visitors = st.builds(
    lambda device, session, ids: Visitor(device_id=device, session_id=session, **ids),
    guids,
    guids,
    by_mail | by_another_mail,
)

RAPTORS_WORDS: dict[type[Event], str] = {
    PageView: "pageview",
    Click: "visit",
    Basket: "basket",
    RemoveFromBasket: "basket",
    Buy: "buy",
    ClickRecommended: "itemclick",
}


def written(value: object) -> str:
    """A field as Raptor's reference has it; ``""`` is not sent."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def told_raptor(event: Event, visitor: Visitor) -> dict[str, str]:
    """What the document has an event's parameters be, decoded."""
    named: dict[str, str | None] = {"event_type": RAPTORS_WORDS.get(type(event)), "user_id": visitor.user_id}
    if isinstance(event, (Click, Basket, RemoveFromBasket, Buy, ClickRecommended)):
        named["product_id"] = event.item.id
    if isinstance(event, (Click, Basket)):
        named["category_path"] = ";".join(one if "#" in one else f"{one}#{one}" for one in event.category_path)
    if isinstance(event, (Basket, RemoveFromBasket)):
        named["basket_content"] = ",".join(dict.fromkeys(one.id for one in event.content))
    if isinstance(event, Buy):
        named |= {"quantity": str(event.quantity), "order_id": event.order_id}
        if event.price is not None:
            one = event.price.rounded().amount
            named |= {"price": f"{one:f}", "subtotal": f"{one * event.quantity:f}", "currency": event.price.currency}
    if isinstance(event, Custom):
        named |= {"event_type": event.name, "product_name": str(event.parameters["product_name"])}
    named |= {name: written(value) for name, value in event.fields.items()}
    told = {f"p{POSITIONS[name]}": value for name, value in named.items() if value}
    ids = {"coid": visitor.device_id, "sid": visitor.session_id, "reaid": visitor.reaid, "xuid": visitor.xuid}
    told |= {name: value for name, value in ids.items() if value}
    if isinstance(event, ClickRecommended):
        told["am"] = str(event.module)
    return told


def received(tracker: Tracker, event: Event, visitor: Visitor) -> list[Assessment]:
    assessments: list[Assessment] = []
    for request in tracker.requests(event, visitor):
        assert request.url.isascii()
        target = "/" + request.url.split("/", 3)[3]
        assessments.append(assess(request.method, target, RULES))
    return assessments


@given(raptor_events, raptor_visitors)
@settings(max_examples=400 * TIMES)
def test_raptor_reads_what_was_emitted(event: Event, visitor: Visitor) -> None:
    """R-03, R-05 to R-14: accepted, and every parameter as it was before it was encoded."""
    (assessment,) = received(RAPTOR, event, visitor)
    params = dict(assessment.params)
    assert (params.pop("customerid"), len(params) + 1, assessment.status) == ("12345", len(assessment.params), 200)
    ruid = params.pop("ruid", None)
    assert (ruid and b64decode(ruid).decode()) == visitor.ruid
    assert params == told_raptor(event, visitor)


@given(st.builds(Buy, raptor_items, quantities, price=prices, fields=fields), any_text)
def test_raptor_reads_an_order_without_a_browser(event: Buy, ruid: str) -> None:
    """The ``.stream`` address: ruid as it is."""
    (assessment,) = received(RAPTOR, event, Visitor(ruid=ruid))
    expected = told_raptor(event, Visitor()) | {"customerid": "12345", "ruid": ruid, "source": "webhook"}
    assert (assessment.status, dict(assessment.params)) == (200, expected)


# YOOCHOOSE

segments = text_without("\\").filter(lambda text: text not in {".", ".."})
yoochoose_items = st.builds(Item, text_without("\\,").filter(lambda text: text not in {".", ".."}) | quantities, types)
yoochoose_levels = st.lists(text_without("/\\"), max_size=3)
percentages = st.integers(0, 100)
links = st.builds(
    lambda user, kind, item: RecommendationLink(f"//127.0.0.1:8100/{kind}/{quote(user, safe='')}/1/{item}?scenario=a"),
    segments,
    st.sampled_from(["rendered", "clickrecommended"]),
    quantities,
)
yoochoose_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Click, yoochoose_items, yoochoose_levels),
    st.builds(Consume, yoochoose_items, st.none() | percentages),
    st.builds(Basket, yoochoose_items, yoochoose_levels),
    st.builds(Buy, yoochoose_items, quantities, price=prices),
    st.builds(Rate, yoochoose_items, rating=percentages),
    st.builds(Blacklist, yoochoose_items),
    st.builds(ClickRecommended, yoochoose_items, scenario=any_text),
    st.builds(Login, segments),
)
yoochoose_visitors = st.builds(Visitor, user_id=st.none() | segments, anonymous_id=st.none() | segments)


def told_yoochoose(event: Event) -> Pairs:
    """What the document has an event's query be, decoded and in alphabetical order."""
    match event:
        case Click(category_path=levels) | Basket(category_path=levels) if levels:
            return [("categorypath", "".join(f"/{level}" for level in levels))]
        case Consume(percentage=percentage) if percentage is not None:
            return [("percentage", str(percentage))]
        case Buy(price=price, quantity=quantity):
            amount = [] if price is None else [("fullprice", f"{price.rounded().amount:f}{price.currency}")]
            return [*amount, ("quantity", str(quantity))]
        case Rate(rating=rating):
            return [("rating", str(rating))]
        case ClickRecommended(scenario=scenario):
            return [("scenario", str(scenario))]
        case _:
            return []


def user_of(visitor: Visitor) -> str:
    return visitor.user_id or visitor.anonymous_id or "not_defined"


@given(yoochoose_events, yoochoose_visitors)
@settings(max_examples=400 * TIMES)
def test_yoochoose_reads_what_was_emitted(event: Event, visitor: Visitor) -> None:
    """Y-11, Y-13 to Y-18, Y-25 to Y-50: accepted, every part of path and query as it was before it was encoded."""
    if isinstance(event, Login):
        source, target = visitor.anonymous_id, event.user_id
        expected: list[Pairs] = []
        if source not in {None, target, "not_defined"}:
            expected = [[("customerid", "00000"), ("sourceuserid", str(source)), ("targetuserid", target)]]
    else:
        item: Item = event.item  # type: ignore[attr-defined]
        about = [("userid", user_of(visitor)), ("itemtypeid", str(item.type)), ("itemid", item.id)]
        expected = [[("customerid", "00000"), *about, *told_yoochoose(event)]]
    assessments = received(YOOCHOOSE, event, visitor)
    assert [list(one.params) for one in assessments] == expected
    assert [one.status for one in assessments] == [204] * len(assessments)


@given(st.lists(yoochoose_items, max_size=8), yoochoose_visitors)
def test_yoochoose_reads_every_rendered_item(items: Sequence[Item], visitor: Visitor) -> None:
    """Y-21, Y-52, Y-53."""
    assessments = received(YOOCHOOSE, Rendered(items), visitor)
    shown: dict[int, list[str]] = {}
    for assessment in assessments:
        params = dict(assessment.params)
        assert (assessment.status, params["userid"]) == (204, user_of(visitor))
        shown.setdefault(int(params["itemtypeid"]), []).extend(params["itemid"].split(","))
    assert shown == {one.type: [other.id for other in items if other.type == one.type] for one in items}


@given(links, yoochoose_visitors)
def test_yoochoose_reads_a_link_as_it_was_delivered(event: RecommendationLink, visitor: Visitor) -> None:
    """Y-48, Y-49."""
    (request,) = YOOCHOOSE.requests(event, visitor)
    assert (request.url, [one.status for one in received(YOOCHOOSE, event, visitor)]) == (f"http:{event.link}", [204])


@given(prices.filter(bool), quantities)
def test_a_price_is_read_to_the_last_minor_unit(price: Money, quantity: int) -> None:
    """Y-37, T-22: never off by more than half of one, and never in another form."""
    (assessment,) = received(YOOCHOOSE, Buy("1", quantity, price=price), Visitor())
    written = dict(assessment.params)["fullprice"]
    assert written.endswith(price.currency)
    assert abs(Decimal(written[:-3]) - price.amount) <= Decimal(5).scaleb(-price.minor_units - 1)
