"""Nothing of a request ends in a reference cycle, whatever the door: it would wait for the garbage collector."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import fastapi
import flask
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import re_path
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route
from tests.doors.drivers import call_asgi, call_wsgi
from tests.doors.exchange import KEY, Request, Response
from tests.identity.asking import KNOWN

from footfall import Config, Site, asgi, current_tracking, wsgi
from footfall.consent import always_granted
from footfall.events import Click
from footfall.flask import Footfall
from footfall.starlette import get_tracking
from footfall.testing import recording
from footfall.trackers import Raptor, Yoochoose

FEW, MANY = 3, 23
RETURNING = Request(cookies=(f"{KNOWN}; rsaReaId=AbC123",))

#: From a site, or ``None`` for an application without us, to what serves one request.
Door = Callable[[Site | None], Callable[[Request], Response]]
Found = Counter[str]


def ask_nothing() -> None: ...


def ask_everything() -> None:
    tracking = current_tracking()
    if tracking is not None:
        told = (tracking.device_id, tracking.session_id, tracking.ruid, tracking.reaid, tracking.user_id)
        assert told[-2:] == ("AbC123", "johndoe")
        tracking.emit(Click("3298"))


view: Callable[[], None] = ask_nothing


def through_asgi(site: Site | None) -> Callable[[Request], Response]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        view()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a shirt"})

    served = app if site is None else asgi.TrackingMiddleware(app, site)
    return lambda request: call_asgi(served, request)


def through_wsgi(site: Site | None) -> Callable[[Request], Response]:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        view()
        start_response("200 OK", [])
        return [b"a shirt"]

    served = app if site is None else wsgi.TrackingMiddleware(app, site)
    return lambda request: call_wsgi(served, request)


def through_starlette(site: Site | None) -> Callable[[Request], Response]:
    async def endpoint(request: StarletteRequest) -> StarletteResponse:
        view()
        return StarletteResponse("a shirt")

    app = Starlette(routes=[Route("/{path:path}", endpoint)])
    if site is not None:
        app.add_middleware(asgi.TrackingMiddleware, site=site)
    return lambda request: call_asgi(app, request)


def through_fastapi(site: Site | None) -> Callable[[Request], Response]:
    app = fastapi.FastAPI()

    if site is None:

        @app.get("/{path:path}")
        def plain() -> StarletteResponse:
            return StarletteResponse("a shirt")

    else:
        app.add_middleware(asgi.TrackingMiddleware, site=site)

        @app.get("/{path:path}")
        def endpoint(tracking: Annotated[object, fastapi.Depends(get_tracking)]) -> StarletteResponse:
            assert tracking is current_tracking()
            view()
            return StarletteResponse("a shirt")

    return lambda request: call_asgi(app, request)


def through_flask(site: Site | None) -> Callable[[Request], Response]:
    app = flask.Flask("doors")
    if site is not None:
        Footfall(app, site)

    @app.get("/<path:path>")
    def endpoint(path: str) -> str:
        view()
        return "a shirt"

    return lambda request: call_wsgi(app, request)


def django_view(request: HttpRequest) -> HttpResponse:
    view()
    return HttpResponse("a shirt")


async def async_django_view(request: HttpRequest) -> HttpResponse:
    return django_view(request)


class DjangoViews:
    urlpatterns = (re_path("", django_view),)


class AsyncDjangoViews:
    urlpatterns = (re_path("", async_django_view),)


def through_django_wsgi(site: Site | None) -> Callable[[Request], Response]:
    return through_django(site, DjangoViews, WSGIHandler, call_wsgi)


def through_django_asgi(site: Site | None) -> Callable[[Request], Response]:
    return through_django(site, AsyncDjangoViews, ASGIHandler, call_asgi)


def through_django(
    site: Site | None, views: type, make: Callable[[], Any], call: Callable[[Any, Request], Response]
) -> Callable[[Request], Response]:
    ours = [] if site is None else ["footfall.django.TrackingMiddleware"]
    handlers: list[Any] = []

    def get(request: Request) -> Response:
        with override_settings(MIDDLEWARE=ours, FOOTFALL_SITE=site, ROOT_URLCONF=views):
            if not handlers:
                handlers.append(make())
            return call(handlers[0], request)

    return get


DOORS: dict[str, Door] = {
    "asgi": through_asgi,
    "wsgi": through_wsgi,
    "starlette": through_starlette,
    "fastapi": through_fastapi,
    "flask": through_flask,
    "django-wsgi": through_django_wsgi,
    "django-asgi": through_django_asgi,
}


def in_cycles(objects: list[Any]) -> list[Any]:
    """Keep what is in a cycle or between two; what nothing leads to, or what leads nowhere, goes until none is left.

    Django's ASGI handler leaves its request in a cycle of its own: what merely hangs from that is not of our making.
    """
    left = {id(one): one for one in objects}
    leads = {key: {id(other) for other in gc.get_referents(one)} & left.keys() for key, one in left.items()}
    while True:
        reached = set[int]().union(*(leads[key] for key in left))
        kept = {key: one for key, one in left.items() if key in reached and leads[key] & left.keys()}
        if len(kept) == len(left):
            return list(kept.values())
        left = kept


def left_by(requests: int, get: Callable[[Request], Response]) -> Found:
    """Count what so many requests leave in cycles, by type."""
    gc.collect()
    gc.freeze()  # what is there already is not looked at again: it would take most of the time
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(requests):
            get(RETURNING)
        gc.collect()
        return Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in in_cycles(gc.garbage))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()


def left_by_one_request(get: Callable[[Request], Response]) -> Found:
    """Count what a request leaves, without what is made once: the loop's first run, a framework's first request."""
    left_by(FEW, get)
    few, many = left_by(FEW, get), left_by(MANY, get)
    return Counter({name: round((many[name] - few[name]) / (MANY - FEW)) for name in many})


@pytest.mark.parametrize("ask", [ask_nothing, ask_everything])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_request_leaves_no_more_in_reference_cycles_than_without_us(
    door: Door, ask: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.view", ask)
    site = Site(
        Config(consent=always_granted, secret_keys=(KEY,)),
        [Raptor("12345"), Yoochoose("00000")],
        user_id=lambda request: "johndoe",
    )
    with recording(site) as recorder:
        ours = left_by_one_request(door(site))
    ours.subtract(left_by_one_request(door(None)))
    assert len(recorder.events) == (FEW + FEW + MANY if ask is ask_everything else 0)
    assert {name: number for name, number in ours.items() if number} == {}


def test_a_cycle_is_seen_and_what_hangs_from_it_is_not() -> None:
    class Node:
        other: object = None

    def leave(request: Request) -> Response:
        first, second = Node(), Node()
        first.other, second.other = second, [first, Leaf()]
        return Response(status=200, headers=[], body=b"")

    class Leaf: ...

    found = left_by_one_request(leave)
    assert (found[f"{__name__}.{Node.__qualname__}"], found[f"{__name__}.{Leaf.__qualname__}"]) == (2, 0)
