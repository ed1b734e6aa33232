"""What became of a file's rows, in numbers that add up: sent and refused, in rows and in money."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, TypeAlias

from footfall.commands.replay.reading import Amount

__all__ = ["OTHERS", "Reason", "Sums", "Totals"]

Sums: TypeAlias = dict[str, Decimal]  #: by currency, in major units

OTHERS = "other reasons"
_MOST_REASONS = 100

_EXACT = Context(prec=60)  # not the context that an application may have set
_lengths = re.compile(r" of \d+ characters")


@dataclass(slots=True)
class Reason:
    """How many rows were refused for one reason, and their total."""

    rows: int = 0
    sums: Sums = field(default_factory=dict[str, Decimal])


@dataclass(slots=True, kw_only=True)
class Totals:
    """Counts of one replay, over its interruptions."""

    rows: int = 0
    requests: int = 0
    refused: int = 0
    file: Sums = field(default_factory=dict[str, Decimal])  #: the total of the rows as the file has them
    sent: Sums = field(default_factory=dict[str, Decimal])  #: the total that the trackers are told
    reasons: dict[str, Reason] = field(default_factory=dict[str, Reason])

    def add_sent(self, requests: int, in_file: Amount | None, told: Amount | None) -> None:
        """Count a row that became requests; *told* is the amount in them, in whole minor units."""
        self.rows += 1
        self.requests += requests
        _add(self.file, in_file)
        _add(self.sent, told)

    def add_refused(self, reason: str, in_file: Amount | None) -> None:
        """Count a row that was refused."""
        self.rows += 1
        self.refused += 1
        _add(self.file, in_file)
        # The same reason with another length is the same reason.
        reason = _lengths.sub("", reason)
        if reason not in self.reasons and len(self.reasons) >= _MOST_REASONS:
            reason = OTHERS
        entry = self.reasons.setdefault(reason, Reason())
        entry.rows += 1
        _add(entry.sums, in_file)

    @property
    def refused_sums(self) -> Sums:
        """The total of the refused rows."""
        sums: Sums = {}
        for reason in self.reasons.values():
            for currency, amount in reason.sums.items():
                _add(sums, Amount(currency, amount))
        return sums

    def rounding(self) -> Iterator[tuple[str, Decimal]]:
        """Return what rounding prices to minor units took away: the file's total less sent and refused."""
        refused = self.refused_sums
        for currency, amount in self.file.items():
            rest = amount - self.sent.get(currency, Decimal(0)) - refused.get(currency, Decimal(0))
            if rest:
                yield currency, rest

    def to_json(self) -> dict[str, Any]:
        """Write it for the state file."""
        return {
            "rows": self.rows,
            "requests": self.requests,
            "refused": self.refused,
            "file": _write(self.file),
            "sent": _write(self.sent),
            "reasons": {text: [one.rows, _write(one.sums)] for text, one in self.reasons.items()},
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Totals:
        """Read what `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError, ArithmeticError: It was not written by `to_json`.
        """
        return cls(
            rows=int(found["rows"]),
            requests=int(found["requests"]),
            refused=int(found["refused"]),
            file=_read(found["file"]),
            sent=_read(found["sent"]),
            reasons={text: Reason(int(rows), _read(sums)) for text, (rows, sums) in found["reasons"].items()},
        )


def _add(sums: Sums, amount: Amount | None) -> None:
    if amount is not None:
        sums[amount.currency] = _EXACT.add(sums.get(amount.currency, Decimal(0)), amount.amount)


def _write(sums: Sums) -> dict[str, str]:
    return {currency: f"{amount:f}" for currency, amount in sums.items()}


def _read(found: Mapping[str, str]) -> Sums:
    return {currency: Decimal(text) for currency, text in found.items()}
