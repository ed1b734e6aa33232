"""Makes of a row an event and its visitor, or an error that says why not; and its share of the file's total."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple, TypeAlias, cast

from footfall.commands.replay.columns import Columns, Value
from footfall.errors import EventError
from footfall.events import (
    Basket,
    Blacklist,
    Buy,
    Click,
    Consume,
    Event,
    Fields,
    Item,
    Money,
    PageView,
    Rate,
    RemoveFromBasket,
)
from footfall.identity.ids import parse_guid
from footfall.identity.visitor import Visitor
from footfall.reporter import check_event

__all__ = ["KINDS", "Amount", "read_amount", "read_event", "read_visitor"]

Cells: TypeAlias = Mapping[str, object]

_is_currency = re.compile(r"[A-Z]{3}").fullmatch


class Amount(NamedTuple):
    """What a row adds to a sum."""

    currency: str  #: ISO 4217, or ``"?"``
    amount: Decimal  #: in major units; negative for what was given back


def read_event(columns: Columns, row: Cells) -> Event:
    """Build the event that a row reports.

    Raises:
        EventError: It reports none. It names field and finding, and quotes nothing of the row.
    """
    kind = _kind(columns, row)
    build = KINDS.get(kind)
    if build is None:
        raise EventError(f"event: is none of {', '.join(KINDS)}; say with --rename what the file's words mean")
    if columns.time is not None and kind != "buy":
        raise EventError("event: only a buy can carry its time; without --time, others count as of now")
    event = build(columns, row)
    check_event(event)
    return event


def read_visitor(columns: Columns, row: Cells) -> Visitor:
    """Tell whose a row is.

    Raises:
        EventError: An id is neither text nor a number, or a device or a session is no GUID.
    """

    def read(value: Value | None) -> str | None:
        return columns.text(value, row) or None

    def read_guid(name: str, value: Value | None) -> str | None:
        text = read(value)
        if text is not None and parse_guid(text) is None:
            raise EventError(
                f"{name}: is no GUID, as the tracker's cookies hold; leave the column out if it has others"
            )
        return text

    return Visitor(
        device_id=read_guid("device", columns.device),
        session_id=read_guid("session", columns.session),
        ruid=read(columns.ruid),
        user_id=read(columns.user),
        anonymous_id=read(columns.anonymous_id),
        anonymous_user=columns.anonymous_user,
    )


def read_amount(columns: Columns, row: Cells) -> Amount | None:
    """Return what a row adds to the file's total, sent or not; ``None``: nothing, or it cannot be read."""
    try:
        if _kind(columns, row) != "buy":
            return None
        if columns.total is not None:
            amount = columns.amount("total", columns.total, row)
        elif columns.price is not None:
            amount = columns.amount("price", columns.price, row) * _quantity(columns, row)
        else:
            return None
        currency = columns.text(columns.currency, row)
    except EventError:
        return None
    return Amount(currency if _is_currency(currency) else "?", amount)


def _kind(columns: Columns, row: Cells) -> str:
    word = columns.text(columns.event, row)
    return columns.renamed.get(word, word).replace("-", "_")


def _item(columns: Columns, row: Cells) -> Item:
    item_type = 1 if columns.item_type is None else columns.whole_number("item type", columns.item_type, row)
    return Item(columns.text(columns.item, row), type=item_type)


def _quantity(columns: Columns, row: Cells) -> int:
    return 1 if columns.quantity is None else columns.whole_number("quantity", columns.quantity, row)


def _fields(columns: Columns, row: Cells) -> Fields:
    return {name: columns.text(value, row) for name, value in columns.fields.items()}


def _category_path(columns: Columns, row: Cells) -> str | tuple[str, ...]:
    if columns.category_path is None:
        return ()
    found = columns.category_path.read(row)
    if isinstance(found, list):
        return tuple(cast("list[str]", found))
    return columns.text(columns.category_path, row)


def _buy(columns: Columns, row: Cells) -> Buy:
    quantity = _quantity(columns, row)
    if quantity < 0:
        raise EventError("quantity: is negative, a return or a cancellation, for which there is no event")
    return Buy(
        _item(columns, row),
        quantity=quantity,
        price=_price(columns, row, quantity),
        order_id=columns.text(columns.order, row) or None,
        at=None if columns.time is None else columns.moment(columns.time, row),
        fields=_fields(columns, row),
    )


def _price(columns: Columns, row: Cells, quantity: int) -> Money | None:
    if columns.total is not None:
        total = Money(columns.amount("total", columns.total, row), columns.text(columns.currency, row))
        return total.divided_by(quantity)
    if columns.price is not None:
        return Money(columns.amount("price", columns.price, row), columns.text(columns.currency, row))
    return None


def _percentage(columns: Columns, row: Cells) -> int | None:
    if columns.percentage is None or not columns.text(columns.percentage, row):
        return None
    return columns.whole_number("percentage", columns.percentage, row)


def _rating(columns: Columns, row: Cells) -> int:
    return columns.whole_number("rating", columns.rating or Value(constant=""), row)


#: What a row can be, by our word for it.
KINDS: Mapping[str, Callable[[Columns, Cells], Event]] = {
    "buy": _buy,
    "click": lambda c, row: Click(_item(c, row), category_path=_category_path(c, row), fields=_fields(c, row)),
    "basket": lambda c, row: Basket(_item(c, row), category_path=_category_path(c, row), fields=_fields(c, row)),
    "remove_from_basket": lambda c, row: RemoveFromBasket(_item(c, row), fields=_fields(c, row)),
    "consume": lambda c, row: Consume(_item(c, row), percentage=_percentage(c, row), fields=_fields(c, row)),
    "rate": lambda c, row: Rate(_item(c, row), rating=_rating(c, row), fields=_fields(c, row)),
    "blacklist": lambda c, row: Blacklist(_item(c, row), fields=_fields(c, row)),
    "page_view": lambda c, row: PageView(fields=_fields(c, row)),
}
