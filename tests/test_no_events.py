"""An event that is not accepted says so: each in debug, bounded elsewhere; and what a request was is there to read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.identity.asking import ANNA, DEVICE, KNOWN, PAGE, PAYMENT_RETURN, SCRIPT, SESSION, make_site, view

from footfall import Config, Site, Tracking
from footfall.consent import own_cookie
from footfall.delivery import Delivery
from footfall.errors import EventError
from footfall.events import Click, Login
from footfall.reporter import REMEDIES
from footfall.testing import Clock
from footfall.trackers import Raptor

CURL = {**PAGE, "user-agent": "curl/8.5.0"}
PREFETCH = {**PAGE, "sec-purpose": "prefetch"}
PREFLIGHT = {**PAGE, "access-control-request-method": "POST"}

#: From a name to a request, the site's settings and what is said of the event: reason and beginning of the remedy.
SILENT: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no consent yet": ({}, {"consent": own_cookie()}, "(consent)"),
    "a denial": ({"cookie": f"footfallConsent=1.d.d.1700000000; {KNOWN}"}, {"consent": own_cookie()}, "(consent)"),
    "curl": ({"headers": CURL}, {}, "(bot)"),
    "a prefetch": ({"headers": PREFETCH}, {}, "(speculative)"),
    "a preflight": ({"headers": PREFLIGHT, "method": "OPTIONS"}, {}, "(preflight)"),
    "a HEAD": ({"method": "HEAD"}, {}, "(no page)"),
    "no cookie at a payment's return": ({"headers": PAYMENT_RETURN, "method": "POST"}, {}, "by raptor (no id)"),
    "an id not brought back": ({}, {"unconfirmed_events": "refuse"}, "(unconfirmed)"),
}


def infos(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]


def serve(site: Site, do: Callable[[Tracking], object], *, debug: bool, **request: Any) -> None:
    tracking = site.begin(view(**request), debug=debug)
    do(tracking)
    tracking.finish(200, [])
    tracking.release()


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(("request_", "config", "reason"), SILENT.values(), ids=SILENT)
def test_an_event_that_is_not_accepted_is_one_line_with_the_remedy(
    request_: dict[str, Any], config: dict[str, Any], reason: str, debug: bool, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site(**config)
    serve(site, lambda t: t.emit(Click("3298")), debug=debug, **request_)
    remedy = REMEDIES[reason.strip("()").rpartition("(")[2]]
    assert infos(caplog) == [f"event click: is not accepted {reason}; {remedy}"]


def test_in_debug_each_has_its_line_elsewhere_one_a_minute_has_their_number(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def emit_often(tracking: Tracking) -> None:
        for at in range(500):
            tracking.emit(Click(str(at)))
        tracking.emit(Login("somebody"))

    site, clock = make_site(), Clock()
    monkeypatch.setattr(site.policy.notices, "_clock", clock)
    serve(site, emit_often, debug=True, headers=CURL)
    assert len(infos(caplog)) == 501
    caplog.clear()
    for _ in range(2):
        serve(site, emit_often, debug=False, headers=CURL)
    assert [line.partition(":")[0] for line in infos(caplog)] == ["event click", "event login"]
    clock.advance(60)
    serve(site, emit_often, debug=False, headers=CURL)
    assert [line.rpartition(" (")[2] for line in infos(caplog)[2:]] == ["1000 times)", "2 times)"]


def test_a_site_that_hears_no_info_is_told_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "footfall"):
        serve(make_site(), lambda t: t.emit(Click("3298")), debug=False, headers=CURL)
    assert caplog.records == []


def test_a_wrong_event_is_named_in_debug_beside_its_error(caplog: pytest.LogCaptureFixture) -> None:
    tracking = make_site().begin(view(), debug=True)
    with pytest.raises(EventError):
        tracking.emit(Click("a text that YOOCHOOSE does not take"))
    assert infos(caplog) == ["event click: is not accepted by yoochoose (it is wrong); see its error"]


def test_what_a_full_spool_does_not_take_is_said(caplog: pytest.LogCaptureFixture) -> None:
    site = Site(
        Config(consent=make_site().config.consent, ruid_cookie="off"),
        [Raptor("12345")],
        delivery=Delivery("sqlite:////proc/nothing/footfall.sqlite3"),
    )
    serve(site, lambda t: t.emit(Click("3298")), debug=True)
    assert [line for line in infos(caplog) if "(not kept)" in line] == [
        f"event click: is not accepted (not kept); {REMEDIES['not kept']}"
    ]
    site.close(0)


def test_a_token_that_opens_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    make_site().resume("of another site").emit(Click("3298"))
    assert infos(caplog) == [f"event click: is not accepted (no snapshot); {REMEDIES['no snapshot']}"]


# What a request was


def debugs(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "footfall.tracking"]


def test_in_debug_the_log_says_what_a_request_was_and_did(caplog: pytest.LogCaptureFixture) -> None:
    serve(make_site(), lambda t: t.emit(Click("3298")), debug=True)
    (line,) = debugs(caplog)
    assert line.split("; ") == [
        "200",
        "class: page",
        "reason: a person opened a page",
        "consent: granted",
        "device: new",
        "session: new",
        "user: nobody",
        "cookies: rsa rsaSession rsaSessionOpen",
        "cache: made private: it sets cookies",
        "events: click>raptor click>yoochoose",
    ]


def test_a_connection_without_a_response_is_told_of_too(caplog: pytest.LogCaptureFixture) -> None:
    tracking = make_site().begin(view("wss://www.shop.example/chat", cookie=KNOWN), debug=True)
    tracking.release()
    (line,) = debugs(caplog)
    assert line.startswith("no response; class: websocket;")


@pytest.mark.parametrize("headers", [PAGE, SCRIPT, CURL])
def test_no_line_holds_anything_of_the_visitor(headers: Mapping[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """Not even the first letters of an id, which the header shows."""

    def act(tracking: Tracking) -> None:
        tracking.identify(ANNA)
        tracking.login("johndoe")
        tracking.emit(Click("329811"))

    for cookie in (KNOWN, f"{KNOWN}; rsaReaId=token-of-anna"):
        serve(
            make_site(),
            act,
            debug=True,
            url="https://www.shop.example/secret/path?reaid=abc",
            cookie=cookie,
            headers=headers,
        )
    said = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("footfall"))
    for value in (DEVICE[:4], SESSION[:4], ANNA, "johndoe", "329811", "token-of-anna", "secret", "abc"):
        assert value not in said


def test_outside_of_debug_a_request_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    serve(make_site(), lambda t: t.emit(Click("3298")), debug=False)
    assert caplog.records == []
