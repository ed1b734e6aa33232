"""Through every door: cookies in quotes, percent-encoded, with commas, joined by the server."""

from __future__ import annotations

import pytest
from tests.doors.conftest import MakeWatched
from tests.doors.drivers import DOORS
from tests.doors.exchange import Reply, Request
from tests.doors.rows import ALICE, VISIT, emit, ids, raptor, yoochoose

from footfall.consent import cookie

QUOTED = f'rsa="{ALICE}"; rsaSession="{VISIT}"; rsaSessionOpen="1"; rsaReaId="a%2Bb%2Fc%3D"'
JOINED = (f"rsa={ALICE}; x=1", f"rsaSession={VISIT}; rsaReaId=a%2Bb%2Fc%3D", "rsaSessionOpen=1")
CHOICE = "choice=id:1,consent:yes,ads:yes"


@pytest.mark.parametrize("cookies", [(f"{CHOICE}; {QUOTED}",), (f"{QUOTED}; {CHOICE}",), (CHOICE, *JOINED)])
@pytest.mark.parametrize("door", DOORS)
def test_the_visitor_is_known_and_their_choice_is_read(door: str, cookies: tuple[str, ...], watch: MakeWatched) -> None:
    watched = watch(consent=cookie("choice", lambda value: value.endswith("ads:yes")))
    response = DOORS[door](watched.site, Request(cookies=cookies), emit, Reply())
    assert response.all("set-cookie") == ids(ALICE, VISIT)
    urls = [request.url for request in watched.reported.requests]
    assert urls == [raptor(ALICE, VISIT, person="|reaid=a%2Bb%2Fc%3D"), yoochoose(ALICE)]
