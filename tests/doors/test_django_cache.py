"""Django's own cache around us and inside us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from tests.doors.conftest import DOOR, ServeView, Watched
from tests.doors.exchange import PAGE, Request, guid
from tests.doors.rows import IMAGE, ids

OURS = ids(guid(1), guid(2))
UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"


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
