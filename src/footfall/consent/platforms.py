"""Readers of the cookies that consent platforms write in the browser, each by its platform's own form.

Scripts set these cookies, and some browsers keep such cookies for only seven days: a choice then becomes unknown, not
denied.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Sequence
from functools import partial
from typing import Final, cast
from urllib.parse import unquote

from footfall.consent.reading import CookieReader, either
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView, unwrap

__all__ = [
    "OneTrust",
    "borlabs",
    "complianz",
    "consentmanager",
    "cookie_information",
    "cookiebot",
    "cookiefirst",
    "cookieyes",
    "didomi",
    "onetrust",
]

_GROUP = re.compile(r"[A-Za-z0-9_-]{1,64}")
_QUOTED = re.compile(r"'[^']*'")
_MEMBER = re.compile(r"[{,]\s*(preferences|statistics|marketing)\s*:\s*(true|false)\s*(?=[,}])")
_PURPOSES = re.compile(r"__(?:[0-9]{1,9}(?:_[0-9]{1,9})*)?__")
_ANSWERED = re.compile(r"[1-9][0-9]{0,8}")


class OneTrust:
    """A reader of one OneTrust group, from two cookies."""

    cookie_names: Final = ("OptanonConsent", "OptanonAlertBoxClosed")
    __slots__ = ("_group", "_undecided", "_when_closed")

    def __init__(self, group: str) -> None:
        """Prepare for one group, an id that `onetrust` has checked."""
        self._group = group
        self._undecided = CookieReader(repr(self), "OptanonConsent", partial(_parse_onetrust, group, closed=False))
        self._when_closed = CookieReader(repr(self), "OptanonConsent", partial(_parse_onetrust, group, closed=True))

    def __call__(self, view: RequestView) -> Consent:
        """Read ``OptanonConsent``, which is there before any choice, and the signs that a choice was made."""
        closed = view.raw_cookies("OptanonAlertBoxClosed")
        return self._when_closed(view) if closed and any(map(unwrap, closed)) else self._undecided(view)

    def __repr__(self) -> str:
        """Write the line that makes this reader."""
        return f"onetrust({self._group!r})"


def onetrust(group: str) -> OneTrust:
    """Make a reader of one OneTrust group: ``onetrust("C0004")``, by default targeting and recommendations.

    Unknown until the visitor has answered the banner, and while a new wording awaits its answer.

    Raises:
        ConfigError: *group* cannot be a group's id.

    Source: OneTrust, "OneTrust Cookies"; ``OptanonConsent`` as its scripts write it.
    """
    return OneTrust(_check_id("onetrust's group", group, "C0004"))


def _parse_onetrust(group: str, value: str, *, closed: bool) -> Consent:
    fields = _fields(value.split("&"), "=")
    if fields is None:
        return Consent.UNKNOWN
    decided = closed or _ANSWERED.fullmatch(fields.get("interactionCount", "")) is not None
    # While a new wording awaits its answer, the groups are those of the old one.
    if not decided or fields.get("AwaitingReconsent", "false") != "false":
        return Consent.UNKNOWN
    groups = set(unquote(fields.get("groups", "")).split(","))
    return either(granted=f"{group}:1" in groups, denied=f"{group}:0" in groups)


def cookiebot(category: str) -> CookieReader:
    """Make a reader of one Cookiebot category: ``"preferences"``, ``"statistics"`` or ``"marketing"``.

    Also granted where Cookiebot says that the visitor's region needs no consent (``-1``).

    Raises:
        ConfigError: *category* is none of the three.

    Source: Cookiebot, server-side usage of ``CookieConsent``.
    """
    _check_choice("cookiebot's category", category, ("preferences", "statistics", "marketing"))
    return CookieReader(f"cookiebot({category!r})", "CookieConsent", partial(_parse_cookiebot, category))


def _parse_cookiebot(category: str, value: str) -> Consent:
    if value in ("0", "-1"):
        return Consent.DENIED if value == "0" else Consent.GRANTED
    text = unquote(value)
    if not (text.startswith("{") and text.endswith("}")):
        return Consent.UNKNOWN
    # A JavaScript object with unquoted keys, which no JSON parser takes; its texts may hold anything.
    words = {word for key, word in _MEMBER.findall(_QUOTED.sub("''", text)) if key == category}
    return either(granted="true" in words, denied="false" in words)


def cookie_information(category: str) -> CookieReader:
    """Make a reader of one category of Cookie Information: ``"marketing"``, for example.

    Args:
        category: ``"functional"``, ``"statistic"``, ``"marketing"`` or ``"unclassified"``.

    Raises:
        ConfigError: *category* is none of them.

    Source: Cookie Information, "What cookies does the solution set?"; ``CookieInformationConsent`` as its script
    writes it.
    """
    _check_choice("cookie_information's category", category, ("functional", "statistic", "marketing", "unclassified"))
    parse = partial(_parse_cookie_information, f"cookie_cat_{category}")
    return CookieReader(f"cookie_information({category!r})", "CookieInformationConsent", parse)


def _parse_cookie_information(name: str, value: str) -> Consent:
    said = _load(value)
    return either(
        granted=name in _list(said.get("consents_approved")),
        denied=name in _list(said.get("consents_denied")),
    )


def cookieyes(category: str) -> CookieReader:
    """Make a reader of one CookieYes category: ``"advertisement"``, for example.

    Unknown until the visitor has acted. The cookie's own ``consent:`` is not read: beside ``no`` every category may
    be allowed.

    Args:
        category: ``"functional"``, ``"analytics"``, ``"performance"``, ``"advertisement"`` or ``"other"``.

    Raises:
        ConfigError: *category* is none of them.

    Source: CookieYes, "Cookies set by CookieYes"; ``cookieyes-consent`` as its script writes it.
    """
    choices = ("functional", "analytics", "performance", "advertisement", "other")
    _check_choice("cookieyes's category", category, choices)
    return CookieReader(f"cookieyes({category!r})", "cookieyes-consent", partial(_parse_cookieyes, category))


def _parse_cookieyes(category: str, value: str) -> Consent:
    fields = _fields(unquote(value).split(","), ":")
    if fields is None or fields.get("action") != "yes":
        return Consent.UNKNOWN
    return either(granted=fields.get(category) == "yes", denied=fields.get(category) == "no")


def complianz(category: str) -> CookieReader:
    """Make a reader of one Complianz category: ``"marketing"``, for example.

    Args:
        category: ``"functional"``, ``"preferences"``, ``"statistics"``, ``"statistics-anonymous"`` or ``"marketing"``.

    Raises:
        ConfigError: *category* is none of them.

    Source: Complianz, the WordPress plug-in's script: ``cmplz_marketing`` and its like.
    """
    choices = ("functional", "preferences", "statistics", "statistics-anonymous", "marketing")
    _check_choice("complianz's category", category, choices)
    return CookieReader(f"complianz({category!r})", f"cmplz_{category}", _parse_complianz)


def _parse_complianz(value: str) -> Consent:
    return either(granted=value == "allow", denied=value == "deny")


def borlabs(group: str, service: str | None = None) -> CookieReader:
    """Make a reader of one service group of Borlabs Cookie, version 2 or 3: ``borlabs("marketing")``.

    Args:
        group: The group's id. It is granted if any of its services is.
        service: The id of one of its services that must be granted.

    Raises:
        ConfigError: An argument cannot be an id.

    Source: Borlabs Cookie, the WordPress plug-in's script: ``borlabs-cookie``.
    """
    _check_id("borlabs's group", group, "marketing")
    if service is None:
        return CookieReader(f"borlabs({group!r})", "borlabs-cookie", partial(_parse_borlabs, group, None))
    _check_id("borlabs's service", service, "recommendations")
    made_by = f"borlabs({group!r}, {service!r})"
    return CookieReader(made_by, "borlabs-cookie", partial(_parse_borlabs, group, service))


def _parse_borlabs(group: str, service: str | None, value: str) -> Consent:
    groups = _dict(_load(value).get("consents"))
    if not groups or not isinstance(groups.get(group, []), list):
        return Consent.UNKNOWN
    services = _list(groups.get(group))  # a group of which nothing was granted is not there
    granted = bool(services) if service is None else service in services
    return Consent.GRANTED if granted else Consent.DENIED


def cookiefirst(category: str) -> CookieReader:
    """Make a reader of one CookieFirst category: ``"performance"``, ``"functional"`` or ``"advertising"``.

    Raises:
        ConfigError: *category* is none of the three.

    Source: CookieFirst, "CookieFirst API"; ``cookiefirst-consent`` as its script writes it.
    """
    _check_choice("cookiefirst's category", category, ("performance", "functional", "advertising"))
    return CookieReader(f"cookiefirst({category!r})", "cookiefirst-consent", partial(_parse_cookiefirst, category))


def _parse_cookiefirst(category: str, value: str) -> Consent:
    said = _load(value).get(category)
    return either(granted=said is True, denied=said is False)


def didomi(purpose: str, vendor: str | None = None) -> CookieReader:
    """Make a reader of one Didomi purpose: ``didomi("targeted_ads")``. Unknown until the visitor has chosen.

    Args:
        purpose: The purpose's id.
        vendor: The id of a vendor that must be enabled as well, such as ``"c:recommender"``.

    Raises:
        ConfigError: An argument cannot be an id.

    Source: Didomi, "Cookies and local storage"; ``didomi_token`` as its script writes it.
    """
    _check_id("didomi's purpose", purpose, "targeted_ads")
    if vendor is None:
        return CookieReader(f"didomi({purpose!r})", "didomi_token", partial(_parse_didomi, purpose, None))
    if not isinstance(vendor, str) or not _GROUP.fullmatch(vendor.removeprefix("c:")):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"didomi's vendor: is {vendor!r}; write an id, such as 'c:recommender'")
    made_by = f"didomi({purpose!r}, {vendor!r})"
    return CookieReader(made_by, "didomi_token", partial(_parse_didomi, purpose, vendor))


def _parse_didomi(purpose: str, vendor: str | None, value: str) -> Consent:
    said = _load(_decode(unquote(value)))
    answer = _listed(said.get("purposes"), purpose)
    if vendor is None or answer is not Consent.GRANTED:
        return answer
    return _listed(said.get("vendors"), vendor)


def consentmanager(purpose: int, *, cookie: str = "__cmpcpc*") -> CookieReader:
    """Make a reader of one custom purpose of consentmanager: ``consentmanager(51)``.

    Args:
        purpose: The purpose's number.
        cookie: The cookie of the purposes. Its name carries the number of the account or site; write it out where
            one domain has several.

    Raises:
        ConfigError: An argument is wrong.

    Source: consentmanager, "Cookies set by the CMP".
    """
    if type(purpose) is not int or not 1 <= purpose <= 999_999_999:
        raise ConfigError(f"consentmanager's purpose: is {purpose!r}; write its number, such as 51")
    return CookieReader(f"consentmanager({purpose})", cookie, partial(_parse_consentmanager, str(purpose)))


def _parse_consentmanager(purpose: str, value: str) -> Consent:
    if not _PURPOSES.fullmatch(value):
        return Consent.UNKNOWN
    return Consent.GRANTED if purpose in value.split("_") else Consent.DENIED


# What several of them have in common


def _check_choice(field: str, choice: object, choices: Sequence[str]) -> None:
    if choice not in choices:
        raise ConfigError(f"{field}: is {choice!r}; write {' or '.join(map(repr, choices))}")


def _check_id(field: str, found: str, example: str) -> str:
    if not isinstance(found, str) or not _GROUP.fullmatch(found):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"{field}: is {found!r}; write its id, such as {example!r}")
    return found


def _fields(pairs: Sequence[str], separator: str) -> dict[str, str] | None:
    """Read pairs of a name and a text; ``None`` if a name has two texts."""
    fields: dict[str, str] = {}
    for pair in pairs:
        name, _, text = pair.partition(separator)
        if fields.setdefault(name, text) != text:
            return None
    return fields


def _load(text: str) -> dict[str, object]:
    """Read a JSON object, percent-encoded or not; an empty one if it is anything else, or has a name twice."""
    try:
        return _dict(_DECODER.decode(text if text.startswith("{") else unquote(text)))
    except (ValueError, RecursionError):
        return {}


def _refuse_twice(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a name has two values")
    return found


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_refuse_twice)


def _dict(found: object) -> dict[str, object]:
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _list(found: object) -> list[object]:
    return cast("list[object]", found) if isinstance(found, list) else []


def _listed(found: object, name: str) -> Consent:
    """Look a name up in an object's lists ``enabled`` and ``disabled``."""
    lists = _dict(found)
    return either(granted=name in _list(lists.get("enabled")), denied=name in _list(lists.get("disabled")))


def _decode(text: str) -> str:
    """Read base64 of either alphabet, with its padding or without; ``""`` if it is anything else."""
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(standard + "=" * (-len(standard) % 4), validate=True).decode()
    except ValueError:  # binascii's and UnicodeDecodeError are
        return ""
