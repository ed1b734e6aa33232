"""What `footfall.testing` offers to the tests of a site, used as each framework's documents have one test."""

from __future__ import annotations

import asyncio
import warnings
from typing import Annotated, Any

import flask
import httpx
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory, override_settings
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from tests.doors.conftest import MakeWatched, Urls, Watched

from footfall import Consent, Tracking, asgi
from footfall.consent import own_cookie
from footfall.events import Click
from footfall.flask import Footfall
from footfall.starlette import get_tracking
from footfall.testing import a_person, track

with warnings.catch_warnings():  # it would rather have another client installed, which its documents do not name yet
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

EVENT = Click("3298")


@pytest.fixture
def shop(watch: MakeWatched) -> Watched:
    """A site with our own consent cookie, recorded."""
    return watch(consent=own_cookie())


def fastapi_app(shop: Watched) -> FastAPI:
    app = FastAPI()
    app.add_middleware(asgi.TrackingMiddleware, site=shop.site)

    @app.get("/")
    async def page(tracking: Annotated[Tracking, Depends(get_tracking)]) -> str:
        tracking.emit(EVENT)
        return "a shirt"

    return app


def django_view(request: Any) -> HttpResponse:
    request.state.tracking.emit(EVENT)
    return HttpResponse("a shirt")


def flask_app(shop: Watched) -> flask.Flask:
    app = flask.Flask("shop")
    app.secret_key = "a key of thirty-two letters, say"
    Footfall(app, shop.site)

    @app.get("/")
    def page() -> str:
        flask.request.state.tracking.emit(EVENT)  # type: ignore[attr-defined]
        return "a shirt"

    return app


def check(shop: Watched) -> None:
    assert shop.reported.events == [EVENT]
    assert shop.reported.visitors[0].device_id == a_person(shop.site).cookies["rsa"]


def test_httpx_by_itself_is_a_bot(shop: Watched) -> None:
    """Why there is a helper: FastAPI's documented asynchronous tests come from a bot."""
    asyncio.run(_ask(shop, {}, {}))
    assert (shop.reported.events, {one.reason for one in shop.reported.refused_events}) == ([], {"bot"})


async def _ask(shop: Watched, headers: Any, cookies: Any) -> None:
    transport = httpx.ASGITransport(app=fastapi_app(shop))
    async with httpx.AsyncClient(
        transport=transport, base_url="https://shop.example", headers=headers, cookies=cookies
    ) as client:
        assert (await client.get("/")).status_code == 200


def test_fastapis_asynchronous_test(shop: Watched) -> None:
    person = a_person(shop.site)
    asyncio.run(_ask(shop, person.browser, person.cookies))
    check(shop)


def test_starlettes_test_client(shop: Watched) -> None:
    person = a_person(shop.site)
    client = TestClient(
        fastapi_app(shop), "https://shop.example", headers=dict(person.browser), cookies=dict(person.cookies)
    )
    assert client.get("/").text == '"a shirt"'
    check(shop)


def test_a_view_of_starlette_by_itself(shop: Watched) -> None:
    headers = [(name.encode(), value.encode()) for name, value in a_person(shop.site).headers.items()]
    request = Request({"type": "http", "method": "GET", "path": "/", "scheme": "https", "headers": headers})

    def page(request: Request) -> PlainTextResponse:
        request.state.tracking.emit(EVENT)
        return PlainTextResponse("a shirt")

    track(shop.site, request)
    page(request)
    check(shop)


@pytest.mark.parametrize("factory", [RequestFactory, AsyncRequestFactory])
def test_djangos_request_factories(shop: Watched, factory: Any) -> None:
    request: HttpRequest = factory().get("/", headers=a_person(shop.site).headers, secure=True)
    track(shop.site, request)
    django_view(request)
    check(shop)


def test_djangos_client(shop: Watched) -> None:
    with override_settings(FOOTFALL_SITE=shop.site, ROOT_URLCONF=Urls(django_view)):
        person = a_person(shop.site)
        client = Client(headers=dict(person.browser))
        client.cookies.load(dict(person.cookies))
        client.get("/", secure=True)
    check(shop)


def test_flasks_request_context(shop: Watched) -> None:
    app = flask_app(shop)
    with app.test_request_context("/", base_url="https://shop.example", headers=a_person(shop.site).headers):
        track(shop.site, flask.request)
        assert app.view_functions["page"]() == "a shirt"
    check(shop)


def test_flasks_client(shop: Watched) -> None:
    person = a_person(shop.site)
    client = flask_app(shop).test_client()
    for name, value in person.cookies.items():
        client.set_cookie(name, value, domain="shop.example")
    client.get("/", base_url="https://shop.example", headers=person.browser)
    check(shop)


def test_a_person_who_denied_reports_nothing(shop: Watched) -> None:
    person = a_person(shop.site, consent=Consent.DENIED)
    TestClient(fastapi_app(shop), headers=person.headers).get("/")
    assert (shop.reported.events, {one.reason for one in shop.reported.refused_events}) == ([], {"consent"})
