"""Finds the `Site` that Django's settings name, and hands it Django's keys."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from footfall.errors import ConfigError
from footfall.site import Site

__all__ = ["APP", "SETTING", "load_site"]

APP: Final = "footfall.django"
SETTING: Final = "FOOTFALL_SITE"


def load_site() -> Site:
    """Load the `Site` that ``FOOTFALL_SITE`` names, with Django's ``SECRET_KEY`` where it has no key of its own.

    Raises:
        ConfigError: The setting is missing or names no `Site`, or nothing can seal the ruid cookie.
    """
    path = getattr(settings, SETTING, None)
    if isinstance(path, Site):
        site = path
    elif isinstance(path, str):
        try:
            site = import_string(path)
        except ImportError as error:
            raise ConfigError(f"{SETTING}: is {path!r}, which cannot be imported: {error}") from error
    else:
        raise ConfigError(f"{SETTING}: is {path!r}; write the dotted path of a Site, such as 'shop.tracking.site'")
    if not isinstance(site, Site):
        raise ConfigError(f"{SETTING}: is {path!r}, which is a {type(site).__name__}; name a Site")
    site.start(secret_key=_secret_key(), former_keys=settings.SECRET_KEY_FALLBACKS)
    return site


def _secret_key() -> str | bytes | None:
    try:
        key: str | bytes = settings.SECRET_KEY
        return key
    except ImproperlyConfigured:  # empty: no error where the site has keys of its own
        return None
