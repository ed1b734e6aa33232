"""The local tracker as an ASGI application: both trackers' paths, a page, and a small JSON API."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from footfall.localtracker.pages import format_page
from footfall.localtracker.protocol import format_answer, judge
from footfall.localtracker.store import Filter, Store
from footfall.localtracker.verdicts import Rules

__all__ = ["create_app"]

_SHOWN = 200
_MOST_AT_ONCE = 1_000
_LONGEST_WAIT = 60.0
_VERDICTS: dict[str, Literal["accepted", "refused"]] = {"accepted": "accepted", "refused": "refused"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create_app(store: Store | None = None, rules: Rules | None = None) -> Starlette:
    """Make the application, to be served by any ASGI server.

    ``GET /`` is the page. ``GET /received.json`` has what came in, oldest first, chosen by ``tracker``, ``kind``,
    ``visitor``, ``status``, ``verdict`` (``accepted`` or ``refused``), ``after`` (a number) and ``limit``;
    with ``at_least=n`` it first waits, at most ``within`` seconds (5, 60 at most), until n of them match.
    ``GET /counts.json`` counts by tracker, kind and status. ``POST /clear`` forgets everything.
    Every other path is a tracker's.

    Args:
        store: Where it keeps what it gets, the caller's to close; in memory without, until the server shuts it down.
        rules: What the customer's contract leaves open; the documents' own without.
    """
    pages = _Pages(store if store is not None else Store())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        if store is None:
            pages.store.close()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", pages.page),
            Route("/received.json", pages.received),
            Route("/counts.json", pages.counts),
            Route("/clear", pages.clear, methods=["POST"]),
            Route("/favicon.ico", pages.no_icon),
        ],
    )
    # Routes are found in the decoded path; a tracker's is judged as it was written, whatever it decodes to.
    app.router.redirect_slashes = False
    app.router.default = _Receiver(pages.store, rules if rules is not None else Rules(), app.router.not_found)
    return app


class _Receiver:
    """Takes what no page of ours is: requests to the trackers."""

    def __init__(self, store: Store, rules: Rules, otherwise: ASGIApp) -> None:
        self._store = store
        self._rules = rules
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._otherwise(scope, receive, send)
            return
        method: str = scope["method"]
        target = _target(scope)
        authorization = Request(scope).headers.get("authorization")
        verdict = judge(method, target, self._rules, authorization=authorization)
        self._store.add(time.time(), method, target, verdict)
        headers = {"WWW-Authenticate": "Basic"} if verdict.status == 401 else {}
        if verdict.status == 405:
            headers["Allow"] = "GET" if verdict.tracker == "raptor" else "GET, POST"
        body = format_answer(verdict)
        answer = (
            PlainTextResponse(body, verdict.status, {**_HEADERS, **headers}) if body else Response(None, verdict.status)
        )
        await answer(scope, receive, send)


def _target(scope: Scope) -> str:
    """Return the request target as it came; a server that does not tell gets its decoded path encoded again."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1") if raw is not None else quote(scope["path"])
    query: bytes = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


class _QueryError(ValueError):
    """A parameter of our own API is wrong; the text says which."""


class _Pages:
    def __init__(self, store: Store) -> None:
        self.store = store

    def page(self, request: Request) -> Response:
        try:
            wanted = _wanted(request)
        except _QueryError as error:
            return PlainTextResponse(f"{error}\n", 400, _HEADERS)
        shown = self.store.received(newest_first=True, limit=_SHOWN, **wanted)
        page = format_page(shown, self.store.counts(), wanted, self.store.count(**wanted))
        return HTMLResponse(page, headers=_HEADERS)

    async def received(self, request: Request) -> Response:
        try:
            wanted = _wanted(request)
            after = _number(request, "after", 0, 2**62)
            limit = _number(request, "limit", 100, _MOST_AT_ONCE)
            at_least = _number(request, "at_least", 0, 2**62)
            within = _seconds(request, "within", 5.0)
        except _QueryError as error:
            return JSONResponse({"error": str(error)}, 400, _HEADERS)
        if at_least:
            await run_in_threadpool(self.store.wait_until, at_least, within, **wanted)
        received = self.store.received(after=after, limit=limit, **wanted)
        answer = {"count": self.store.count(**wanted), "received": [one.to_json() for one in received]}
        return JSONResponse(answer, headers=_HEADERS)

    def counts(self, _: Request) -> Response:
        counts = [
            {"tracker": one.tracker, "kind": one.kind, "status": one.status, "count": one.count}
            for one in self.store.counts()
        ]
        return JSONResponse({"counts": counts}, headers=_HEADERS)

    def clear(self, request: Request) -> Response:
        # A page elsewhere may send a form here, but it may not make the developer's evidence disappear.
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("clear: asked by another site; use the button of this page\n", 403, _HEADERS)
        self.store.clear()
        return RedirectResponse("/", 303, _HEADERS)

    def no_icon(self, _: Request) -> Response:
        return Response(status_code=204, headers=_HEADERS)


def _wanted(request: Request) -> Filter:
    query = request.query_params
    wanted = Filter(
        tracker=query.get("tracker") or None,
        kind=query.get("kind") or None,
        visitor=query.get("visitor") or None,
    )
    if query.get("status"):
        wanted["status"] = _number(request, "status", 0, 999)
    if verdict := query.get("verdict"):
        if verdict not in _VERDICTS:
            raise _QueryError("verdict: write accepted or refused, or leave it out")
        wanted["verdict"] = _VERDICTS[verdict]
    return wanted


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise _QueryError(f"{name}: write a whole number of 0 to {most}, or leave it out")
    return int(text)


def _seconds(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise _QueryError(f"{name}: write a number of seconds, 0 to {_LONGEST_WAIT:g}, or leave it out")
    return seconds
