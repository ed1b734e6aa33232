"""What a view may do too late or wrong, and what a tracking shows."""

from __future__ import annotations

import pytest
from tests.identity.asking import (
    ANNA,
    CLICK,
    KNOWN,
    SCRIPT,
    guid,
    make_site,
    reported,
    view,
)

from footfall import current_tracking
from footfall.consent import own_cookie
from footfall.errors import EventError
from footfall.events import Basket, Buy, Click, Event, Login, PageView
from footfall.testing import recording

# Too late


@pytest.mark.parametrize("what", ["identify", "grant", "deny", "forget"])
def test_a_change_after_the_response_began_is_warned_of_once(what: str, caplog: pytest.LogCaptureFixture) -> None:
    site = make_site()
    with recording(site):
        for _ in range(2):
            tracking = site.begin(view(cookie=KNOWN))
            tracking.finish(200, [])
            getattr(tracking, what)(*([ANNA] if what == "identify" else []))
    assert [record.message for record in caplog.records] == [
        f"{what}() came after the response had started: no cookie can tell of it"
    ]


def test_an_event_after_the_response_began_goes_under_its_ids() -> None:
    """D-02: a streaming body's."""
    site = make_site()
    tracking = site.begin(view())
    tracking.finish(200, [])
    with recording(site) as recorder:
        tracking.emit(CLICK)
    assert recorder.visitors[0].device_id == guid(1)


def test_an_event_after_the_response_began_mints_nobody() -> None:
    """D-02."""
    site = make_site()
    tracking = site.begin(view(headers=SCRIPT))
    tracking.finish(200, [])
    with recording(site) as recorder:
        tracking.emit(CLICK)
    assert recorder.visitors[0].device_id is None


# What may go wrong


@pytest.mark.parametrize("event", [None, "click", {"kind": "click"}, Click], ids=str)
def test_what_is_no_event_raises_where_a_developer_looks(event: object) -> None:
    with pytest.raises(EventError, match=r"emit one of footfall.events"):
        make_site().begin(view(), debug=True).emit(event)  # type: ignore[arg-type]


def test_what_is_no_event_breaks_no_page() -> None:
    """D-01: it is set aside, and counted."""
    recorder = reported(make_site(), view(), lambda t: t.emit("click"))  # type: ignore[arg-type]
    assert (recorder.requests, [one for one, _ in recorder.set_aside_reasons][:2]) == ([], ["raptor", "yoochoose"])


def test_a_wrong_event_of_a_strict_site_writes_nothing_for_any_tracker() -> None:
    site = make_site()
    with recording(site) as recorder, pytest.raises(EventError):
        site.begin(view(cookie=KNOWN), debug=True).emit(Click("no number"))
    assert recorder.requests == []


def test_a_wrong_event_goes_to_the_trackers_that_take_it() -> None:
    """D-01."""
    recorder = reported(make_site(), view(cookie=KNOWN), lambda t: t.emit(Click("no number")))
    assert ([one.tracker for one in recorder.requests], [one for one, _ in recorder.set_aside_reasons]) == (
        ["raptor"],
        ["yoochoose"],
    )


def test_a_held_event_that_is_wrong_breaks_no_page() -> None:
    """D-01."""
    site = make_site(consent=own_cookie())
    with recording(site):
        tracking = site.begin(view(), debug=True)
        tracking.emit(Click("no number"))
        tracking.grant()
        assert tracking.finish(200, []) is not None


@pytest.mark.parametrize("event", [PageView(), Basket("1"), Buy("1", price=None), Login("x")])
def test_a_preview_sends_nothing(event: Event) -> None:
    site = make_site()
    with recording(site) as recorder:
        previewed = site.begin(view(cookie=KNOWN)).preview(event)
    assert (recorder.requests, bool(previewed)) == ([], True)


def test_a_tracking_shows_its_class_and_no_visitor() -> None:
    assert repr(make_site().begin(view("https://www.shop.example/?reaid=X", cookie=KNOWN))) == "<Tracking of a page>"


def test_there_is_no_tracking_outside_of_a_request() -> None:
    assert current_tracking() is None
