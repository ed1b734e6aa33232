"""What a person sees of a replay: bars while it runs, what was refused, and a table that adds up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Self

from footfall.commands.console import make_console

if TYPE_CHECKING:
    from rich.table import Table

    from footfall.commands.replay.engine import Refusal
    from footfall.commands.replay.source import Source
    from footfall.commands.replay.totals import Sums, Totals
    from footfall.delivery import Counters
    from footfall.wire import WireRequest

__all__ = ["Progress", "show_refusals", "show_samples", "show_totals"]

SHOWN = 20  #: refused rows on the screen
_SHOWN_REASONS = 12


class Progress:
    """Two bars on standard error: rows read, requests delivered. Shows nothing if that is not a terminal."""

    def __init__(self, size: int | None) -> None:
        """Prepare.

        Args:
            size: The file's size in bytes, if known.

        Raises:
            MissingExtra: rich is not installed.
        """
        console = make_console(stderr=True)
        from rich import progress

        self._bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[count]:,} {task.fields[unit]}"),
            progress.TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._read = self._bars.add_task("reading", total=size, count=0, unit="rows")
        self._sent = self._bars.add_task("delivering", total=None, count=0, unit="requests", visible=False)

    def __enter__(self) -> Self:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are."""
        self._bars.stop()

    def rows(self, source: Source, totals: Totals) -> None:
        """Show how much of the file was read."""
        self._bars.update(self._read, completed=source.position, count=totals.rows)

    def delivery(self, counters: Counters) -> None:
        """Show how much was delivered of what is in the spool."""
        done = counters.delivered + counters.failed
        self._bars.update(self._sent, total=done + counters.pending, completed=done, count=done, visible=True)


def show_refusals(refusals: Sequence[Refusal], number: int, report: object) -> None:
    """Show the first refused rows, and how many more there are."""
    console = make_console(stderr=True)
    for refusal in refusals[:SHOWN]:
        console.print(f"refused {refusal}", soft_wrap=True)
    if number > SHOWN:
        where = f"all are in {report}" if report else "--report FILE writes all of them down"
        console.print(f"... and {number - SHOWN:,} more; {where}", soft_wrap=True)


def show_samples(samples: Sequence[WireRequest]) -> None:
    """Show whole requests, to compare with the tracker's document."""
    console = make_console()
    for request in samples:
        console.print(f"{request.method} {request.url}", soft_wrap=True)


def show_totals(totals: Totals, counters: Counters | None, spool: str = "") -> None:
    """Show what became of the rows, in numbers that add up to the file's.

    Args:
        totals: The totals of the rows.
        counters: What became of the requests; ``None`` if none were sent.
        spool: The spool that holds what was set aside.
    """
    from rich.table import Table

    refused = totals.refused_sums
    currencies = sorted({*totals.file, *totals.sent})
    table = Table("", show_edge=False, pad_edge=False)
    for name in ("rows", "requests", *currencies):
        table.add_column(name, justify="right")

    def add(name: str, rows: int | None, requests: int | None, sums: Sums, *, style: str = "") -> None:
        numbers = ["" if number is None else f"{number:,}" for number in (rows, requests)]
        table.add_row(name, *numbers, *(_format(sums.get(currency)) for currency in currencies), style=style)

    add("sent" if counters is not None else "would be sent", totals.rows - totals.refused, totals.requests, totals.sent)
    add("refused", totals.refused, None, refused)
    reasons = sorted(totals.reasons.items(), key=lambda pair: -pair[1].rows)
    for text, reason in reasons[:_SHOWN_REASONS]:
        add(f"  {text}", reason.rows, None, reason.sums, style="dim")
    if rest := reasons[_SHOWN_REASONS:]:
        add("  other reasons", sum(reason.rows for _, reason in rest), None, {}, style="dim")
    if rounding := dict(totals.rounding()):
        add("lost by rounding to whole minor units", None, None, rounding)
    table.add_section()
    add("in the file", totals.rows, None, totals.file)
    if counters is not None:
        table.add_section()
        _add_delivery(table, counters, len(currencies))
    console = make_console()
    console.print(table)
    if counters is not None and counters.failed:
        console.print(f"What was set aside, and why: footfall spool failed {spool}", soft_wrap=True)


def _add_delivery(table: Table, counters: Counters, currencies: int) -> None:
    for name, number in (
        ("delivered", counters.delivered),
        ("set aside", counters.failed),
        ("waiting in the spool", counters.pending),
    ):
        table.add_row(name, "", f"{number:,}", *[""] * currencies)


def _format(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,f}"
