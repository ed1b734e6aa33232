"""Readers of cookies that consent platforms write in the browser, and of any other cookie by a predicate.

Scripts set these cookies, and some browsers keep such cookies for only seven days: a choice then becomes unknown, not
denied. If a cookie came several times with different answers, the choice is unknown: no value says when it was made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import unquote

from footfall.config import TOKEN
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView

__all__ = [
    "CookiePredicate",
    "Cookiebot",
    "OneTrust",
    "check_cookie_name",
    "cookie",
    "cookiebot",
    "onetrust",
    "read_each",
]

_GROUP = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CATEGORIES = ("preferences", "statistics", "marketing")
_QUOTED = re.compile(r"'[^']*'")
_MEMBER = re.compile(r"[{,]\s*(preferences|statistics|marketing)\s*:\s*(true|false)\s*(?=[,}])")


def read_each(view: RequestView, name: str, parse: Callable[[str], Consent]) -> Consent:
    """Parse each value of one cookie; unknown if there is none, or if the answers differ."""
    answers = {parse(value) for value in view.cookies(name)}
    return answers.pop() if len(answers) == 1 else Consent.UNKNOWN


def check_cookie_name(reader: str, name: object) -> None:
    """Refuse what cannot be a cookie's name."""
    if not isinstance(name, str) or not TOKEN.fullmatch(name):
        raise ConfigError(f"{reader}'s cookie: is {name!r}; write the cookie's name, such as 'consent'")


@dataclass(frozen=True, slots=True)
class OneTrust:
    """A reader of one OneTrust group."""

    cookie_names: ClassVar = ("OptanonConsent", "OptanonAlertBoxClosed")

    group: str

    def __post_init__(self) -> None:
        """Refuse what cannot be a group's id."""
        group = self.group
        if not isinstance(group, str) or not _GROUP.fullmatch(group):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"onetrust's group: is {group!r}; write a group's id, such as 'C0004' (targeting)")

    def __call__(self, view: RequestView) -> Consent:
        """Read ``OptanonConsent``, which is there before any choice, and the signs that a choice was made."""
        box_closed = any(view.cookies("OptanonAlertBoxClosed"))
        return read_each(view, "OptanonConsent", lambda value: self._parse(value, decided=box_closed))

    def _parse(self, value: str, *, decided: bool) -> Consent:
        fields: dict[str, str] = {}
        for field in value.split("&"):
            key, _, text = field.partition("=")
            if fields.setdefault(key, text) != text:
                return Consent.UNKNOWN
        decided = decided or re.fullmatch(r"[1-9][0-9]{0,8}", fields.get("interactionCount", "")) is not None
        # While a new wording awaits its answer, the groups are those of the old one.
        if not decided or fields.get("AwaitingReconsent", "false") != "false":
            return Consent.UNKNOWN
        groups = set(unquote(fields.get("groups", "")).split(","))
        granted, denied = f"{self.group}:1" in groups, f"{self.group}:0" in groups
        if granted is denied:
            return Consent.UNKNOWN
        return Consent.GRANTED if granted else Consent.DENIED


@dataclass(frozen=True, slots=True)
class Cookiebot:
    """A reader of one Cookiebot category."""

    cookie_names: ClassVar = ("CookieConsent",)

    category: str

    def __post_init__(self) -> None:
        """Refuse what is not a category that a visitor can choose."""
        if self.category not in _CATEGORIES:
            choices = " or ".join(map(repr, _CATEGORIES))
            raise ConfigError(f"cookiebot's category: is {self.category!r}; write {choices}")

    def __call__(self, view: RequestView) -> Consent:
        """Read ``CookieConsent``."""
        return read_each(view, "CookieConsent", self._parse)

    def _parse(self, value: str) -> Consent:
        if value == "0":
            return Consent.DENIED
        if value == "-1":  # the visitor's region needs no consent
            return Consent.GRANTED
        text = unquote(value)
        if not (text.startswith("{") and text.endswith("}")):
            return Consent.UNKNOWN
        # A JavaScript object with unquoted keys, which no JSON parser takes; its texts may hold anything.
        members = {(key, word) for key, word in _MEMBER.findall(_QUOTED.sub("''", text)) if key == self.category}
        if len(members) != 1:
            return Consent.UNKNOWN
        return Consent.GRANTED if (self.category, "true") in members else Consent.DENIED


@dataclass(frozen=True, slots=True)
class CookiePredicate:
    """A reader of any cookie, by the site's own predicate."""

    name: str
    predicate: Callable[[str], bool | Consent | None]

    def __post_init__(self) -> None:
        """Refuse a wrong name, or a predicate that cannot be called."""
        check_cookie_name("cookie", self.name)
        if not callable(self.predicate):  # pyright: ignore[reportUnnecessaryComparison]
            raise ConfigError(f"cookie's predicate: is {self.predicate!r}; write a function of the cookie's raw value")

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The cookie that the reader reads."""
        return (self.name,)

    def __call__(self, view: RequestView) -> Consent:
        """Ask the predicate about each value. What it raises reaches `read_consent`."""
        return read_each(view, self.name, self._parse)

    def _parse(self, value: str) -> Consent:
        answer = self.predicate(value)
        if isinstance(answer, Consent):
            return answer
        if answer is None:
            return Consent.UNKNOWN
        # The truth of any other value must not count: a match object or a text would grant consent by accident.
        if not isinstance(answer, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - an untyped site's
            raise TypeError(f"cookie's predicate: answered {type(answer).__name__}; return True, False or None")
        return Consent.GRANTED if answer else Consent.DENIED


def onetrust(group: str) -> OneTrust:
    """Make a reader of one OneTrust group: ``onetrust("C0004")``, by default targeting and recommendations.

    Unknown until the visitor has answered the banner, and while a new wording awaits its answer.

    Raises:
        ConfigError: *group* cannot be a group's id.

    Source: OneTrust, "OneTrust Cookies"; ``OptanonConsent`` as its scripts write it.
    """
    return OneTrust(group)


def cookiebot(category: str) -> Cookiebot:
    """Make a reader of one Cookiebot category: ``"preferences"``, ``"statistics"`` or ``"marketing"``.

    Also granted where Cookiebot says that the visitor's region needs no consent (``-1``).

    Raises:
        ConfigError: *category* is none of the three.

    Source: Cookiebot, server-side usage of ``CookieConsent``.
    """
    return Cookiebot(category)


def cookie(name: str, predicate: Callable[[str], bool | Consent | None]) -> CookiePredicate:
    """Make a reader of any cookie: ``cookie("cookie_consent", lambda value: "social=" in value)``.

    Args:
        name: The cookie's name.
        predicate: From its raw value (undecoded, ending before a comma) to ``True`` for granted, ``False`` for
            denied, ``None`` for unknown, or a `Consent`. It is not called where the cookie is absent, which is unknown.
            Any other answer, or an exception, makes the visitor's consent unknown and is logged.

    Raises:
        ConfigError: An argument is wrong.
    """
    return CookiePredicate(name, predicate)
