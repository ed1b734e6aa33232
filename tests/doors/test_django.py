"""Django: cookies on every response, the user and the session left alone, the tracking wherever code runs."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import alogin, authenticate, login
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path
from tests.doors.conftest import DOOR, MakeWatched, ServeView, Urls, Watched
from tests.doors.drivers import call_asgi, call_wsgi
from tests.doors.exchange import PAGE, Request, guid
from tests.doors.rows import ALICE, KNOWN, VISIT, attributes, ids

from footfall import asgi, current_tracking, wsgi
from footfall.django import TrackingMiddleware
from footfall.events import Click

OURS = ids(guid(1), guid(2))
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"


def tracking(request: HttpRequest) -> Any:
    return request.state.tracking  # type: ignore[attr-defined]


def shirt(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"a shirt")


async def async_shirt(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"a shirt")


# Users and sessions


class Tripwire:
    """A user, or a session, that nobody may look at."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"somebody read .{name}")


class SetTripwires:
    async_capable = False
    sync_capable = True

    def __new__(cls, get_response: Any) -> Any:
        def middleware(request: HttpRequest) -> Any:
            request.user, request.session = Tripwire(), Tripwire()  # type: ignore[assignment]
            return get_response(request)

        return middleware


@pytest.mark.parametrize("name", ["sync", "async"])
def test_neither_the_user_nor_the_session_is_looked_at(name: str, serve_view: ServeView, watched: Watched) -> None:
    async def async_view(request: HttpRequest) -> HttpResponse:
        return view(request)

    def view(request: HttpRequest) -> HttpResponse:
        tracking(request).identify("anna@shop.example")
        tracking(request).emit(Click("3298"))
        return HttpResponse(b"a shirt")

    middleware = [DOOR, f"{__name__}.SetTripwires"]
    get = serve_view(view if name == "sync" else async_view, watched.site, MIDDLEWARE=middleware)
    assert get(Request()).status == 200
    assert len(watched.reported.requests) == 2


def test_a_page_that_reads_no_id_does_not_vary_though_there_is_a_session(
    serve_view: ServeView, watched: Watched
) -> None:
    assert serve_view(shirt, watched.site, MIDDLEWARE=[DOOR, SESSION, AUTH])(Request()).all("vary") == []


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A database with one user; in a file, for each of Django's threads opens its own connection."""
    file: Path = tmp_path_factory.mktemp("django") / "shop.sqlite3"
    connections.settings["default"]["NAME"] = str(file)
    connections["default"].settings_dict["NAME"] = str(file)
    call_command("migrate", verbosity=0)
    User.objects.create_user("johndoe", password="of the test alone")
    yield
    connections.close_all()


def log_in(request: HttpRequest) -> HttpResponse:
    user = authenticate(request, username="johndoe", password="of the test alone")
    assert user is not None
    login(request, user)
    tracking(request).login(user.get_username())
    tracking(request).emit(Click("3298"))
    return HttpResponse(b"welcome")


async def log_in_async(request: HttpRequest) -> HttpResponse:
    user = await User.objects.aget(username="johndoe")
    await alogin(request, user)
    tracking(request).login(user.get_username())
    tracking(request).emit(Click("3298"))
    return HttpResponse(b"welcome")


def shop_user(request: HttpRequest) -> str | None:
    return request.user.get_username() or None


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("view", [log_in, log_in_async])
def test_a_login_is_an_event_and_later_requests_know_the_user(
    view: Any, serve_view: ServeView, watch: MakeWatched
) -> None:
    watched = watch(site={"user_id": shop_user})
    get = serve_view(view, watched.site, MIDDLEWARE=[DOOR, SESSION, AUTH])
    cookie = next(line for line in get(Request(cookies=(KNOWN,))).all("set-cookie") if line.startswith("sessionid="))
    paths = [request.url.partition("/api/00000/")[2] for request in watched.reported.requests]
    assert [path for path in paths if path] == [f"login/{ALICE}/johndoe", "click/johndoe/1/3298"]

    def visit(request: HttpRequest) -> HttpResponse:
        tracking(request).emit(Click("3298"))
        return HttpResponse(b"a shirt")

    watched.reported.requests.clear()
    get = serve_view(visit, watched.site, MIDDLEWARE=[DOOR, SESSION, AUTH])
    get(Request(cookies=(f"{KNOWN}; {cookie.partition(';')[0]}",)))
    paths = [request.url.partition("/api/00000/")[2] for request in watched.reported.requests]
    assert [path for path in paths if path] == ["click/johndoe/1/3298"]


@pytest.mark.usefixtures("database")
def test_an_async_view_of_somebody_logged_in_reports_under_their_name(watch: MakeWatched) -> None:
    watched = watch(site={"user_id": shop_user})
    settings = {"FOOTFALL_SITE": watched.site, "MIDDLEWARE": [DOOR, SESSION, AUTH]}

    async def view(request: HttpRequest) -> HttpResponse:
        tracking(request).emit(Click("3298"))
        return HttpResponse(b"a shirt")

    with override_settings(ROOT_URLCONF=Urls(log_in), **settings):
        lines = call_asgi(ASGIHandler(), Request(cookies=(KNOWN,))).all("set-cookie")
    cookie = next(line.partition(";")[0] for line in lines if line.startswith("sessionid="))
    watched.reported.requests.clear()
    with override_settings(ROOT_URLCONF=Urls(view), **settings):
        call_asgi(ASGIHandler(), Request(cookies=(f"{KNOWN}; {cookie}",)))
    assert [request.url for request in watched.reported.requests][1:] == [
        "https://event.yoochoose.net/api/00000/click/johndoe/1/3298"
    ]


# Errors


def test_a_host_that_django_refuses_is_told_so_and_gets_host_only_cookies(
    serve_view: ServeView, watched: Watched
) -> None:
    middleware = [DOOR, "django.middleware.common.CommonMiddleware"]
    get = serve_view(shirt, watched.site, MIDDLEWARE=middleware, ALLOWED_HOSTS=["www.shop.example"])
    response = get(Request(url="https://www.evil.example/"))
    assert response.status == 400
    assert [line.partition("Path")[0] for line in response.all("set-cookie")] == [
        f"rsa={guid(1)}; Max-Age=31536000; ",
        f"rsaSession={guid(2)}; Max-Age=1200; ",
        "rsaSessionOpen=1; ",
    ]


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the application's own")


def test_the_page_of_an_unhandled_error_sets_cookies(serve_view: ServeView, watched: Watched) -> None:
    response = serve_view(fail, watched.site)(Request())
    assert (response.status, response.all("set-cookie")) == (500, OURS)


def test_a_missing_page_sets_cookies(serve_view: ServeView, watched: Watched) -> None:
    get = serve_view(shirt, watched.site, APPEND_SLASH=False)
    with override_settings(ROOT_URLCONF=type("Nothing", (), {"urlpatterns": [path("shirt", shirt)]})):
        response = get(Request(url="https://www.shop.example/nowhere"))
    assert (response.status, response.all("set-cookie")) == (404, OURS)


def test_a_page_that_has_not_changed_sets_none(serve_view: ServeView, watched: Watched) -> None:
    get = serve_view(shirt, watched.site, MIDDLEWARE=[DOOR, "django.middleware.http.ConditionalGetMiddleware"])
    (etag,) = get(Request()).all("etag")
    response = get(Request(headers=[*PAGE, ("if-none-match", etag)]))
    assert (response.status, response.all("set-cookie")) == (304, [])


# Where code runs


@pytest.mark.parametrize("view", ["sync", "async"])
def test_a_view_of_either_kind_finds_the_current_tracking(view: str, serve_view: ServeView, watched: Watched) -> None:
    def look(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(current_tracking() is tracking(request)))

    async def look_async(request: HttpRequest) -> HttpResponse:
        return look(request)

    assert serve_view(look if view == "sync" else look_async, watched.site)(Request()).body == b"True"
    assert current_tracking() is None


def test_a_streaming_body_reports_under_who_is_logged_in(
    serve_view: ServeView, server: str, watch: MakeWatched
) -> None:
    watched = watch(site={"user_id": lambda request: "johndoe" if request.path == "/shirt" else None})

    def view(request: HttpRequest) -> StreamingHttpResponse:
        def stream() -> Iterator[bytes]:
            yield b"a "
            tracking(request).emit(Click("3298"))
            yield b"shirt"

        async def stream_async() -> Any:
            for part in stream():
                yield part

        return StreamingHttpResponse(stream() if server == "wsgi" else stream_async())

    response = serve_view(view, watched.site)(Request(cookies=(KNOWN,)))
    assert (response.body, response.all("set-cookie")) == (b"a shirt", ids(ALICE, VISIT))
    assert watched.reported.requests[1].url.endswith("/click/johndoe/1/3298")


def test_a_state_that_a_site_gave_its_request_is_kept(serve_view: ServeView, watched: Watched) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.state.colour + str(tracking(request).device_id))  # type: ignore[attr-defined]

    get = serve_view(view, watched.site, MIDDLEWARE=[f"{__name__}.SetState", DOOR])
    assert get(Request()).body == b"red" + guid(1).encode()


class State:
    colour = "red"


class SetState:
    async_capable = False
    sync_capable = True

    def __new__(cls, get_response: Any) -> Any:
        def middleware(request: HttpRequest) -> Any:
            request.state = State()  # type: ignore[attr-defined]
            return get_response(request)

        return middleware


def test_fifty_visitors_at_once_each_get_their_own_id(watched: Watched) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        device = tracking(request).device_id
        await asyncio.sleep(0)
        found = current_tracking()
        assert found is not None
        assert found.device_id == device
        return HttpResponse(device)

    async def visit(handler: ASGIHandler) -> list[Any]:
        sent: list[Any] = []
        first = True

        async def receive() -> Any:
            nonlocal first
            if not first:
                await asyncio.Event().wait()
            first = False
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await handler(Request().scope(), receive, send)
        return sent

    async def visit_all() -> list[list[Any]]:
        handler = ASGIHandler()
        return await asyncio.gather(*(visit(handler) for _ in range(50)))

    with override_settings(FOOTFALL_SITE=watched.site, ROOT_URLCONF=Urls(view)):
        visits = asyncio.run(visit_all())
    devices = [sent[1]["body"].decode() for sent in visits]
    assert len(set(devices)) == 50
    for sent, device in zip(visits, devices, strict=True):
        lines = [value.decode() for name, value in sent[0]["headers"] if name.lower() == b"set-cookie"]
        assert [line.partition(";")[0] for line in lines][0::2] == [f"rsa={device}", "rsaSessionOpen=1"]
        assert len(lines) == 3


# Around it, and beside it


def test_of_a_door_around_django_and_djangos_own_the_outer_has_the_request(server: str, watch: MakeWatched) -> None:
    outer, inner = watch(), watch()

    def view(request: HttpRequest) -> HttpResponse:
        tracking(request).emit(Click("3298"))
        return HttpResponse(b"a shirt")

    with override_settings(FOOTFALL_SITE=inner.site, ROOT_URLCONF=Urls(view)):
        if server == "wsgi":
            response = call_wsgi(wsgi.TrackingMiddleware(WSGIHandler(), outer.site), Request())
        else:
            around: Any = ASGIHandler()
            response = call_asgi(asgi.TrackingMiddleware(around, outer.site), Request())
    assert response.all("set-cookie") == OURS
    assert (len(outer.reported.requests), len(inner.reported.requests)) == (2, 0)


def test_djangos_test_clients_keep_the_visitor(watched: Watched) -> None:
    headers = {"accept": "text/html", "user-agent": "Firefox"}

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(tracking(request).device_id)

    async def visit_twice() -> list[bytes]:
        client = AsyncClient()
        return [(await client.get("/shirt", secure=True, headers=headers)).content for _ in range(2)]

    with override_settings(FOOTFALL_SITE=watched.site, ROOT_URLCONF=Urls(view)):
        client = Client(headers=headers)
        assert [client.get("/shirt", secure=True).content for _ in range(2)] == [guid(1).encode()] * 2
        assert asyncio.run(visit_twice()) == [guid(3).encode()] * 2


def test_a_response_with_our_cookies_can_be_pickled(watched: Watched) -> None:
    with override_settings(FOOTFALL_SITE=watched.site, ROOT_URLCONF=Urls(shirt)):
        door = TrackingMiddleware(shirt)
        request = RequestFactory(headers=dict(PAGE)).get("/shirt", secure=True, headers={"host": "www.shop.example"})
        response = door(request)
    assert isinstance(response, HttpResponseBase)
    copy: HttpResponse = pickle.loads(pickle.dumps(response))
    assert [morsel.OutputString() for morsel in copy.cookies.values()] == OURS


def test_a_proxy_that_django_trusts_makes_a_request_secure(serve_view: ServeView, watched: Watched) -> None:
    get = serve_view(shirt, watched.site, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
    request = Request(url="http://www.shop.example/", headers=[*PAGE, ("x-forwarded-proto", "https")])
    assert get(request).all("set-cookie")[2] == f"rsaSessionOpen=1{attributes(secure=True)}"


def test_nobody_else_is_believed_that_a_request_is_secure(serve_view: ServeView, watched: Watched) -> None:
    request = Request(url="http://www.shop.example/", headers=[*PAGE, ("x-forwarded-proto", "https")])
    lines = serve_view(shirt, watched.site)(request).all("set-cookie")
    assert lines[2] == f"rsaSessionOpen=1{attributes(secure=False)}"
