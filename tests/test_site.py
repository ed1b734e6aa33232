"""One shop: what it checks at start-up, and what of its own code and its delivery may fail."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest
from starlette.applications import Starlette
from tests.identity.asking import (
    CLICK,
    DEVICE,
    KEY,
    KNOWN,
    NOWHERE,
    cookies,
    emit,
    guid,
    make_site,
    raptor,
    reported,
    respond,
    view,
    yoochoose,
)

from footfall import Config, Consent, Site, asgi, wsgi
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.errors import ConfigError, EventError
from footfall.events import Event
from footfall.flask import Footfall
from footfall.identity import Visitor
from footfall.testing import Clock, recording
from footfall.trackers import Raptor, Yoochoose
from footfall.wire import WireRequest

CONFIG = Config(consent=always_granted, secret_keys=(KEY,))


class Broken:
    """A tracker of the site's own, with a mistake in it."""

    name = "broken"

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        raise KeyError(visitor.device_id)


def a_site(**parts: Any) -> Site:
    trackers = parts.pop("trackers", [Raptor("12345", base_url=NOWHERE), Yoochoose("00000", base_url=NOWHERE)])
    return Site(CONFIG, trackers, delivery=Delivery("memory:"), **parts)


# At start-up


def test_two_trackers_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"two trackers are named 'raptor'; give one of them another name="):
        a_site(trackers=[Raptor("1"), Raptor("2")])


def test_what_is_no_tracker_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"trackers\[1\]: is a str; give it name and requests"):
        a_site(trackers=[Raptor("1"), "yoochoose"])


async def asgi_app(scope: Any, receive: Any, send: Any) -> None: ...


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    return []


class Called:
    """An application that is an instance, as the frameworks' are."""

    def __init__(self, app: Any) -> None:
        self.app = app


class WsgiCalled(Called):
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class AsgiCalled(Called):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


SITE = a_site()
WRONG_PARTS: dict[str, tuple[Callable[[], object], str]] = {
    "an address for a delivery": (
        lambda: Site(CONFIG, delivery="sqlite:///x"),  # type: ignore[arg-type]
        r"delivery: is a str; write delivery=Delivery\('sqlite:///x'\)",
    ),
    "an address with a password for a delivery": (
        lambda: Site(CONFIG, delivery="redis://:hunter2@host"),  # type: ignore[arg-type]
        r"^delivery: is a str; write delivery=Delivery\(\.\.\.\), or leave it out$",
    ),
    "the class for a delivery": (
        lambda: Site(CONFIG, delivery=Delivery),  # type: ignore[arg-type]
        r"delivery: is the class Delivery; write delivery=Delivery\(\.\.\.\), or leave it out",
    ),
    "one tracker for a list": (
        lambda: Site(CONFIG, trackers=Raptor("1")),  # type: ignore[arg-type]
        r"trackers: is a Raptor; write trackers=\[Raptor\(\.\.\.\)\]",
    ),
    "text for trackers": (lambda: Site(CONFIG, "raptor"), r"trackers: is a str; write trackers=\["),  # type: ignore[arg-type]
    "None for trackers": (lambda: Site(CONFIG, None), r"trackers: is a NoneType; write trackers=\["),  # type: ignore[arg-type]
    "a class for a tracker": (lambda: Site(CONFIG, [Broken]), r"trackers\[0\]: is the class Broken; write Broken\("),  # type: ignore[list-item]
    "the class for a configuration": (
        lambda: Site(Config),  # type: ignore[arg-type]
        r"config: is the class Config; write Site\(Config\(\.\.\.\), trackers=\[\.\.\.\]\)",
    ),
    "a dict for a configuration": (lambda: Site({}), "config: is a dict; write Site"),  # type: ignore[arg-type]
    "trackers before a configuration": (
        lambda: Site([Raptor("1")], CONFIG),  # type: ignore[arg-type]
        "config: is a list and trackers is a Config; write Site",
    ),
    "a site and an application swapped (WSGI)": (
        lambda: wsgi.TrackingMiddleware(SITE, wsgi_app),  # type: ignore[arg-type]
        r"app: is a Site, which comes second; write TrackingMiddleware\(app, site\)",
    ),
    "a site and an application swapped (ASGI)": (
        lambda: asgi.TrackingMiddleware(SITE, asgi_app),  # type: ignore[arg-type]
        r"app: is a Site, which comes second; write TrackingMiddleware\(app, site\)",
    ),
    "a configuration for a site (WSGI)": (
        lambda: wsgi.TrackingMiddleware(wsgi_app, CONFIG),  # type: ignore[arg-type]
        r"site: is a Config; write TrackingMiddleware\(app, Site\(",
    ),
    "the class for a site (ASGI)": (
        lambda: asgi.TrackingMiddleware(asgi_app, Site),  # type: ignore[arg-type]
        r"site: is the class Site; write TrackingMiddleware\(app, Site\(",
    ),
    "no application": (lambda: wsgi.TrackingMiddleware(None, SITE), "app: is a NoneType, which cannot be called"),  # type: ignore[arg-type]
    "an ASGI door around a WSGI function": (
        lambda: asgi.TrackingMiddleware(wsgi_app, SITE),  # type: ignore[arg-type]
        r"it speaks WSGI; write footfall\.wsgi\.TrackingMiddleware, not footfall\.asgi's",
    ),
    "an ASGI door around Flask": (lambda: asgi.TrackingMiddleware(flask.Flask("shop"), SITE), "it speaks WSGI"),  # type: ignore[arg-type]
    "an ASGI door around a WSGI instance": (lambda: asgi.TrackingMiddleware(WsgiCalled(1), SITE), "it speaks WSGI"),  # type: ignore[arg-type]
    "a WSGI door around an ASGI function": (
        lambda: wsgi.TrackingMiddleware(asgi_app, SITE),  # type: ignore[arg-type]
        r"it speaks ASGI; write footfall\.asgi\.TrackingMiddleware, not footfall\.wsgi's",
    ),
    "a WSGI door around Starlette": (lambda: wsgi.TrackingMiddleware(Starlette(), SITE), "it speaks ASGI"),  # type: ignore[arg-type]
    "a WSGI door around an ASGI instance": (lambda: wsgi.TrackingMiddleware(AsgiCalled(1), SITE), "it speaks ASGI"),  # type: ignore[arg-type]
    "Flask's parts swapped": (
        lambda: Footfall(SITE, flask.Flask("shop")),  # type: ignore[arg-type]
        r"site: is a Flask; write Footfall\(app, site\)",
    ),
    "Flask's door around Starlette": (
        lambda: Footfall(Starlette(), SITE),  # type: ignore[arg-type]
        r"app: is a Starlette; write Footfall\(app, site\) with a Flask application",
    ),
}


@pytest.mark.parametrize(("make", "finding"), WRONG_PARTS.values(), ids=WRONG_PARTS.keys())
def test_what_is_put_in_the_wrong_place_is_refused_at_start_up(make: Callable[[], object], finding: str) -> None:
    with pytest.raises(ConfigError, match=finding):
        make()


@pytest.mark.parametrize("name", [None, "", 7])
def test_a_tracker_without_a_name_is_refused(name: Any) -> None:
    class Nameless(Broken):
        pass

    Nameless.name = name
    with pytest.raises(ConfigError, match=r"trackers\[0\], a Nameless, has no text for a name; write one"):
        a_site(trackers=[Nameless()])


@pytest.mark.parametrize(
    ("door", "app"),
    [
        (wsgi.TrackingMiddleware, wsgi_app),
        (wsgi.TrackingMiddleware, WsgiCalled(1)),
        (wsgi.TrackingMiddleware, flask.Flask("shop")),
        (wsgi.TrackingMiddleware, lambda *arguments: []),
        (wsgi.TrackingMiddleware, functools.partial(wsgi_app)),
        (asgi.TrackingMiddleware, asgi_app),
        (asgi.TrackingMiddleware, AsgiCalled(1)),
        (asgi.TrackingMiddleware, Starlette()),
        (asgi.TrackingMiddleware, lambda *arguments: None),
        (asgi.TrackingMiddleware, lambda scope: None),  # of a protocol that we do not know: its own affair
    ],
)
def test_a_door_goes_around_any_application_of_its_protocol(door: Any, app: Any) -> None:
    assert door(app, SITE).app is app


def test_trackers_may_come_from_a_generator() -> None:
    assert len(Site(CONFIG, (Raptor(str(one), name=f"r{one}") for one in range(2))).trackers) == 2  # type: ignore[arg-type]


def test_a_site_opens_nothing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Site(CONFIG).start()
    assert list(tmp_path.iterdir()) == []


def test_a_site_shows_its_trackers_and_no_key() -> None:
    assert repr(a_site()) == "<Site with raptor, yoochoose>"


def test_a_request_is_as_old_as_the_sites_clock_says() -> None:
    request = view()
    a_site(now=Clock(1000.0)).begin(request)
    assert request.time == 1000.0


# Who is logged in


@pytest.mark.parametrize(("said", "expected"), [("johndoe", "johndoe"), (7, "7"), (None, None), ("", None)])
def test_a_site_says_who_is_logged_in(said: object, expected: str | None) -> None:
    """R-12, Y-06: of the framework's own request."""
    site = a_site(user_id=lambda request: request["user"])
    assert site.begin(view(), request=lambda: {"user": said}).user_id == expected


def test_who_is_logged_in_is_asked_once_and_only_if_needed() -> None:
    asked: list[object] = []
    site = a_site(user_id=asked.append)
    respond(site, view())
    tracking = site.begin(view(), request=lambda: "request")
    assert (tracking.user_id, tracking.user_id, asked) == (None, None, ["request"])


def test_who_the_site_says_is_logged_in_is_in_every_event() -> None:
    """R-12, Y-06."""
    site = a_site(user_id=lambda request: request)
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN), request=lambda: "johndoe").emit(CLICK)
    assert (raptor(recorder)[0]["p7"], yoochoose(recorder)) == (["johndoe"], ["/click/johndoe/1/1"])


def test_a_login_of_whom_the_site_already_names_is_an_event() -> None:
    """Y-05: a view may have written its session before it says so."""
    site = a_site(user_id=lambda request: request)
    with recording(site) as recorder:
        site.begin(view(cookie=KNOWN), request=lambda: "johndoe").login("johndoe")
    assert yoochoose(recorder) == [f"/login/{DEVICE}/johndoe"]


@pytest.mark.parametrize("said", [True, 1.5, b"johndoe", ["johndoe"]])
def test_what_is_no_user_id_is_nobodys_and_warned_of(said: object, caplog: pytest.LogCaptureFixture) -> None:
    site = a_site(user_id=lambda request: request)
    user = site.begin(view(), request=lambda: said).user_id
    assert (user, len(caplog.records), "johndoe" in caplog.text) == (None, 1, False)


def fail(_: object) -> Any:
    raise RuntimeError("anna@shop.example is no such user")


# The site's own code


@pytest.mark.parametrize(
    ("parts", "settings"),
    [
        ({"user_id": fail}, {}),
        ({}, {"anonymous_id": fail}),
        ({}, {"classify": fail}),
        ({}, {"classify": lambda _: "page"}),
    ],
)
def test_the_sites_own_mistake_breaks_no_page_and_is_warned_of_once(
    parts: dict[str, Any], settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """D-01: and nothing of a visitor is in the log."""
    site = Site(
        Config(consent=always_granted, secret_keys=(KEY,), **settings),
        [Yoochoose("00000")],
        delivery=Delivery("memory:"),
        **parts,
    )
    with recording(site) as recorder:
        for _ in range(2):
            site.begin(view(cookie=KNOWN), request=lambda: "request").emit(CLICK)
    assert (len(recorder.requests), len(caplog.records), "anna" in caplog.text) == (2, 1, False)


def test_a_reader_of_consent_that_fails_is_unknown(caplog: pytest.LogCaptureFixture) -> None:
    """D-05: closed, not open."""
    site = make_site(consent=fail)
    tracking = site.begin(view(cookie=KNOWN))
    assert (tracking.consent, tracking.device_id, len(caplog.records), "anna" in caplog.text) == (
        Consent.UNKNOWN,
        None,
        1,
        False,
    )


def test_an_erasure_callback_that_fails_breaks_no_page(caplog: pytest.LogCaptureFixture) -> None:
    site = a_site(on_forget=fail)
    with recording(site):
        kept = cookies(site, view(cookie=KNOWN), lambda tracking: tracking.forget())
    assert (kept["rsa"], len(caplog.records), "anna" in caplog.text) == ("", 1, False)


def test_an_erasure_callback_gets_the_ids() -> None:
    gone: list[Visitor] = []
    site = a_site(on_forget=gone.append)
    with recording(site):
        respond(site, view(cookie=f"{KNOWN}; rsaReaId=X"), lambda tracking: tracking.forget())
    assert [(one.device_id, one.reaid) for one in gone] == [(DEVICE, "X")]


# Trackers


def test_a_tracker_with_a_mistake_in_it_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """D-01: and what it says of a visitor is in no log."""
    site = a_site(trackers=[Broken(), Yoochoose("00000")])
    recorder = reported(site, view(cookie=KNOWN))
    assert ([one.tracker for one in recorder.requests], recorder.set_aside_reasons) == (
        ["yoochoose"],
        [("broken", "the tracker raised KeyError")],
    )
    assert DEVICE not in caplog.text


def test_a_tracker_with_a_mistake_in_it_raises_where_a_developer_looks() -> None:
    with pytest.raises(EventError, match="the tracker raised KeyError") as raised:
        a_site(trackers=[Broken()], strict=True).begin(view(cookie=KNOWN)).emit(CLICK)
    assert isinstance(raised.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("strict", "debug", "raises"), [(None, True, True), (None, False, False), (False, True, False)]
)
def test_a_site_may_say_itself_how_strict_it_is(strict: bool | None, debug: bool, raises: bool) -> None:
    assert a_site(strict=strict).begin(view(), debug=debug).strict is raises


def test_a_site_without_trackers_still_knows_its_visitors() -> None:
    site = a_site(trackers=[])
    assert cookies(site, view(cookie=KNOWN), emit)["rsa"] == DEVICE


def test_a_closed_site_serves_its_pages(caplog: pytest.LogCaptureFixture) -> None:
    """D-01: what a view reports then is lost, and logged."""
    site = a_site()
    site.close()
    with caplog.at_level(logging.ERROR):
        assert cookies(site, view(cookie=KNOWN), emit)["rsa"] == DEVICE
    assert caplog.records


def test_a_refusal_is_counted_by_its_reason() -> None:
    site = make_site(consent=lambda _: Consent.DENIED)
    respond(site, view(cookie=KNOWN), emit)
    assert dict(site.stats().refused) == {"consent": 2}


# Many at once


@pytest.mark.heavy
def test_a_hundred_visitors_at_once_never_see_anothers_id() -> None:
    """R-20, D-02: one site, and a list of headers that the application uses for all of them."""
    site = make_site()
    shared = [("Content-Type", "text/html")]

    def visit(number: int) -> bool:
        cookie = f"rsa={guid(number)}; rsaSession={guid(number + 1000)}; rsaSessionOpen=1"
        headers = respond(site, view(cookie=cookie), lambda tracking: tracking.device_id, headers=shared)
        ids = [value.partition(";")[0] for name, value in headers if name == "Set-Cookie"]
        return ids == cookie.split("; ")

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(visit, range(1, 401)))
    assert shared == [("Content-Type", "text/html")]


def test_a_warning_is_given_once_by_many_threads(caplog: pytest.LogCaptureFixture) -> None:
    site = make_site(cookie_domain="shop.example")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: respond(site, view(host="other.test")), range(100)))
    assert len(caplog.records) == 1
