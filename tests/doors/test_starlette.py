"""Starlette and FastAPI: the tracking wherever their applications run code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import fastapi
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from tests.doors.conftest import MakeWatched, Watched
from tests.doors.drivers import call_asgi
from tests.doors.exchange import PAGE, Request, guid
from tests.doors.rows import ALICE, KNOWN, both, ids

from footfall import Tracking, current_tracking
from footfall.errors import ConfigError
from footfall.events import Click
from footfall.starlette import TrackedState, TrackingMiddleware, get_tracking

SHIRT = Click(item="3298")
OURS = ids(guid(1), guid(2))


def wires(watched: Watched) -> list[str]:
    return [request.url for request in watched.reported.requests]


def starlette(watched: Watched, view: Any, **settings: Any) -> Starlette:
    return Starlette(
        routes=[Route("/shirt", view)], middleware=[Middleware(TrackingMiddleware, site=watched.site)], **settings
    )


async def shirt(request: StarletteRequest) -> Response:
    return PlainTextResponse("a shirt")


# Where code runs


async def in_the_view(request: StarletteRequest) -> Response:
    request.state.tracking.emit(SHIRT)
    return PlainTextResponse("a shirt")


def in_a_thread(request: StarletteRequest) -> Response:
    tracking = current_tracking()
    assert tracking is request.state.tracking
    assert tracking is not None
    tracking.emit(SHIRT)
    return PlainTextResponse("a shirt")


async def in_a_background_task(request: StarletteRequest) -> Response:
    def later() -> None:
        tracking = current_tracking()
        assert tracking is request.state.tracking
        tracking.emit(SHIRT)

    return PlainTextResponse("a shirt", background=BackgroundTask(later))


async def in_a_streaming_body(request: StarletteRequest) -> Response:
    async def stream() -> AsyncIterator[str]:
        yield "a "
        tracking = current_tracking()
        assert tracking is request.state.tracking
        tracking.emit(SHIRT)
        yield "shirt"

    return StreamingResponse(stream())


@pytest.mark.parametrize("view", [in_the_view, in_a_thread, in_a_background_task, in_a_streaming_body])
def test_an_event_goes_wherever_it_is_emitted(view: Callable[..., Any], watched: Watched) -> None:
    response = call_asgi(starlette(watched, view), Request(cookies=(KNOWN,)))
    assert response.body == b"a shirt"
    assert wires(watched) == both(ALICE, "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb")


# Other middleware


def test_a_base_http_middleware_outside_finds_the_tracking_in_the_requests_state(watched: Watched) -> None:
    found: list[Any] = []

    async def outer(request: StarletteRequest, call_next: Any) -> Response:
        response: Response = await call_next(request)
        found.append(request.state.tracking.device_id)
        return response

    app = Starlette(routes=[Route("/shirt", shirt)])
    app.add_middleware(TrackingMiddleware, site=watched.site)
    app.add_middleware(BaseHTTPMiddleware, dispatch=outer)
    assert call_asgi(app, Request()).all("set-cookie") == OURS
    assert found == [guid(1)]


def test_a_base_http_middleware_inside_and_the_view_behind_it_find_the_tracking(watched: Watched) -> None:
    found: list[Any] = []

    async def inner(request: StarletteRequest, call_next: Any) -> Response:
        found.append(current_tracking())
        response: Response = await call_next(request)
        return response

    app = Starlette(routes=[Route("/shirt", in_a_thread)])
    app.add_middleware(BaseHTTPMiddleware, dispatch=inner)
    app.add_middleware(TrackingMiddleware, site=watched.site)
    assert call_asgi(app, Request()).all("set-cookie") == OURS
    assert isinstance(found[0], Tracking)


@pytest.mark.parametrize("outside", [True, False])
def test_compression_and_sessions_work_on_either_side(outside: bool, watched: Watched) -> None:
    async def view(request: StarletteRequest) -> Response:
        request.session["seen"] = True
        return PlainTextResponse("a shirt " * 1000)

    others = [Middleware(GZipMiddleware), Middleware(SessionMiddleware, secret_key="a secret of the site")]
    ours = [Middleware(TrackingMiddleware, site=watched.site)]
    app = Starlette(routes=[Route("/shirt", view)], middleware=[*others, *ours] if outside else [*ours, *others])
    response = call_asgi(app, Request(headers=[*PAGE, ("accept-encoding", "gzip")]))
    lines = response.all("set-cookie")
    assert response.all("content-encoding") == ["gzip"]
    assert len(lines) == 4
    assert [line for line in lines if line.startswith("rsa")] == OURS


def test_a_mounted_application_with_a_middleware_of_its_own_leaves_the_request_to_the_outer_one(
    watch: MakeWatched,
) -> None:
    outer, inner = watch(), watch()
    mounted = starlette(inner, in_the_view)
    app = Starlette(routes=[Mount("/", mounted)], middleware=[Middleware(TrackingMiddleware, site=outer.site)])
    assert call_asgi(app, Request()).all("set-cookie") == OURS
    assert (wires(outer), wires(inner)) == (both(guid(1), guid(2)), [])


# Errors


async def broken(request: StarletteRequest) -> Response:
    request.state.tracking.emit(SHIRT)
    raise RuntimeError("the application's own")


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_error_page_carries_cookies_only_where_the_door_is_around_the_application(
    wrapped: bool, watched: Watched
) -> None:
    app: Any = starlette(watched, broken)
    if wrapped:
        app = TrackingMiddleware(Starlette(routes=[Route("/shirt", broken)]), watched.site)
    sent: list[Any] = []

    async def receive() -> Any: ...

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError):
        asyncio.run(app(Request().scope(), receive, send))
    cookies = [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"]
    assert sent[0]["status"] == 500
    assert cookies == (OURS if wrapped else [])


def test_a_missing_page_sets_cookies(watched: Watched) -> None:
    response = call_asgi(starlette(watched, shirt), Request(url="https://www.shop.example/nowhere"))
    assert (response.status, response.all("set-cookie")) == (404, OURS)


# FastAPI


def fast(watched: Watched) -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    app.add_middleware(TrackingMiddleware, site=watched.site)
    return app


TrackingDependency = Annotated[Tracking, fastapi.Depends(get_tracking)]


async def current_device() -> str:
    tracking = current_tracking()
    return (tracking and tracking.device_id) or ""


def test_a_dependency_gives_the_tracking_to_a_websocket_too(watched: Watched) -> None:
    app = fast(watched)

    async def endpoint(websocket: fastapi.WebSocket, tracking: TrackingDependency) -> None:
        await websocket.accept()
        tracking.emit(SHIRT)
        await websocket.send_text(str(tracking.device_id))

    app.websocket("/shirt")(endpoint)
    scope = Request(cookies=(KNOWN,)).scope()
    scope.update(type="websocket", scheme="wss", subprotocols=[])
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]
    assert sent[1]["text"] == ALICE
    assert list(sent[0].get("headers", [])) == []
    assert len(wires(watched)) == 2


def test_the_dependency_is_no_part_of_the_schema(watched: Watched) -> None:
    app = fast(watched)

    def endpoint(tracking: TrackingDependency) -> str:
        return "a shirt"

    app.get("/shirt")(endpoint)
    assert "parameters" not in app.openapi()["paths"]["/shirt"]["get"]


def test_a_dependency_of_the_sites_own_finds_the_current_tracking(watched: Watched) -> None:
    app = fast(watched)

    def endpoint(device_id: Annotated[str, fastapi.Depends(current_device)]) -> PlainTextResponse:
        return PlainTextResponse(device_id)

    app.get("/shirt")(endpoint)
    assert call_asgi(app, Request()).body == guid(1).encode()


def test_without_the_middleware_the_dependency_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match="add_middleware"):
        get_tracking(StarletteRequest({"type": "http"}))


def test_a_request_can_be_typed_with_the_tracking_in_its_state(watched: Watched) -> None:
    async def view(request: StarletteRequest[TrackedState]) -> Response:
        request.state.tracking.emit(SHIRT)
        return PlainTextResponse("a shirt")

    call_asgi(starlette(watched, view), Request())
    assert wires(watched) == both(guid(1), guid(2))
