"""What becomes of events that are wrong, and of those that a request held when it died."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partialmethod
from typing import Any

import fastapi
import pytest
from django.test import override_settings
from starlette.applications import Starlette
from tests.doors.conftest import MakeWatched, Watched
from tests.doors.drivers import DOORS, call_asgi, call_wsgi
from tests.doors.exchange import Reply, Request
from tests.doors.rows import ALICE, KNOWN, VISIT, both

from footfall import Tracking, asgi, wsgi
from footfall.errors import EventError
from footfall.events import Buy, Click, ClickRecommended, Money, Rate


def emit_wrong(tracking: Tracking) -> None:
    tracking.emit(ClickRecommended("3298", scenario="also_bought"))  # without the module that one tracker asks for


def emit_held(tracking: Tracking) -> None:
    tracking.emit(Click("3298"))
    raise RuntimeError("the application's own")


@pytest.mark.parametrize("door", DOORS)
def test_in_production_a_wrong_event_changes_no_page_and_is_set_aside_with_its_reason(
    door: str, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "footfall"):
        response = DOORS[door](watched.site, Request(cookies=(KNOWN,)), emit_wrong, Reply())
    assert (response.status, response.body) == (200, b"a shirt")
    assert [name for name, _ in watched.reported.set_aside_reasons] == ["raptor"]
    assert [request.tracker for request in watched.reported.requests] == ["yoochoose"]
    assert len(caplog.records) == 1


def emit_wrongly_built(tracking: Tracking) -> None:
    """As a shop's own data may be."""
    tracking.emit(Click(None))  # type: ignore[arg-type]
    tracking.emit(Rate("5", rating=101))
    tracking.emit(Buy("1", price=Money("19,99", "EUR")))
    tracking.login(None)  # type: ignore[arg-type]
    tracking.identify(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("door", DOORS)
def test_in_production_what_a_shops_data_makes_wrong_changes_no_page(
    door: str, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "footfall"):
        response = DOORS[door](watched.site, Request(cookies=(KNOWN,)), emit_wrongly_built, Reply())
    assert (response.status, response.body, watched.reported.requests) == (200, b"a shirt", [])
    assert [name for name, _ in watched.reported.set_aside_reasons] == ["raptor", "yoochoose"] * 5
    assert len(caplog.records) == 5


@pytest.mark.parametrize("door", ["asgi", "wsgi"])
def test_in_debug_what_a_shops_data_makes_wrong_raises_in_the_view(door: str, watch: MakeWatched) -> None:
    with pytest.raises(EventError, match=r"^item: is a NoneType; give text"):
        DOORS[door](watch(site={"strict": True}).site, Request(cookies=(KNOWN,)), emit_wrongly_built, Reply())


@pytest.mark.parametrize("door", ["asgi", "wsgi"])
def test_in_debug_a_wrong_event_raises_in_the_view_and_nothing_is_written(door: str, watch: MakeWatched) -> None:
    watched = watch(site={"strict": True})
    with pytest.raises(EventError, match="module"):
        DOORS[door](watched.site, Request(cookies=(KNOWN,)), emit_wrong, Reply())
    assert watched.reported.requests == []


@pytest.mark.parametrize("door", ["asgi", "wsgi"])
def test_an_event_held_by_a_request_that_died_is_counted_as_refused(door: str, watch: MakeWatched) -> None:
    watched = watch(consent=None)
    with pytest.raises(RuntimeError):
        DOORS[door](watched.site, Request(cookies=(KNOWN,)), emit_held, Reply())
    assert watched.reported.refused == [("raptor", "consent"), ("yoochoose", "consent")]


@pytest.mark.parametrize("granted", [True, False])
def test_an_event_held_by_a_websocket_goes_or_is_counted_when_it_closes(granted: bool, watch: MakeWatched) -> None:
    watched = watch(consent=None)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["tracking"].emit(Click("3298"))
        if granted:
            scope["state"]["tracking"].grant()

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    scope = {**Request(cookies=(KNOWN,)).scope(), "type": "websocket", "scheme": "wss"}
    asyncio.run(asgi.TrackingMiddleware(app, watched.site)(scope, receive, send))
    assert [request.url for request in watched.reported.requests] == (both(ALICE, VISIT) if granted else [])
    assert [reason for _, reason in watched.reported.refused] == ([] if granted else ["consent", "consent"])


@pytest.mark.parametrize("door", ["starlette", "fastapi", "flask", "django-wsgi", "django-asgi"])
def test_a_frameworks_debug_flag_makes_events_strict(
    door: str, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for framework in (Starlette, fastapi.FastAPI):
        made = framework.__init__
        monkeypatch.setattr(framework, "__init__", partialmethod(made, debug=True))
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with override_settings(DEBUG=True), suppress(EventError):
        response = DOORS[door](watched.site, Request(cookies=(KNOWN,)), emit_wrong, Reply())
        assert response.status == 500
    assert watched.reported.requests == []


class Application:
    """A plain application with the debug flag that the frameworks' have."""

    debug = True


def test_an_asgi_applications_debug_flag_makes_events_strict(watched: Watched) -> None:
    class Debugged(Application):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            emit_wrong(scope["state"]["tracking"])

    with pytest.raises(EventError):
        call_asgi(asgi.TrackingMiddleware(Debugged(), watched.site), Request(cookies=(KNOWN,)))


def test_a_wsgi_applications_debug_flag_makes_events_strict(watched: Watched) -> None:
    class Debugged(Application):
        def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
            emit_wrong(environ["footfall.tracking"])
            return []

    with pytest.raises(EventError):
        call_wsgi(wsgi.TrackingMiddleware(Debugged(), watched.site), Request(cookies=(KNOWN,)))
