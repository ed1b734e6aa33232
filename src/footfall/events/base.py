"""What all events share: the item they are about, their fields, and how both are checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, TypeAlias, final

from footfall.errors import EventError

__all__ = ["Event", "Fields", "Item", "ItemLike"]

FieldValue: TypeAlias = str | int | Decimal | bool | None
Fields: TypeAlias = Mapping[str, FieldValue]

NO_FIELDS: Fields = {}
_FORM_OF_NAME = "a letter, then letters, digits and underscores, at most 64"
_is_name = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}").fullmatch
_has_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?.*").fullmatch
_is_showable = re.compile(r"[A-Za-z0-9._-]{1,40}").fullmatch


@final
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Item:
    """A product, an article, a film, whatever a tracker may recommend: ``Item("29712", type=3)``.

    Args:
        id: The shop's own id, as text or whole number: ``Item(3298)`` equals ``Item("3298")``. Use the same
            kind of id (SKU or master id) everywhere: what is tracked is what will be recommended.
        type: 1 or more. Items of different types are different items, whatever their ids.

    Raises:
        EventError: The id is empty, or neither text nor a whole number; or the type is not one of 1 or more.
            What a single tracker does not take (letters, an upper bound) it refuses when the event is emitted.
    """

    id: str
    type: int

    def __init__(self, id: str | int, type: int = 1) -> None:  # noqa: A002
        object.__setattr__(self, "id", id if id.__class__ is str and id else _to_item_id(id))
        object.__setattr__(self, "type", check_whole(type, "item type", 1, 2_147_483_647))

    def __repr__(self) -> str:
        """Show the id if it is a short, plain one: an id read from an address may be anything."""
        shown = self.id if _is_showable(self.id) else f"text of {len(self.id)} characters"
        return f"<Item {self.type}/{shown}>"


ItemLike: TypeAlias = Item | str | int


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Event:
    """Something a visitor did. Frozen, and checked when it is built.

    A new kind of event, for a tracker of one's own, is a subclass with its own ``kind``.
    """

    kind: ClassVar[str] = "event"  #: one word for counters and logs
    shows: ClassVar[tuple[str, ...]] = ()  #: the fields whose values are the shop's own and may appear in a repr

    fields: Fields = field(hash=False)  #: the site's own parameters for Raptor, by name

    def __init__(self, *, fields: Fields | None = None) -> None:
        object.__setattr__(self, "fields", check_fields(fields) if fields else NO_FIELDS)

    def __repr__(self) -> str:
        """Name the event and what is the shop's own in it; what a visitor sent stays out of logs."""
        shown = [f" {name}={value!r}" for name in self.shows if (value := getattr(self, name)) not in (None, ())]
        return f"<{type(self).__name__}{''.join(shown)}>"


def to_item(value: ItemLike) -> Item:
    """Make an item of type 1 of a bare id; an item is returned as it is."""
    return value if isinstance(value, Item) else Item(value)


def to_items(values: Iterable[ItemLike], field_name: str) -> tuple[Item, ...]:
    """Make items of ids, in order. One text is no list of ids, though it can be iterated."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise EventError(f"{field_name}: is a single {type(values).__name__}; give a list of items or ids")
    return tuple([to_item(value) for value in values])


def to_category_path(value: str | Iterable[str]) -> tuple[str, ...]:
    """Make levels, from the root, of a list or of text with slashes between them.

    A leading and a trailing slash in text mean nothing. Source: Tracking API, "Request Parameter categorypath".
    """
    if isinstance(value, str):
        trimmed = value.removeprefix("/").removesuffix("/")
        levels = tuple(trimmed.split("/")) if trimmed else ()
    elif isinstance(value, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        levels = tuple(value)
    else:
        raise EventError(f"category_path: is a {type(value).__name__}; give a list of names, or text with slashes")
    for level in levels:
        check_text(level, "category_path: a level")
    return levels


def check_text(value: object, field_name: str) -> str:
    """Return *value* if it is text with something in it."""
    if not isinstance(value, str):
        raise EventError(f"{field_name}: is a {type(value).__name__}; give text")
    if not value:
        raise EventError(f"{field_name}: is empty; give at least one character, or leave it out where that is allowed")
    return value


def check_optional_text(value: object, field_name: str) -> str | None:
    """Return *value* if it is None or text with something in it."""
    return None if value is None else check_text(value, field_name)


def check_whole(value: object, field_name: str, least: int, most: int) -> int:
    """Return *value* if it is a whole number within the bounds."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise EventError(f"{field_name}: is a {type(value).__name__}; give a whole number of {least} to {most}")
    if not least <= value <= most:
        raise EventError(f"{field_name}: is out of range; give a whole number of {least} to {most}")
    return value


def to_time(value: str | datetime, field_name: str) -> datetime:
    """Make a time, in whole seconds, of ISO 8601 text; one with an offset becomes one of UTC, one without stays so."""
    time = value if isinstance(value, datetime) else None
    text = "" if isinstance(value, datetime) else check_text(value, field_name)
    try:
        if _has_time(text):
            time = datetime.fromisoformat(text)
        if time is not None:
            return (time if time.tzinfo is None else time.astimezone(UTC)).replace(microsecond=0)
    except (ValueError, OverflowError):
        pass
    raise EventError(f'{field_name}: is no date and time; give a datetime, or write it as in "2012-01-01T11:00:00"')


def check_name(value: object, field_name: str) -> str:
    """Return *value* if it is a name as a program writes them."""
    if not isinstance(value, str) or not _is_name(value):
        found = f"text of {len(value)} characters" if isinstance(value, str) else f"a {type(value).__name__}"
        raise EventError(f"{field_name}: {found} is no name; write {_FORM_OF_NAME}")
    return value


def check_fields(fields: Fields) -> Fields:
    """Return a copy of *fields*, checked: names to text, whole numbers, decimals, truth values or None."""
    if not isinstance(fields, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise EventError(f"fields: is a {type(fields).__name__}; give a mapping of names to values")
    for name, value in fields.items():
        check_name(name, "fields: a name")
        check_field_value(value, f"fields[{name!r}]")
    return dict(fields)


def check_field_value(value: object, field_name: str) -> None:
    """Refuse what cannot be written the same way everywhere."""
    if isinstance(value, float):
        raise EventError(f"{field_name}: a float is not exact; give text or a Decimal")
    if value is not None and not isinstance(value, str | int | Decimal):
        raise EventError(f"{field_name}: is a {type(value).__name__}; give text, an int, a Decimal, a bool or None")
    if isinstance(value, int) and value.bit_length() > 64:
        raise EventError(f"{field_name}: is a number beyond 64 bits; give it as text")
    if isinstance(value, Decimal) and not (value.is_finite() and -30 <= value.adjusted() <= 30):
        raise EventError(f"{field_name}: is not a number of ordinary size; leave it out or give it as text")


def _to_item_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() > 64:
            raise EventError("item: its id is a number beyond 64 bits; give it as text")
        return f"{value:d}"
    return check_text(value, "item")
