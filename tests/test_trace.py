"""In debug, and only there, a response says why it did or did not track; the local tracker hears of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

import flask
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from footfall import Config, Site
from footfall.asgi import TrackingMiddleware
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Buy, Click, Rate
from footfall.flask import Footfall
from footfall.localtracker import LocalTracker
from footfall.localtracker.traces import parse_trace
from footfall.request import RequestClass, RequestView
from footfall.trackers import Raptor, Yoochoose
from footfall.wsgi import TrackingMiddleware as WsgiMiddleware

DEVICE = "7d444840-9dc0-41d1-b245-5ffdce74fad2"
SESSION = "e7b3a1c2-0f4d-4e5a-9b8c-1d2e3f4a5b6c"
BACK = f"rsa={DEVICE}; rsaSession={SESSION}; rsaSessionOpen=1"
PAGE = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
}
Get = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def tracker() -> Iterator[LocalTracker]:
    with LocalTracker() as tracker:
        yield tracker


async def click(request: Request) -> PlainTextResponse:
    request.state.tracking.emit(Click("3298"))
    return PlainTextResponse("a shirt")


async def identify(request: Request) -> PlainTextResponse:
    request.state.tracking.identify("anna@shop.example")
    request.state.tracking.login("johndoe")
    return PlainTextResponse("welcome")


async def share(_: Request) -> PlainTextResponse:
    return PlainTextResponse("for all", headers={"Cache-Control": "public, max-age=60"})


async def mistake(request: Request) -> PlainTextResponse:
    request.state.tracking.emit(Rate("shirt", rating=50))  # YOOCHOOSE's item ids are numbers
    return PlainTextResponse("rated")


async def buy_much(request: Request) -> PlainTextResponse:
    for item in range(1, 101):
        request.state.tracking.emit(Buy(item, price=None))
    return PlainTextResponse("bought")


ROUTES = [
    Route("/shirt", click),
    Route("/welcome", identify),
    Route("/shared", share),
    Route("/mistake", mistake),
    Route("/much", buy_much),
]


def make_site(tracker: LocalTracker, *, strict: bool | None = None, **config: Any) -> Site:
    config.setdefault("consent", always_granted)
    return Site(
        Config(**{"ruid_cookie": "base64", **config}),
        trackers=[Raptor("12345", base_url=tracker.url), Yoochoose("00000", base_url=tracker.url)],
        delivery=Delivery(spool="memory:"),
        strict=strict,
    )


def make_app(site: Site, *, debug: bool) -> Starlette:
    return Starlette(debug=debug, routes=ROUTES, middleware=[Middleware(TrackingMiddleware, site=site)])


def header_of(app: Any, path: str, headers: dict[str, str]) -> str | None:
    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as client:
            return await client.get(path, headers=headers)

    trace: str | None = asyncio.run(get()).headers.get("footfall-trace")
    return trace


@pytest.fixture
def trace(tracker: LocalTracker) -> Iterator[Get]:
    """Get a page of a site in debug; returns the parts of its trace."""
    sites: list[Site] = []

    def get(path: str, cookie: str = "", headers: dict[str, str] | None = None, **config: Any) -> dict[str, str]:
        sites.append(make_site(tracker, strict=False, **config))
        sent = {**PAGE, **(headers or {}), **({"Cookie": cookie} if cookie else {})}
        text = header_of(make_app(sites[-1], debug=True), path, sent)
        assert text is not None
        parts = parse_trace(text)
        assert parts is not None
        return parts

    yield get
    for site in sites:
        site.close(0)


@pytest.mark.parametrize("strict", [True, False, None])
def test_outside_of_debug_no_response_has_a_trace(tracker: LocalTracker, strict: bool | None) -> None:
    site = make_site(tracker, strict=strict)
    assert header_of(make_app(site, debug=False), "/shirt", PAGE) is None
    site.close(0)


class Shop:
    """An application whose ``debug`` is no flag."""

    def debug(self) -> None: ...

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("a shirt")(scope, receive, send)


class WsgiShop:
    def debug(self) -> None: ...

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [b"a shirt"]


def test_a_method_named_debug_is_no_flag_that_is_set(tracker: LocalTracker) -> None:
    site = make_site(tracker)
    assert header_of(TrackingMiddleware(Shop(), site), "/shirt", PAGE) is None
    headers: list[Any] = []
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "PATH_INFO": "/", "HTTP_USER_AGENT": "Firefox"}
    WsgiMiddleware(WsgiShop(), site)(environ, lambda status, found: headers.extend(found))  # type: ignore[arg-type]
    assert [name for name, _ in headers if name == "Footfall-Trace"] == []
    site.close(0)


@pytest.mark.parametrize("debug", [True, False])
def test_flask_has_a_trace_in_debug_alone(tracker: LocalTracker, debug: bool) -> None:
    site, app = make_site(tracker), flask.Flask("shop")
    app.debug = debug
    app.add_url_rule("/", view_func=lambda: "a page")
    Footfall(app, site)
    assert ("Footfall-Trace" in app.test_client().get("/", headers=PAGE).headers) is debug
    site.close(0)


DJANGO = """
import sys
import django
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import path
from footfall import Config, Site
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.trackers import Raptor

site = Site(
    Config(consent=always_granted, ruid_cookie="off"), trackers=[Raptor("12345")], delivery=Delivery(spool="memory:")
)
urlpatterns = [path("", lambda request: HttpResponse("a page"))]
settings.configure(
    DEBUG=sys.argv[1] == "True",
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="a secret of the site, and of no visitor",
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=["footfall.django"],
    MIDDLEWARE=["footfall.django.TrackingMiddleware"],
    FOOTFALL_SITE="__main__.site",
)
django.setup()
from django.core.handlers.wsgi import WSGIHandler
answer = WSGIHandler().get_response(RequestFactory().get("/", HTTP_ACCEPT="text/html", HTTP_USER_AGENT="Mozilla/5.0"))
print("rsa" in answer.cookies or "Set-Cookie" in answer.headers, "Footfall-Trace" in answer.headers)
site.close(0)
"""


@pytest.mark.parametrize("debug", [True, False])
def test_django_has_a_trace_in_debug_alone(debug: bool) -> None:
    argv = [sys.executable, "-c", DJANGO, str(debug)]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout.split(), run.stderr) == (["True", str(debug)], "")


def test_a_page_of_somebody_new_says_what_was_decided(trace: Get) -> None:
    parts = trace("/shirt?reaid=Zx81")
    assert {name: parts[name] for name in ("class", "reason", "consent", "reaid", "user", "cookies", "cache")} == {
        "class": "page",
        "reason": "a person opened a page",
        "consent": "granted",
        "reaid": "query",
        "user": "nobody",
        "cookies": "rsa rsaSession rsaSessionOpen rsaReaId",
        "cache": "made private: it sets cookies",
    }
    assert [parts[name].partition(" ")[0] for name in ("device", "session")] == ["new", "new"]
    assert [event.rpartition(":")[0] for event in parts["events"].split()] == ["click>raptor", "click>yoochoose"]


@pytest.mark.parametrize(
    ("name", "value", "path", "cookie", "headers"),
    [
        ("device", "cookie 7d44", "/shirt", BACK, {}),
        ("session", "cookie e7b3", "/shirt", BACK, {}),
        ("device", "cookie 7d44, sent twice", "/shirt", f"{BACK}; rsa={DEVICE}", {}),
        ("device", "none, and none was minted", "/shared", "", {}),
        ("cache", "shared by the application: no cookie of ours", "/shared", "", {}),
        ("ruid", "named in this request", "/welcome", BACK, {}),
        ("user", "yes", "/welcome", BACK, {}),
        ("class", "bot", "/shirt", BACK, {"User-Agent": "Googlebot/2.1"}),
        ("device", "not read: the request is not theirs", "/shirt", BACK, {"User-Agent": "Googlebot/2.1"}),
        ("events", "click!bot", "/shirt", BACK, {"User-Agent": "Googlebot/2.1"}),
        ("consent", "denied (Sec-GPC)", "/shirt", BACK, {"Sec-GPC": "1"}),
        ("class", "sub-resource", "/shared", BACK, {"Sec-Fetch-Dest": "style", "Sec-Fetch-Site": "same-origin"}),
    ],
)
def test_each_decision_is_told(
    trace: Get, name: str, value: str, path: str, cookie: str, headers: dict[str, str]
) -> None:
    assert trace(path, cookie, headers)[name] == value


def test_without_consent_nothing_is_read_for_a_trace_either(trace: Get) -> None:
    parts = trace("/shirt", BACK, consent=None)
    assert (parts["consent"], parts["device"], parts["events"]) == ("unknown", "not read: no consent", "click!consent")


def test_a_visit_that_is_over_is_told_from_one_that_never_was(trace: Get) -> None:
    parts = trace("/shirt", f"rsa={DEVICE}; rsaSession={SESSION}")
    assert parts["session"].endswith(" (the last visit is over)")


def test_a_wrong_event_is_told_for_the_tracker_that_refuses_it(trace: Get) -> None:
    assert trace("/mistake")["events"] == "rate!yoochoose:wrong"


def test_no_trace_has_an_id_or_a_person(trace: Get) -> None:
    cookie = f"{BACK}; rsaReaId=Zx81-token; rsaRuid=YW5uYUBzaG9wLmV4YW1wbGU="
    for path in ("/shirt", "/welcome", "/shirt?reaid=Qy92-token"):
        told = json.dumps(trace(path, cookie))
        for secret in (DEVICE[:9], SESSION[:9], "anna", "YW5uY", "johndoe", "Zx81", "Qy92"):
            assert secret not in told


def test_a_long_trace_loses_its_last_events_and_stays_a_short_header(trace: Get) -> None:
    events = trace("/much")["events"].split()
    assert 20 < len(events) < 200
    assert events[0].startswith("buy>raptor:")


def test_whatever_a_sites_own_classes_say_stays_in_one_header(trace: Get) -> None:
    def classify(_: RequestView) -> RequestClass:
        return RequestClass(name='odd", events="', reason="two\r\nlines, é and \\")

    parts = trace("/shirt", classify=classify)
    assert (parts["class"], parts["reason"]) == ("odd?, events=?", "two??lines, ? and ?")


def test_the_local_tracker_joins_a_trace_with_what_arrived(
    tracker: LocalTracker, wait_until: Callable[[Callable[[], object]], bool]
) -> None:
    tracker.clear()
    site = make_site(tracker)
    assert header_of(make_app(site, debug=True), "/shirt", PAGE) is not None
    assert site.flush(10) == 0

    def told() -> list[dict[str, Any]]:
        with urlopen(f"{tracker.url}/traces.json", timeout=10) as answer:
            traces: list[dict[str, Any]] = json.load(answer)["traces"]
        return traces

    assert wait_until(told)
    [one] = told()
    numbers = {request.tracker: request.number for request in tracker.received()}
    assert one["line"] == "GET /shirt 200"
    assert {event["tracker"]: [arrival["number"] for arrival in event["arrived"]] for event in one["events"]} == {
        name: [number] for name, number in numbers.items()
    }
    with urlopen(f"{tracker.url}/request.json?number={numbers['raptor']}", timeout=10) as answer:
        assert json.load(answer)["traces"] == [one]
    site.close(0)


def test_a_tracker_that_is_not_there_costs_the_page_nothing() -> None:
    with LocalTracker() as gone:
        site = make_site(gone)
    assert header_of(make_app(site, debug=True), "/shared", PAGE) is not None
    site.close(0)
