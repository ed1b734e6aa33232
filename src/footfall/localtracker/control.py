"""The local tracker's API for tests and programs: received, counted, forgotten, exported; and faults to order."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from footfall.errors import ConfigError
from footfall.localtracker.asking import AskedWronglyError, is_foreign, read_filter, read_number, read_seconds
from footfall.localtracker.faults import LONGEST, Fault, Faults
from footfall.localtracker.received import Filter, Received
from footfall.localtracker.store import Store

__all__ = ["Control"]

_MOST_AT_ONCE = 1_000
_MOST_WAITING = 200
_COLUMNS = (
    *("number", "time", "tracker", "customer", "kind", "visitor", "session", "status", "look", "fault"),
    *("method", "target", "params", "findings"),
)
# What a spreadsheet would run as a formula: a visitor may have written it. Where semicolons part the cells, as in much
# of Europe, or a line ends, one may begin in the middle of a value. Source: OWASP, "CSV Injection".
_before_formula = re.compile(
    r"\A(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])|(?<=[;\t\r\n])(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
).sub
_AT_ONCE = 500  # lines that are sent in one piece


class Control:
    """The endpoints, each a Starlette endpoint."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._waiting = ThreadPoolExecutor(_MOST_WAITING, "footfall local tracker's waiting")

    async def received(self, request: Request) -> Response:
        """Return what was received; with ``at_least``, wait for it first."""
        wanted = read_filter(request)
        after = read_number(request, "after", 0, 2**62)
        limit = read_number(request, "limit", 100, _MOST_AT_ONCE)
        at_least = read_number(request, "at_least", 0, 2**62)
        within = read_seconds(request, "within", 5.0)
        if at_least:
            # In threads of their own, so that those who wait do not delay other answers.
            wait = partial(self._store.wait_until, at_least, within, **wanted)
            await asyncio.get_running_loop().run_in_executor(self._waiting, wait)
        return await run_in_threadpool(self._received, wanted, after, limit)

    def _received(self, wanted: Filter, after: int, limit: int) -> Response:
        received = self._store.received(after=after, limit=limit, **wanted)
        return JSONResponse({"count": self._store.count(**wanted), "received": [one.to_json() for one in received]})

    def counts(self, _: Request) -> Response:
        """Count by tracker, kind and status."""
        return JSONResponse({"counts": [asdict(one) for one in self._store.counts()]})

    def clear(self, request: Request) -> Response:
        """Forget everything."""
        if is_foreign(request):
            return PlainTextResponse("clear: is asked by another site; use the button of this page\n", 403)
        self._store.clear()
        return RedirectResponse("/", 303)

    def faults(self, request: Request) -> Response:
        """Return the faults that are on; a POST orders one first, a DELETE turns them all off."""
        if request.method != "GET" and is_foreign(request):
            return PlainTextResponse("faults: is asked by another site; use this page\n", 403)
        if request.method == "DELETE":
            self._faults.mend()
        elif request.method == "POST":
            self._order(request)
        return JSONResponse({"faults": [asdict(one) for one in self._faults.on]})

    def _order(self, request: Request) -> None:
        usual = Fault(kind="latency")
        try:
            self._faults.order(
                Fault(
                    kind=request.query_params.get("kind", ""),  # type: ignore[arg-type]  # it is checked there
                    share=read_seconds(request, "share", usual.share, 1.0),
                    seconds=read_seconds(request, "seconds", usual.seconds, LONGEST),
                    retry_after=read_number(request, "retry_after", usual.retry_after, 86_400),
                    tracker=request.query_params.get("tracker") or None,
                )
            )
        except ConfigError as error:
            raise AskedWronglyError(str(error)) from None

    def export_lines(self, request: Request) -> Response:
        """Return what was received as JSON lines."""
        wanted = read_filter(request)
        lines = (json.dumps(one.to_json()) + "\n" for one in self._store.all_received(**wanted))
        return _download(lines, "application/jsonl", "received.jsonl")

    def export_table(self, request: Request) -> Response:
        """Return what was received as comma-separated values, for a spreadsheet."""
        wanted = read_filter(request)
        return _download(_write_table(self._store.all_received(**wanted)), "text/csv; charset=utf-8", "received.csv")


def _download(lines: Iterator[str], kind: str, name: str) -> Response:
    # The server changes threads for each piece: a hundred thousand lines one by one would take a minute.
    pieces = iter(lambda: "".join(islice(lines, _AT_ONCE)), "")
    return StreamingResponse(
        pieces, headers={"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"'}
    )


def _write_table(received: Iterator[Received]) -> Iterator[str]:
    yield ",".join(_COLUMNS) + "\r\n"
    for one in received:
        written = io.StringIO()
        csv.writer(written).writerow(_before_formula("'", str(value)) for value in _row(one))
        yield written.getvalue()


def _row(one: Received) -> tuple[object, ...]:
    time = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="milliseconds")
    findings = "; ".join(map(str, (*one.problems, *one.remarks)))
    return (
        *(one.number, time, one.tracker, one.assessment.customer, one.kind, one.visitor, one.session, one.status),
        *(one.look, one.fault, one.method, one.target, json.dumps(one.params), findings),
    )
