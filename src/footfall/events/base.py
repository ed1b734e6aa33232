"""What all events share: the item they are about, their fields, and how both are judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import ClassVar, Final, TypeAlias, TypeVar, final

from footfall.errors import EventError
from footfall.events.judging import Finding, Findings, Judged, Wrong, finish, put, show, wrong_part

__all__ = ["Event", "Fields", "Item", "ItemLike"]

FieldValue: TypeAlias = str | int | Decimal | bool | None
Fields: TypeAlias = Mapping[str, FieldValue]

NO_FIELDS: Fields = {}
LARGEST: Final = 2_147_483_647
MOST_PARTS: Final = 10_000  #: in a list; an endless one would stop its page
_FORM_OF_NAME = "a letter, then letters, digits and underscores, at most 64"
_is_name = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}").fullmatch
_has_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?.*").fullmatch
_is_showable = re.compile(r"[A-Za-z0-9._-]{1,40}").fullmatch
_set = object.__setattr__
_type = type  # an item has a type of its own
_Part = TypeVar("_Part")


@final
@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Item(Judged):
    """A product, an article, a film, whatever a tracker may recommend: ``Item("29712", type=3)``.

    An item is wrong, and keeps the `finding`, if its id is empty, or neither text nor a whole number, or if its type
    is not 1 or more. What a single tracker does not take (letters, say) it refuses when the event is emitted.

    Args:
        id: The shop's own id, as text or whole number: ``Item(3298)`` equals ``Item("3298")``. Use the same
            kind of id (SKU or master id) everywhere: what is tracked is what will be recommended.
        type: 1 or more. Items of different types are different items, whatever their ids.
    """

    id: str
    type: int

    def __init__(self, id: str | int, type: int = 1) -> None:  # noqa: A002
        if _type(id) is str and id and _type(type) is int and 1 <= type <= LARGEST:
            _set(self, "id", id)
            _set(self, "type", type)
            _set(self, "_findings", ())
            return
        findings: Findings = []
        put(self, "id", _to_item_id, id, findings)
        put(self, "type", _to_item_type, type, findings)
        finish(self, findings)

    def __repr__(self) -> str:
        """Show the id if it is a short, plain one: an id read from an address may be anything."""
        shown = self.id if _type(self.id) is str and _is_showable(self.id) else None
        if shown is None:
            shown = f"text of {len(self.id)} characters" if _type(self.id) is str else show(self, "id")
        return f"<Item {show(self, 'type')}/{shown}>"


ItemLike: TypeAlias = Item | str | int


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Event(Judged):
    """Something a visitor did. Frozen, judged when it is built, and refused when it is emitted if it is wrong.

    A new kind of event, for a tracker of one's own, is a subclass with its own ``kind``, a frozen dataclass as a rule.
    Its own checks go into `judge`.
    """

    kind: ClassVar[str] = "event"  #: one word for counters and logs
    shows: ClassVar[tuple[str, ...]] = ()  #: the fields whose values are the shop's own and may appear in a repr
    _ours: ClassVar[bool] = False  # our own kinds judge all of their parts when they are built

    fields: Fields = field(default_factory=dict[str, FieldValue], hash=False, kw_only=True)
    """The site's own parameters for Raptor, by name."""

    def __init__(self, *, fields: Fields | None = None) -> None:
        findings: Findings = []
        put(self, "fields", to_fields, fields, findings)
        finish(self, findings)

    def __post_init__(self) -> None:
        """Judge what a subclass that is a dataclass was given."""
        findings: Findings = []
        put(self, "fields", to_fields, self.fields, findings)
        for one in fields_of(self):
            if (finding := wrong_part(getattr(self, one.name, None))) is not None:
                findings.append(Finding(one.name, finding))
        finish(self, findings)

    def __init_subclass__(cls) -> None:
        """Keep these methods in a subclass that is a dataclass, which would write its own."""
        for name in ("__eq__", "__hash__", "__repr__"):
            if name not in cls.__dict__:
                setattr(cls, name, getattr(cls, name))
        cls._ours = cls.__module__ == "footfall.events.kinds"

    @property
    def finding(self) -> str | None:
        """What is wrong with the event and what to write instead, quoting no visitor; ``None`` if nothing is."""
        try:
            if self._findings:
                return self._findings[0].text
        except AttributeError:
            return f"{type(self).__name__}: its __init__ or __post_init__ does not call super()'s; let it"
        return None if self._ours else _judge_subclass(self)

    def judge(self) -> str | None:
        """Say what is wrong with an event of one's own kind: the hook for a subclass's own checks.

        Returns:
            Field, finding and remedy, as in ``"shelf: is empty; name one"``, and no word of what a visitor sent;
            ``None`` if the event is right. An `EventError` raised here says the same. Fields, and the items and
            prices among the event's attributes, are judged before this is asked.
        """
        return None

    def __repr__(self) -> str:
        """Name the event and what is the shop's own in it; what a visitor sent stays out of logs."""
        shown: list[str] = []
        for name in self.shows:
            value = getattr(self, name, None)
            if value is not None and not _is_nothing(value):
                shown.append(f" {name}={show(self, name)}")
        return f"<{type(self).__name__}{''.join(shown)}>"


def _judge_subclass(event: Event) -> str | None:
    name = type(event).__name__
    try:
        for value in getattr(event, "__dict__", {}).values():
            for part in value if type(value) in (tuple, list) else (value,):
                if (finding := wrong_part(part)) is not None:
                    return finding
        found = event.judge()
        if type(event.kind) is not str:
            return f"{name}: its kind is a {type(event.kind).__name__}; give text"
    except EventError as error:
        try:
            return str(error)
        except Exception:  # noqa: BLE001 - a subclass of the site's own
            return f"{name}: its judge() raised {type(error).__name__}"
    except Exception as error:  # noqa: BLE001 - the site's own code; its message may quote a visitor
        return f"{name}: its judge() raised {type(error).__name__}; return text, or None if the event is right"
    if found is None or type(found) is str:
        return found
    return f"{name}: its judge() returned a {type(found).__name__}; return text, or None if the event is right"


def to_item(value: ItemLike) -> Item:
    """Make an item of type 1 of a bare id; an item is returned as it is."""
    item = value if type(value) is Item else Item(value)
    if item.finding is not None:
        raise Wrong(item.finding, item)
    return item


def to_items(field_name: str) -> Callable[[Iterable[ItemLike]], tuple[Item, ...]]:
    """Make a check that makes items of ids, in order. One text is no list of ids, though it can be iterated."""

    def check(values: Iterable[ItemLike]) -> tuple[Item, ...]:
        if _is_nothing(values):
            return ()
        values = _settle(values)
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Wrong(f"{field_name}: is a single {type(values).__name__}; give a list of items or ids")
        items = tuple([value if type(value) is Item else Item(value) for value in _take(values, field_name)])
        for item in items:
            if item.finding is not None:
                raise Wrong(item.finding, items)
        return items

    return check


def to_category_path(value: str | Iterable[str]) -> tuple[str, ...]:
    """Make levels, from the root, of a list or of text with slashes between them.

    A leading and a trailing slash in text mean nothing. Source: Tracking API, "Request Parameter categorypath".
    """
    if _is_nothing(value):
        return ()
    value = _settle(value)
    if isinstance(value, str):
        trimmed = _exact(value).removeprefix("/").removesuffix("/")
        levels = tuple(trimmed.split("/")) if trimmed else ()
    elif isinstance(value, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        levels = _take(value, "category_path")
    else:
        raise Wrong(f"category_path: is a {type(value).__name__}; give a list of names, or text with slashes")
    for level in levels:
        if type(level) is not str or not level:
            break
    else:
        return levels
    try:
        return tuple([_to_level(level) for level in levels])
    except Wrong as wrong:
        raise Wrong(wrong.finding, levels) from None


def _settle(value: _Part) -> _Part | str:
    """Make text of a translation made when it is asked for: taken for a list, its letters would be its parts."""
    if type(value) in (str, list, tuple):
        return value
    try:
        return str(value) if hasattr(value, "casefold") else value
    except Exception:  # noqa: BLE001 - the shop's own code
        return value


def _take(values: Iterable[_Part], field_name: str) -> tuple[_Part, ...]:
    """Take everything out of an iterable, which may be a query, or a generator with a mistake in it."""
    if type(values) in (list, tuple):
        return tuple(values)
    taken: list[_Part] = []
    try:
        taken.extend(islice(values, MOST_PARTS + 1))
    except Exception as error:  # noqa: BLE001 - the shop's own code; its message may quote a visitor
        finding = f"{field_name}: raised {type(error).__name__} while it was read; give a list"
        raise Wrong(finding, tuple(taken)) from None
    if len(taken) > MOST_PARTS:
        raise Wrong(f"{field_name}: has more than {MOST_PARTS} parts; give fewer", tuple(taken))
    return tuple(taken)


def _is_nothing(value: object) -> bool:
    return type(value) is tuple and not value


def text(field_name: str) -> Callable[[object], str]:
    """Make a check for text with something in it."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(f"{field_name}: is a {type(value).__name__}; give text")
        if not value:
            raise Wrong(f"{field_name}: is empty; give at least one character, or leave it out where that is allowed")
        return _exact(value)

    return check


def text_or_number(field_name: str) -> Callable[[object], str]:
    """Make a check for text with something in it, or a whole number of ordinary size, which becomes text."""
    check_text = text(field_name)

    def check(value: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            number = _exact_number(value)
            if number.bit_length() > 64:
                raise Wrong(f"{field_name}: is a number beyond 64 bits; give it as text")
            return f"{number:d}"
        return check_text(value)

    return check


def optional(check: Callable[[object], _Part]) -> Callable[[object], _Part | None]:
    """Make a check that lets ``None`` pass."""
    return lambda value: None if value is None else check(value)


def whole(field_name: str, least: int, most: int) -> Callable[[object], int]:
    """Make a check for a whole number within the bounds."""

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Wrong(f"{field_name}: is a {type(value).__name__}; give a whole number of {least} to {most}")
        number = _exact_number(value)
        if not least <= number <= most:
            raise Wrong(f"{field_name}: is out of range; give a whole number of {least} to {most}")
        return number

    return check


def to_time(value: object) -> datetime:
    """Make a time, in whole seconds, of ISO 8601 text; one with an offset becomes one of UTC, one without stays so."""
    time = value if isinstance(value, datetime) else None
    written = "" if isinstance(value, datetime) else _to_time_text(value)
    try:
        if _has_time(written):
            time = datetime.fromisoformat(written)
        if time is not None:
            time = time if time.tzinfo is None else time.astimezone(UTC)
            zone = None if time.tzinfo is None else UTC
            return datetime(time.year, time.month, time.day, time.hour, time.minute, time.second, tzinfo=zone)
    except Exception:  # noqa: BLE001, S110 - ValueError of a text, anything of a zone of the shop's own
        pass
    raise Wrong('at: is no date and time; give a datetime, or write it as in "2012-01-01T11:00:00"')


def to_name(field_name: str) -> Callable[[object], str]:
    """Make a check for a name as a program writes them."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not _is_name(value):
            found = f"text of {len(value)} characters" if isinstance(value, str) else f"a {type(value).__name__}"
            raise Wrong(f"{field_name}: {found} is no name; write {_FORM_OF_NAME}")
        return _exact(value)

    return check


def to_fields(fields: Fields | None) -> Fields:
    """Make a copy of *fields*: names to text, whole numbers, decimals, truth values or None."""
    if fields is None or not fields:
        return NO_FIELDS
    if not isinstance(fields, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise Wrong(f"fields: is a {type(fields).__name__}; give a mapping of names to values")
    copy = dict(fields)
    try:
        return {_to_field_name(name): _to_field_value(value, name) for name, value in copy.items()}
    except Wrong as wrong:
        raise Wrong(wrong.finding, copy) from None


def _to_field_value(value: FieldValue, name: str) -> FieldValue:
    """Refuse what cannot be written the same way everywhere."""
    if value is None or isinstance(value, bool):
        return value
    field_name = f"fields[{str(name)!r}]"
    if isinstance(value, str):
        return _exact(value)
    if isinstance(value, int):
        number = _exact_number(value)
        if number.bit_length() > 64:
            raise Wrong(f"{field_name}: is a number beyond 64 bits; give it as text")
        return number
    if isinstance(value, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance]
        exact = Decimal(value)
        if not (exact.is_finite() and -30 <= exact.adjusted() <= 30):
            raise Wrong(f"{field_name}: is not a number of ordinary size; leave it out or give it as text")
        return exact
    if isinstance(value, float):
        raise Wrong(f"{field_name}: a float is not exact; give text or a Decimal")
    raise Wrong(f"{field_name}: is a {type(value).__name__}; give text, an int, a Decimal, a bool or None")


def _exact(value: str) -> str:
    """Make plain text of a subclass's, whose comparison or length may be anything."""
    return value if type(value) is str else str.__str__(value)


def _exact_number(value: int) -> int:
    return value if type(value) is int else int.__int__(value)


_to_level = text("category_path: a level")
_to_field_name = to_name("fields: a name")
_to_time_text = text("at")
_to_item_id = text_or_number("item")
_to_item_type = whole("item type", 1, LARGEST)
