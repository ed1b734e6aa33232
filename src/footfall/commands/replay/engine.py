"""Goes through the rows: wrong ones are refused and reported; right ones are handed over before the state moves on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import IO, TYPE_CHECKING, NamedTuple

from footfall.commands.replay.reading import Amount, read_amount, read_event, read_visitor
from footfall.errors import EventError, NoIdentity
from footfall.events import Buy, Event
from footfall.reporter import ask

if TYPE_CHECKING:
    from footfall.commands.replay.columns import Columns
    from footfall.commands.replay.source import Row, Source
    from footfall.commands.replay.state import State
    from footfall.commands.replay.totals import Totals
    from footfall.trackers import Tracker
    from footfall.wire import WireRequest

__all__ = ["Refusal", "Replay"]

_ROWS = 500  # between two states, so that writing a state costs next to nothing
_SAMPLES = 2


class Refusal(NamedTuple):
    """A row of which no request was made."""

    line: int
    last: int  #: the line in which the row ends
    reason: str  #: quotes nothing of the row

    def __str__(self) -> str:
        """Write it in one line."""
        lines = f"line {self.line}" if self.line == self.last else f"lines {self.line} to {self.last}"
        return f"{lines}: {self.reason}"


class Replay:
    """One file on its way into one tracker."""

    def __init__(
        self,
        source: Source,
        columns: Columns,
        tracker: Tracker,
        totals: Totals,
        *,
        on_refused: Callable[[Refusal], None],
        report: IO[bytes] | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            source: Where the rows come from; after an interruption, placed where the replay stopped.
            columns: What the rows mean.
            tracker: The tracker to tell.
            totals: Where the rows are counted.
            on_refused: Called with each refused row, in order.
            report: A file to which all refused rows are written too.
        """
        self._source = source
        self._columns = columns
        self._tracker = tracker
        self._on_refused = on_refused
        self._report = report
        self._refused: list[Refusal] = []
        self.totals = totals
        self.samples: list[WireRequest] = []  #: the first requests, to show

    def run(
        self, state: State | None, send: Callable[[Sequence[WireRequest]], None], on_rows: Callable[[Source], None]
    ) -> None:
        """Turn all rows into requests.

        Args:
            state: Moves on and is saved after requests were handed over; ``None`` for a dry run.
            send: Takes requests over, durably; an exception from it ends the run and leaves the state as it was.
            on_rows: Called every few hundred rows.

        Raises:
            ConfigError: The rest of the file cannot be read.
            OSError: State or report cannot be written.
        """
        rows = iter(self._source)
        while some := list(islice(rows, _ROWS)):
            requests = [request for row in some for request in self._requests(row, state)]
            if requests:
                send(requests)
            self._write_report()
            if state is not None:
                state = replace(
                    state,
                    position=self._source.position,
                    line=self._source.line,
                    digest=self._source.digest,
                    report=0 if self._report is None else self._report.tell(),
                )
                state.save()
            on_rows(self._source)

    def _requests(self, row: Row, state: State | None) -> list[WireRequest]:
        in_file = None if row.problem else read_amount(self._columns, row.values)
        try:
            event, requests = self._turn(row)
        except (EventError, NoIdentity) as error:
            self._refuse(row, str(error), in_file)
            return []
        self.totals.add_sent(len(requests), in_file, _told(event))
        self.samples += requests[: _SAMPLES - len(self.samples)]
        if state is None:
            return requests
        # The run may be interrupted after a request was handed over and before the state says so.
        return [
            replace(request, once=request.once or f"replay:{state.run}:{row.line}:{at}")
            for at, request in enumerate(requests)
        ]

    def _turn(self, row: Row) -> tuple[Event, list[WireRequest]]:
        if row.problem:
            raise EventError(row.problem)
        event = read_event(self._columns, row.values)
        visitor = read_visitor(self._columns, row.values)
        requests = ask(self._tracker, event, visitor)
        if not requests:
            raise EventError(f"event: {self._tracker.name} has none for a {event.kind}")
        return event, requests

    def _refuse(self, row: Row, reason: str, in_file: Amount | None) -> None:
        refusal = Refusal(row.line, row.last, reason)
        self.totals.add_refused(reason, in_file)
        self._on_refused(refusal)
        if self._report is not None:
            self._refused.append(refusal)

    def _write_report(self) -> None:
        if self._report is not None and self._refused:
            self._report.write("".join(f"{refusal}\n" for refusal in self._refused).encode())
            self._report.flush()
            self._refused.clear()


def _told(event: Event) -> Amount | None:
    if not isinstance(event, Buy) or event.price is None:
        return None
    return Amount(event.price.currency, event.price.times(event.quantity).amount)
