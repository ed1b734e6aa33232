"""Django's system checks: the middleware's place, the site, and its cookies beside those of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from footfall.django.loading import SETTING, load_site
from footfall.django.middleware import TrackingMiddleware
from footfall.errors import FootfallError
from footfall.site import Site

__all__ = ["check_installation"]

OURS: Final = "footfall.django.TrackingMiddleware"
CACHES: Final = ("UpdateCacheMiddleware", "FetchFromCacheMiddleware")


def check_installation(**_: object) -> list[checks.CheckMessage]:
    """Look for what would hurt in production.

    The middleware's place is W001, W002, W004 and W005, cookies that clash are W003, the site itself is E001.
    """
    return [*_check_place(), *_check_site()]


def _check_place() -> Iterator[checks.CheckMessage]:
    middleware: list[str] = list(settings.MIDDLEWARE)
    places = [at for at, name in enumerate(middleware) if _is_ours(name)]
    if not places:
        yield checks.Warning(
            f"MIDDLEWARE has no {OURS}: no visitor is known.",
            hint="Write it first in MIDDLEWARE. Where footfall.wsgi or footfall.asgi stands around Django instead,"
            " silence this by SILENCED_SYSTEM_CHECKS.",
            id="footfall.W004",
        )
        return
    first = places[0]
    if len(places) > 1:
        yield checks.Warning(
            f"MIDDLEWARE has {OURS} {len(places)} times; the first serves, the others do nothing.",
            hint="Leave the first, and take the others out.",
            id="footfall.W005",
        )
    if any(name.endswith(CACHES) for name in middleware[:first]):
        yield checks.Warning(
            f"{OURS} stands behind Django's cache middleware.",
            hint="Write it first in MIDDLEWARE: the cache would give one visitor's cookies to others.",
            id="footfall.W001",
        )
    elif first > 0:
        yield checks.Warning(
            f"{OURS} is not the first in MIDDLEWARE.",
            hint="Write it first: what answers before it sets no cookie.",
            id="footfall.W002",
        )


def _is_ours(name: str) -> bool:
    """Tell whether a dotted path leads to our middleware: to a subclass of a site's own, or by another name."""
    if name == OURS:
        return True
    try:
        found = import_string(name)
    except Exception:  # noqa: BLE001 - not ours to tell of: Django does, when it loads it
        return False
    return isinstance(found, type) and issubclass(found, TrackingMiddleware)


def _check_site() -> Iterator[checks.CheckMessage]:
    try:
        site = load_site()
    except FootfallError as error:
        yield checks.Error(str(error), id="footfall.E001")
    except Exception as error:  # noqa: BLE001 - whatever the module that makes the site raises
        path = getattr(settings, SETTING, None)
        yield checks.Error(
            f"{SETTING}: is {path!r}, whose import raised {type(error).__name__}: {error}", id="footfall.E001"
        )
    else:
        yield from _check_cookies(site)


def _check_cookies(site: Site) -> Iterator[checks.CheckMessage]:
    for where, name in _others():
        if name in site.policy.cookie_names:
            yield checks.Warning(
                f"{where} is {name!r}, which is a cookie of footfall's too.",
                hint="Give one of them another name: each would overwrite the other.",
                id="footfall.W003",
            )


def _others() -> Iterator[tuple[str, str]]:
    """Name the cookies that Django itself sets, each by the setting that names it."""
    yield "SESSION_COOKIE_NAME", settings.SESSION_COOKIE_NAME
    if not settings.CSRF_USE_SESSIONS:
        yield "CSRF_COOKIE_NAME", settings.CSRF_COOKIE_NAME
    yield "LANGUAGE_COOKIE_NAME", settings.LANGUAGE_COOKIE_NAME
    if apps.is_installed("django.contrib.messages"):
        yield "the cookie of django.contrib.messages", "messages"
