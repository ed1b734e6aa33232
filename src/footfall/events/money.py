"""A price: an exact amount in one currency, and how it is rounded."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import final

from footfall.events.base import whole
from footfall.events.currencies import CODES, DECIMALS
from footfall.events.judging import Finding, Findings, Judged, Wrong, finish, put

__all__ = ["Money"]

_QUANTUM = {decimals: Decimal(1).scaleb(-decimals) for decimals in (0, 2, 3, 4)}

# An application may have set a decimal context of its own; prices are not to depend on it.
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_LARGEST = Decimal(10) ** 18

_amount = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?").fullmatch


@final
@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Money(Judged):
    """An amount of money: ``Money("19.99", "EUR")``.

    It is wrong, and keeps the `finding`, if the amount is a float, negative, not finite, not written with a point, or
    10^18 or more; or if the currency is no code of ISO 4217. What is computed of a wrong one is wrong too.

    Args:
        amount: In major units (euros, not cents), zero or more: text with a point before the decimals, a
            ``Decimal``, or a whole ``int``. Never a ``float``, whose decimals are not the ones on the price tag.
        currency: The ISO 4217 code in capitals.
    """

    amount: Decimal  #: in major units, as given
    currency: str  #: ISO 4217, ``"EUR"``

    def __init__(self, amount: str | Decimal | int, currency: str) -> None:
        findings: Findings = []
        put(self, "amount", _to_amount, amount, findings)
        put(self, "currency", _to_currency, currency, findings)
        finish(self, findings)

    @property
    def minor_units(self) -> int:
        """How many decimals the currency has: 2 for euros, 0 for yen, 3 for Kuwaiti dinars. Source: ISO 4217."""
        return DECIMALS.get(self.currency, 2) if not self._findings else 2

    def rounded(self) -> Money:
        """The same amount in whole minor units, half up: 2.505 euros become 2.51."""
        return self if self._findings else self._with(self.amount)

    def times(self, quantity: int) -> Money:
        """The price of *quantity* items of which one costs this much, rounded; one is rounded first, as it is sent.

        A quantity that is not a whole number of 1 or more makes the result wrong.
        """
        return self._computed(quantity, lambda number: _EXACT.multiply(self.rounded().amount, number))

    def divided_by(self, quantity: int) -> Money:
        """The price of one item of a line that costs this much in total: 10 euros for 4 pens are 2.50 each.

        Thirds of a cent are rounded half up, so that many times the result need not be the line's total again. A
        quantity that is not a whole number of 1 or more makes the result wrong.
        """
        return self._computed(quantity, lambda number: _EXACT.divide(self.amount, number))

    def format_amount(self) -> str:
        """The rounded amount as digits, with a point before the currency's own decimals: ``"2.50"``, ``"456"``.

        A wrong amount is empty text: no tracker is ever given one.
        """
        if self._findings:
            return ""
        return f"{self.amount.quantize(_QUANTUM[DECIMALS.get(self.currency, 2)], context=_EXACT):f}"

    def _computed(self, quantity: int, compute: Callable[[int], Decimal]) -> Money:
        if self._findings:
            return self
        try:
            number = _to_quantity(quantity)
        except Exception as error:  # noqa: BLE001 - a number of the shop's own class may raise anything
            found = (
                error.finding if isinstance(error, Wrong) else f"quantity: raised {type(error).__name__}; give an int"
            )
            wrong = Money(self.amount, self.currency)
            finish(wrong, [Finding("amount", found)])
            return wrong
        return self._with(compute(number))

    def _with(self, amount: Decimal) -> Money:
        return Money(amount.quantize(_QUANTUM[self.minor_units], context=_EXACT), self.currency)


def _to_amount(value: object) -> Decimal:
    if isinstance(value, str):
        if not _amount(value):
            raise Wrong(
                f"amount: text of {len(value)} characters is not an amount; write digits, and a point before decimals, "
                'as in "19.99"'
            )
        value = Decimal(value)
    elif isinstance(value, float):
        raise Wrong('amount: a float is not exact; write it as text, as in Money("19.99", "EUR")')
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(int.__int__(value))
    if not isinstance(value, Decimal):
        raise Wrong(f"amount: a {type(value).__name__} is not an amount; give text, a Decimal or an int")
    amount = Decimal(value)
    if not amount.is_finite():
        raise Wrong("amount: is not a finite number; leave the price out where there is none")
    if amount < 0:
        raise Wrong("amount: is negative; a price is zero or more")
    if amount >= _LARGEST:
        raise Wrong("amount: is 10^18 or more; give it in major units (euros, not cents)")
    return amount.copy_abs()  # there is no minus zero on a price tag


def _to_currency(value: object) -> str:
    if isinstance(value, str) and (code := str.__str__(value)) in CODES:
        return code
    raise Wrong('currency: is no code of ISO 4217; write one in capitals, as in "EUR"')


_to_quantity = whole("quantity", 1, 2_147_483_647)
