"""A consent reader that has to wait is asked before the application runs, where the protocol lets it."""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.consent.platforms import PLATFORMS
from tests.doors.conftest import MakeWatched
from tests.doors.drivers import DOORS
from tests.doors.exchange import Reply, Request, guid, make_site
from tests.doors.rows import ALICE, KNOWN, VISIT, both, emit, expired, ids, person

from footfall import Consent
from footfall.consent import cookie_names_of
from footfall.request import RequestView
from footfall.testing import recording

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


SYNC_DOORS = ["asgi", "wsgi", "django-wsgi", "django-asgi"]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("door", SYNC_DOORS)
def test_every_platform_is_read_through_every_kind_of_door(door: str, platform: str, watch: MakeWatched) -> None:
    """D-05."""
    one = PLATFORMS[platform]
    watched = watch(consent=one.reader())
    said = [
        DOORS[door](watched.site, Request(cookies=(f"{KNOWN}; {header}",)), emit, Reply()).all("set-cookie")
        for header in (one.granted, one.denied, one.undecided)
    ]
    assert said == [ids(ALICE, VISIT), expired("rsa", "rsaSession", "rsaSessionOpen"), []]
    assert [request.url for request in watched.reported.requests] == both(ALICE, VISIT)


SITES = {platform: make_site(consent=one.reader()) for platform, one in PLATFORMS.items()}
HOSTILE = st.text(st.characters(min_codepoint=0x20, max_codepoint=255), max_size=60)


@given(
    door=st.sampled_from(SYNC_DOORS), platform=st.sampled_from(list(PLATFORMS)), value=HOSTILE, cut=st.integers(0, 99)
)
def test_no_platform_s_cookie_harms_a_page(door: str, platform: str, value: str, cut: int) -> None:
    """D-01, D-04."""
    site, header = SITES[platform], PLATFORMS[platform].granted
    name = cookie_names_of(site.config.consent)[0].rstrip("*")
    with recording(site):
        request = Request(cookies=(f"{name}={value}{header[cut:]}",))
        response = DOORS[door](site, request, emit, Reply())
    assert (response.status, response.body) == (200, b"a shirt")
    assert not any(value in line for line in response.all("set-cookie") if len(value) > 8)
