"""A browser's cookies, as RFC 6265bis and three real browsers keep them: written without a look at our own code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Jar"]

LONGEST_LIFE = 400 * 86400  # section 5.5; Chromium and Firefox cut to it
LONGEST_PAIR = 4096  # section 5.6
SUFFIXES = {"example", "com", "co.uk", "github.io"}


@dataclass
class Kept:
    """One cookie."""

    value: str
    expires: float | None  # None: with the browser
    secure: bool
    lax: bool


class Jar:
    """Keeps cookies by name, domain, scope and path, for as long as it may."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._kept: dict[tuple[str, str, bool, str], Kept] = {}  # name, domain, host-only, path

    def send(self, url: str, *, cross_site_post: bool = False) -> str | None:
        """The Cookie header of a request; Lax cookies stay at home when another site's form sends it."""
        host, secure, path = _parts(url)
        self._expire()
        sent = [
            f"{name}={cookie.value}"
            for (name, domain, host_only, below), cookie in self._kept.items()
            if (host == domain if host_only else _matches(host, domain))
            and path.startswith(below)
            and (secure or not cookie.secure)
            and not (cross_site_post and cookie.lax)
        ]
        return "; ".join(sent) or None

    def keep(self, url: str, lines: Iterable[str]) -> None:
        """Take a response's Set-Cookie lines, in order."""
        for line in lines:
            self._keep(url, line)

    def close_browser(self) -> None:
        """End the cookies that have no lifetime of their own."""
        self._kept = {key: cookie for key, cookie in self._kept.items() if cookie.expires is not None}

    def value(self, name: str) -> str | None:
        """The value of one cookie that is still alive, wherever it lives; it must not live twice."""
        self._expire()
        values = [cookie.value for key, cookie in self._kept.items() if key[0] == name]
        assert len(values) <= 1, f"{name} lives in {len(values)} scopes"
        return values[0] if values else None

    def __len__(self) -> int:
        """How many cookies are alive."""
        self._expire()
        return len(self._kept)

    def _keep(self, url: str, line: str) -> None:
        host, secure, _ = _parts(url)
        pair, *rest = line.split(";")
        name, _, value = (part.strip() for part in pair.partition("="))
        attributes = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in rest)}
        domain = attributes.get("domain", "").removeprefix(".").lower()
        if len(name) + len(value) > LONGEST_PAIR or not line.isprintable():
            return
        if domain and (not _matches(host, domain) or (domain in SUFFIXES and domain != host)):
            return
        if "secure" in attributes and not secure:
            return
        prefix = name.lower()
        if prefix.startswith(("__secure-", "__host-", "__http-")) and "secure" not in attributes:
            return
        if prefix.startswith("__host-") and ("domain" in attributes or attributes.get("path") != "/"):
            return
        if prefix.startswith(("__http-", "__host-http-")) and "httponly" not in attributes:
            return
        if not secure and any(key[0] == name and kept.secure for key, kept in self._kept.items()):
            return  # a plain page leaves secure cookies alone
        where = attributes.get("path", "")
        key = (name, domain or host, not domain or domain in SUFFIXES, where if where.startswith("/") else "/")
        age = attributes.get("max-age", "")
        lives = min(int(age), LONGEST_LIFE) if age.removeprefix("-").isdigit() else None
        if lives is not None and lives <= 0:
            self._kept.pop(key, None)
            return
        expires = None if lives is None else self._now() + lives
        lax = attributes.get("samesite", "lax").lower() != "none"
        self._kept[key] = Kept(value, expires, "secure" in attributes, lax)

    def _expire(self) -> None:
        now = self._now()
        gone = [key for key, cookie in self._kept.items() if cookie.expires is not None and cookie.expires <= now]
        for key in gone:
            del self._kept[key]


def _parts(url: str) -> tuple[str, bool, str]:
    address = urlsplit(url)
    return address.hostname or "", address.scheme in ("https", "wss"), address.path or "/"


def _matches(host: str, domain: str) -> bool:
    return host == domain or (host.endswith("." + domain) and not host.replace(".", "").isdigit())
