"""Addresses that we write name the page that was asked for, in any alphabet and through every door."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from tests.doors.conftest import MakeWatched, Urls, Watched
from tests.doors.drivers import DOORS, Door, call_asgi, call_wsgi, django_view
from tests.doors.exchange import PAGE, Reply, Request, Response
from tests.doors.rows import ALICE, KNOWN, VISIT, ids
from tests.doors.shops import get, run_shop

from footfall import Tracking, asgi, wsgi
from footfall.events import Click, Event
from footfall.identity.domain import parse_host
from footfall.identity.visitor import Visitor
from footfall.localtracker import LocalTracker
from footfall.request import CookieFinder
from footfall.wire import WireRequest

ORIGIN = "https://www.shop.example"


class Pages:
    """A tracker that notes on which page each event was."""

    name = "pages"

    def __init__(self) -> None:
        self.urls: list[str | None] = []

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        self.urls.append(visitor.page_url)
        return ()


def click(tracking: Tracking) -> None:
    tracking.emit(Click("3298"))


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
@pytest.mark.parametrize("path", ["/%E2%82%AC/1", "/s%C3%B8k/1", "/%D0%BE%D0%B1/1", "/a%20b", "/shirt"])
def test_a_page_in_any_alphabet_is_served_and_named_as_it_was_asked_for(
    door: Door, path: str, watched: Watched
) -> None:
    watched.site.trackers = (pages := Pages(),)
    response = door(watched.site, Request(url=ORIGIN + path), click, Reply())
    assert (response.status, pages.urls) == (200, [ORIGIN + path])


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
@pytest.mark.parametrize("endpoint", ["/samtykke/ø", "/samtykke/%C3%B8", "/samtykke/%c3%b8"])
def test_a_consent_endpoint_in_any_alphabet_is_found(door: Door, endpoint: str, watch: MakeWatched) -> None:
    site = watch(consent=None, site={"consent_endpoint": endpoint}).site
    headers = [*PAGE, ("sec-fetch-site", "same-origin")][-1:]
    request = Request(method="POST", url=f"{ORIGIN}/samtykke/%C3%B8?grant", headers=[*headers, PAGE[0]])
    assert door(site, request, lambda tracking: None, Reply()).status == 204


# The request target, where the server gives it


def through_environ(watched: Watched, path: str, view: Any = click, **environ: str) -> tuple[Response, Pages]:
    watched.site.trackers = (pages := Pages(),)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        view(environ["footfall.tracking"])
        start_response("200 OK", [])
        return [b"a shirt"]

    request = Request(url=ORIGIN + path)
    return call_wsgi(wsgi.TrackingMiddleware(app, watched.site), request, {**request.environ(), **environ}), pages


@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a%2Fb?x=1", "/a%2Fb?x=1"),
        ("http://evil.example/a%2Fb?x=1", "/a%2Fb?x=1"),
        ("/elsewhere?x=1", "/a/b?x=1"),  # something on the way has rewritten it
        ("*", "/a/b?x=1"),
        ("", "/a/b?x=1"),
    ],
)
def test_the_request_target_is_used_where_it_is_given_and_its_authority_is_not(
    name: str, target: str, expected: str, watched: Watched
) -> None:
    _, pages = through_environ(watched, "/a%2Fb?x=1", **{name: target})
    assert pages.urls == [ORIGIN + expected]


def test_a_prefix_that_a_proxy_took_away_is_in_the_address(watched: Watched) -> None:
    _, pages = through_environ(watched, "/a%2Fb", SCRIPT_NAME="/sh\xc3\xb8p", RAW_URI="/a%2Fb")
    assert pages.urls == [f"{ORIGIN}/sh%C3%B8p/a%2Fb"]


@pytest.mark.parametrize("framework", ["wsgi", "django"])
def test_the_redirect_of_a_landing_page_keeps_its_encoded_slash(framework: str, watch: MakeWatched) -> None:
    watched = watch(strip_query_ids=True)
    request = Request(url=f"{ORIGIN}/a%2Fb?reaid=r1&x=%2f")
    environ = {**request.environ(), "RAW_URI": request.target}
    if framework == "wsgi":
        response = call_wsgi(wsgi.TrackingMiddleware(lambda environ, start: [], watched.site), request, environ)
    else:
        with override_settings(FOOTFALL_SITE=watched.site, ROOT_URLCONF=Urls(django_view)):
            response = call_wsgi(WSGIHandler(), request, environ)
    assert response.all("location") == ["/a%2Fb?x=%2f"]


@pytest.mark.parametrize("target", [b"http://evil.example/shirt", b"/shirt?x=1"])
def test_an_asgi_target_with_an_authority_or_a_query_is_a_path_alone(target: bytes, watched: Watched) -> None:
    watched.site.trackers = (pages := Pages(),)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        click(scope["state"]["tracking"])
        await send({"type": "http.response.start", "status": 200})

    call_asgi(asgi.TrackingMiddleware(app, watched.site), Request(), {**Request().scope(), "raw_path": target})
    assert pages.urls == [f"{ORIGIN}/shirt"]


def test_an_asgi_path_that_no_text_can_hold_breaks_no_page(watched: Watched) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        click(scope["state"]["tracking"])
        await send({"type": "http.response.start", "status": 200})

    scope = {**Request().scope(), "raw_path": None, "path": "/\udce9"}
    assert call_asgi(asgi.TrackingMiddleware(app, watched.site), Request(), scope).status == 200


def test_a_real_server_serves_django_in_any_alphabet(tmp_path: Path) -> None:
    with LocalTracker() as tracker, run_shop("gunicorn", "django_app:application", tracker.url, tmp_path) as port:
        pages = [get(port, path) for path in ("/%E2%82%AC/1", "/s%C3%B8k/1")]
    assert [(page.status, len(page.cookies)) for page in pages] == [(404, 3), (404, 3)]


# What a server may write otherwise


def test_asgi_header_names_may_be_in_any_case(watched: Watched) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    scope = Request(cookies=(KNOWN,)).scope()
    scope["headers"] = [(name.title(), value) for name, value in scope["headers"]]
    response = call_asgi(asgi.TrackingMiddleware(app, watched.site), Request(), scope)
    assert response.all("set-cookie") == ids(ALICE, VISIT)


@pytest.mark.parametrize("missing", ["wsgi.url_scheme", "REQUEST_METHOD"])
def test_an_environ_without_its_scheme_or_method_is_served(missing: str, watched: Watched) -> None:
    environ = Request(cookies=(KNOWN,)).environ()
    del environ[missing]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    response = call_wsgi(wsgi.TrackingMiddleware(app, watched.site), Request(), environ)
    assert [line.partition(";")[0] for line in response.all("set-cookie")][:1] == [f"rsa={ALICE}"]


@pytest.mark.parametrize("header", ["rsa =1; other=2", "rsa\t=1", "rsa = 1", "other=2; rsa  =1"])
def test_a_cookies_name_ends_before_the_spaces_that_follow_it(header: str) -> None:
    find = CookieFinder(["rsa", "rsaSession"])
    assert find(header) == find.find_anywhere(header) == {"rsa": ("1",)}


def test_a_cookie_with_spaces_and_its_twin_without_are_twins() -> None:
    assert CookieFinder(["rsa"])("rsa=1; rsa =2") == {"rsa": ("1", "2")}


@pytest.mark.parametrize("host", ["-.com", "_", "a.-.com", "-", "shop.example:80@evil.example", "shop.example:x"])
def test_what_is_no_host_is_none(host: str) -> None:
    assert parse_host(host) == ""


@pytest.mark.parametrize("host", ["shop.example:8000", "shop.example:", "a-.shop.example", "_a.shop.example", "x"])
def test_what_browsers_take_for_a_host_is_one(host: str) -> None:
    assert parse_host(host) == host.partition(":")[0]
