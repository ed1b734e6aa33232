"""A site whose wire requests are kept instead of sent, and Django made ready before a test imports it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import django
import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import re_path
from tests.doors.drivers import call_asgi, call_wsgi
from tests.doors.exchange import Request, Response, make_site

from footfall import Site
from footfall.testing import Recorder, recording

DOOR = "footfall.django.TrackingMiddleware"

# Django's models can be imported only after this.
settings.configure(
    ALLOWED_HOSTS=["*"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["footfall.django", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[DOOR],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    SECRET_KEY="a secret of the site, and of no visitor",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django.setup()


class Watched(NamedTuple):
    """A site, and what its views reported."""

    site: Site
    reported: Recorder


MakeWatched = Callable[..., Watched]


@pytest.fixture
def watch() -> Iterator[MakeWatched]:
    """Make watched sites: ``watch(ruid_cookie="off")``."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Watched:
            site = make_site(**settings)
            return Watched(site, stack.enter_context(recording(site)))

        yield make


@pytest.fixture
def watched(watch: MakeWatched) -> Watched:
    """Make a site with default settings."""
    return watch()


class Urls:
    """A site of one view."""

    def __init__(self, view: Any) -> None:
        self.urlpatterns = (re_path("", view),)


@pytest.fixture(params=["wsgi", "asgi"])
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


Call = Callable[[Request], Response]
ServeView = Callable[..., Call]


@pytest.fixture
def serve_view(server: str) -> Iterator[ServeView]:
    """Serve one view under the settings given: ``serve_view(view, site, MIDDLEWARE=[...])``."""
    overrides: list[override_settings] = []

    def make(view: Any, site: Any, **settings: Any) -> Call:
        override = override_settings(FOOTFALL_SITE=site, ROOT_URLCONF=Urls(view), **settings)
        override.enable()
        overrides.append(override)
        handler = WSGIHandler() if server == "wsgi" else ASGIHandler()
        return lambda request: call_wsgi(handler, request) if server == "wsgi" else call_asgi(handler, request)

    yield make
    for override in reversed(overrides):
        override.disable()
