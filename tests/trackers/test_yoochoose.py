"""YOOCHOOSE: sections C, D and E of the requirements, beyond the document's worked URLs."""

from __future__ import annotations

import dataclasses

import pytest

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
    RemoveFromBasket,
    Rendered,
)
from footfall.identity.visitor import Visitor
from footfall.trackers import Yoochoose
from footfall.wire import WhenUnanswered

TRACKER = Yoochoose("00000")
TEXT_IDS = Yoochoose("00000", text_item_ids=True)
U = Visitor(anonymous_id="u")
PRICE = Money("19.99", "EUR")

ABOUT_AN_ITEM: list[Event] = [
    Click("9"),
    Consume("9"),
    Basket("9"),
    Buy("9", price=PRICE),
    Rate("9", rating=1),
    Blacklist("9"),
    ClickRecommended("9", scenario="s"),
    Rendered(["9"]),
]


def kind(event: Event) -> str:
    return type(event).__name__


def urls(event: Event, visitor: Visitor = U, tracker: Yoochoose = TRACKER) -> list[str]:
    return [request.url for request in tracker.requests(event, visitor)]


def path(event: Event, visitor: Visitor = U, tracker: Yoochoose = TRACKER) -> str:
    (url,) = urls(event, visitor, tracker)
    return url.removeprefix("https://event.yoochoose.net/api/00000/")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Click("9"), "click/u/1/9"),
        (Click(Item("29712", type=2)), "click/u/2/29712"),
        (Click("9", category_path="/Cameras/"), "click/u/1/9?categorypath=%2FCameras"),
        (Click("9", category_path=["Cameras"]), "click/u/1/9?categorypath=%2FCameras"),
        (Consume("9"), "consume/u/1/9"),
        (Consume("9", percentage=0), "consume/u/1/9?percentage=0"),
        (Consume("9", percentage=100), "consume/u/1/9?percentage=100"),
        (Basket("9", category_path=["Shoes"]), "basket/u/1/9?categorypath=%2FShoes"),
        (Basket("9", content=["9", "10"]), "basket/u/1/9"),
        (Buy("9", price=PRICE), "buy/u/1/9?fullprice=19.99EUR&quantity=1"),
        (Buy("9", price=Money("456", "JPY")), "buy/u/1/9?fullprice=456JPY&quantity=1"),
        (Buy("9", price=Money(0, "EUR")), "buy/u/1/9?fullprice=0.00EUR&quantity=1"),
        (Buy("9", quantity=3, price=None), "buy/u/1/9?quantity=3"),
        (Rate("9", rating=0), "rate/u/1/9?rating=0"),
        (Rate("9", rating=100), "rate/u/1/9?rating=100"),
        (Blacklist("9"), "blacklist/u/1/9"),
        (ClickRecommended("9", scenario="also bought", module="m"), "clickrecommended/u/1/9?scenario=also%20bought"),
        (Click(1), "click/u/1/1"),
        (Click(2147483647), "click/u/1/2147483647"),
        (Click(Item("9", type=5)), "click/u/5/9"),
    ],
)
def test_an_event_becomes(event: Event, expected: str) -> None:
    """Y-13, Y-16, Y-17, Y-26, Y-29, Y-33, Y-36, Y-37, Y-38, Y-39, Y-44, Y-45, Y-47, Y-50, T-20."""
    assert path(event) == expected


@pytest.mark.parametrize("event", [PageView(), Custom("search"), RemoveFromBasket("9")], ids=kind)
def test_a_kind_that_yoochoose_lacks_makes_no_request(event: Event) -> None:
    assert urls(event) == []


def test_requests_are_gets_over_https() -> None:
    """Y-10, Y-43, T-11, T-25, T-27: and the customer's zeros are kept (Y-14)."""
    (request,) = TRACKER.requests(Click("9"), U)
    assert (request.method, request.body, request.url) == (
        "GET",
        b"",
        "https://event.yoochoose.net/api/00000/click/u/1/9",
    )


@pytest.mark.parametrize(
    "event",
    [
        Click(0),
        Click(-1),
        Click("007"),
        Click(2147483648),
        Click("12345678901"),
        Click("85123A"),
        Click("\u0661"),
        Click("1\n"),
        Click(Item("9", type=6)),
        Click("9", category_path=["Men/Women"]),
        Click("9", category_path=["back\\slash"]),
        Basket("9", category_path="back\\slash"),
        Click("9", category_path=["\ud800"]),
        Click("9", category_path=["long" * 600]),
        ClickRecommended("9", module="GetSimilarItems"),
        ClickRecommended("9", scenario="\udfff"),
        Rendered(["9", "85123A"]),
    ],
    ids=[
        "an item of 0",
        "an item of -1",
        "an item with zeros in front",
        "an item of 2147483648",
        "an item of eleven digits",
        "an item with a letter",
        "an item in other digits",
        "an item with a line break",
        "an item type of 6",
        "a category name with a slash",
        "a category with a backslash on a click",
        "a category with a backslash on a basket",
        "a category with half a surrogate pair",
        "a category of 2,400 characters",
        "a click on a recommendation without its scenario",
        "a scenario with half a surrogate pair",
        "a rendered item with a letter",
    ],
)
def test_yoochoose_refuses(event: Event) -> None:
    """Y-16, Y-17, Y-18, Y-27, Y-50, T-23, T-24, T-26."""
    with pytest.raises(EventError):
        TRACKER.requests(event, U)


@pytest.mark.parametrize("event", ABOUT_AN_ITEM, ids=kind)
@pytest.mark.parametrize("user", ["", ".", "..", "a\\b", "\\", "\ud800", "x" * 2001])
def test_no_request_has_a_user_that_would_break_its_path(event: Event, user: str) -> None:
    """Y-01, Y-12, Y-15, T-12."""
    with pytest.raises(EventError):
        TRACKER.requests(event, Visitor(user_id=user))


@pytest.mark.parametrize("item", [".", "..", "a\\b", "1,2", "\ud800"])
def test_a_text_item_id_cannot_break_the_path(item: str) -> None:
    """Y-12, Y-18, T-12."""
    with pytest.raises(EventError):
        TEXT_IDS.requests(Click(item), U)


def test_text_item_ids_are_one_encoded_segment() -> None:
    """Y-18."""
    assert path(Click("a/b é"), tracker=TEXT_IDS) == "click/u/1/a%2Fb%20%C3%A9"


def test_a_user_is_one_encoded_segment() -> None:
    """Y-11, Y-15."""
    assert path(Click("9"), Visitor(user_id="a/b@x.dk é")) == "click/a%2Fb%40x.dk%20%C3%A9/1/9"


def test_the_users_case_is_kept() -> None:
    """Y-08."""
    assert [path(Click("9"), Visitor(user_id=user)) for user in ("JohnDoe", "johndoe")] == [
        "click/JohnDoe/1/9",
        "click/johndoe/1/9",
    ]


@pytest.mark.parametrize("event", ABOUT_AN_ITEM, ids=kind)
@pytest.mark.parametrize(
    ("visitor", "user"),
    [
        (Visitor(user_id="johndoe", anonymous_id="Js79"), "johndoe"),
        (Visitor(anonymous_id="Js79"), "Js79"),
        (Visitor(), "not_defined"),
        (Visitor(anonymous_user="nobody"), "nobody"),
    ],
    ids=["the account", "the anonymous id", "the one anonymous user", "another anonymous user"],
)
def test_an_event_is_of(event: Event, visitor: Visitor, user: str) -> None:
    """Y-01, Y-02, Y-04, Y-06, Y-07, T-36."""
    assert path(event, visitor).split("/")[1] == user


def test_a_users_id_may_be_replaced_by_a_pseudonym() -> None:
    """Y-09."""
    tracker = Yoochoose("00000", user_id=lambda user: f"pseudonym-{len(user)}")
    visitor = Visitor(user_id="anna@shop.dk", anonymous_id="Js79")
    assert [path(Click("9"), visitor, tracker), path(Login("anna@shop.dk"), visitor, tracker)] == [
        "click/pseudonym-12/1/9",
        "login/Js79/pseudonym-12",
    ]


def test_a_pseudonym_hook_that_fails_quotes_nobody() -> None:
    tracker = Yoochoose("00000", user_id=dict[str, str]().__getitem__)
    with pytest.raises(EventError) as caught:
        tracker.requests(Click("9"), Visitor(user_id="anna"))
    assert "anna" not in str(caught.value)


def test_a_login_is_from_the_anonymous_id_to_the_account() -> None:
    """Y-05, Y-42: both encoded."""
    assert path(Login("john doe"), Visitor(anonymous_id="a/b", user_id="john doe")) == "login/a%2Fb/john%20doe"


@pytest.mark.parametrize(
    "visitor",
    [Visitor(), Visitor(anonymous_id="johndoe"), Visitor(anonymous_id="not_defined")],
    ids=["nobody", "the same one", "the one anonymous user"],
)
def test_there_is_no_login_from(visitor: Visitor) -> None:
    """Y-42, T-10, T-14."""
    assert urls(Login("johndoe"), visitor) == []


@pytest.mark.parametrize(("source", "target"), [("a\\b", "johndoe"), ("u", "a\\b"), ("u", ".."), ("..", "johndoe")])
def test_a_login_refuses(source: str, target: str) -> None:
    """Y-12, T-12."""
    with pytest.raises(EventError):
        TRACKER.requests(Login(target), Visitor(anonymous_id=source))


def test_a_login_is_taken_once_for_a_device_and_a_user() -> None:
    """T-14: the key tells pairs and trackers apart, and names nobody."""
    other = Yoochoose("00000", name="news")

    def once(user: str, device: str, tracker: Yoochoose = TRACKER) -> str:
        (request,) = tracker.requests(Login(user), Visitor(device_id=device, anonymous_id=device))
        return request.once

    keys = [once("johndoe", "d1"), once("johndoe", "d2"), once("jane", "d1"), once("johndoe", "d1", other)]
    assert (len(set(keys)), once("johndoe", "d1") == keys[0], any("johndoe" in key for key in keys)) == (4, True, False)


@pytest.mark.parametrize("event", ABOUT_AN_ITEM, ids=kind)
def test_only_a_login_is_taken_once(event: Event) -> None:
    """Y-34, T-35: nothing else is deduplicated away, repeated consumption least of all."""
    assert [request.once for request in TRACKER.requests(event, U)] == [""]


def test_items_of_several_types_are_bundled_by_type() -> None:
    """Y-21, Y-53, T-16: literal commas, in the order they were shown."""
    event = Rendered(items=[Item(129), Item(29712, type=2), Item(128), Item(29713, type=2)])
    assert urls(event) == [
        "https://event.yoochoose.net/api/00000/rendered/u/1/129,128",
        "https://event.yoochoose.net/api/00000/rendered/u/2/29712,29713",
    ]


def test_nothing_rendered_is_nothing_sent() -> None:
    """Y-53."""
    assert urls(Rendered(items=[])) == []


def test_a_bundle_is_split_before_the_limit_and_loses_no_item() -> None:
    """Y-53, T-16."""
    ids = [str(1_000_000_000 + n) for n in range(500)]
    found = urls(Rendered(ids))
    shown = ",".join(url.rpartition("/")[2] for url in found).split(",")
    assert (shown, max(map(len, found)) <= 2000, len(found)) == (ids, True, 3)


def test_a_slash_in_a_category_may_be_replaced() -> None:
    """T-24."""
    tracker = Yoochoose("00000", replace_in_categories="-")
    assert path(Click("9", category_path=["Men/Women"]), tracker=tracker) == "click/u/1/9?categorypath=%2FMen-Women"


@pytest.mark.parametrize("event", [*ABOUT_AN_ITEM, RemoveFromBasket("9")], ids=kind)
def test_item_ids_are_mapped_everywhere(event: Event) -> None:
    """Y-20: one hook for all events; it may give another type too."""
    tracker = Yoochoose("00000", item_id=lambda item: Item(f"{item.id}00", type=2), remove_from_basket=True)
    assert path(event, tracker=tracker).split("?")[0].endswith("/u/2/900")


def test_only_a_buy_is_set_aside_when_unanswered() -> None:
    kept_back = [
        event for event in ABOUT_AN_ITEM if TRACKER.requests(event, U)[0].when_unanswered != WhenUnanswered.REPEAT
    ]
    assert [kind(event) for event in kept_back] == ["Buy"]


@pytest.mark.parametrize(
    ("visitor", "whose"),
    [
        (Visitor(device_id="d", anonymous_id="d", user_id="johndoe"), "d"),
        (Visitor(anonymous_id="a", user_id="johndoe"), "johndoe"),
        (Visitor(anonymous_id="a"), "a"),
        (Visitor(), ""),
    ],
    ids=["a device's", "an account's", "an anonymous visitor's", "nobody's"],
)
def test_a_request_is(visitor: Visitor, whose: str) -> None:
    assert [request.visitor for request in TRACKER.requests(Click("9"), visitor)] == [whose]


def test_a_field_for_raptor_changes_nothing() -> None:
    assert path(Blacklist("9", fields={"rating": 3})) == "blacklist/u/1/9"


def test_a_currency_is_not_converted() -> None:
    """Y-40."""
    assert path(Buy("9", price=Money("1250", "ISK"))) == "buy/u/1/9?fullprice=1250ISK&quantity=1"


@pytest.mark.parametrize("event", ABOUT_AN_ITEM, ids=kind)
def test_one_event_is_one_request_of_its_own_kind(event: Event) -> None:
    """Y-35, Y-51: nothing but a buy makes a buy."""
    assert [request.kind for request in TRACKER.requests(event, U)] == [kind(event).lower()]


IBEXA = Yoochoose.ibexa("00000")


@pytest.mark.parametrize(
    ("event", "url"),
    [
        (Click(Item(9, type=2147483647)), "https://event.perso.ibexa.co/api/00000/click/u/2147483647/9"),
        (Basket("9", category_path=["Shoes"]), "https://event.perso.ibexa.co/api/00000/basket/u/1/9"),
        (RemoveFromBasket("9", content=["1"]), "https://event.perso.ibexa.co/api/00000/deletefrombasket/u/1/9"),
    ],
)
def test_the_ibexa_preset_speaks_as_ibexa_does_today(event: Event, url: str) -> None:
    """T-13, T-25, and the tracking API as Ibexa documents it."""
    assert urls(event, tracker=IBEXA) == [url]


def test_one_visitors_two_selves_are_one_device(visitor: Visitor) -> None:
    """D-07: what is sent before and after a login is one visitor's, so its order is kept."""
    user = dataclasses.replace(visitor, user_id="johndoe")
    requests = [*TRACKER.requests(Click("9"), visitor), *TRACKER.requests(Login("johndoe"), user)]
    assert {request.visitor for request in requests} == {visitor.device_id}
