"""A door inside a door, whatever bridge lies between them: one identity a response, and no cookie twice."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import flask
import pytest
from a2wsgi import ASGIMiddleware as A2Asgi
from a2wsgi import WSGIMiddleware as A2Wsgi
from asgiref.wsgi import WsgiToAsgi
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from tests.doors.conftest import MakeWatched, Urls, Watched
from tests.doors.drivers import call_asgi, call_wsgi
from tests.doors.exchange import Request, guid
from tests.doors.rows import ALICE, KNOWN, VISIT, both, ids

from footfall import Site, Tracking, asgi, current_tracking, wsgi
from footfall.events import Click
from footfall.flask import Footfall

with warnings.catch_warnings(action="ignore"):  # Starlette would rather have a2wsgi's
    from starlette.middleware.wsgi import WSGIMiddleware as StarletteWsgi

BRIDGES = {"asgiref": WsgiToAsgi, "starlette": StarletteWsgi, "a2wsgi": A2Wsgi}
bridged = pytest.mark.parametrize("bridge", BRIDGES.values(), ids=BRIDGES.keys())


def flask_shop(site: Site, found: list[Any]) -> Any:
    app = flask.Flask("shop")

    def page() -> str:
        tracking: Tracking = flask.request.state.tracking  # type: ignore[attr-defined]
        tracking.emit(Click("3298"))
        found.append(current_tracking() is tracking)
        return "a shirt"

    app.add_url_rule("/shirt", "shirt", page)
    Footfall(app, site)
    return app


def plain_shop(site: Site, found: list[Any]) -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["footfall.tracking"].emit(Click("3298"))
        found.append(current_tracking() is environ["footfall.tracking"])
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"a shirt"]

    return wsgi.TrackingMiddleware(app, site)


@bridged
@pytest.mark.parametrize("make", [flask_shop, plain_shop])
@pytest.mark.parametrize("cookies", [(), (KNOWN,), tuple(KNOWN.split("; "))], ids=["newcomer", "known", "crumbs"])
def test_a_wsgi_application_with_a_door_of_its_own_in_an_asgi_one(
    make: Callable[..., Any], bridge: Any, cookies: tuple[str, ...], watched: Watched
) -> None:
    found: list[Any] = []
    door = asgi.TrackingMiddleware(bridge(make(watched.site, found)), watched.site)
    response = call_asgi(door, Request(cookies=cookies))
    who = (ALICE, VISIT) if cookies else (guid(1), guid(2))
    assert response.all("set-cookie") == ids(*who)
    assert [request.url for request in watched.reported.requests] == both(*who)
    assert found == [True]


@bridged
def test_django_in_an_asgi_application(bridge: Any, watched: Watched) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.state.tracking.emit(Click("3298"))  # type: ignore[attr-defined]
        return HttpResponse(b"a shirt")

    with override_settings(FOOTFALL_SITE=watched.site, ROOT_URLCONF=Urls(view)):
        response = call_asgi(asgi.TrackingMiddleware(bridge(WSGIHandler()), watched.site), Request())
    assert response.all("set-cookie") == ids(guid(1), guid(2))
    assert [request.url for request in watched.reported.requests] == both(guid(1), guid(2))


def test_an_asgi_application_with_a_door_of_its_own_in_a_wsgi_one(watched: Watched) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["tracking"].emit(Click("3298"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a shirt"})

    inner: Any = A2Asgi(asgi.TrackingMiddleware(app, watched.site))  # type: ignore[arg-type]
    response = call_wsgi(wsgi.TrackingMiddleware(inner, watched.site), Request())
    assert response.all("set-cookie") == ids(guid(1), guid(2))
    assert [request.url for request in watched.reported.requests] == both(guid(1), guid(2))


def test_another_request_that_a_view_makes_in_its_process_is_its_own(watch: MakeWatched) -> None:
    inner, found = watch(), list[Any]()
    shop = flask_shop(inner.site, found)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        call_wsgi(shop, Request(cookies=(KNOWN,)))
        start_response("200 OK", [])
        return []

    call_wsgi(wsgi.TrackingMiddleware(app, watch().site), Request())
    assert [request.url for request in inner.reported.requests] == both(ALICE, VISIT)


def nest_wsgi(outer: Site, inner: Site) -> Callable[[Request], object]:
    door = wsgi.TrackingMiddleware(plain_shop(inner, []), outer)
    return lambda request: call_wsgi(door, request)


def nest_flask(outer: Site, inner: Site) -> Callable[[Request], object]:
    door = wsgi.TrackingMiddleware(flask_shop(inner, []), outer)
    return lambda request: call_wsgi(door, request)


def nest_asgi(outer: Site, inner: Site) -> Callable[[Request], object]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    door = asgi.TrackingMiddleware(asgi.TrackingMiddleware(app, inner), outer)
    return lambda request: call_asgi(door, request)


def nest_bridged(outer: Site, inner: Site) -> Callable[[Request], object]:
    door = asgi.TrackingMiddleware(A2Wsgi(flask_shop(inner, [])), outer)  # type: ignore[arg-type]
    return lambda request: call_asgi(door, request)


@pytest.mark.parametrize("nest", [nest_wsgi, nest_flask, nest_asgi, nest_bridged])
@pytest.mark.parametrize("same", [True, False], ids=["one site", "two sites"])
def test_two_different_sites_nested_are_one_warning(
    nest: Any, same: bool, watch: MakeWatched, caplog: pytest.LogCaptureFixture
) -> None:
    outer = watch().site
    visit = nest(outer, outer if same else watch().site)
    with caplog.at_level(logging.WARNING, "footfall"):
        for _ in range(3):
            visit(Request())
    assert ["a door of another Site" in record.getMessage() for record in caplog.records] == ([] if same else [True])
