"""The cookies worth setting, and the header lines that set them: one ``Set-Cookie`` a name and scope."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CookieChange", "CookieWriter"]

# RFC 6265bis, section 5.6: a user agent ignores a cookie whose name and value are longer.
LONGEST_COOKIE = 4096


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CookieChange:
    """One cookie to set or, without a value, to expire in both scopes."""

    name: str
    value: str | None  #: cookie-octets; ``None``: expire it
    max_age: int | None = None  #: in seconds; ``None``: until the browser closes
    http_only: bool = True
    twins: bool = False  #: a host-only cookie of that name shadows it: expire that one


@dataclass(frozen=True, slots=True)
class CookieWriter:
    """Writes ``Set-Cookie`` values for one scope.

    By hand, for `http.cookies` puts quotes around base64 and every framework holds one cookie a name.
    """

    domain: str | None
    secure: bool
    former_domain: str | None = None  #: where the site's cookies lived before, if this host may expire them

    def lines(self, change: CookieChange) -> list[str]:
        """Write the lines of one change, expiries first: ASCII, no quotes, each below 4,096 bytes."""
        if change.value is None:
            return [self._expiry(change, domain) for domain in self._scopes()]
        lines: list[str] = []
        if change.twins and self.domain is not None:
            lines.append(self._expiry(change, None))
        if self.former_domain is not None:
            lines.append(self._expiry(change, self.former_domain))
        age = "" if change.max_age is None else f"; Max-Age={change.max_age}"
        line = f"{change.name}={change.value}{age}{self._attributes(self.domain, change.http_only)}"
        if len(change.name) + len(change.value) <= LONGEST_COOKIE:
            lines.append(line)
        return lines

    def _scopes(self) -> list[str | None]:
        scopes: list[str | None] = [None]
        scopes += [domain for domain in (self.domain, self.former_domain) if domain is not None]
        return scopes

    def _expiry(self, change: CookieChange, domain: str | None) -> str:
        return f"{change.name}=; Max-Age=0{self._attributes(domain, change.http_only)}"

    def _attributes(self, domain: str | None, http_only: bool) -> str:
        return (
            ("" if domain is None else f"; Domain={domain}")
            + "; Path=/"
            + ("; Secure" if self.secure else "")
            + ("; HttpOnly" if http_only else "")
            + "; SameSite=Lax"
        )
