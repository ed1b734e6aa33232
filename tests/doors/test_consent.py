"""A consent reader that has to wait is asked before the application runs, where the protocol lets it."""

from __future__ import annotations

import asyncio
import logging

import pytest
from tests.doors.conftest import MakeWatched
from tests.doors.drivers import DOORS
from tests.doors.exchange import Reply, Request, guid
from tests.doors.rows import both, emit, ids, person

from footfall import Consent
from footfall.request import RequestView

ASYNC_DOORS = ["asgi", "starlette", "fastapi", "django-asgi"]


async def ask_elsewhere(view: RequestView) -> Consent:
    await asyncio.sleep(0)
    return Consent.GRANTED


@pytest.mark.parametrize("door", ASYNC_DOORS)
def test_an_async_reader_is_awaited(door: str, watch: MakeWatched) -> None:
    watched = watch(consent=ask_elsewhere)
    response = DOORS[door](watched.site, Request(), emit, Reply())
    assert response.all("set-cookie") == ids(guid(1), guid(2))
    assert [request.url for request in watched.reported.requests] == both(guid(1), guid(2))


@pytest.mark.parametrize("door", ASYNC_DOORS)
def test_an_async_reader_is_awaited_before_a_landing_page_is_redirected(door: str, watch: MakeWatched) -> None:
    watched = watch(consent=ask_elsewhere, strip_query_ids=True)
    request = Request(url="https://www.shop.example/shirt?reaid=r1")
    response = DOORS[door](watched.site, request, emit, Reply())
    assert (response.status, response.all("location")) == (303, ["/shirt"])
    assert response.all("set-cookie")[-1] == person("rsaReaId", "r1")


@pytest.mark.parametrize("door", ["wsgi", "flask", "django-wsgi"])
def test_where_nothing_can_wait_an_async_reader_is_unknown_and_one_warning(
    door: str, watch: MakeWatched, caplog: pytest.LogCaptureFixture
) -> None:
    watched = watch(consent=ask_elsewhere)
    with caplog.at_level(logging.WARNING, "footfall"):
        responses = [DOORS[door](watched.site, Request(), emit, Reply()) for _ in range(2)]
    assert [response.all("set-cookie") for response in responses] == [[], []]
    assert watched.reported.requests == []
    assert len(caplog.records) == 1
