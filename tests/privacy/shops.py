"""One small shop behind every door, with us or without: what it answers must be the same to whom nobody may know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastapi
import flask
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import re_path
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route
from tests.doors.drivers import METHODS, call_asgi, call_wsgi, starlette_response
from tests.doors.exchange import Reply, Request, Response

from footfall import Site, Tracking, asgi, wsgi
from footfall.flask import Footfall

View = Callable[[Tracking], object]
#: From a site (``None``: the shop without us), a request, what the view does with us, and what it answers.
Shop = Callable[[Site | None, Request, View, Reply], Response]

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
LOGINS = "django.contrib.auth.middleware.AuthenticationMiddleware"


def plain_asgi(site: Site | None, request: Request, view: View, reply: Reply) -> Response:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if site is not None:
            view(scope["state"]["tracking"])
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    return call_asgi(app if site is None else asgi.TrackingMiddleware(app, site), request)


def plain_wsgi(site: Site | None, request: Request, view: View, reply: Reply) -> Response:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        if site is not None:
            view(environ["footfall.tracking"])
        start_response(f"{reply.status} Whatever", list(reply.headers))
        return [reply.body]

    return call_wsgi(app if site is None else wsgi.TrackingMiddleware(app, site), request)


def starlette(site: Site | None, request: Request, view: View, reply: Reply) -> Response:
    async def endpoint(request: StarletteRequest) -> StarletteResponse:
        if site is not None:
            view(request.state.tracking)
        return starlette_response(reply)

    app = Starlette(routes=[Route("/{path:path}", endpoint, methods=METHODS)])
    if site is not None:
        app.add_middleware(asgi.TrackingMiddleware, site=site)
    return call_asgi(app, request)


def fast_api(site: Site | None, request: Request, view: View, reply: Reply) -> Response:
    app = fastapi.FastAPI()
    if site is not None:
        app.add_middleware(asgi.TrackingMiddleware, site=site)

    def endpoint(request: fastapi.Request) -> StarletteResponse:
        if site is not None:
            view(request.state.tracking)
        return starlette_response(reply)

    app.api_route("/{path:path}", methods=METHODS)(endpoint)
    return call_asgi(app, request)


def flask_shop(site: Site | None, request: Request, view: View, reply: Reply) -> Response:
    app = flask.Flask("shop")
    app.secret_key = "a secret of the shop"
    if site is not None:
        Footfall(app, site)

    def endpoint(path: str = "") -> flask.Response:
        if site is not None:
            view(flask.request.state.tracking)  # type: ignore[attr-defined]
        return flask.Response(reply.body, reply.status, reply.headers)

    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, view_func=endpoint, methods=METHODS, provide_automatic_options=False)
    return call_wsgi(app, request)


def django_sync(site: Site | None, request: Request, view: View, reply: Reply) -> Response:
    def endpoint(request: HttpRequest) -> HttpResponse:
        return _django_response(request, site, view, reply)

    return _django(site, endpoint, lambda: call_wsgi(WSGIHandler(), request))


def django_async(site: Site | None, request: Request, view: View, reply: Reply) -> Response:
    async def endpoint(request: HttpRequest) -> HttpResponse:
        return _django_response(request, site, view, reply)

    return _django(site, endpoint, lambda: call_asgi(ASGIHandler(), request))


def _django_response(request: HttpRequest, site: Site | None, view: View, reply: Reply) -> HttpResponse:
    if site is not None:
        view(request.state.tracking)  # type: ignore[attr-defined]
    response = HttpResponse(reply.body, status=reply.status)
    for name, value in reply.headers:
        response[name] = value
    return response


class Urls:
    """A site of one view."""

    def __init__(self, view: Any) -> None:
        self.urlpatterns = (re_path("", view),)


def _django(site: Site | None, endpoint: Any, call: Callable[[], Response]) -> Response:
    ours = [] if site is None else list(settings.MIDDLEWARE)
    with override_settings(FOOTFALL_SITE=site, ROOT_URLCONF=Urls(endpoint), MIDDLEWARE=[*ours, SESSIONS, LOGINS]):
        return call()


SHOPS: dict[str, Shop] = {
    "asgi": plain_asgi,
    "wsgi": plain_wsgi,
    "starlette": starlette,
    "fastapi": fast_api,
    "flask": flask_shop,
    "django-wsgi": django_sync,
    "django-asgi": django_async,
}


def who_is_logged_in(request: Any) -> str | None:
    """Ask the framework, as a site's ``user_id`` does: Django and Flask note that the page depends on it."""
    user = getattr(request, "user", None) if isinstance(request, HttpRequest) else None
    if user is not None:
        return str(user.pk) if user.is_authenticated else None
    return flask.session.get("user") if flask.has_request_context() else None
