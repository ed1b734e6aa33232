"""What the live page is served: its files, its rows and details, and the stream that tells it of changes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from footfall.localtracker.asking import AskedWronglyError, read_filter, read_number
from footfall.localtracker.faults import Faults
from footfall.localtracker.journey import follow
from footfall.localtracker.reading import read_parts, say
from footfall.localtracker.received import Received
from footfall.localtracker.schema import digest_of
from footfall.localtracker.store import Store
from footfall.localtracker.traces import parse_trace, read_reported

__all__ = ["Live"]

_TICK: Final = 0.2  # seconds between two looks at the store
_SILENCE: Final = 15.0  # seconds after which a proxy or browser is told that the stream goes on
_MINUTES: Final = 60
_MOST_ROWS: Final = 500
_MOST_IN_A_JOURNEY: Final = 400
_MOST_ANSWERS: Final = 5
_QUICKEST: Final = 1.0  # seconds by which a request may arrive before the trace of the response that reported it
_KINDS: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

_Trace = tuple[int, float, str, str]


class Live:
    """The endpoints, each a Starlette endpoint."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._run = time.time_ns()
        self._files = {
            one.name: one.read_bytes() for one in files("footfall.localtracker").joinpath("assets").iterdir()
        }

    # Files

    def page(self, _: Request) -> Response:
        """Return the page."""
        return self._file("index.html")

    def asset(self, request: Request) -> Response:
        """Return one of the page's files."""
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        content = self._files.get(name)
        if content is None:
            return Response(status_code=404)
        return Response(content, headers={"Content-Type": _KINDS[name.rpartition(".")[2]]})

    # News

    async def stream(self, _: Request) -> Response:
        """Tell of every change until the page is closed: server-sent events, each a summary of the whole state."""
        return StreamingResponse(self._news(), headers={"Content-Type": "text/event-stream"})

    async def _news(self) -> AsyncIterator[str]:
        told, spoke = "", time.monotonic()
        while self._store.telling:
            state = json.dumps(await run_in_threadpool(self._state))
            if state != told:
                told, spoke = state, time.monotonic()
                yield f"data: {state}\n\n"
            elif time.monotonic() - spoke > _SILENCE:
                spoke = time.monotonic()
                yield ":\n\n"
            await asyncio.sleep(_TICK)

    def _state(self) -> dict[str, object]:
        now = int(time.time() // 60)
        return {
            "run": self._run,  # another run counts anew, so the page reloads
            "kept": self._store.kept,
            "last": self._store.last_number(),
            "tally": self._store.tally(),
            "now": now,
            "minutes": self._store.minutes(now - _MINUTES),
            "mends": len(self._store.mends()),
            "trace": max((number for number, *_ in self._store.traces(1)), default=0),
            "faults": [asdict(one) for one in self._faults.on],
        }

    # What is shown

    def rows(self, request: Request) -> Response:
        """Return rows of the list, latest first."""
        wanted = read_filter(request)
        received = self._store.received(
            newest_first=True,
            limit=read_number(request, "limit", 100, _MOST_ROWS),
            offset=read_number(request, "offset", 0, 2**62),
            up_to=read_number(request, "up_to", 2**62, 2**62),
            **wanted,
        )
        return JSONResponse({"count": self._store.count_kept(**wanted), "rows": [_row(one) for one in received]})

    def detail(self, request: Request) -> Response:
        """Return everything that is known about one request."""
        number = read_number(request, "number", 0, 2**62)
        found = self._store.received(after=number - 1, up_to=number, limit=1)
        if not found:
            return JSONResponse({"error": "number: is forgotten, or never came; take one from the list"}, 404)
        [one] = found
        parameters = read_parts(one.assessment, offline=one.target.partition("?")[0].endswith(".stream"))
        traces = self._store.traces(3, digest=f":{digest_of(one.method, one.target)}")
        answer = {
            **one.to_json(),
            "says": say(one.assessment),
            "parameters": [asdict(parameter) for parameter in parameters],
            "traces": self._explain_traces(traces),
        }
        return JSONResponse(answer)

    def mends(self, _: Request) -> Response:
        """Return what is to mend, each mistake once."""
        names = ("tracker", "field", "finding", "mend", "source", "fatal", "count", "latest")
        return JSONResponse({"mends": [dict(zip(names, one, strict=True)) for one in self._store.mends()]})

    def journey(self, request: Request) -> Response:
        """Return one person's requests over time."""
        visitor = request.query_params.get("visitor", "")
        if not visitor:
            raise AskedWronglyError("visitor: is missing; write a coid or userid")
        ids = self._store.aliases(visitor)
        received = self._store.of_visitors(ids, _MOST_IN_A_JOURNEY)
        return JSONResponse({"ids": sorted(ids), "most": _MOST_IN_A_JOURNEY, "journey": follow(received)})

    # Traces

    def traces(self, _: Request) -> Response:
        """Return what applications in debug mode have told of their responses, latest first."""
        return JSONResponse({"traces": self._explain_traces(self._store.traces())})

    def trace(self, request: Request) -> Response:
        """Explain a ``Footfall-Trace`` that was copied from a response."""
        text = request.query_params.get("trace", "")
        if parse_trace(text) is None:
            raise AskedWronglyError('trace: is none; paste the value of the header Footfall-Trace: class="page", ...')
        return JSONResponse({"traces": self._explain_traces([(0, time.time(), "", text)])})

    def _explain_traces(self, traces: list[_Trace]) -> list[dict[str, object]]:
        read = [(number, at, line, parse_trace(trace) or {}) for number, at, line, trace in traces]
        digests = {one.digest for *_, parts in read for one in read_reported(parts) if one.digest}
        arrivals: dict[str, list[dict[str, Any]]] = {}
        for digest, number, at, status, look in self._store.arrivals(digests):
            arrivals.setdefault(digest, []).append({"number": number, "at": at, "status": status, "look": look})
        return [
            {
                "number": number,
                "at": at,
                "line": line,
                "parts": {name: value for name, value in parts.items() if name != "events"},
                "events": [
                    {**asdict(one), "arrived": _since(at if line else 0.0, arrivals.get(one.digest, []))}
                    for one in read_reported(parts)
                ],
            }
            for number, at, line, parts in read
        ]


def _since(at: float, arrivals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what an earlier response reported in the same words. A request may arrive before its trace."""
    return [one for one in arrivals if one["at"] > at - _QUICKEST][:_MOST_ANSWERS]


def _row(one: Received) -> dict[str, object]:
    findings = (*one.problems, *one.remarks)
    return {
        "number": one.number,
        "at": one.at,
        "tracker": one.tracker,
        "kind": one.kind,
        "says": say(one.assessment),
        "visitor": one.visitor,
        "status": one.status,
        "look": one.look,
        "fault": one.fault,
        "finding": f"{findings[0].field}: {findings[0].finding}" if findings else "",
        "findings": len(findings),
    }
