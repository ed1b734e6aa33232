"""One application behind each door, bare, with footfall in front, and with what others would put there.

A peer that is not installed is named with the command that installs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

try:
    import flask
    import flask.sessions
    from asgi_correlation_id import CorrelationIdMiddleware
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.test.utils import override_settings
    from django.urls import path
    from fastapi import Depends, FastAPI
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
except ImportError as error:
    sys.exit(f"{error.name} is missing; write: pip install -e '.[all]' --group bench")
from visits import BROWSER, HOST, KEY, Sites, Visit, cookie_header, make_environ, make_scope

from footfall import Site, current_tracking
from footfall.asgi import TrackingMiddleware as AsgiMiddleware
from footfall.events import Click
from footfall.flask import Footfall
from footfall.starlette import get_tracking
from footfall.wsgi import TrackingMiddleware as WsgiMiddleware

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
WsgiApp = Callable[[Any, Any], Iterable[bytes]]
#: What a view does besides answering; it finds its tracking by `current_tracking`.
Ask = Callable[[], object]

ADDRESS = "anna@shop.example"
HEADERS = [("content-type", "text/html; charset=utf-8"), ("content-length", "5")]
RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS]


@dataclass(frozen=True, kw_only=True)
class Contenders:
    """Applications of one door that answer the same."""

    bare: Any
    footfall: Any
    peers: Mapping[str, Any]  #: the first is the one that goals are shares of
    asynchronous: bool

    @property
    def all(self) -> dict[str, Any]:
        return {"bare": self.bare, **self.peers, "footfall": self.footfall}

    @property
    def unit(self) -> str:
        return next(iter(self.peers))


def click() -> None:
    """Report a click, if somebody listens: what the view of a shop's page does."""
    tracking = current_tracking()
    if tracking is not None:
        tracking.emit(Click("3298", category_path=["Shoes", "Children"]))


def ask_everything() -> None:
    """Have everything made that a view can have of its tracking, and report a click."""
    tracking = current_tracking()
    if tracking is not None:
        _ = (
            tracking.device_id,
            tracking.session_id,
            tracking.ruid,
            tracking.reaid,
            tracking.user_id,
            tracking.consent,
            tracking.person_consent,
            tracking.is_new_device,
            tracking.request_class,
            tracking.snapshot(),
        )
        tracking.emit(Click("3298", category_path=["Shoes", "Children"]))


# The doors


class NoOp:
    """The least that a middleware can do which sees a response start."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        async def passing(message: Message) -> None:
            await send(message)

        await self.app(scope, receive, passing)


async def bare(scope: Any, receive: Any, send: Send) -> None:  # noqa: ARG001 - ASGI's signature
    # A list of its own for each response: SessionMiddleware appends to it.
    await send({"type": "http.response.start", "status": 200, "headers": list(RAW_HEADERS)})
    await send({"type": "http.response.body", "body": b"shirt"})


def through_asgi(site: Site, ask: Ask | None = None) -> Contenders:
    async def asking(scope: Any, receive: Any, send: Send) -> None:
        if ask is not None:
            ask()
        await bare(scope, receive, send)

    return around(bare if ask is None else asking, site)


def around(app: AsgiApp, site: Site) -> Contenders:
    """Put each contender in front of an ASGI application."""

    async def set_session(scope: Any, receive: Any, send: Send) -> None:
        scope["session"]["n"] = 1
        await app(scope, receive, send)

    peers = {
        "SessionMiddleware": SessionMiddleware(set_session, secret_key=KEY),
        "asgi-correlation-id": CorrelationIdMiddleware(app),
        "no-op": NoOp(app),
    }
    return Contenders(bare=app, footfall=AsgiMiddleware(app, site), peers=peers, asynchronous=True)


def through_starlette(site: Site, ask: Ask | None = None) -> Contenders:
    async def page(request: Request) -> PlainTextResponse:
        if "session" in request.scope:
            request.session["n"] = 1
        if ask is not None:
            ask()
        return PlainTextResponse("shirt")

    def make(*middleware: Middleware) -> Starlette:
        return Starlette(routes=[Route("/shirt", page)], middleware=middleware)

    return Contenders(
        bare=make(),
        footfall=make(Middleware(AsgiMiddleware, site=site)),
        peers={"SessionMiddleware": make(Middleware(SessionMiddleware, secret_key=KEY))},
        asynchronous=True,
    )


def through_fastapi(site: Site, ask: Ask | None = None) -> Contenders:
    # A plain function, which FastAPI runs in a thread.
    def page() -> PlainTextResponse:
        if ask is not None:
            ask()
        return PlainTextResponse("shirt")

    bare, footfall, session = FastAPI(), FastAPI(), FastAPI()
    bare.get("/shirt")(page)
    footfall.get("/shirt", dependencies=[Depends(get_tracking)])(page)
    footfall.add_middleware(AsgiMiddleware, site=site)

    @session.get("/shirt")
    def set_session(request: Request) -> PlainTextResponse:
        request.session["n"] = 1
        return PlainTextResponse("shirt")

    session.add_middleware(SessionMiddleware, secret_key=KEY)
    return Contenders(bare=bare, footfall=footfall, peers={"SessionMiddleware": session}, asynchronous=True)


def through_wsgi(site: Site, ask: Ask | None = None) -> Contenders:
    def bare(environ: Any, start_response: Any) -> list[bytes]:  # noqa: ARG001 - WSGI's signature
        start_response("200 OK", list(HEADERS))
        return [b"shirt"]

    def asking(environ: Any, start_response: Any) -> list[bytes]:
        if ask is not None:
            ask()
        return bare(environ, start_response)

    # Plain WSGI has no session of its own: Flask's stands in, with the request and the response that it needs.
    home = flask.Flask("bench")
    home.secret_key = KEY
    interface = flask.sessions.SecureCookieSessionInterface()

    def set_session(environ: Any, start_response: Any) -> Iterable[bytes]:
        request = flask.Request(environ)
        session = interface.open_session(home, request)
        assert session is not None
        session["n"] = 1
        response = flask.Response(b"shirt", 200, HEADERS)
        interface.save_session(home, session, response)
        return response(environ, start_response)

    app = bare if ask is None else asking
    peers = {"Flask's session alone": set_session}
    return Contenders(bare=app, footfall=WsgiMiddleware(app, site), peers=peers, asynchronous=False)


def through_flask(site: Site, ask: Ask | None = None) -> Contenders:
    def page() -> str:
        if ask is not None:
            ask()
        return "shirt"

    def set_session() -> str:
        flask.session["n"] = 1
        return "shirt"

    def make(view: Callable[[], str]) -> flask.Flask:
        app = flask.Flask("bench")
        app.secret_key = KEY
        app.add_url_rule("/shirt", view_func=view)
        return app

    ours = make(page)
    Footfall(ours, site)
    return Contenders(bare=make(page), footfall=ours, peers={"Flask's session": make(set_session)}, asynchronous=False)


def django_page(request: HttpRequest) -> HttpResponse:
    if hasattr(request, "session"):
        request.session["n"] = 1
    if _DjangoViews.ask:
        _DjangoViews.ask[0]()
    return HttpResponse(b"shirt")


async def async_django_page(request: HttpRequest) -> HttpResponse:
    return django_page(request)


class _DjangoViews:
    """Django takes it for a module of URLs. A process has one set of Django's settings, and so one *ask* at a time."""

    ask: tuple[Ask, ...] = ()
    urlpatterns = (path("shirt", django_page), path("async/shirt", async_django_page))


SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
OURS = "footfall.django.TrackingMiddleware"


def through_django(site: Site, ask: Ask | None = None) -> Contenders:
    return _through_django(site, ask, WSGIHandler, asynchronous=False)


def through_django_asgi(site: Site, ask: Ask | None = None) -> Contenders:
    return _through_django(site, ask, ASGIHandler, asynchronous=True)


def _through_django(site: Site, ask: Ask | None, handler: Callable[[], Any], *, asynchronous: bool) -> Contenders:
    if not settings.configured:
        import django

        settings.configure(
            ALLOWED_HOSTS=[HOST],
            ROOT_URLCONF=_DjangoViews,
            SECRET_KEY=KEY,
            INSTALLED_APPS=["footfall.django"],
            FOOTFALL_SITE=site,
            SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        )
        django.setup()
    _DjangoViews.ask = () if ask is None else (ask,)
    settings.FOOTFALL_SITE = site  # each has its turn

    def make(*middleware: str) -> Any:
        with override_settings(MIDDLEWARE=middleware):
            return handler()

    return Contenders(
        bare=make(), footfall=make(OURS), peers={"Django's session": make(SESSIONS)}, asynchronous=asynchronous
    )


DOORS: dict[str, Callable[[Site, Ask | None], Contenders]] = {
    "ASGI": through_asgi,
    "WSGI": through_wsgi,
    "Starlette": through_starlette,
    "FastAPI": through_fastapi,
    "Flask": through_flask,
    "Django WSGI": through_django,
    "Django ASGI": through_django_asgi,
}


def path_of(door: str) -> str:
    return "/async/shirt" if door == "Django ASGI" else "/shirt"


# Driving them


async def receive() -> Message:
    return {"type": "http.request", "body": b""}


async def discard(message: Message) -> None:
    pass


def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:  # noqa: ARG001
    return discard_bytes


def discard_bytes(data: bytes) -> None:
    pass


def run_asgi(app: AsgiApp, scopes: Iterable[Any]) -> None:
    """Drive requests to their end without an event loop: nothing in them waits."""
    for scope in scopes:
        with contextlib.suppress(StopIteration):
            app(scope, receive, discard).__await__().__next__()
            raise AssertionError("the application waited; it needs an event loop")


def run_wsgi(app: WsgiApp, environs: Iterable[Any]) -> None:
    for environ in environs:
        body = app(environ, start_response)
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()


def run_in_loop(app: AsgiApp, scopes: Iterable[Any]) -> None:
    """Drive requests one after the other in an event loop, as a server does; each client stays until it is answered."""

    async def run() -> None:
        for scope in scopes:
            await app(scope, _client(), discard)

    asyncio.run(run())


def _client() -> Receive:
    """Make a client that sends a request without a body, and stays: Django cancels the wait once it has answered."""
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


# What they answer


def cookies_set(app: Any, request: Any, *, asynchronous: bool) -> dict[str, str]:
    """Run one request, and tell the cookies that its response sets; fails if it is no 200."""
    status, lines = 0, list[str]()
    if asynchronous:

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                lines.extend(value.decode() for name, value in message["headers"] if name.lower() == b"set-cookie")

        async def run() -> None:
            await app(request, _client(), send)

        asyncio.run(run())
    else:

        def start(line: str, headers: list[tuple[str, str]], exc_info: object = None) -> object:  # noqa: ARG001
            nonlocal status
            status = int(line[:3])
            lines.extend(value for name, value in headers if name.lower() == "set-cookie")
            return discard_bytes

        for _ in app(request, start):
            pass
    assert status == 200, f"the application answered {status}"
    return dict(line.partition(";")[0].split("=", 1) for line in lines)


def request_maker(sites: Sites, door: str, contenders: Contenders, visit: Visit) -> Callable[[], Any]:
    """Prepare one kind of request for one door: the same bytes for every contender, each one's own cookie in them."""
    make = make_scope if contenders.asynchronous else make_environ
    where = path_of(door)
    own: list[str] = []
    if visit.identified:
        own.append(f"rsaRuid={_sealed_ruid(sites, visit)}")
    if visit.returning:
        for app in contenders.peers.values():
            found = cookies_set(app, make(BROWSER, "", where), asynchronous=contenders.asynchronous)
            own += [f"{name}={value}" for name, value in found.items()]
    headers = {**BROWSER, "cookie": cookie_header(visit, *own)}
    _check(contenders, lambda: make(headers, visit.query, where), visit)
    return lambda: make(headers, visit.query, where)


def _sealed_ruid(sites: Sites, visit: Visit) -> str:
    def identify() -> None:
        tracking = current_tracking()
        assert tracking is not None
        tracking.identify(ADDRESS)

    headers = {**BROWSER, "cookie": "; ".join(visit.cookies)}
    app = through_asgi(sites.site(visit), identify).footfall
    return cookies_set(app, make_scope(headers), asynchronous=True)["rsaRuid"]


def _check(contenders: Contenders, make: Callable[[], Any], visit: Visit) -> None:
    """See that everybody does what they are measured for."""
    for name, app in contenders.all.items():
        found = set(cookies_set(app, make(), asynchronous=contenders.asynchronous))
        if name == "footfall":
            assert found == visit.sets, f"{visit.name}: footfall set {found}"
        elif name in ("bare", "no-op", "asgi-correlation-id"):
            assert not found, f"{visit.name}: {name} set {found}"
        else:
            assert found, f"{visit.name}: {name} set no cookie"
