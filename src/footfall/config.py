"""How one site names, scopes and ages its cookies. Checked once, at start-up."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Literal, TypeAlias, cast

from footfall.errors import ConfigError
from footfall.request import Consent, RequestClass, RequestView

__all__ = ["HOW_TO_WRITE_KEYS", "PLACEHOLDER", "Config", "ConsentReader", "CookieNames"]

ConsentReader: TypeAlias = Callable[[RequestView], "Consent | Awaitable[Consent]"]

#: What our own messages write where a key belongs: copied as it stands, it would be everybody's.
PLACEHOLDER = "a random text of 32 characters"
HOW_TO_WRITE_KEYS = f"write secret_keys=({PLACEHOLDER!r},)"
SHORTEST_KEY = 16
# Django's own measure of its SECRET_KEY (security.W009).
FEWEST_KEY_LETTERS = 5

# RFC 6265bis, section 4.1.1: a cookie's name is a token.
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
# RFC 6265bis, section 5.5: browsers cut a lifetime to this.
LONGEST_LIFETIME = timedelta(days=400)
# RFC 6265bis, 4.1.3, and layered-cookies, "Cookie Name Prefixes". The longest first.
PREFIXES = {
    "__host-http-": frozenset({"https", "host", "hidden"}),
    "__host-": frozenset({"https", "host"}),
    "__http-": frozenset({"https", "hidden"}),
    "__secure-": frozenset({"https"}),
}
NOTHING: frozenset[str] = frozenset()
MOST_PROXIES = 10
# Tracking API, "User Identifier": at least 90 days from the last usage.
SHORTEST_DEVICE_LIFETIME = timedelta(days=90)


def check_own_name(field: str, name: object) -> None:
    """Refuse a name that no browser would keep for a cookie of the site's own.

    Raises:
        ConfigError: It names *field*.
    """
    if not isinstance(name, str) or not TOKEN.fullmatch(name):
        raise ConfigError(
            f"{field}: is {name!r}; write 1 to 64 letters, digits or -_.!#$%&'*+^`|~ (RFC 6265bis, 4.1.1)"
        )


def check_prefix(field: str, name: str, *, secure: object, cookie_domain: object, readable: str | None) -> None:
    """Refuse settings that do not give what a cookie's name asks for by its prefix: no browser would keep it.

    Args:
        field: What the name is of.
        name: The name.
        secure: `Config.secure`.
        cookie_domain: `Config.cookie_domain`.
        readable: The setting by which page scripts may read this cookie; ``None`` if they may not.

    Raises:
        ConfigError: It names the setting to change.
    """
    wanted = demands_of(name)
    if "https" in wanted and secure is False:
        raise ConfigError(f"secure: is False, but {field} is {name!r}, kept over https alone; write secure='auto'")
    if "host" in wanted and cookie_domain is not None:
        raise ConfigError(
            f"cookie_domain: is {cookie_domain!r}, but {field} is {name!r}, kept without a Domain alone; write"
            " cookie_domain=None, or a name without the prefix"
        )
    if "hidden" in wanted and readable is not None:
        raise ConfigError(
            f"{readable}, but {field} is {name!r}, kept with HttpOnly alone; write another prefix, such as __Secure-"
        )


def demands_of(name: str) -> frozenset[str]:
    """Find what a cookie's name asks for by its prefix: ``https``, ``host`` (no Domain), ``hidden`` (HttpOnly)."""
    lower = name.lower()  # as browsers compare
    return next((wanted for prefix, wanted in PREFIXES.items() if lower.startswith(prefix)), NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieNames:
    """What our cookies are called. The defaults are the names that the vendor uses.

    Source: Raptor's own server-side template; "Server-side: it is the customer who defines the name".
    """

    device: str = "rsa"
    session: str = "rsaSession"
    ruid: str = "rsaRuid"
    reaid: str = "rsaReaId"
    xuid: str = "rsaXuid"

    @property
    def session_open(self) -> str:
        """The session cookie's companion, which dies with the browser."""
        return self.session + "Open"

    @property
    def gone(self) -> str:
        """The mark of a device that its visitor had forgotten, so that no slower response brings it back."""
        return self.device + "Gone"

    @property
    def need_https(self) -> bool:
        """Whether any name starts with a prefix such as ``__Secure-``, which browsers accept only over https."""
        return any(demands_of(name) for name in self.by_role().values())

    def by_role(self) -> dict[str, str]:
        """Return the name of each of our cookies by what it is for."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**named, "session's companion": self.session_open, "device's forgotten mark": self.gone}

    def __post_init__(self) -> None:
        """Refuse names that no browser would keep, or that would overwrite one another."""
        names = {field.name: getattr(self, field.name) for field in fields(self)}
        for field, name in names.items():
            check_own_name(f"cookie_names.{field}", name)
        used: dict[str, str] = {}
        for field, name in self.by_role().items():
            if name in used:
                raise ConfigError(
                    f"cookie_names.{field}: is {name!r}, as cookie_names.{used[name]} is; give each a name of its own"
                )
            used[name] = field


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Config:
    """How one site knows its visitors. Every setting has a default that a European shop can switch on.

    Raises:
        ConfigError: A setting is wrong. It names the field, what was found, and what to write instead.
    """

    cookie_domain: str | None = "auto"
    """``"auto"``: the registrable domain of the request's host; ``"shop.example"``; or ``None``: host-only."""
    cookie_names: CookieNames = CookieNames()
    secure: Literal["auto"] | bool = "auto"  #: ``"auto"``: if the request came by https
    script_access: bool = False  #: whether page scripts may read the device and session cookies (no HttpOnly)
    device_lifetime: timedelta = timedelta(days=365)  #: since the last visit
    session_idle: timedelta = timedelta(minutes=20)  #: quiet time that ends a visit
    session_ends_with_browser: bool = True  #: whether closing the browser ends a visit, by a companion cookie
    person_ids: Literal["ruid+reaid", "xuid"] = "ruid+reaid"  #: never both: the tracker's document forbids it
    ruid_cookie: Literal["sealed", "base64", "off"] = "sealed"  #: ``"base64"`` can be read by anyone
    secret_keys: tuple[str, ...] = ()  #: newest first; the newest seals, all open
    consent: ConsentReader | Mapping[str, ConsentReader] | None = None
    """Reads the visitor's choice; a mapping has a reader for ``"device"`` and ``"person"``; ``None``: `own_cookie`."""
    honour_gpc: Literal["unless-consented"] | bool = True
    """Whether ``Sec-GPC: 1`` is a denial; ``"unless-consented"``: not for who grants in spite of it (11 CCR 7025)."""
    anonymous_user: str = "not_defined"  #: what a tracker that requires a user id gets when there is none
    public_responses: Literal["skip", "private"] = "skip"
    """For a response marked public or s-maxage: ``"skip"`` our cookies, or make the response ``"private"``."""
    ignore_bots: bool = True  #: whether bots get no ids and report no events
    classify: Callable[[RequestView], RequestClass] | None = None  #: ``None``: `footfall.identity.classify_request`
    anonymous_id: Callable[[RequestView], str | None] | None = None
    """A site's own anonymous id, an old YCID for example, for trackers with one user id (Tracking API, "User
    Identifier")."""
    strip_query_ids: bool = False
    """Whether a newsletter's landing page is answered by a redirect that takes the id out of the address bar."""
    unconfirmed_events: Literal["send", "anonymous", "refuse"] = "send"
    """How events go while the browser has not returned their id yet: as usual, under ``anonymous_user``, or not at
    all."""
    trusted_proxies: int = 0
    """How many proxies in front append to ``X-Forwarded-Proto`` and ``-Host``; 0: neither is read. Leave it at 0 where
    the server or framework reads them already (uvicorn's ``--proxy-headers``, ``ProxyFix``, Django's settings)."""
    former_cookie_names: CookieNames | None = None  #: names used before: still read, and expired as new ones are set
    former_cookie_domain: str | None = None  #: the domain used before: our cookies there are expired

    def __post_init__(self) -> None:
        """Check each setting by itself, then those that depend on each other."""
        self._check_types()
        self._check_domain("cookie_domain", self.cookie_domain)
        self._check_domain("former_cookie_domain", self.former_cookie_domain)
        _check_lifetime("device_lifetime", self.device_lifetime, least=SHORTEST_DEVICE_LIFETIME)
        _check_lifetime("session_idle", self.session_idle, least=timedelta(seconds=1))
        _check_user(self.anonymous_user)
        self._check_former_names()
        self._check_prefixes()
        if self.person_ids == "xuid" and self.ruid_cookie == "base64":
            raise ConfigError(
                "person_ids: is 'xuid' and ruid_cookie is 'base64', but xuid can not be used together with ruid and"
                " reaid (Server-side Tracking, 'XuId'); drop ruid_cookie, or write person_ids='ruid+reaid'"
            )

    def _check_types(self) -> None:
        choices: dict[str, tuple[object, ...]] = {
            "secure": ("auto", True, False),
            "person_ids": ("ruid+reaid", "xuid"),
            "ruid_cookie": ("sealed", "base64", "off"),
            "public_responses": ("skip", "private"),
            "unconfirmed_events": ("send", "anonymous", "refuse"),
        }
        choices["honour_gpc"] = (True, False, "unless-consented")
        for name in ("script_access", "session_ends_with_browser", "ignore_bots", "strip_query_ids"):
            choices[name] = (True, False)
        for name, allowed in choices.items():
            found = getattr(self, name)
            if not any(found is one or (isinstance(one, str) and found == one) for one in allowed):
                hint = " (xuid can not be used together with reaid and ruid)" if name == "person_ids" else ""
                raise ConfigError(f"{name}: is {found!r}; write {' or '.join(map(repr, allowed))}{hint}")
        for name, kind in (("cookie_names", CookieNames), ("device_lifetime", timedelta), ("session_idle", timedelta)):
            if not isinstance(getattr(self, name), kind):
                raise ConfigError(f"{name}: is {getattr(self, name)!r}; write a {kind.__name__}(...)")
        if self.former_cookie_names is not None and not isinstance(self.former_cookie_names, CookieNames):
            raise ConfigError(f"former_cookie_names: is {self.former_cookie_names!r}; write a CookieNames(...) or None")
        for name in ("classify", "anonymous_id"):
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                raise ConfigError(f"{name}: is {getattr(self, name)!r}; write a function of a RequestView, or None")
            if iscoroutinefunction(getattr(self, name)):
                raise ConfigError(f"{name}: is an async def, which nobody awaits; write a function of a RequestView")
        if type(self.trusted_proxies) is not int or not 0 <= self.trusted_proxies <= MOST_PROXIES:
            raise ConfigError(
                f"trusted_proxies: is {self.trusted_proxies!r}; write how many there are, 0 to {MOST_PROXIES}"
            )
        self._check_keys()
        self._check_consent()

    def _check_keys(self) -> None:
        if isinstance(self.secret_keys, str) or not isinstance(self.secret_keys, (tuple, list)):
            raise ConfigError("secret_keys: is not a tuple of texts; write secret_keys=('newest key', 'older key')")
        for at, key in enumerate(self.secret_keys):
            found = _find_weakness(key)
            if found is not None:
                raise ConfigError(
                    f"secret_keys[{at}]: is {found}; write a random text of {SHORTEST_KEY} or more,"
                    " such as python3 -c 'import secrets; print(secrets.token_urlsafe(32))' prints"
                )
        object.__setattr__(self, "secret_keys", tuple(self.secret_keys))

    def _check_consent(self) -> None:
        consent = self.consent
        for reader in _readers_of(consent):
            if (makes := _maker(reader)) is not None:
                raise ConfigError(f"consent is {makes} itself, which makes a reader; call it: consent={makes}(...)")
        if consent is None or callable(consent):
            return
        if not isinstance(consent, Mapping):
            raise ConfigError(f"consent: is {consent!r}; write a reader such as own_cookie(), or a mapping of two")
        if set(consent) != {"device", "person"} or not all(callable(reader) for reader in consent.values()):
            raise ConfigError("consent: is a mapping; give it exactly 'device' and 'person', each a reader")

    def _check_prefixes(self) -> None:
        for field in fields(self.cookie_names):
            readable = field.name in ("device", "session") and self.script_access
            check_prefix(
                f"cookie_names.{field.name}",
                getattr(self.cookie_names, field.name),
                secure=self.secure,
                cookie_domain=self.cookie_domain,
                readable="script_access: is True" if readable else None,
            )

    def _check_former_names(self) -> None:
        """Refuse a former name that now means something else: one response would both expire and set it."""
        if self.former_cookie_names is None:
            return
        now = {name: role for role, name in self.cookie_names.by_role().items()}
        for role, name in self.former_cookie_names.by_role().items():
            if now.get(name, role) != role:
                raise ConfigError(
                    f"former_cookie_names: has {name!r}, once the {role} cookie and now the {now[name]} cookie;"
                    " give the new one another name"
                )

    @staticmethod
    def _check_domain(field: str, domain: str | None) -> None:
        """Check how a domain is written. `Site` has the list of public suffixes, and refuses those."""
        if domain is None or (domain == "auto" and field == "cookie_domain"):
            return
        if domain == "auto":
            raise ConfigError(
                f"{field}: is 'auto'; write the domain that the cookies had, such as 'shop.example', or None"
            )
        if not isinstance(domain, str):
            raise ConfigError(f"{field}: is {domain!r}; write 'auto', a domain such as 'shop.example', or None")
        if domain.startswith("."):
            raise ConfigError(f"{field}: is {domain!r}, which starts with a dot; write {domain.lstrip('.')!r}")
        if "://" in domain or ":" in domain or "/" in domain:
            raise ConfigError(
                f"{field}: is {domain!r}, which is an address; write its domain alone, such as 'shop.example'"
            )
        if not domain.isascii():
            raise ConfigError(f"{field}: is {domain!r}, which is not ASCII; write its xn-- form")
        if domain != domain.lower():
            raise ConfigError(
                f"{field}: is {domain!r}, whose upper-case letters some browsers refuse; write {domain.lower()!r}"
            )
        if not re.fullmatch(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+", domain) or len(domain) > 253:
            raise ConfigError(
                f"{field}: is {domain!r}, which is not a domain of two or more labels; write 'shop.example', or None"
            )
        if re.fullmatch(r"[0-9.]+", domain):
            raise ConfigError(f"{field}: is {domain!r}, an IP address, for which cookies have no domain; write None")

    def __repr__(self) -> str:
        """Show every setting except the keys."""
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.name != "secret_keys")
        return f"Config({', '.join(shown)}, secret_keys=<{len(self.secret_keys)}>)"


def _find_weakness(key: object) -> str | None:
    """Say what is wrong with a key. It is a secret: measured, never quoted."""
    if not isinstance(key, str):
        return f"a {type(key).__name__}"
    if len(key) < SHORTEST_KEY:
        return f"{len(key)} characters"
    if key.strip() == PLACEHOLDER:
        return "the placeholder that our messages show"
    if (letters := len(set(key))) < FEWEST_KEY_LETTERS:
        return f"{letters} characters, repeated"
    if key in (key + key)[1:-1]:  # only a text that is made of equal parts is found in itself
        return "one text, repeated"
    return None


def _readers_of(consent: object) -> list[object]:
    """List a reader and those inside it: `any_of`'s and `all_of`'s."""
    if isinstance(consent, Mapping):
        return [one for reader in cast("Mapping[str, object]", consent).values() for one in _readers_of(reader)]
    return [consent, *(one for reader in getattr(consent, "readers", ()) for one in _readers_of(reader))]


def _maker(reader: object) -> str | None:
    """Name what makes a reader and was not called; ``None`` of a reader."""
    if isinstance(reader, type):
        return reader.__name__
    # A function of ours is one of `onetrust`, `any_of` and their like, with one exception.
    if not isinstance(reader, FunctionType) or not reader.__module__.startswith("footfall.consent."):
        return None
    return reader.__name__ if reader.__name__ != "always_granted" else None


def _check_lifetime(field: str, lifetime: timedelta, *, least: timedelta) -> None:
    if lifetime > LONGEST_LIFETIME:
        raise ConfigError(
            f"{field}: is {lifetime}, and browsers keep a cookie 400 days at most (RFC 6265bis, 5.5);"
            " write timedelta(days=400) or less"
        )
    if lifetime < least:
        why = " (Tracking API, 'User Identifier')" if field == "device_lifetime" else ""
        raise ConfigError(f"{field}: is {lifetime}; write {least} or more{why}")
    if lifetime % timedelta(seconds=1):
        raise ConfigError(f"{field}: is {lifetime}, and Max-Age counts whole seconds; write no microseconds")


def _check_user(user: str) -> None:
    text = isinstance(user, str) and user.isprintable() and "\\" not in user and user not in (".", "..")
    if not text or not 0 < len(user) <= 512:
        raise ConfigError(
            f"anonymous_user: is {user!r}; write 1 to 512 printable characters without a backslash,"
            " such as 'not_defined'"
        )
