"""Every example, under the server it names: cookies for the browser, one request for each tracker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doors.shops import EXAMPLES, get, run_shop

from footfall.localtracker import LocalTracker

SHOPS = [
    ("uvicorn", "starlette_app:app"),
    ("hypercorn", "starlette_app:app"),
    ("hypercorn on trio", "starlette_app:app"),
    ("uvicorn", "fastapi_app:app"),
    ("uvicorn", "plain_asgi:app"),
    ("uvicorn", "django_app:asgi_application"),
    ("gunicorn", "django_app:application"),
    ("gunicorn", "flask_app:app"),
    ("gunicorn", "plain_wsgi:app"),
]
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def tracker() -> Iterator[LocalTracker]:
    with LocalTracker() as tracker:
        yield tracker


@pytest.mark.parametrize(("server", "example"), SHOPS, ids=[" ".join(shop) for shop in SHOPS])
def test_a_visitor_is_known_again_and_each_tracker_told_of_each_click(
    server: str, example: str, tracker: LocalTracker, tmp_path: Path
) -> None:
    tracker.clear()
    with run_shop(server, example, tracker.url, tmp_path) as port:
        first = get(port)
        second = get(port, cookies=first.cookies)
        received = tracker.wait_until(4, timeout=15)

    assert first.cookies == second.cookies
    assert set(first.cookies) == {"rsa", "rsaSession", "rsaSessionOpen"}
    device, session = first.cookies["rsa"], first.cookies["rsaSession"]
    assert GUID.fullmatch(device)
    assert GUID.fullmatch(session)
    raptor = f"/12345.rsa?p1=visit&p2=3298&coid={device}&sid={session}"
    yoochoose = f"/api/00000/click/{device}/1/3298"
    assert sorted((one.target, one.status) for one in received) == [
        *[(raptor, 200)] * 2,
        *[(yoochoose, 204)] * 2,
    ]


def test_every_example_that_is_a_shop_is_run() -> None:
    examples = {path.stem for path in EXAMPLES.glob("*.py")} - {"own_tracker", "broken_shop"}
    assert examples == {example.partition(":")[0] for _, example in SHOPS}
