"""What the package offers to the tests of its users: by the names that their tests use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.identity.asking import CLICK, DEVICE, KNOWN, SCRIPT, make_site, view

import footfall
from footfall import Config, Consent, CookieNames, Site, Tracking
from footfall.asgi import ScopeView
from footfall.consent import always_granted, cookiebot, own_cookie
from footfall.delivery import Delivery
from footfall.errors import ConfigError, EventError, NoIdentity
from footfall.events import Click, Event, Login, PageView, Rate
from footfall.identity.visitor import Visitor
from footfall.testing import Apart, Clock, Person, a_person, check_tracker, numbered_ids, recording, track
from footfall.trackers import Raptor, Yoochoose
from footfall.wire import WireRequest
from footfall.wsgi import EnvironView

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


@pytest.mark.parametrize("debug", [False, True])
def test_an_event_is_recorded_once_whatever_else_is_asked_of_the_trackers(debug: bool) -> None:
    """A preview, the debug trace's own question and the count of a refusal are no events."""
    site = make_site()
    with recording(site) as recorder:
        tracking = site.begin(view(cookie=KNOWN), debug=debug)
        tracking.preview(PageView())
        tracking.emit(EVENT)
        tracking.finish(200, [])
        site.begin(view(headers={"user-agent": "Googlebot"}), debug=debug).emit(EVENT)
    assert (recorder.events, [one.tracker for one in recorder.requests]) == ([EVENT], ["raptor", "yoochoose"])


@pytest.mark.parametrize("debug", [False, True])
def test_what_is_refused_stands_apart(debug: bool) -> None:
    site = make_site()
    with recording(site) as recorder:
        site.begin(view(headers={"user-agent": "Googlebot"}), debug=debug).emit(EVENT)
    assert recorder.events == []
    assert recorder.refused_events == [Apart(EVENT, "raptor", "bot"), Apart(EVENT, "yoochoose", "bot")]


def test_what_is_set_aside_stands_apart_with_its_reason() -> None:
    wrong, letters = Click(""), Click("letters")
    site = make_site()
    with recording(site) as recorder:
        for event in (wrong, letters):
            site.begin(view(cookie=KNOWN)).emit(event)
    assert recorder.events == [letters]
    assert [(one.event, one.tracker) for one in recorder.set_aside_events] == [
        (wrong, "raptor"),
        (wrong, "yoochoose"),
        (letters, "yoochoose"),
    ]
    assert recorder.set_aside_events[0].reason == wrong.finding


def test_what_raises_in_debug_is_not_recorded_as_accepted() -> None:
    site = make_site()
    with recording(site) as recorder, pytest.raises(EventError):
        site.begin(view(cookie=KNOWN), debug=True).emit(Click("letters"))
    assert (recorder.events, recorder.requests) == ([], [])


def test_an_event_without_an_id_is_refused_by_the_tracker_that_needs_one() -> None:
    site = make_site()
    with recording(site) as recorder:
        tracking = site.begin(view(headers=SCRIPT))
        tracking.finish(200, [])
        tracking.emit(EVENT)
    assert (recorder.events, recorder.refused_events) == ([EVENT], [Apart(EVENT, "raptor", "no id")])


def test_an_event_of_a_kind_that_no_tracker_has_is_not_recorded_as_accepted() -> None:
    site = Site(Config(consent=always_granted, ruid_cookie="off"), [Raptor("1")], delivery=Delivery("memory:"))
    rating = Rate("5", rating=3)
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN)).emit(rating)
    assert (recorder.events, recorder.ignored) == ([], [rating])


def test_a_held_event_is_recorded_when_consent_comes() -> None:
    site = make_site(consent=own_cookie())
    with recording(site) as recorder:
        tracking = site.begin(view(cookie=KNOWN), debug=True)
        tracking.emit(EVENT)
        before = list(recorder.events)
        tracking.grant()
    assert (before, recorder.events) == ([], [EVENT])


def test_a_request_that_began_before_recording_is_recorded_too() -> None:
    site = make_site()
    tracking = site.begin(view(cookie=KNOWN), debug=True)
    with recording(site) as recorder:
        tracking.emit(EVENT)
    assert (recorder.events, site.stats().accepted) == ([EVENT], 0)


def test_a_site_that_is_switched_off_is_recorded_all_the_same() -> None:
    site = Site(Config(consent=always_granted, ruid_cookie="off"), [Raptor("1")], send=False)
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN)).emit(EVENT)
    assert (len(recorder.requests), recorder.refused, site.reporter.send) == (1, [], False)


# A visitor


def ask_as(person: Person, site: Site) -> Tracking:
    return site.begin(view(headers=person.headers))


def test_a_person_is_no_bot_and_comes_back() -> None:
    site = make_site()
    tracking = ask_as(a_person(site), site)
    assert (tracking.request_class.name, tracking.is_new_device, tracking.is_new_session) == ("page", False, False)


def test_a_person_who_is_new_has_no_cookie_of_ours() -> None:
    site = make_site()
    person = a_person(site, returning=False)
    assert (dict(person.cookies), "cookie" in person.headers, ask_as(person, site).is_new_device) == ({}, False, True)


@pytest.mark.parametrize("said", Consent)
def test_a_person_has_chosen(said: Consent) -> None:
    site = make_site(consent=own_cookie("choice"))
    tracking = ask_as(a_person(site, consent=said), site)
    assert (tracking.consent, tracking.person_consent) == (said, said)


def test_a_person_has_chosen_in_a_platform_by_its_cookie() -> None:
    site = make_site(consent=cookiebot("marketing"))
    person = a_person(site, cookies={"CookieConsent": "-1"})
    assert ask_as(person, site).consent is Consent.GRANTED


def test_a_persons_choice_that_the_reader_would_not_find_is_said() -> None:
    with pytest.raises(
        ConfigError, match="this site's reader finds it unknown, not granted; give its platform's cookie"
    ):
        a_person(make_site(consent=cookiebot("marketing")))


def test_a_person_goes_by_the_sites_own_names() -> None:
    site = make_site(cookie_names=CookieNames(device="did", session="sid"))
    assert set(a_person(site).cookies) == {"did", "sid", "sidOpen"}


@pytest.mark.parametrize("make", [EnvironView, ScopeView], ids=["wsgi", "asgi"])
def test_what_went_through_no_middleware_gets_a_tracking(make: Any) -> None:
    site = make_site()
    person = a_person(site)
    given: dict[str, Any] = (
        {"wsgi.url_scheme": "https", "REQUEST_METHOD": "GET", "HTTP_HOST": "shop.example", "PATH_INFO": "/"}
        if make is EnvironView
        else {"type": "http", "method": "GET", "scheme": "https", "path": "/", "headers": []}
    )
    for name, value in person.headers.items():
        if make is EnvironView:
            given[f"HTTP_{name.upper().replace('-', '_')}"] = value
        else:
            given["headers"].append((name.encode(), value.encode()))
    with recording(site) as recorder:
        track(site, given).emit(EVENT)
    assert (recorder.events, recorder.visitors[0].device_id) == ([EVENT], person.cookies["rsa"])
    assert given["footfall.tracking"].device_id == person.cookies["rsa"]


def test_what_is_no_request_gets_no_tracking() -> None:
    with pytest.raises(TypeError, match="request is a int; give a framework's request, an environ or a scope"):
        track(make_site(), 7)


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
        command if installed else [*command, "-p", "pytest_footfall"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


NOTHING_LOADED = """
import sys

def test_nothing_of_the_package_is_loaded():
    assert [name for name in sys.modules if name.split(".")[0] == "footfall"] == []

def test_a_fixture_loads_it(tracked):
    assert callable(tracked)
"""


def test_the_plugin_loads_nothing_of_the_package_until_its_fixture_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(NOTHING_LOADED)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_footfall", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
            "PYTHONPATH": str(Path(footfall.__file__).parents[1]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_that_is_installed_is_the_one_beside_the_package() -> None:
    declared = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert declared["project"]["entry-points"]["pytest11"] == {"footfall": "pytest_footfall"}


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
