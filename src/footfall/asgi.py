"""The ASGI door: raw text in, headers out, no decisions."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from footfall.request import RARE, SAFE_IN_PATH, USUAL, RequestView, path_of
from footfall.site import Site, check_door
from footfall.tracking import CURRENT, Answer, HeaderEdit, Tracking, concerns_caches

__all__ = ["TrackingMiddleware"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

#: What `HeaderEdit.add` may name.
OUR_HEADERS: Final = {name: name.lower().encode() for name in ("Set-Cookie", "Cache-Control", "Vary", "Footfall-Trace")}
RAW_USUAL: Final = tuple(name.encode() for name in USUAL)
RAW_RARE: Final = tuple(name.encode() for name in RARE)
HAS_RARE: Final = frozenset(RAW_RARE)
#: Headers of most responses that are no caches' concern.
UNCONCERNED: Final = frozenset({b"content-type", b"content-length", b"set-cookie", b"date", b"server", b"location"})
BRIDGED: Final = "wsgi_environ"  #: where a2wsgi leaves what it made a scope of
ON: Final = (True,)  #: a debug flag that is set; a method of that name is none
KEY: Final = "footfall.tracking"  #: where an inner one of us sees that an outer one has this request


@dataclass(frozen=True, slots=True)
class TrackingMiddleware:
    """ASGI: ``request.state.tracking`` on the way in, ``Set-Cookie`` on the way out.

    Frozen, it cannot keep one visitor's data for the next.

    Raises:
        ConfigError: At start-up: the site's ruid cookie is to be sealed and there is no key; or the application is
            none of ASGI's, or the two arguments are swapped.
    """

    app: ASGIApp
    site: Site

    def __post_init__(self) -> None:
        """Let the site check what only a door knows."""
        check_door(self.app, self.site, ("scope", "receive", "send"))
        self.site.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; unknown ones, and the server's lifespan, pass untouched."""
        kind = scope["type"]
        if (kind != "http" and kind != "websocket") or KEY in scope:
            if kind == "lifespan":
                return await self.app(scope, receive, _attend_lifespan(self.site, send))
            if KEY in scope:
                self.site.defer(scope[KEY])
            return await self.app(scope, receive, send)
        if BRIDGED in scope and KEY in scope[BRIDGED]:
            return await self._defer(scope, receive, send)

        site = self.site
        app = scope.get("app", self.app)
        request = None if site.policy.user_id is None else partial(_connection, scope)
        tracking = site.begin(ScopeView(scope), debug=getattr(app, "debug", False) in ON, request=request)
        # In place: a copied scope would hide from outer layers what inner ones write (the route, the user).
        state = scope.get("state")
        if state is None:
            state = scope["state"] = {}
        scope[KEY] = state["tracking"] = tracking
        token = CURRENT.set(tracking)
        try:
            if site.policy.reads_consent_async:
                await tracking.read_consent_async()
            if kind == "http":
                if (answer := tracking.answer()) is not None:
                    return await _send_answer(tracking, answer, send)
                send = _Sending(_send_finished, tracking, send)
            result = await self.app(scope, receive, send)  # type: ignore[func-returns-value]  # some servers look
            if tracking.awaits_user:
                await tracking.wait_for_user()
            return result
        finally:
            # Nothing is awaited here: a request that was cancelled gets no further.
            try:
                CURRENT.reset(token)
            except ValueError:  # the server left in another context than it came in
                CURRENT.set(None)
            tracking.release()

    async def _defer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leave a request to the WSGI door around the bridge that it came over."""
        outer: Tracking = scope[BRIDGED][KEY]
        self.site.defer(outer)
        scope[KEY] = scope.setdefault("state", {})["tracking"] = outer
        token = CURRENT.set(outer)
        try:
            return await self.app(scope, receive, send)
        finally:
            CURRENT.reset(token)


class ScopeView(RequestView):
    """A connection's parts from its scope: text as latin-1, path and headers decoded when asked for."""

    __slots__ = ("_headers", "_target")

    def __init__(self, scope: Scope) -> None:
        """Take what is asked of most requests, and keep the rest as it came."""
        given: Sequence[tuple[bytes, bytes]] = scope.get("headers") or ()
        if not isinstance(given, (list, tuple)):  # pyright: ignore[reportUnnecessaryIsInstance] - any iterable will do
            given = scope["headers"] = list(given)
        headers = dict(given)
        # Names are to be in lower case; a server that does not care has none of these.
        if len(headers) != len(given) or b"host" not in headers or b"user-agent" not in headers:
            headers = _joined(given)
        self._headers = headers
        get = scope.get
        scheme: str = get("scheme", "http")
        if scope["type"] == "websocket":  # some servers leave its scheme out, some name the one it was upgraded from
            scheme = "wss" if scheme in ("https", "wss") else "ws"
        self.scheme = scheme
        self.secure = scheme in ("https", "wss")
        self.method = get("method", "GET")
        host = headers.get(b"host")
        self.host = _server(scope) if host is None else host.decode("latin-1")
        self._target: bytes | str = get("raw_path") or get("path") or "/"
        query: bytes | str = get("query_string") or ""
        # Django's test client writes text.
        self.query = query.decode("latin-1") if isinstance(query, bytes) else query
        self.time = 0.0
        self.finder = None
        self.found = None

    @property
    def path(self) -> str:  # type: ignore[override]  # made when it is asked for: few requests ask
        """The path, percent-encoded as it was asked for; where the server has it decoded alone, encoded anew."""
        target = self._target
        if isinstance(target, bytes):
            if target.startswith(b"/") and b"?" not in target:
                return target.decode("latin-1")
            return path_of(target.decode("latin-1")) or "/"
        return quote(target, safe=SAFE_IN_PATH, errors="replace")

    def header(self, name: str) -> str | None:
        """Return a header by its name in lower case, ``None`` if it is absent."""
        value = self._headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def telling(self) -> tuple[str | bytes | None, ...]:
        """Return the headers that tell what a request is, as bytes."""
        headers = self._headers
        if headers.keys().isdisjoint(HAS_RARE):
            return tuple(map(headers.get, RAW_USUAL))
        return tuple(map(headers.get, RAW_USUAL + RAW_RARE))


def _joined(given: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Join the lines of names that have several, as HTTP/2 sends a cookie in crumbs; names in lower case."""
    lines: dict[bytes, list[bytes]] = {}
    for name, value in given:
        lines.setdefault(name.lower(), []).append(value)
    return {name: (b"; " if name == b"cookie" else b", ").join(values) for name, values in lines.items()}


def _server(scope: Scope) -> str:
    server = scope.get("server")
    return str(server[0]) if server else ""


def _connection(scope: Scope) -> object:
    """Wrap the scope as Starlette does: a request for its views, and still a mapping for everybody else."""
    from starlette.requests import HTTPConnection

    return HTTPConnection(scope)


def _send_finished(tracking: Tracking, send: Send, message: Message) -> Awaitable[None]:
    """Send with our headers where the response starts; step aside from then on."""
    if tracking.finished or message["type"] != "http.response.start":
        return send(message)
    if tracking.awaits_user:
        return _send_awaited(tracking, message, send)
    return send(_finish(tracking, message))


class _Sending(partial[Awaitable[None]]):
    """A *send* that says it has to be awaited: asgiref's bridge warns of one that does not."""

    @property
    def _is_coroutine(self) -> object:  # as asyncio told before Python 3.12
        from asyncio import coroutines

        return getattr(coroutines, "_is_coroutine", None)


if sys.version_info >= (3, 12):
    inspect.markcoroutinefunction(_send_finished)


async def _send_awaited(tracking: Tracking, message: Message, send: Send) -> None:
    await tracking.wait_for_user()
    await send(_finish(tracking, message))


def _finish(tracking: Tracking, message: Message) -> Message:
    given: Headers = message.get("headers") or ()
    headers = given if isinstance(given, (list, tuple)) else list(given)  # an iterator runs only once
    concerned = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name not in UNCONCERNED and concerns_caches(name.decode("latin-1").lower())
    ]
    edit = tracking.finish(message["status"], concerned)
    if edit is None:
        return message if headers is given else {**message, "headers": headers}
    # A new list in a new message: the application may use its own for the next visitor.
    return {**message, "headers": edit_headers(headers, edit) if concerned else [*headers, *_encode(edit)]}


def edit_headers(headers: Headers, edit: HeaderEdit) -> list[tuple[bytes, bytes]]:
    """Apply an edit to raw headers, in a list of its own."""
    dropped = {name.encode("latin-1") for name in edit.drop}
    return [*((name, value) for name, value in headers if name.lower() not in dropped), *_encode(edit)]


def _encode(edit: HeaderEdit) -> list[tuple[bytes, bytes]]:
    return [(OUR_HEADERS[name], value.encode("latin-1")) for name, value in edit.add]


async def _send_answer(tracking: Tracking, answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    await send(_finish(tracking, start))
    await send({"type": "http.response.body", "body": answer.body})


def _attend_lifespan(site: Site, send: Send) -> Send:
    from anyio import to_thread

    async def send_in_turn(message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            await to_thread.run_sync(site.warm_up)
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            # What is pending is safe in the spool; this only spares it the wait for the next start.
            await to_thread.run_sync(site.flush, 2.0)
        await send(message)

    return send_in_turn
