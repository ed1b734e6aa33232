"""The ASGI door works under trio as it does under asyncio."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
import anyio.lowlevel
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.doors.conftest import MakeWatched, Watched
from tests.doors.exchange import PAGE, Request
from tests.doors.rows import ALICE, KNOWN, both

from footfall import Consent, asgi
from footfall.events import Click

Backend = Literal["asyncio", "trio"]
pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])


async def named(request: Any) -> str:
    await anyio.lowlevel.checkpoint()
    return "johndoe"


def named_at_once(request: Any) -> str:
    return "johndoe"


class SynchronousOnlyOperation(Exception):
    """As Django has it: the question has to be asked in a thread."""


def in_a_thread() -> Callable[[Any], str]:
    """Answers once it is asked outside of the event loop, as Django's database does."""
    asked: list[object] = []

    def ask(request: Any) -> str:
        asked.append(request)
        if len(asked) == 1:
            raise SynchronousOnlyOperation
        return "johndoe"

    return ask


def open_page(watched: Watched, backend: Backend) -> list[str]:
    """Open a page that reports a click, and return the requests that it becomes."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["tracking"].emit(Click("3298"))
        await send({"type": "http.response.start", "status": 200})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None: ...

    anyio.run(
        asgi.TrackingMiddleware(app, watched.site), Request(cookies=(KNOWN,)).scope(), receive, send, backend=backend
    )
    return [request.url for request in watched.reported.requests]


@pytest.mark.parametrize(
    "make", [lambda: named, lambda: named_at_once, in_a_thread], ids=["awaited", "at once", "in a thread"]
)
def test_who_is_logged_in_is_known(make: Any, backend: Backend, watch: MakeWatched) -> None:
    assert open_page(watch(site={"user_id": make()}), backend)[1].endswith("/click/johndoe/1/3298")


def test_a_reader_of_consent_is_awaited(backend: Backend, watch: MakeWatched) -> None:
    async def read(view: Any) -> Consent:
        await anyio.lowlevel.checkpoint()
        return Consent.GRANTED

    watched = watch(consent=read)
    assert open_page(watched, backend)[1] == both(ALICE, "")[1]


@pytest.mark.filterwarnings("ignore:Using .httpx. with")
def test_starlettes_test_client_starts_visits_and_ends_an_application(
    backend: Backend, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    from starlette.testclient import TestClient

    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        seen.append("up")
        yield
        seen.append("down")

    async def page(request: StarletteRequest) -> PlainTextResponse:
        request.state.tracking.emit(Click("3298"))
        return PlainTextResponse("a shirt")

    app = Starlette(
        routes=[Route("/shirt", page)],
        middleware=[Middleware(asgi.TrackingMiddleware, site=watched.site)],
        lifespan=lifespan,
    )
    with (
        caplog.at_level(logging.WARNING),
        TestClient(app, backend=backend, base_url="https://www.shop.example") as client,
    ):
        response = client.get("/shirt", headers=dict(PAGE))
    assert (response.status_code, len(response.headers.get_list("set-cookie")), seen) == (200, 3, ["up", "down"])
    assert (len(watched.reported.requests), caplog.records) == (2, [])
