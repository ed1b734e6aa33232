"""Every door gives the same answer to the same request, and it is the right one."""

from __future__ import annotations

import re

import pytest
from tests.doors import cases_persons, cases_visits
from tests.doors.cases_persons import SEALER
from tests.doors.drivers import DOORS
from tests.doors.exchange import make_site
from tests.doors.rows import Case

from footfall.testing import recording


def opened(line: str) -> str:
    """Show what a sealed cookie holds: two seals of one text are never alike."""
    sealed = re.match(r"rsaRuid=(1\.[A-Za-z0-9_-]+)", line)
    found = SEALER.open(sealed[1], "rsaRuid", "shop.example") if sealed else None
    return line if sealed is None or found is None else line.replace(sealed[1], f"<{found.text}>")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", [*cases_visits.CASES, *cases_persons.CASES], ids=lambda case: case.what)
def test_every_door_answers_the_same(case: Case, door: str) -> None:
    site = make_site(site=case.site, **case.config)
    with recording(site) as recorder:
        response = DOORS[door](site, case.request, case.view, case.reply)

    private = ["private"] if case.cookies else []
    assert {
        "status": response.status,
        "location": response.all("location"),
        "cookies": [opened(line) for line in response.all("set-cookie")],
        "cache-control": response.all("cache-control"),
        "vary": response.all("vary"),
        "wire": [request.url for request in recorder.requests],
        "refused": [reason for _, reason in recorder.refused],
    } == {
        "status": case.status or case.reply.status,
        "location": case.location,
        "cookies": case.cookies,
        "cache-control": private if case.cache_control is None else case.cache_control,
        "vary": case.vary,
        "wire": case.wire,
        "refused": case.refused,
    }
