"""The header lines that make a browser keep or drop our cookies: one ``Set-Cookie`` for each name and scope."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["SET_COOKIE", "CookieWriter", "format_tail"]

SET_COOKIE = "Set-Cookie"

# RFC 6265bis, section 5.6: a user agent ignores a cookie whose name and value are longer.
LONGEST_COOKIE = 4096


class CookieWriter:
    """Writes the ``Set-Cookie`` lines of one response, as pairs of name and value.

    `http.cookies` is not used: it puts quotes around base64, and frameworks hold only one cookie of each name. The
    values are ASCII, without quotes, each name and value together at most 4,096 bytes.
    """

    __slots__ = ("_domain", "_former_domain", "_secure", "lines")

    def __init__(
        self,
        domain: str | None,
        *,
        secure: bool,
        former_domain: str | None = None,
        lines: list[tuple[str, str]] | None = None,
    ) -> None:
        """Write for one scope.

        Args:
            domain: The cookies' domain; ``None``: host-only.
            secure: Whether they are sent by https only.
            former_domain: Where the site's cookies lived before, if this host may expire them.
            lines: The lines to append to.
        """
        self._domain = domain
        self._secure = secure
        self._former_domain = former_domain
        self.lines: list[tuple[str, str]] = [] if lines is None else lines  #: in the order that a browser should read

    def set(
        self, name: str, value: str, max_age: int | None = None, *, http_only: bool = True, twins: bool = False
    ) -> None:
        """Have a browser keep a cookie.

        Args:
            name: The cookie's name.
            value: Cookie-octets.
            max_age: In seconds; ``None``: until the browser closes.
            http_only: Whether page scripts cannot read it.
            twins: Whether a host-only cookie of that name shadows it, and is to be expired.
        """
        if len(name) + len(value) > LONGEST_COOKIE:
            return
        if twins and self._domain is not None:
            self._expire(name, None)
        if self._former_domain is not None:
            self._expire(name, self._former_domain)
        self._append(f"{name}={value}{format_tail(max_age, self._domain, self._secure, http_only)}")

    def expire(self, name: str) -> None:
        """Have a browser drop a cookie in every scope in which it may live."""
        self._expire(name, None)
        if self._domain is not None:
            self._expire(name, self._domain)
        if self._former_domain is not None:
            self._expire(name, self._former_domain)

    def _expire(self, name: str, domain: str | None) -> None:
        self._append(f"{name}={format_tail(0, domain, self._secure, http_only=True)}")

    def _append(self, value: str) -> None:
        self.lines.append((SET_COOKIE, value))


@lru_cache(maxsize=1024)  # bounded: the domain comes from the visitor's Host
def format_tail(max_age: int | None, domain: str | None, secure: bool, http_only: bool) -> str:
    """Write what follows a cookie's value: its lifetime in seconds, and its other attributes."""
    age = "" if max_age is None else f"; Max-Age={max_age}"
    where = "" if domain is None else f"; Domain={domain}"
    return f"{age}{where}; Path=/{'; Secure' if secure else ''}{'; HttpOnly' if http_only else ''}; SameSite=Lax"
