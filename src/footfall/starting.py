"""What only a site's parts together can get wrong, found before the first visitor comes."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.config import Config
from footfall.consent import OwnCookie
from footfall.errors import ConfigError
from footfall.identity.domain import is_public_suffix
from footfall.trackers.protocol import Tracker

__all__ = ["check_parts"]


def check_parts(
    config: Config, trackers: Sequence[Tracker], own_consent: OwnCookie | None, consent_endpoint: str | None
) -> None:
    """Check a site's trackers, domains and names against each other and the public suffix list.

    Raises:
        ConfigError: Something is wrong. Names field, finding and remedy.
    """
    _check_trackers(trackers)
    for field in ("cookie_domain", "former_cookie_domain"):
        domain = getattr(config, field)
        if domain not in (None, "auto") and is_public_suffix(domain):
            raise ConfigError(
                f"{field} {domain!r} is a public suffix: no browser keeps a cookie for it;"
                f" write the domain that you registered, such as 'shop.{domain}'"
            )
    if own_consent is not None and own_consent.name in config.cookie_names.by_role().values():
        raise ConfigError(
            f"own_cookie(name={own_consent.name!r}) is a name in cookie_names too; give it one of its own"
        )
    if consent_endpoint is not None and not consent_endpoint.startswith("/"):
        raise ConfigError(f"consent_endpoint is {consent_endpoint!r}; write a path such as '/consent'")


def _check_trackers(trackers: Sequence[Tracker]) -> None:
    names: set[str] = set()
    for at, tracker in enumerate(trackers):
        if not isinstance(tracker, Tracker):  # pyright: ignore[reportUnnecessaryIsInstance] - an untyped caller's
            found = type(tracker).__name__
            raise ConfigError(f"trackers[{at}] is a {found}; give it name and requests(event, visitor)")
        if tracker.name in names:
            raise ConfigError(f"two trackers are named {tracker.name!r}; give one of them another name=")
        names.add(tracker.name)
