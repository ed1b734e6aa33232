"""Flask: the tracking wherever its applications run code."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from tests.doors.conftest import MakeWatched, Watched
from tests.doors.drivers import call_wsgi
from tests.doors.exchange import KEY, PAGE, Request, guid
from tests.doors.rows import ALICE, KNOWN, VISIT, both, ids
from werkzeug.middleware.proxy_fix import ProxyFix

from footfall import Config, CookieNames, Site, current_tracking, wsgi
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.errors import ConfigError
from footfall.events import Click
from footfall.flask import Footfall
from footfall.localtracker import LocalTracker
from footfall.trackers import Yoochoose

SHIRT = Click(item="3298")
OURS = ids(guid(1), guid(2))


def tracking() -> Any:
    return flask.request.state.tracking  # type: ignore[attr-defined]


def make_app(view: Any = lambda: "a shirt") -> flask.Flask:
    app = flask.Flask("shop")
    app.add_url_rule("/shirt", "shirt", view)
    return app


def wires(watched: Watched) -> list[str]:
    return [request.url for request in watched.reported.requests]


# Where code runs


def test_a_function_that_was_registered_before_us_finds_the_tracking(watched: Watched) -> None:
    app = make_app()
    app.before_request(lambda: tracking().emit(SHIRT))
    Footfall(app, watched.site)
    call_wsgi(app, Request())
    assert wires(watched) == both(guid(1), guid(2))


def test_the_view_finds_the_current_tracking(watched: Watched) -> None:
    app = make_app(lambda: str(current_tracking() is tracking()))
    Footfall(app, watched.site)
    assert call_wsgi(app, Request()).body == b"True"


def test_a_streaming_body_that_keeps_its_request_emits(watched: Watched) -> None:
    def view() -> flask.Response:
        def stream() -> Iterator[str]:
            yield "a "
            tracking().emit(SHIRT)
            yield "shirt"

        return flask.Response(flask.stream_with_context(stream()))

    app = make_app(view)
    Footfall(app, watched.site)
    assert call_wsgi(app, Request(cookies=(KNOWN,))).body == b"a shirt"
    assert wires(watched) == both(ALICE, VISIT)


def test_the_requests_state_holds_what_an_application_puts_there(watched: Watched) -> None:
    def view() -> str:
        flask.request.state.colour = "red"  # type: ignore[attr-defined]
        return str(flask.request.state.colour)  # type: ignore[attr-defined]

    app = make_app(view)
    Footfall(app, watched.site)
    assert call_wsgi(app, Request()).body == b"red"


def test_a_streaming_body_that_keeps_its_request_is_asked_who_is_logged_in(watch: MakeWatched) -> None:
    watched = watch(site={"user_id": lambda request: request.args["user"]})
    seen: list[object] = []

    def view() -> flask.Response:
        def stream() -> Iterator[str]:
            yield "a shirt"
            seen.append(tracking().user_id)

        return flask.Response(flask.stream_with_context(stream()))

    app = make_app(view)
    Footfall(app, watched.site)
    call_wsgi(app, Request(url="https://www.shop.example/shirt?user=johndoe"))
    assert seen == ["johndoe"]


def test_user_id_gets_flasks_request_with_its_session(watch: MakeWatched) -> None:
    watched = watch(site={"user_id": lambda request: flask.session.get("user") if request.path == "/shirt" else None})

    def view() -> str:
        flask.session["user"] = "johndoe"
        return str(tracking().user_id)

    app = make_app(view)
    app.secret_key = "a secret of the site, and of no visitor"
    Footfall(app, watched.site)
    assert call_wsgi(app, Request()).body == b"johndoe"


# Errors


def test_the_page_of_an_unhandled_error_sets_cookies(watched: Watched) -> None:
    app = make_app(lambda: 1 / 0)
    Footfall(app, watched.site)
    response = call_wsgi(app, Request())
    assert (response.status, response.all("set-cookie")) == (500, OURS)


def test_a_missing_page_sets_cookies(watched: Watched) -> None:
    app = make_app()
    Footfall(app, watched.site)
    response = call_wsgi(app, Request(url="https://www.shop.example/nowhere"))
    assert (response.status, response.all("set-cookie")) == (404, OURS)


def test_an_error_that_flask_lets_through_passes(watched: Watched) -> None:
    app = make_app(lambda: 1 / 0)
    app.testing = True
    Footfall(app, watched.site)
    with pytest.raises(ZeroDivisionError):
        call_wsgi(app, Request())
    assert current_tracking() is None


# Installation


def test_a_second_installation_does_nothing(watched: Watched) -> None:
    app = make_app()
    extension = Footfall(site=watched.site)
    extension.init_app(app)
    door = app.wsgi_app
    extension.init_app(app)
    assert app.wsgi_app is door
    assert call_wsgi(app, Request()).all("set-cookie") == OURS


def test_one_extension_serves_several_applications(watched: Watched) -> None:
    extension = Footfall(site=watched.site)
    apps = [make_app(), make_app()]
    for app in apps:
        extension.init_app(app)
    devices = [call_wsgi(app, Request()).all("set-cookie")[0] for app in apps]
    assert devices == [OURS[0], ids(guid(3), guid(4))[0]]


def test_of_a_wsgi_door_around_flask_and_flasks_own_the_outer_has_the_request(watch: MakeWatched) -> None:
    outer, inner = watch(), watch()
    app = make_app(lambda: tracking().emit(SHIRT) or "a shirt")
    Footfall(app, inner.site)
    response = call_wsgi(wsgi.TrackingMiddleware(app, outer.site), Request())
    assert response.all("set-cookie") == OURS
    assert (wires(outer), wires(inner)) == (both(guid(1), guid(2)), [])


PROXIED = Request(
    url="http://10.0.0.7/shirt",
    headers=[*PAGE, ("x-forwarded-proto", "https"), ("x-forwarded-host", "www.shop.example")],
)


def test_a_proxy_that_is_trusted_around_us_makes_a_request_secure(watched: Watched) -> None:
    app = make_app()
    Footfall(app, watched.site)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1)  # type: ignore[method-assign]
    assert call_wsgi(app, PROXIED).all("set-cookie") == OURS


def test_a_trusted_proxy_inside_of_us_is_a_warning_at_the_start(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING, "footfall"):
        Footfall(app, watched.site)
    assert "after Footfall" in caplog.text


def test_without_a_site_the_extension_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match=r"Footfall\(app, site\)"):
        Footfall(make_app())


def test_the_applications_secret_seals_where_the_site_has_none(watch: MakeWatched) -> None:
    watched = watch(secret_keys=())
    app = make_app(lambda: tracking().identify("anna@shop.example") or "hello")
    app.secret_key = "a secret of the site, and of no visitor"
    Footfall(app, watched.site)
    sealed = call_wsgi(app, Request()).all("set-cookie")[-1]
    assert sealed.startswith("rsaRuid=1.")
    again = make_app(lambda: str(tracking().ruid))
    again.secret_key = app.secret_key
    Footfall(again, watch(secret_keys=()).site)
    assert call_wsgi(again, Request(cookies=(sealed.partition(";")[0],))).body == b"anna@shop.example"


def test_flasks_former_secrets_open_what_they_sealed(watch: MakeWatched) -> None:
    before = make_app(lambda: tracking().identify("anna@shop.example") or "hello")
    before.secret_key = b"the secret of the year before, in bytes"
    Footfall(before, watch(secret_keys=()).site)
    sealed = call_wsgi(before, Request()).all("set-cookie")[-1]
    now = make_app(lambda: str(tracking().ruid))
    now.secret_key = "a secret of this year"
    now.config["SECRET_KEY_FALLBACKS"] = ["the secret of the year before, in bytes"]
    Footfall(now, watch(secret_keys=()).site)
    assert call_wsgi(now, Request(cookies=(sealed.partition(";")[0],))).body == b"anna@shop.example"


def test_a_task_of_a_flask_application_opens_what_its_pages_sealed(watch: MakeWatched) -> None:
    """A worker makes the application and serves no request."""
    page = make_app(lambda: tracking().snapshot())
    worker = make_app()
    site = watch(secret_keys=()).site
    for app, of in ((page, watch(secret_keys=()).site), (worker, site)):
        app.secret_key = "a secret of the site, and of no visitor"
        Footfall(app, of)
    token = call_wsgi(page, Request(cookies=(KNOWN,))).body.decode()
    assert site.resume(token).valid


def test_a_session_cookie_of_our_name_is_a_warning_at_the_start(
    watch: MakeWatched, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    with caplog.at_level(logging.WARNING, "footfall"):
        Footfall(app, watch(cookie_names=CookieNames(session="session")).site)
    assert "SESSION_COOKIE_NAME is 'session'" in caplog.text


def test_without_any_secret_the_extension_says_what_to_write(watch: MakeWatched) -> None:
    with pytest.raises(ConfigError, match="secret_keys"):
        Footfall(make_app(), watch(secret_keys=()).site)


def test_flasks_test_client_keeps_the_visitor(watched: Watched) -> None:
    app = make_app(lambda: str(tracking().device_id))
    Footfall(app, watched.site)
    client = app.test_client()
    headers = {"Accept": "text/html", "User-Agent": "Firefox"}
    first, second = (client.get("/shirt", base_url="https://www.shop.example", headers=headers) for _ in range(2))
    assert first.text == second.text == guid(1)


def test_flasks_test_client_is_a_visitor_of_its_own_on_each_page_that_it_is_sent_to(watched: Watched) -> None:
    app = make_app(lambda: flask.redirect("/other"))
    app.add_url_rule("/other", "other", lambda: str(tracking().device_id))
    Footfall(app, watched.site)
    response = app.test_client().get(
        "/shirt",
        base_url="https://www.shop.example",
        headers={"Accept": "text/html", "User-Agent": "Firefox"},
        follow_redirects=True,
    )
    assert response.text == guid(1)
    assert len(response.headers.getlist("Set-Cookie")) == 3


def test_a_view_that_writes_its_session_first_reports_the_login_and_a_pair_goes_once() -> None:
    """Y-05, T-14: Flask-Security logs in in that order."""
    with LocalTracker() as tracker:
        site = Site(
            Config(consent=always_granted, secret_keys=(KEY,)),
            trackers=[Yoochoose("00000", base_url=tracker.url)],
            delivery=Delivery("memory:"),
            user_id=lambda request: flask.session.get("user"),
        )

        def view() -> str:
            flask.session["user"] = "johndoe"
            tracking().login("johndoe")
            return "welcome"

        app = make_app(view)
        app.secret_key = KEY
        Footfall(app, site)
        for _ in range(2):
            call_wsgi(app, Request(cookies=(KNOWN,)))
        pending, stats = site.flush(10), site.stats()
        site.close()
        assert [one.kind for one in tracker.received()] == ["login"]
    assert (pending, stats.delivered, dict(stats.refused)) == (0, 1, {"repeated": 1})
