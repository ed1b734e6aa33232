"""Django's own cache around us and inside us, and the checks that tell what is wrong with our place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from tests.doors.conftest import DOOR, ServeView, Watched
from tests.doors.exchange import PAGE, Request, guid
from tests.doors.rows import IMAGE, ids

from footfall.django import TrackingMiddleware, check_installation
from footfall.errors import ConfigError

OURS = ids(guid(1), guid(2))
UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"


def shirt(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"a shirt")


@pytest.fixture
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(
    "middleware",
    [[DOOR, UPDATE, FETCH], [UPDATE, DOOR, FETCH], [UPDATE, FETCH, DOOR]],
    ids=["first", "between", "last"],
)
def test_the_cache_gives_nobodys_id_to_anybody_in_any_order(
    middleware: list[str], serve_view: ServeView, watched: Watched
) -> None:
    get = serve_view(shirt, watched.site, MIDDLEWARE=middleware)
    bot = [*PAGE[1:], ("user-agent", "Googlebot")]
    responses = [get(Request(headers=headers)) for headers in (PAGE, bot, PAGE, PAGE, IMAGE, PAGE)]
    cookies = [line.partition(";")[0] for response in responses for line in response.all("set-cookie")]
    given = [cookie for cookie in cookies if cookie != "rsaSessionOpen=1"]
    assert len(set(given)) == len(given) >= 2
    assert [responses[nobody].all("set-cookie") for nobody in (1, 4)] == [[], []]


@pytest.mark.usefixtures("empty_cache")
def test_a_cached_page_sets_each_visitors_own_cookies_where_the_door_is_first(
    serve_view: ServeView, watched: Watched
) -> None:
    made: list[int] = []

    def view(request: HttpRequest) -> HttpResponse:
        made.append(1)
        return HttpResponse(b"a shirt")

    get = serve_view(view, watched.site, MIDDLEWARE=[DOOR, UPDATE, FETCH])
    assert [get(Request()).all("set-cookie") for _ in range(2)] == [OURS, ids(guid(3), guid(4))]
    assert made == [1]


def checked(watched: Watched, **settings: Any) -> list[str | None]:
    with override_settings(FOOTFALL_SITE=watched.site, **settings):
        return [message.id for message in check_installation()]


@pytest.mark.parametrize(
    ("middleware", "found"),
    [
        ([DOOR, UPDATE, FETCH], []),
        ([UPDATE, DOOR, FETCH], ["footfall.W001"]),
        ([UPDATE, FETCH, DOOR], ["footfall.W001"]),
        ([SESSION, DOOR], ["footfall.W002"]),
        ([SESSION], []),
    ],
    ids=["first", "between", "last", "second", "absent"],
)
def test_a_check_warns_of_a_wrong_place(middleware: list[str], found: list[str], watched: Watched) -> None:
    assert checked(watched, MIDDLEWARE=middleware) == found


@pytest.mark.parametrize("setting", ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME"])
def test_a_check_warns_of_a_cookie_name_that_django_uses(setting: str, watched: Watched) -> None:
    assert checked(watched, MIDDLEWARE=[DOOR], **{setting: "rsa"}) == ["footfall.W003"]


@pytest.mark.parametrize(
    ("site", "message"),
    [(None, "dotted path"), ("nowhere.site", "cannot be imported"), ("footfall.django.SETTING", "is a str")],
)
def test_a_site_that_is_missing_is_a_checks_error_and_stops_the_start(site: Any, message: str) -> None:
    with override_settings(FOOTFALL_SITE=site, MIDDLEWARE=[DOOR]):
        assert [found.id for found in check_installation()] == ["footfall.E001"]
        with pytest.raises(ConfigError, match=message):
            TrackingMiddleware(shirt)
