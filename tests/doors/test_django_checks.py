"""Django's system checks: each fault of an installation is a finding of ``manage.py check``."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from tests.doors.conftest import DOOR, MakeWatched, Urls, Watched
from tests.doors.exchange import guid
from tests.doors.project import INSTALL, SITE, make_project

from footfall import CookieNames
from footfall.consent import own_cookie
from footfall.django import TrackingMiddleware
from footfall.django.checks import check_installation
from footfall.errors import ConfigError

UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
HEADERS = {"accept": "text/html", "user-agent": "Firefox"}


class OwnMiddleware(TrackingMiddleware):
    """A site's own."""


OWN = f"{__name__}.OwnMiddleware"

#: From what a project's settings say after ours to the ids of what is found, in a process of its own.
FAULTS: dict[str, tuple[str, str, list[str]]] = {
    "nothing": ("", "", []),
    "a missing middleware": ("MIDDLEWARE = MIDDLEWARE[1:]", "", ["W004"]),
    "a doubled one": ("MIDDLEWARE += MIDDLEWARE[:1]", "", ["W005"]),
    "one behind the cache's": (f"MIDDLEWARE = [{UPDATE!r}, *MIDDLEWARE, {FETCH!r}]", "", ["W001"]),
    "one behind another": ("MIDDLEWARE = [MIDDLEWARE[1], MIDDLEWARE[0], *MIDDLEWARE[2:]]", "", ["W002"]),
    "a cookie of Django's name": ("", "cookie_names=CookieNames(session='sessionid')", ["W003"]),
    "the forgotten mark": ("SESSION_COOKIE_NAME = 'rsaGone'", "", ["W003"]),
    "the session's companion": ("CSRF_COOKIE_NAME = 'rsaSessionOpen'", "", ["W003"]),
    "the consent cookie": ("LANGUAGE_COOKIE_NAME = 'choice'", "consent=own_cookie('choice')", ["W003"]),
    "a former name": ("", "former_cookie_names=CookieNames(device='sessionid')", ["W003"]),
    "the messages' cookie": ("", "cookie_names=CookieNames(xuid='messages')", ["W003"]),
    "a csrf token without a cookie": ("CSRF_COOKIE_NAME = 'rsa'; CSRF_USE_SESSIONS = True", "", []),
    "no setting": ("del FOOTFALL_SITE", "", ["E001"]),
    "no such module": ("FOOTFALL_SITE = 'shop.nowhere.site'", "", ["E001"]),
    "no such name": ("FOOTFALL_SITE = 'shop.tracking.nothing'", "", ["E001"]),
    "a module that fails": ("FOOTFALL_SITE = 'shop.broken.site'", "", ["E001"]),
    "a wrong setting": ("", "session_idle=20", ["E001"]),
    "no key at all": ("SECRET_KEY = ''", "", ["E001"]),
}


@pytest.mark.parametrize(("settings", "config", "found"), FAULTS.values(), ids=FAULTS)
def test_manage_py_check_finds(tmp_path: Path, settings: str, config: str, found: list[str]) -> None:
    project = make_project(tmp_path, f"{INSTALL}\n{settings}\n", config=config)
    project.write("broken.py", "site = 1 / 0\n")
    done = project.run("manage.py", "check")
    said = done.stdout + done.stderr
    assert (re.findall(r"footfall\.([WE]\d+)", said), done.returncode) == (found, int("E001" in found)), said


def test_an_installation_by_the_book_is_served_without_a_warning(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    code = "from shop.wsgi import application; import footfall.django; print('served')"
    done = project.run("-W", "error", "-c", code)
    assert (done.stdout, done.stderr) == ("served\n", "")


def test_a_project_without_the_app_is_told_once(tmp_path: Path) -> None:
    project = make_project(tmp_path, INSTALL.replace('INSTALLED_APPS = ["footfall.django", *INSTALLED_APPS]', ""))
    code = "from django.core.wsgi import get_wsgi_application; import shop.wsgi; get_wsgi_application()"
    done = project.run("-c", code)
    (line,) = done.stderr.splitlines()
    assert line.startswith("INSTALLED_APPS has no 'footfall.django'")


def test_the_door_is_imported_before_there_are_settings() -> None:
    code = "from footfall.django import TrackedRequest, TrackingMiddleware; from django.conf import settings;"
    command = [sys.executable, "-c", f"{code} print(settings.configured)"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")


def checked(watched: Watched, **settings: Any) -> list[str | None]:
    with override_settings(FOOTFALL_SITE=watched.site, **settings):
        return [message.id for message in check_installation()]


@pytest.mark.parametrize(
    ("middleware", "found"),
    [
        ([DOOR, UPDATE, FETCH], []),
        ([UPDATE, DOOR, FETCH], ["footfall.W001"]),
        ([UPDATE, FETCH, DOOR], ["footfall.W001"]),
        ([SESSION, DOOR], ["footfall.W002"]),
        ([OWN, SESSION], []),
        ([SESSION, OWN], ["footfall.W002"]),
        ([OWN, DOOR], ["footfall.W005"]),
        (["footfall.django.middleware.TrackingMiddleware"], []),
        ([SESSION], ["footfall.W004"]),
        (["nowhere.Middleware", SESSION], ["footfall.W004"]),
    ],
)
def test_a_check_warns_of_a_wrong_place(middleware: list[str], found: list[str], watched: Watched) -> None:
    assert checked(watched, MIDDLEWARE=middleware) == found


def test_a_check_names_every_cookie_of_ours_that_django_uses(watch: MakeWatched) -> None:
    names = {"cookie_names": CookieNames(session="ours"), "former_cookie_names": CookieNames(session="before")}
    watched = watch(consent=own_cookie("choice"), **names)
    for name in ("rsa", "ours", "oursOpen", "rsaGone", "rsaXuid", "before", "beforeOpen", "choice"):
        for setting in ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME"):
            assert checked(watched, MIDDLEWARE=[DOOR], **{setting: name}) == ["footfall.W003"]


@pytest.mark.parametrize(
    ("site", "message"),
    [(None, "dotted path"), ("nowhere.site", "cannot be imported"), ("footfall.django.SETTING", "cannot be imported")],
)
def test_a_site_that_is_missing_is_a_checks_error_and_stops_the_start(site: Any, message: str) -> None:
    with override_settings(FOOTFALL_SITE=site, MIDDLEWARE=[DOOR]):
        assert [found.id for found in check_installation()] == ["footfall.E001"]
        with pytest.raises(ConfigError, match=message):
            TrackingMiddleware(lambda request: HttpResponse())


# The command

MODELS = """
from django.contrib.auth.models import User
"""


def test_the_command_sets_django_up_before_it_imports_the_site(tmp_path: Path) -> None:
    """A site may look at the shop's models: who is logged in, say."""
    project = make_project(tmp_path, tracking=MODELS + SITE)
    for place in ("shop.tracking:site", "shop.tracking.site"):
        done = project.run("-m", "footfall", "check", place, DJANGO_SETTINGS_MODULE="shop.settings")
        assert (done.returncode, done.stderr) == (0, "")
    broken = project.run("-m", "footfall", "check", "shop.tracking:site", DJANGO_SETTINGS_MODULE="shop.nothing")
    assert broken.returncode == 2
    assert broken.stderr.startswith(
        "footfall: site: DJANGO_SETTINGS_MODULE is 'shop.nothing', with which Django cannot"
    )


# Tests of a site


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_another_site_reaches_a_client_that_is_in_use(client: Any, watch: MakeWatched) -> None:
    from asgiref.sync import async_to_sync

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.state.tracking.device_id or "")  # type: ignore[attr-defined]

    one, other = watch(), watch(numbers=lambda: guid(77))
    used = client()
    get = used.get if client is Client else async_to_sync(used.get)

    def visit() -> bytes:
        used.cookies.clear()
        content: bytes = get("/shirt", secure=True, headers=HEADERS).content
        return content

    with override_settings(FOOTFALL_SITE=one.site, ROOT_URLCONF=Urls(view)):
        assert visit() == guid(1).encode()
        with override_settings(FOOTFALL_SITE=other.site):
            assert visit() == guid(77).encode()
        assert visit() == guid(3).encode()


def test_a_site_without_the_app_is_told_so_once(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING, "footfall"),
        override_settings(FOOTFALL_SITE=watched.site, INSTALLED_APPS=["django.contrib.sessions"]),
    ):
        for _ in range(2):
            TrackingMiddleware(lambda request: HttpResponse())
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "INSTALLED_APPS has no 'footfall.django'"
    ]
