"""Which column of a file says what, and how a cell is read: as text, as a whole number, as an amount, as a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import cast

from footfall.errors import ConfigError, EventError

__all__ = ["Columns", "Value"]

_is_whole = re.compile(r"-?[0-9]{1,18}(?:\.0+)?").fullmatch
_is_amount = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?").fullmatch


@dataclass(frozen=True, slots=True)
class Value:
    """Where one part of an event comes from: a column, or a text that is the same in every row."""

    column: str = ""
    constant: str | None = None

    @classmethod
    def parse(cls, written: str) -> Value:
        """Read ``"UnitPrice"`` as a column and ``"=EUR"`` as a constant."""
        return cls(constant=written[1:]) if written.startswith("=") else cls(column=written)

    def read(self, row: Mapping[str, object]) -> object:
        """Return its value in a row, ``None`` if there is none. A dot leads into an object: ``"customer.id"``."""
        if self.constant is not None:
            return self.constant
        if self.column in row:
            return row[self.column]
        found: object = row
        for name in self.column.split("."):
            found = _step(found, name)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each part of an event comes from; ``None``: from nowhere. An empty cell counts as absent."""

    event: Value = Value(constant="buy")
    item: Value | None = None
    item_type: Value | None = None
    quantity: Value | None = None
    price: Value | None = None  #: of one item
    total: Value | None = None  #: instead of the price: of the whole line
    currency: Value | None = None
    order: Value | None = None
    time: Value | None = None
    user: Value | None = None
    anonymous_id: Value | None = None
    ruid: Value | None = None
    device: Value | None = None
    session: Value | None = None
    category_path: Value | None = None
    percentage: Value | None = None
    rating: Value | None = None
    fields: Mapping[str, Value] = field(default_factory=dict[str, Value])  #: Raptor's parameters, by name

    renamed: Mapping[str, str] = field(default_factory=dict[str, str])  #: from the file's word for an event to ours
    whole: frozenset[str] = frozenset()  #: columns of whole numbers that were exported as ``17850.0``
    decimal_comma: bool = False  #: whether amounts are written as ``19,99``
    time_format: str = "iso"  #: ``"iso"``, ``"unix"``, ``"unix-ms"``, or a format of ``datetime.strptime``
    anonymous_user: str = "not_defined"  #: the user of events that have neither user nor anonymous id

    def check(self, known: Sequence[str]) -> None:
        """Compare with the columns of a file.

        Raises:
            ConfigError: One is missing.
        """
        wanted = [(name, value.column) for name, value in self._values() if value.constant is None]
        for option, column in [*wanted, *(("whole", column) for column in self.whole)]:
            if column not in known:
                near = get_close_matches(column, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, known[:20]))}."
                raise ConfigError(
                    f"{option}: the file has no column {column!r}; {hint} A constant is written ={column}"
                )

    def text(self, value: Value | None, row: Mapping[str, object]) -> str:
        """Read a cell as text; ``""`` if there is none.

        Raises:
            EventError: It is a list, an object, or a number of extraordinary size.
        """
        if value is None:
            return ""
        found = value.read(row)
        if isinstance(found, str):
            text = found
        elif found is None:
            return ""
        elif isinstance(found, bool):
            return "true" if found else "false"
        elif isinstance(found, int) and found.bit_length() <= 64:
            text = str(found)
        elif isinstance(found, Decimal) and -30 <= found.adjusted() <= 30:
            text = f"{found:f}"
        else:
            raise EventError(f"column {value.column!r}: holds neither text nor a number of ordinary size")
        return text.partition(".")[0] if value.column in self.whole and _is_whole(text) else text

    def whole_number(self, name: str, value: Value, row: Mapping[str, object]) -> int:
        """Read a cell as a whole number; ``6.0`` is one.

        Raises:
            EventError: It is something else.
        """
        text = self.text(value, row).strip()
        if not _is_whole(text):
            raise EventError(f"{name}: is {'no whole number' if text else 'empty'}")
        return int(text.partition(".")[0])

    def amount(self, name: str, value: Value, row: Mapping[str, object]) -> Decimal:
        """Read a cell as an amount of money, which may be negative.

        Raises:
            EventError: It is something else.
        """
        text = self.text(value, row).strip()
        if self.decimal_comma:
            text = text.replace(".", "").replace(",", ".")
        if not _is_amount(text):
            hint = (
                "is it written with a comma?" if "," in text else 'write digits, and a point before decimals: "19.99"'
            )
            raise EventError(f"{name}: is no amount; {hint}" if text else f"{name}: is empty")
        return Decimal(text)

    def moment(self, value: Value, row: Mapping[str, object]) -> datetime | str:
        """Read a cell as a time. ISO 8601 is returned as text, which the event reads.

        Raises:
            EventError: It is not in the given format.
        """
        text = self.text(value, row).strip()
        try:
            if self.time_format in {"unix", "unix-ms"}:
                seconds = Decimal(text) / (1 if self.time_format == "unix" else 1000)
                return datetime.fromtimestamp(int(seconds), UTC)
            if self.time_format != "iso":
                return datetime.strptime(text, self.time_format)  # noqa: DTZ007 - it may have no zone
        except (ValueError, ArithmeticError, OSError):
            raise EventError(
                "time: is not of the format that --time-format says" if text else "time: is empty"
            ) from None
        if not text:
            raise EventError("time: is empty")
        return text

    def _values(self) -> Iterator[tuple[str, Value]]:
        for one in fields(self):
            if isinstance(value := getattr(self, one.name), Value):
                yield one.name, value
        for name, value in self.fields.items():
            yield f"field {name}", value


def _step(found: object, name: str) -> object:
    return cast("dict[str, object]", found).get(name) if isinstance(found, dict) else None
