"""The local tracker as an ASGI application: both trackers' paths, a live page, and a small JSON API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from footfall.localtracker.asking import AskedWronglyError
from footfall.localtracker.assessment import Rules
from footfall.localtracker.control import Control
from footfall.localtracker.faults import Faults
from footfall.localtracker.live import Live
from footfall.localtracker.receiver import Receiver
from footfall.localtracker.store import Store

__all__ = ["create_app"]

_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    b" base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def create_app(store: Store | None = None, rules: Rules | None = None, faults: Faults | None = None) -> Starlette:
    """Make the application, to be served by any ASGI server.

    ``GET /`` is the live page. ``GET /received.json`` has what came in, oldest first, chosen by ``tracker``, ``kind``,
    ``visitor``, ``status``, ``verdict`` (``accepted``: ``right`` or ``doubtful``; ``refused``: ``wrong`` or ``fault``),
    ``after`` (a number) and ``limit``; with ``at_least=n`` it first waits until n of them match, at most ``within``
    seconds (5; 60 at most). ``GET /counts.json`` counts by tracker, kind and status. ``POST /clear`` forgets
    everything. ``GET /export.jsonl`` and ``GET /export.csv`` have all that match. ``GET /faults.json`` has the faults
    that are on, ``POST /faults.json?kind=503&share=0.3&tracker=raptor`` orders one (`Fault` has its parameters),
    ``DELETE /faults.json`` turns them off. Every other path is a tracker's.

    Args:
        store: Keeps what is received; its maker closes it. By default one in memory, closed when the server shuts down.
        rules: What the customer's contract leaves open; by default as the documents say.
        faults: The faults that can be ordered; by default none are on.
    """
    rules = rules if rules is not None else Rules()
    faults = faults if faults is not None else Faults()
    kept = store if store is not None else Store(replayed=rules.replayed)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        if store is None:
            kept.close()

    control, live = Control(kept, faults), Live(kept, faults)
    pages: dict[str, Callable[[Request], object]] = {
        "/": live.page,
        "/live": live.stream,
        "/rows.json": live.rows,
        "/request.json": live.detail,
        "/mends.json": live.mends,
        "/journey.json": live.journey,
        "/traces.json": live.traces,
        "/trace.json": live.trace,
        "/received.json": control.received,
        "/counts.json": control.counts,
        "/export.jsonl": control.export_lines,
        "/export.csv": control.export_table,
        "/favicon.ico": _no_icon,
    }
    app = _LocalTracker(
        lifespan=lifespan,
        routes=[
            *(Route(path, page) for path, page in pages.items()),
            Route("/faults.json", control.faults, methods=["GET", "POST", "DELETE"]),
            Route("/clear", control.clear, methods=["POST"]),
            Route("/assets/{name}", live.asset),
        ],
        middleware=[Middleware(_SetHeaders)],
        exception_handlers={AskedWronglyError: _asked_wrongly},
    )
    app.router.redirect_slashes = False
    app.own = frozenset((*pages, "/faults.json", "/clear"))
    app.receiver = Receiver(kept, rules, faults)
    return app


class _LocalTracker(Starlette):
    """Gives a tracker's requests straight to the receiver, for otherwise each would be compared with a dozen routes."""

    own: frozenset[str]
    receiver: Receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Our own pages are found by the decoded path; the receiver reads a tracker's path as it was written.
        path: str = scope.get("path", "")
        if scope["type"] == "http" and path not in self.own and not path.startswith("/assets/"):
            return await self.receiver(scope, receive, send)
        return await super().__call__(scope, receive, send)


class _SetHeaders:
    """Sets the headers that restrict what a browser may do with our own answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _asked_wrongly(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _no_icon(_: Request) -> Response:
    return Response(status_code=204)
