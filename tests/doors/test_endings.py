"""However a request ends, none of its events vanishes: each is accepted, or counted as refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from tests.doors.conftest import MakeWatched, Urls, Watched
from tests.doors.drivers import call_wsgi
from tests.doors.exchange import Request
from tests.doors.rows import ALICE, KNOWN, VISIT, both

from footfall import asgi, wsgi
from footfall.events import Click

Ending = Callable[[Any], object]
UNDER_THE_DEVICE: tuple[list[str], list[tuple[str, str]]] = (both(ALICE, VISIT), [])
REFUSED: tuple[list[str], list[tuple[str, str]]] = ([], [("raptor", "consent"), ("yoochoose", "consent")])


async def johndoe(request: Any) -> str:
    """Has to be awaited, so that an event waits too."""
    await asyncio.sleep(0)
    return "johndoe"


@pytest.fixture(params=["user awaited", "consent unknown"])
def held(request: pytest.FixtureRequest, watch: MakeWatched) -> tuple[Watched, Any]:
    """A site whose views' events are held, and what has to become of them."""
    if request.param == "user awaited":
        return watch(site={"user_id": johndoe}), UNDER_THE_DEVICE
    return watch(consent=None), REFUSED


def became(watched: Watched) -> tuple[list[str], list[tuple[str, str]]]:
    return [request.url for request in watched.reported.requests], watched.reported.refused


# ASGI


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def discard(message: Any) -> None: ...


def serve(watched: Watched, then: Callable[[], Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["tracking"].emit(Click("3298"))
        await then()

    return asgi.TrackingMiddleware(app, watched.site)(Request(cookies=(KNOWN,)).scope(), receive, discard)


def test_the_events_of_an_asgi_request_that_is_cancelled_do_not_vanish(held: tuple[Watched, Any]) -> None:
    async def visit() -> None:
        started = asyncio.Event()

        async def wait() -> None:
            started.set()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(serve(held[0], wait))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(visit())
    assert became(held[0]) == held[1]


def test_the_events_of_an_asgi_view_that_raises_do_not_vanish(held: tuple[Watched, Any]) -> None:
    async def fail() -> None:
        raise RuntimeError("the application's own")

    with pytest.raises(RuntimeError):
        asyncio.run(serve(held[0], fail))
    assert became(held[0]) == held[1]


def test_the_events_of_an_asgi_request_that_its_server_drops_do_not_vanish(held: tuple[Watched, Any]) -> None:
    class Pause:
        def __await__(self) -> Generator[None]:
            yield

    async def pause() -> None:
        await Pause()

    coroutine = serve(held[0], pause)
    coroutine.send(None)
    coroutine.close()
    assert became(held[0]) == held[1]


def test_an_asgi_view_that_answers_nothing_is_still_waited_for(watch: MakeWatched) -> None:
    watched = watch(site={"user_id": johndoe})

    async def end() -> None: ...

    asyncio.run(serve(watched, end))
    assert [request.url for request in watched.reported.requests][1:] == [
        "https://event.yoochoose.net/api/00000/click/johndoe/1/3298"
    ]


def test_what_waits_for_its_user_still_waits_after_a_grant(watch: MakeWatched) -> None:
    watched = watch(consent=None, site={"user_id": johndoe})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["tracking"].emit(Click("3298"))
        scope["state"]["tracking"].grant()
        await send({"type": "http.response.start", "status": 200})

    scope = Request(cookies=(KNOWN,)).scope()
    asyncio.run(asgi.TrackingMiddleware(app, watched.site)(scope, receive, discard))
    assert [request.url for request in watched.reported.requests][1:] == [
        "https://event.yoochoose.net/api/00000/click/johndoe/1/3298"
    ]


# Django


def test_the_events_of_an_async_django_view_whose_client_leaves_do_not_vanish(held: tuple[Watched, Any]) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        request.state.tracking.emit(Click("3298"))  # type: ignore[attr-defined]
        await asyncio.Event().wait()
        raise AssertionError("the client has left")

    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, Any]:
        for _ in range(20):
            await asyncio.sleep(0)  # the view gets so far as to emit
        return next(messages)

    async def send(message: Any) -> None: ...

    with override_settings(FOOTFALL_SITE=held[0].site, ROOT_URLCONF=Urls(view)):
        handler = ASGIHandler()
        asyncio.run(handler(Request(cookies=(KNOWN,)).scope(), receive, send))
    assert became(held[0]) == held[1]


# WSGI


def call(watched: Watched, app: Any) -> Iterable[bytes]:
    door = wsgi.TrackingMiddleware(app, watched.site)
    return door(Request(cookies=(KNOWN,)).environ(), lambda status, headers, exc_info=None: lambda data: None)


def test_the_events_of_a_wsgi_view_that_raises_do_not_vanish(held: tuple[Watched, Any]) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["footfall.tracking"].emit(Click("3298"))
        raise RuntimeError("the application's own")

    with pytest.raises(RuntimeError):
        call(held[0], app)
    assert became(held[0]) == held[1]


def test_the_events_of_a_generator_that_raises_before_its_response_do_not_vanish(held: tuple[Watched, Any]) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        environ["footfall.tracking"].emit(Click("3298"))
        raise RuntimeError("the application's own")
        yield b""

    with pytest.raises(RuntimeError):
        list(call(held[0], app))
    assert became(held[0]) == held[1]


def test_the_events_of_a_body_that_is_closed_before_its_response_do_not_vanish(held: tuple[Watched, Any]) -> None:
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter(())

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["footfall.tracking"].emit(Click("3298"))
        return Body()

    body: Any = call(held[0], app)
    body.close()
    assert (became(held[0]), closed) == (held[1], [True])


def test_a_generators_identity_before_its_first_byte_is_on_its_cookies(watched: Watched) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        environ["footfall.tracking"].identify("anna@shop.example")
        yield b"a shirt"

    response = call_wsgi(wsgi.TrackingMiddleware(app, watched.site), Request(cookies=(KNOWN,)))
    assert [line.partition("=")[0] for line in response.all("set-cookie")][-1] == "rsaRuid"
