"""The site's own consent cookie, which `Tracking.grant` and `Tracking.deny` write and the next request reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from footfall.config import LONGEST_LIFETIME, check_own_name
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView, plain

__all__ = ["OwnCookie", "PersonPurpose", "own_cookie"]

_LETTERS = {Consent.GRANTED: "g", Consent.DENIED: "d", Consent.UNKNOWN: "u"}
_MEANINGS = {letter: consent for consent, letter in _LETTERS.items()}
_VALUE = re.compile(r"([1-9][0-9]{0,5})\.([gdu])\.([gdu])\.([0-9]{1,11})(\.gpc)?")
_NOTHING = (Consent.UNKNOWN, Consent.UNKNOWN)
_LONGEST_VALUE = 6 + 1 + 1 + 1 + 1 + 1 + 11 + 4  # characters that `_VALUE` can match
_NEWEST_VERSION = 999_999
# The clocks of a site's machines differ by seconds; we did not write a choice from further ahead.
_CLOCK_SKEW = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCookie:
    """A reader of both purposes from a cookie of the site's own: ``1.g.d.1764000000``.

    The parts are the version of the consent's wording, the device purpose, the person purpose (``g`` granted, ``d``
    denied, ``u`` unknown) and the time of the choice in Unix seconds; then ``.gpc``, if the visitor granted it while
    their browser sent ``Sec-GPC: 1``. The value does not identify the visitor, and authenticates nothing: a visitor may
    write their own.
    """

    name: str
    version: int
    max_age: timedelta

    def __post_init__(self) -> None:
        """Refuse a cookie that no browser would keep, or whose value could not be read back."""
        version, max_age = self.version, self.max_age
        check_own_name("own_cookie's name", self.name)
        if type(version) is not int or not 1 <= version <= _NEWEST_VERSION:
            raise ConfigError(f"own_cookie's version: is {version!r}; write a number from 1 to {_NEWEST_VERSION}")
        if not isinstance(max_age, timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"own_cookie's max_age: is {max_age!r}; write a timedelta(days=...)")
        if not timedelta(seconds=1) <= max_age <= LONGEST_LIFETIME or max_age % timedelta(seconds=1):
            raise ConfigError(
                f"own_cookie's max_age: is {max_age}; write whole seconds, at most 400 days (RFC 6265bis, 5.5)"
            )

    def __call__(self, view: RequestView) -> Consent:
        """Read the device purpose."""
        return self.read(view)[0]

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The cookie that the reader reads."""
        return (self.name,)

    @property
    def person(self) -> PersonPurpose:
        """A reader of the person purpose."""
        return PersonPurpose(self)

    def read(self, view: RequestView) -> tuple[Consent, Consent]:
        """Read the device purpose and the person purpose.

        Of several values the latest choice counts: a denial must beat an older grant that another scope still holds.
        (Calling it unknown would ask that visitor again on every page, whatever they answered.) Where two choices of
        the same second differ, the purpose is unknown.

        Returns:
            Unknown twice if the cookie is absent, or if each value is malformed, of another version, older than
            ``max_age`` or more than five minutes ahead of ``view.time``.
        """
        values = view.raw_cookies(self.name)
        if not values:
            return _NOTHING
        if len(values) == 1 and len(values[0]) <= _LONGEST_VALUE:  # most often
            choice = _parse_short(values[0], self.version)
            if choice is None or not -_CLOCK_SKEW <= view.time - choice.at <= self.max_age.total_seconds():
                return _NOTHING
            return choice.said
        return _agreed([choice.said for choice in self._latest(view)])

    def read_under_gpc(self, view: RequestView) -> tuple[Consent, Consent]:
        """Read both purposes as `read` does, if the choice was made while the browser sent ``Sec-GPC: 1``."""
        latest = self._latest(view)
        return _agreed([choice.said for choice in latest]) if all(one.under_gpc for one in latest) else _NOTHING

    def _latest(self, view: RequestView) -> list[_Choice]:
        sent = (self._timely(value, view.time) for value in view.raw_cookies(self.name))
        timely = [choice for choice in sent if choice is not None]
        latest = max((choice.at for choice in timely), default=0)
        return [choice for choice in timely if choice.at == latest]

    def _timely(self, value: str, now: float) -> _Choice | None:
        choice = _parse_choice(value, self.version)
        if choice is None or not now - self.max_age.total_seconds() <= choice.at <= now + _CLOCK_SKEW:
            return None
        return choice

    def format(self, device: Consent, person: Consent, now: float, *, under_gpc: bool = False) -> str:
        """Write a choice made *now* (Unix seconds) as this cookie's value: cookie-octets, 26 at most."""
        mark = ".gpc" if under_gpc else ""
        return f"{self.version}.{_LETTERS[device]}.{_LETTERS[person]}.{int(now)}{mark}"


class _Choice(NamedTuple):
    at: int  # in Unix seconds
    said: tuple[Consent, Consent]  # of the device, and of the person
    under_gpc: bool


def _parse_choice(value: str, version: int) -> _Choice | None:
    if len(value) > _LONGEST_VALUE:
        value = plain(value)
    return _parse_short(value, version) if len(value) <= _LONGEST_VALUE else None


@lru_cache(maxsize=1024)  # a visitor sends the same value with each request
def _parse_short(value: str, version: int) -> _Choice | None:
    found = _VALUE.fullmatch(plain(value))
    if found is None or int(found[1]) != version:
        return None
    return _Choice(int(found[4]), (_MEANINGS[found[2]], _MEANINGS[found[3]]), found[5] is not None)


def _agreed(said: list[tuple[Consent, Consent]]) -> tuple[Consent, Consent]:
    if not said:
        return _NOTHING
    devices, persons = map(set, zip(*said, strict=True))
    return (
        devices.pop() if len(devices) == 1 else Consent.UNKNOWN,
        persons.pop() if len(persons) == 1 else Consent.UNKNOWN,
    )


@dataclass(frozen=True, slots=True)
class PersonPurpose:
    """A reader of an own cookie's person purpose."""

    own: OwnCookie

    def __call__(self, view: RequestView) -> Consent:
        """Read the person purpose."""
        return self.own.read(view)[1]

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The cookie that the reader reads."""
        return self.own.cookie_names


def own_cookie(
    name: str = "footfallConsent", *, version: int = 1, max_age: timedelta = timedelta(days=180)
) -> OwnCookie:
    """Make a reader of the site's own consent cookie, which `Tracking.grant` and `Tracking.deny` write.

    Args:
        name: The cookie's name. Page scripts and other services of the site may read it.
        version: The version of the wording that visitors agreed to; with a higher one everybody is asked again.
        max_age: How long a choice counts. The default is half a year, which the French authority calls good
            practice.

    Raises:
        ConfigError: A setting is wrong. It names field, finding and remedy.

    Source: CNIL, recommendation 2020-092 of 17 September 2020, on how long a choice is kept.
    """
    return OwnCookie(name=name, version=version, max_age=max_age)
