"""Every door, with an application behind it that does what a case says; driven as a server drives it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from http.cookies import SimpleCookie
from typing import Annotated, Any

import fastapi
import flask
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import re_path
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route
from tests.doors.exchange import Headers, Reply, Request, Response, View

from footfall import Site, Tracking, asgi, wsgi
from footfall.flask import Footfall
from footfall.starlette import get_tracking

METHODS = ["GET", "HEAD", "POST", "OPTIONS"]
Door = Callable[[Site, Request, View, Reply], Response]


def call_asgi(app: Any, request: Request, scope: dict[str, Any] | None = None) -> Response:
    """Run one request through an ASGI application."""
    sent: list[dict[str, Any]] = []
    received = False

    async def receive() -> dict[str, Any]:
        nonlocal received
        if received:
            await asyncio.Event().wait()  # the client stays; Django cancels this once it has answered
        received = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(request.scope() if scope is None else scope, receive, send))
    start, *parts = sent
    return Response(
        status=start["status"],
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]],
        body=b"".join(part.get("body", b"") for part in parts),
    )


def call_wsgi(app: Any, request: Request, environ: dict[str, Any] | None = None) -> Response:
    """Run one request through a WSGI application."""
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, exc_info: object = None) -> Callable[[bytes], object]:
        started.append((status, headers))
        return lambda data: None

    parts: Iterable[bytes] = app(request.environ() if environ is None else environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return Response(status=int(status[:3]), headers=list(headers), body=body)


def through_asgi(site: Site, request: Request, view: View, reply: Reply) -> Response:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        view(scope["state"]["tracking"])
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    return call_asgi(asgi.TrackingMiddleware(app, site), request)


def through_wsgi(site: Site, request: Request, view: View, reply: Reply) -> Response:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        view(environ["footfall.tracking"])
        start_response(f"{reply.status} Whatever", list(reply.headers))
        return [reply.body]

    return call_wsgi(wsgi.TrackingMiddleware(app, site), request)


def through_starlette(site: Site, request: Request, view: View, reply: Reply) -> Response:
    async def endpoint(request: StarletteRequest) -> StarletteResponse:
        view(request.state.tracking)
        return starlette_response(reply)

    routes = [Route("/{path:path}", endpoint, methods=METHODS)]
    app = Starlette(routes=routes, middleware=[Middleware(asgi.TrackingMiddleware, site=site)])
    return call_asgi(app, request)


def through_fastapi(site: Site, request: Request, view: View, reply: Reply) -> Response:
    app = fastapi.FastAPI()
    app.add_middleware(asgi.TrackingMiddleware, site=site)

    # A plain function: FastAPI runs it in a thread.
    def endpoint(tracking: Annotated[Tracking, fastapi.Depends(get_tracking)]) -> StarletteResponse:
        view(tracking)
        return starlette_response(reply)

    app.api_route("/{path:path}", methods=METHODS)(endpoint)
    return call_asgi(app, request)


def starlette_response(reply: Reply) -> StarletteResponse:
    response = StarletteResponse(reply.body, reply.status)
    for name, value in reply.headers:
        response.headers.append(name, value)
    return response


def through_flask(site: Site, request: Request, view: View, reply: Reply) -> Response:
    app = flask.Flask("doors")
    Footfall(app, site)

    def endpoint(path: str = "") -> flask.Response:
        view(flask.request.state.tracking)  # type: ignore[attr-defined]
        return flask.Response(reply.body, reply.status, reply.headers)

    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, view_func=endpoint, methods=METHODS, provide_automatic_options=False)
    return call_wsgi(app, request)


def through_django_wsgi(site: Site, request: Request, view: View, reply: Reply) -> Response:
    with override_settings(FOOTFALL_SITE=site, VIEW=view, REPLY=reply, ROOT_URLCONF=DjangoViews):
        return call_wsgi(WSGIHandler(), request)


def through_django_asgi(site: Site, request: Request, view: View, reply: Reply) -> Response:
    with override_settings(FOOTFALL_SITE=site, VIEW=view, REPLY=reply, ROOT_URLCONF=AsyncDjangoViews):
        return call_asgi(ASGIHandler(), request)


def django_view(request: HttpRequest) -> HttpResponse:
    settings.VIEW(request.state.tracking)  # type: ignore[attr-defined]
    reply: Reply = settings.REPLY
    response = HttpResponse(reply.body, status=reply.status)
    for name, value in reply.headers:
        if name.lower() == "set-cookie":
            response.cookies.update(SimpleCookie(value))
        else:
            response[name] = value
    return response


async def async_django_view(request: HttpRequest) -> HttpResponse:
    return django_view(request)


class DjangoViews:
    urlpatterns = (re_path("", django_view),)


class AsyncDjangoViews:
    urlpatterns = (re_path("", async_django_view),)


DOORS: dict[str, Door] = {
    "asgi": through_asgi,
    "wsgi": through_wsgi,
    "starlette": through_starlette,
    "fastapi": through_fastapi,
    "flask": through_flask,
    "django-wsgi": through_django_wsgi,
    "django-asgi": through_django_asgi,
}
