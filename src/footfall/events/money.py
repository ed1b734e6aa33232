"""A price: an exact amount in one currency, and how it is rounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import final

from footfall.errors import EventError

__all__ = ["Money"]

# ISO 4217 list one, column "minor unit", without the many currencies whose minor unit is the hundredth.
# A test compares it with the published table. Reading that table here would cost every start 50 ms.
_DECIMALS = {
    code: decimals
    for decimals, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for code in codes.split()
}
_QUANTUM = {decimals: Decimal(1).scaleb(-decimals) for decimals in (0, 2, 3, 4)}

# An application may have set a decimal context of its own; prices are not to depend on it.
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_LARGEST = Decimal(10) ** 18

_amount = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?").fullmatch
_currency = re.compile(r"[A-Z]{3}").fullmatch


@final
@dataclass(frozen=True, slots=True, init=False)
class Money:
    """An amount of money: ``Money("19.99", "EUR")``.

    Args:
        amount: In major units (euros, not cents), zero or more: text with a point before the decimals, a
            ``Decimal``, or a whole ``int``. Never a ``float``, whose decimals are not the ones on the price tag.
        currency: The ISO 4217 code in capitals.

    Raises:
        EventError: The amount is a float, negative, not finite, not written with a point, or 10^18 or more;
            or the currency is not three capital letters.
    """

    amount: Decimal  #: in major units, as given
    currency: str  #: ISO 4217, ``"EUR"``

    def __init__(self, amount: str | Decimal | int, currency: str) -> None:
        object.__setattr__(self, "amount", _to_amount(amount))
        object.__setattr__(self, "currency", _to_currency(currency))

    @property
    def minor_units(self) -> int:
        """How many decimals the currency has: 2 for euros, 0 for yen, 3 for Kuwaiti dinars. Source: ISO 4217."""
        return _DECIMALS.get(self.currency, 2)

    def rounded(self) -> Money:
        """The same amount in whole minor units, half up: 2.505 euros become 2.51."""
        return self._with(self.amount)

    def times(self, quantity: int) -> Money:
        """The price of *quantity* items of which one costs this much, rounded; one is rounded first, as it is sent."""
        return self._with(_EXACT.multiply(self.rounded().amount, _to_quantity(quantity)))

    def divided_by(self, quantity: int) -> Money:
        """The price of one item of a line that costs this much in total: 10 euros for 4 pens are 2.50 each.

        Thirds of a cent are rounded half up, so that many times the result need not be the line's total again.

        Raises:
            EventError: The quantity is not a whole number of at least 1.
        """
        return self._with(_EXACT.divide(self.amount, _to_quantity(quantity)))

    def format_amount(self) -> str:
        """The rounded amount as digits, with a point before the currency's own decimals: ``"2.50"``, ``"456"``."""
        return f"{self.amount.quantize(_QUANTUM[_DECIMALS.get(self.currency, 2)], context=_EXACT):f}"

    def _with(self, amount: Decimal) -> Money:
        return Money(amount.quantize(_QUANTUM[self.minor_units], context=_EXACT), self.currency)


def _to_amount(value: object) -> Decimal:
    if isinstance(value, str):
        if not _amount(value):
            raise EventError(
                f"amount: text of {len(value)} characters is not an amount; write digits, and a point before decimals, "
                'as in "19.99"'
            )
        value = Decimal(value)
    elif isinstance(value, float):
        raise EventError('amount: a float is not exact; write it as text, as in Money("19.99", "EUR")')
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise EventError(f"amount: a {type(value).__name__} is not an amount; give text, a Decimal or an int")
    if not value.is_finite():
        raise EventError("amount: is not a finite number; leave the price out where there is none")
    if value < 0:
        raise EventError("amount: is negative; a price is zero or more")
    if value >= _LARGEST:
        raise EventError("amount: is 10^18 or more; give it in major units (euros, not cents)")
    return value.copy_abs()  # there is no minus zero on a price tag


def _to_currency(value: object) -> str:
    if not isinstance(value, str) or not _currency(value):
        raise EventError('currency: is not an ISO 4217 code; write three capital letters, as in "EUR"')
    return value


def _to_quantity(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 2_147_483_647:
        raise EventError("quantity: is not a whole number of 1 to 2147483647; leave out a line of none")
    return value
