"""The ASGI door: raw text in, headers out, no decisions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

from footfall.request import RequestView
from footfall.site import Site
from footfall.tracking.answers import Answer
from footfall.tracking.tracking import CURRENT, Tracking

if TYPE_CHECKING:
    from footfall.identity.caching import HeaderEdit

__all__ = ["TrackingMiddleware"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

#: What `HeaderEdit.add` may name.
OUR_HEADERS: Final = {name: name.lower().encode() for name in ("Set-Cookie", "Cache-Control", "Vary", "Footfall-Trace")}
KEY: Final = "footfall.tracking"  #: where an inner one of us sees that an outer one has this request


@dataclass(frozen=True, slots=True)
class TrackingMiddleware:
    """ASGI: ``request.state.tracking`` on the way in, ``Set-Cookie`` on the way out.

    Frozen, it cannot keep one visitor's data for the next.

    Raises:
        ConfigError: At start-up, if the site's ruid cookie is to be sealed and there is no key.
    """

    app: ASGIApp
    site: Site

    def __post_init__(self) -> None:
        """Let the site check what only a door knows."""
        self.site.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; unknown ones, and the server's lifespan, pass untouched."""
        kind = scope["type"]
        if (kind != "http" and kind != "websocket") or KEY in scope:
            if kind == "lifespan":
                return await self.app(scope, receive, _attend_lifespan(self.site, send))
            return await self.app(scope, receive, send)

        app = scope.get("app", self.app)
        tracking = self.site.begin(
            read_scope(scope),
            debug=bool(getattr(app, "debug", False)),
            request=(lambda: _connection(scope)) if self.site.policy.user_id is not None else None,
        )
        # In place: a copied scope would hide from outer layers what inner ones write (the route, the user).
        scope[KEY] = scope.setdefault("state", {})["tracking"] = tracking
        if self.site.policy.reads_consent_async:
            await tracking.read_consent_async()
        if kind == "http" and (answer := tracking.answer()) is not None:
            return await _send_answer(tracking, answer, send)
        token = CURRENT.set(tracking)
        try:
            return await self.app(scope, receive, send if kind == "websocket" else _finishing(tracking, send))
        finally:
            try:
                CURRENT.reset(token)
            except ValueError:  # the server left in another context than it came in
                CURRENT.set(None)
            if tracking.logged_in.awaited:
                await tracking.logged_in.wait()
            tracking.release()


def read_scope(scope: Scope) -> RequestView:
    """Take a connection's parts from its scope, text as latin-1, nothing parsed."""
    given: Sequence[tuple[bytes, bytes]] = scope.get("headers") or ()
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in given}
    if len(headers) != len(given):
        headers = _joined(given)
    raw_path: bytes | None = scope.get("raw_path")
    query: bytes | str = scope.get("query_string", b"")
    host = headers.get("host")
    scheme = scope.get("scheme", "http")
    if scope["type"] == "websocket":  # some servers leave its scheme out, some name the one it was upgraded from
        scheme = "wss" if scheme in ("https", "wss") else "ws"
    return RequestView(
        method=scope.get("method", "GET"),
        scheme=scheme,
        host=host if host is not None else _server(scope),
        path=raw_path.partition(b"?")[0].decode("latin-1")
        if raw_path
        else quote(scope.get("path", "/"), safe="/!$&'()*+,;=:@~"),
        query=query.decode("latin-1") if isinstance(query, bytes) else query,  # Django's test client writes text
        header=headers.get,
    )


def _joined(given: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Join the lines of names that have several, as HTTP/2 sends a cookie in crumbs."""
    lines: dict[str, list[str]] = {}
    for name, value in given:
        lines.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {name: ("; " if name == "cookie" else ", ").join(values) for name, values in lines.items()}


def _server(scope: Scope) -> str:
    server = scope.get("server")
    return str(server[0]) if server else ""


def _connection(scope: Scope) -> object:
    """Wrap the scope as Starlette does: a request for its views, and still a mapping for everybody else."""
    from starlette.requests import HTTPConnection

    return HTTPConnection(scope)


def _finishing(tracking: Tracking, send: Send) -> Send:
    async def send_with_cookies(message: Message) -> None:
        if message["type"] == "http.response.start" and not tracking.finished:
            if tracking.logged_in.awaited:
                await tracking.logged_in.wait()
            given: Headers = message.get("headers") or ()
            headers = given if isinstance(given, (list, tuple)) else list(given)  # an iterator runs only once
            edit = tracking.finish(message["status"], [(k.decode("latin-1"), v.decode("latin-1")) for k, v in headers])
            if edit is not None or headers is not given:
                # A new list in a new message: the application may use its own for the next visitor.
                message = {**message, "headers": headers if edit is None else edit_headers(headers, edit)}
        await send(message)

    return send_with_cookies


def edit_headers(headers: Headers, edit: HeaderEdit) -> list[tuple[bytes, bytes]]:
    """Apply an edit to raw headers, in a list of its own."""
    dropped = {name.encode("latin-1") for name in edit.drop}
    edited = [(name, value) for name, value in headers if name.lower() not in dropped]
    edited += [(OUR_HEADERS[name], value.encode("latin-1")) for name, value in edit.add]
    return edited


async def _send_answer(tracking: Tracking, answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    await _finishing(tracking, send)(start)
    await send({"type": "http.response.body", "body": b""})


def _attend_lifespan(site: Site, send: Send) -> Send:
    async def send_in_turn(message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            await _in_thread(site.warm_up)
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            # What is pending is safe in the spool; this only spares it the wait for the next start.
            await _in_thread(lambda: site.flush(2.0))
        await send(message)

    return send_in_turn


async def _in_thread(work: Callable[[], object]) -> None:
    from asgiref.sync import sync_to_async

    await sync_to_async(work, thread_sensitive=False)()
