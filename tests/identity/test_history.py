"""Real visitors' clicks, one jar each: as many sessions as were counted from the files by themselves.

The files may not be copied into this project. Where they are is for ``FOOTFALL_DATA`` alone to say. Without them
these tests are skipped, wherever they run: everything that they hold is also held, by ``test_year.py``.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.identity.asking import make_site
from tests.identity.browsing import Browser
from tests.outside import outside_data

from footfall.testing import Clock


def rees46(path: Path) -> Iterator[tuple[float, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            at = datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
            yield at.timestamp(), row["user_id"]


def yoochoose(path: Path) -> Iterator[tuple[float, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            yield float(row["Time"]), row["SessionId"]


@pytest.mark.parametrize(
    ("name", "read", "visitors", "sessions"),
    [
        ("rees46-2019-10-01.csv", rees46, 4504, 4528),
        ("yoochoose-clicks-100k_test.txt", yoochoose, 3416, 3585),
    ],
    ids=["rees46", "yoochoose"],
)
def test_real_visitors_have_the_sessions_that_the_rules_give(
    name: str, read: Callable[[Path], Iterator[tuple[float, str]]], visitors: int, sessions: int
) -> None:
    """R-20..R-24: a session ends after 20 quiet minutes, a device does not."""
    path = outside_data(name)
    clock = Clock()
    site = make_site()
    browsers: dict[str, Browser] = {}
    seen: set[tuple[str | None, str | None]] = set()
    for at, who in sorted(read(path)):
        clock.now = at
        browser = browsers.get(who)
        if browser is None:
            browser = browsers[who] = Browser(site, clock)
        seen.add(browser.open())
    assert (len({device for device, _ in seen}), len({session for _, session in seen})) == (visitors, sessions)
