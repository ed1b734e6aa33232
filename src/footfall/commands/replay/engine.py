"""Row by row: what is wrong is refused and reported, what is right is handed over before the state moves on."""

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

_ROWS = 500  # between two states: what one of them costs is then nothing
_SAMPLES = 2


class Refusal(NamedTuple):
    """A row that becomes no request."""

    line: int
    last: int  #: where the row ends, if it takes several lines
    reason: str  #: quotes nothing of the row

    def __str__(self) -> str:
        """Say it in one line."""
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
            source: Where its rows come from, already where an interrupted replay stopped.
            columns: What they mean.
            tracker: Who is told.
            totals: Where they are counted.
            on_refused: Told of each row that is refused, in order.
            report: Where all of those are written down too.
        """
        self._source = source
        self._columns = columns
        self._tracker = tracker
        self._on_refused = on_refused
        self._report = report
        self._refused: list[Refusal] = []
        self.totals = totals
        self.samples: list[WireRequest] = []  #: the first requests, to be looked at

    def run(
        self, state: State | None, send: Callable[[Sequence[WireRequest]], None], on_rows: Callable[[Source], None]
    ) -> None:
        """Turn all rows into requests.

        Args:
            state: Moves on and is saved whenever requests were handed over; ``None`` for a dry run.
            send: Takes requests over, durably; what it raises ends this, with the state as it was.
            on_rows: Told every few hundred rows.

        Raises:
            ConfigError: The file cannot be read on.
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
        # An interruption may come after a request was handed over and before the state says so.
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
