"""Everything a visitor does that a tracker can be told: one frozen class for each.

None of them raises for a value: what is wrong is kept as the event's `finding`, and `emit` refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, final

from footfall.events.base import (
    LARGEST,
    Event,
    Fields,
    Item,
    ItemLike,
    optional,
    text,
    text_or_number,
    to_category_path,
    to_fields,
    to_item,
    to_items,
    to_name,
    to_time,
    whole,
)
from footfall.events.judging import Finding, Findings, Wrong, finish, put
from footfall.events.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = [
    "PageView",
    "Click",
    "Consume",
    "Basket",
    "RemoveFromBasket",
    "Buy",
    "Rate",
    "Blacklist",
    "ClickRecommended",
    "Rendered",
    "RecommendationLink",
    "Login",
    "Custom",
]

_to_percentage = optional(whole("percentage", 0, 100))
_to_content = to_items("content")
_to_shown = to_items("items")
_to_quantity = whole("quantity", 1, LARGEST)
_to_rating = whole("rating", 0, 100)
_to_order_id = optional(text_or_number("order_id"))
_to_at = optional(to_time)
_to_scenario = optional(text("scenario"))
_to_module = optional(text("module"))
_to_link = text("link")
_to_tracker = optional(text("tracker"))
_to_user_id = text_or_number("user_id")
_to_event_name = to_name("name")


def _to_price(value: Money | None) -> Money | None:
    if value is None:
        return None
    if type(value) is not Money:
        raise Wrong(
            f'price: is a {type(value).__name__}; give Money("19.99", "EUR") for one item, or None if there is no price'
        )
    if value.finding is not None:
        raise Wrong(value.finding, value)
    return value


# A frozen dataclass with a written __init__: its parameters take more (an id) than its fields hold (an Item),
# and type checkers and editors see both.
@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class PageView(Event):
    """A visitor opened a page, whatever is on it. Raptor: ``pageview``."""

    kind: ClassVar[str] = "page_view"


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Click(Event):
    """A visitor opened the page of an item. Raptor: ``visit``; YOOCHOOSE: ``click``.

    Args:
        item: What was opened.
        category_path: Where it stands in the catalogue, from the root: ``["Shoes", "Children"]``, or text with
            slashes between the levels.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "click"
    shows: ClassVar[tuple[str, ...]] = ("item", "category_path")

    item: Item
    category_path: tuple[str, ...]

    def __init__(
        self, item: ItemLike, category_path: str | Iterable[str] = (), *, fields: Fields | None = None
    ) -> None:
        findings: Findings = []
        put(self, "item", to_item, item, findings)
        put(self, "category_path", to_category_path, category_path, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Consume(Event):
    """A visitor read, heard or watched an item, or stayed long enough to count as if. YOOCHOOSE: ``consume``.

    Args:
        item: What was consumed.
        percentage: How much of it, 0 to 100, if known. It may be sent as it grows: the highest counts.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "consume"
    shows: ClassVar[tuple[str, ...]] = ("item", "percentage")

    item: Item
    percentage: int | None

    def __init__(self, item: ItemLike, percentage: int | None = None, *, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "item", to_item, item, findings)
        put(self, "percentage", _to_percentage, percentage, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Basket(Event):
    """A visitor put an item into the basket. Raptor and YOOCHOOSE: ``basket``.

    Args:
        item: What was put in.
        category_path: Where the visitor was when putting it in, as for :class:`Click`.
        content: All that is in the basket now, for Raptor, which is told the whole at every change.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "basket"
    shows: ClassVar[tuple[str, ...]] = ("item", "category_path", "content")

    item: Item
    category_path: tuple[str, ...]
    content: tuple[Item, ...]

    def __init__(
        self,
        item: ItemLike,
        category_path: str | Iterable[str] = (),
        content: Iterable[ItemLike] = (),
        *,
        fields: Fields | None = None,
    ) -> None:
        findings: Findings = []
        put(self, "item", to_item, item, findings)
        put(self, "category_path", to_category_path, category_path, findings)
        put(self, "content", _to_content, content, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class RemoveFromBasket(Event):
    """A visitor took an item out of the basket. Raptor: ``basket``; YOOCHOOSE's Ibexa preset: ``deletefrombasket``.

    Args:
        item: What was taken out.
        content: All that is in the basket now, for Raptor, which is told the whole at every change.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "remove_from_basket"
    shows: ClassVar[tuple[str, ...]] = ("item", "content")

    item: Item
    content: tuple[Item, ...]

    def __init__(self, item: ItemLike, content: Iterable[ItemLike] = (), *, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "item", to_item, item, findings)
        put(self, "content", _to_content, content, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Buy(Event):
    """A visitor bought one kind of item. Send one for each order line, once checkout can no longer fail.

    Raptor and YOOCHOOSE: ``buy``. A request that was sent and never answered is set aside, not repeated.

    Args:
        item: What was bought.
        quantity: How many, at least 1.
        price: What **one** of them cost, taxes and discounts included: ``Money("19.99", "EUR")``. For a line's
            total, ``Money("10", "EUR").divided_by(4)``. ``None`` says that there is none to report.
        order_id: The shop's number of the order, for Raptor.
        at: When, for YOOCHOOSE with a licence key: a ``datetime``, or ISO 8601 text. Give it for a buy that is
            reported later, or that is to count at its own time however late it arrives. ``None``: on arrival.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "buy"
    shows: ClassVar[tuple[str, ...]] = ("item", "quantity", "price")

    item: Item
    quantity: int
    price: Money | None
    order_id: str | None
    at: datetime | None

    def __init__(
        self,
        item: ItemLike,
        quantity: int = 1,
        *,
        price: Money | None,
        order_id: str | int | None = None,
        at: str | datetime | None = None,
        fields: Fields | None = None,
    ) -> None:
        findings: Findings = []
        put(self, "item", to_item, item, findings)
        put(self, "quantity", _to_quantity, quantity, findings)
        put(self, "price", _to_price, price, findings)
        put(self, "order_id", _to_order_id, order_id, findings)
        put(self, "at", _to_at, at, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Rate(Event):
    """A visitor rated an item, or commented on it. YOOCHOOSE: ``rate``.

    Args:
        item: What was rated.
        rating: 0 to 100. The whole scale need not be used, but always the same one: five stars may be sent as
            5 or as 100, never now this, now that.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "rate"
    shows: ClassVar[tuple[str, ...]] = ("item", "rating")

    item: Item
    rating: int

    def __init__(self, item: ItemLike, *, rating: int, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "item", to_item, item, findings)
        put(self, "rating", _to_rating, rating, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Blacklist(Event):
    """A visitor does not want an item recommended any more. YOOCHOOSE: ``blacklist``."""

    kind: ClassVar[str] = "blacklist"
    shows: ClassVar[tuple[str, ...]] = ("item",)

    item: Item

    def __init__(self, item: ItemLike, *, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "item", to_item, item, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class ClickRecommended(Event):
    """A visitor followed a recommendation. Raptor: ``itemclick``; YOOCHOOSE: ``clickrecommended``.

    Where a recommendation came with a link of its own, send that (:class:`RecommendationLink`) instead.

    Args:
        item: What was recommended and clicked.
        scenario: The scenario that recommended it; YOOCHOOSE requires it.
        module: The module that recommended it, sent as ``am``; Raptor requires it.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "click_recommended"
    shows: ClassVar[tuple[str, ...]] = ("item", "scenario", "module")

    item: Item
    scenario: str | None
    module: str | None

    def __init__(
        self, item: ItemLike, scenario: str | None = None, module: str | None = None, *, fields: Fields | None = None
    ) -> None:
        findings: Findings = []
        put(self, "item", to_item, item, findings)
        put(self, "scenario", _to_scenario, scenario, findings)
        put(self, "module", _to_module, module, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Rendered(Event):
    """Recommended items were shown to a visitor. YOOCHOOSE: ``rendered``; an empty list is nothing to report."""

    kind: ClassVar[str] = "rendered"
    shows: ClassVar[tuple[str, ...]] = ("items",)

    items: tuple[Item, ...]

    def __init__(self, items: Iterable[ItemLike], *, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "items", _to_shown, items, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class RecommendationLink(Event):
    """A recommendation was shown or clicked, and its response said which link reports that. YOOCHOOSE only.

    Args:
        link: As the response has it under ``links``: ``"//event.yoochoose.net/rendered/..."``. It is sent byte
            for byte, and only to the tracker's own host.
        tracker: The name of the tracker that the response came from, where a site has several that take links.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "recommendation_link"
    shows: ClassVar[tuple[str, ...]] = ("tracker",)  # a link names its visitor

    link: str
    tracker: str | None

    def __init__(self, link: str, *, tracker: str | None = None, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "link", _to_link, link, findings)
        put(self, "tracker", _to_tracker, tracker, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Login(Event):
    """A visitor logged in: from now on the anonymous one and this user are one. YOOCHOOSE: ``login``.

    ``tracking.login(user_id)`` emits it; there is seldom a reason to do so by hand.

    Args:
        user_id: The account, by an id that is better not an address: text, or a whole number such as ``user.pk``.
            Capital and small letters differ.
        fields: The site's own parameters for Raptor, by the names of its parameter map.
    """

    kind: ClassVar[str] = "login"

    user_id: str

    def __init__(self, user_id: str | int, *, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "user_id", _to_user_id, user_id, findings)
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Custom(Event):
    """An event that a site agreed with Raptor: ``Custom("search", {"search_term": "boots"})``.

    Args:
        name: The event type, in the tracker's word: ``search``, ``contentvisit``, ``favorite``.
        parameters: Its parameters, by the names of the tracker's parameter map.
        fields: More of the same: the two are sent together.
    """

    kind: ClassVar[str] = "custom"
    shows: ClassVar[tuple[str, ...]] = ("name",)

    name: str
    parameters: Fields = field(hash=False)

    def __init__(self, name: str, parameters: Fields | None = None, *, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "name", _to_event_name, name, findings)
        put(self, "parameters", to_fields, parameters, findings)
        put(self, "fields", to_fields, fields, findings)
        if not findings and (twice := self.parameters.keys() & self.fields.keys()):
            findings.append(Finding("fields", f"fields: {min(twice)!r} is among the parameters too; give it once"))
        finish(self, findings)
