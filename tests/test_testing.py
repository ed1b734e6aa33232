"""What the package offers to the tests of its users: by the names that their tests use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.identity.asking import CLICK, DEVICE, KNOWN, make_site, view

import footfall
from footfall import Config, Site
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.errors import EventError, NoIdentity
from footfall.events import Click, Event, Login, PageView
from footfall.identity.visitor import Visitor
from footfall.testing import Clock, check_tracker, numbered_ids, recording
from footfall.trackers import Raptor, Yoochoose
from footfall.wire import WireRequest

EVENT = Click("3298")


def test_ids_are_numbered_guids() -> None:
    new_id = numbered_ids()
    assert [new_id(), new_id()] == ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]


def test_two_sources_of_ids_do_not_share_their_numbers() -> None:
    assert numbered_ids()() == numbered_ids()()


def test_a_clock_stands_until_it_is_set() -> None:
    clock = Clock(100.0)
    clock.advance(20)
    assert (clock(), clock()) == (120.0, 120.0)


def test_a_site_takes_ids_and_clock() -> None:
    site = Site(Config(consent=always_granted, ruid_cookie="off"), new_id=numbered_ids(), now=Clock(7.0))
    request = view()
    assert (site.begin(request).device_id, request.time) == ("00000000-0000-4000-8000-000000000001", 7.0)


def test_what_a_view_reports_is_recorded_once_however_many_trackers_there_are() -> None:
    site = make_site()
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN)).emit(EVENT)
    assert (recorder.events, [one.device_id for one in recorder.visitors]) == ([EVENT], [DEVICE])


def test_the_requests_are_those_that_would_have_been_sent() -> None:
    site = make_site()
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN)).emit(EVENT)
    assert [(one.tracker, one.kind) for one in recorder.requests] == [("raptor", "visit"), ("yoochoose", "click")]


def test_nothing_is_sent_while_recording() -> None:
    site = make_site()
    with recording(site):
        site.begin(view(cookie=KNOWN)).emit(EVENT)
    assert site.stats().accepted == 0


def test_a_site_is_as_before_when_recording_ends() -> None:
    site = make_site()
    before = (site.trackers, site.delivery)
    with recording(site):
        pass
    assert (site.trackers, site.delivery) == before


def test_an_event_that_is_wrong_is_so_while_recording_too() -> None:
    site = make_site()
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN)).emit(Click("letters"))
    assert [tracker for tracker, _ in recorder.set_aside_reasons] == ["yoochoose"]


def test_a_refusal_is_recorded_with_its_reason() -> None:
    site = make_site()
    with recording(site) as recorder:
        site.begin(view(headers={"user-agent": "Googlebot"})).emit(CLICK)
    assert {reason for _, reason in recorder.refused} == {"bot"}


def test_an_erasure_is_recorded() -> None:
    site = make_site()
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN)).forget()
    assert DEVICE in recorder.erased


USERS_TEST = """
from footfall import Config, Site
from footfall.consent import always_granted
from footfall.events import Click
from footfall.request import RequestView
from footfall.testing import numbered_ids

site = Site(Config(consent=always_granted, ruid_cookie="off"), new_id=numbered_ids())
delivery = site.delivery

def page():
    headers = {"user-agent": "Mozilla/5.0 Firefox/153.0", "accept": "text/html"}
    return RequestView(method="GET", scheme="https", host="shop.example", path="/", query="", header=headers.get)

def test_a_view_reports(tracked):
    recorder = tracked(site)
    site.begin(page()).emit(Click("3298"))
    assert recorder.events == [Click("3298")]

def test_the_site_is_released_after_a_test():
    assert site.delivery is delivery
"""


def test_the_fixture_of_the_plugin_records_until_the_test_ends(tmp_path: Path) -> None:
    """In a pytest of its own, as a user's."""
    (tmp_path / "test_shop.py").write_text(USERS_TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    installed = "footfall" in {point.dist.name for point in _plugins() if point.dist is not None}
    done = subprocess.run(
        command if installed else [*command, "-p", "footfall.testing"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def _plugins() -> Any:
    from importlib.metadata import entry_points

    return entry_points(group="pytest11")


@pytest.mark.parametrize(
    "tracker",
    [
        Raptor("12345"),
        Raptor("12345", offline_orders=True, page_url=True),
        Yoochoose("00000"),
        Yoochoose("00000", text_item_ids=True, licence_key="key"),
        Yoochoose.ibexa("00000"),
    ],
    ids=repr,
)
def test_our_own_trackers_keep_to_what_every_tracker_must(tracker: Raptor | Yoochoose) -> None:
    check_tracker(tracker, [Click("letters"), Login("a\\b")])


def test_the_example_keeps_to_what_every_tracker_must() -> None:
    import runpy

    example = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "own_tracker.py"))
    check_tracker(example["Webhook"]("http://127.0.0.1:9000/events"))


def test_an_event_of_ones_own_is_checked_too() -> None:
    class Favourite(Event):
        kind = "favourite"

    asked: list[Event] = []

    class Overhearing(Good):
        def requests(self, event: Event, visitor: Visitor) -> Sequence[Any]:
            asked.append(event)
            return super().requests(event, visitor)

    favourite = Favourite()
    check_tracker(Overhearing(), [favourite])
    assert favourite in asked


def sent(tracker: str = "own", url: str = "https://tracker.example/", **parts: Any) -> list[WireRequest]:
    return [WireRequest(tracker=tracker, kind="click", url=url, **parts)]


class Good:
    """A tracker that is right; the wrong ones below differ in one thing."""

    name: Any = "own"

    def requests(self, event: Event, visitor: Visitor) -> Sequence[Any]:
        return sent()


class Wrong(Good):
    def __init__(self, answer: Callable[[Event, Visitor], Sequence[Any]], name: Any) -> None:
        self.name = name
        self.answer = answer

    def requests(self, event: Event, visitor: Visitor) -> Sequence[Any]:
        return self.answer(event, visitor)


def wrong(requests: Callable[[Event, Visitor], Sequence[Any]], name: Any = "own") -> Any:
    return Wrong(requests, name)


def fail(error: Callable[[Visitor], Exception]) -> Callable[[Event, Visitor], Sequence[Any]]:
    def requests(event: Event, visitor: Visitor) -> Sequence[Any]:
        raise error(visitor)

    return requests


WRONG: dict[str, tuple[Any, str]] = {
    "is no tracker": (object(), "lacks name or requests"),
    "has no name": (wrong(lambda *_: [], name=""), "name is empty"),
    "has a number for a name": (wrong(lambda *_: [], name=7), "name is no text"),
    "lets its own mistakes out": (wrong(fail(lambda _: KeyError("x"))), "raised KeyError"),
    "asks the clock": (
        wrong(lambda *_: sent(url=f"https://tracker.example/{time.perf_counter_ns()}")),
        "two calls differ",
    ),
    "returns URLs": (wrong(lambda *_: ["https://tracker.example/"]), "returned a str"),
    "speaks for another tracker": (wrong(lambda *_: sent(tracker="raptor")), "names tracker 'raptor'"),
    "does not encode": (wrong(lambda e, v: sent(url=f"https://tracker.example/{v.user_id}")), "not finished"),
    "encodes in small letters": (wrong(lambda *_: sent(url="https://tracker.example/%c3%a9")), "not finished"),
    "leaves a percent sign": (wrong(lambda *_: sent(url="https://tracker.example/100%")), "not finished"),
    "names no scheme": (wrong(lambda *_: sent(url="//tracker.example/")), "not finished"),
    "breaks a header": (wrong(lambda *_: sent(headers=(("X", "a\r\nb"),))), "not printable ASCII"),
    "quotes a visitor in an error": (wrong(fail(lambda v: EventError(f"no user {v.user_id}"))), "quotes the visitor"),
    "quotes a visitor in a refusal": (wrong(fail(lambda v: NoIdentity(f"not {v.device_id}"))), "quotes the visitor"),
    "names a visitor in a kind": (
        wrong(lambda e, v: [WireRequest(tracker="own", kind=v.user_id or "", url="https://tracker.example/")]),
        "kind names the visitor",
    ),
    "hides a visitor from forget()": (
        wrong(lambda e, v: sent(body=(v.device_id or "").encode())),
        "names the device and is nobody's",
    ),
}


def test_a_right_tracker_passes() -> None:
    check_tracker(Good())


@pytest.mark.parametrize(("tracker", "finding"), WRONG.values(), ids=WRONG.keys())
def test_a_tracker_is_caught_that(tracker: Any, finding: str) -> None:
    with pytest.raises(AssertionError, match=finding.replace("(", r"\(")):
        check_tracker(tracker)


def test_what_is_recorded_needs_no_delivery() -> None:
    site = make_site()
    site.delivery = Delivery("memory:")
    site.delivery.close(0)
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN)).emit(PageView())
    assert [one.kind for one in recorder.requests] == ["pageview"]
