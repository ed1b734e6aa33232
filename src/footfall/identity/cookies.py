"""The header lines that make a browser keep our cookies or drop them: one ``Set-Cookie`` a name and scope."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["CookieWriter", "format_tail"]

# RFC 6265bis, section 5.6: a user agent ignores a cookie whose name and value are longer.
LONGEST_COOKIE = 4096


class CookieWriter:
    """Writes the ``Set-Cookie`` values of one response.

    By hand, for `http.cookies` puts quotes around base64 and every framework holds one cookie a name. What it
    writes is ASCII, without quotes, each line below 4,096 bytes.
    """

    __slots__ = ("_domain", "_former_domain", "_secure", "lines")

    def __init__(
        self,
        domain: str | None,
        *,
        secure: bool,
        former_domain: str | None = None,
        lines: list[str] | None = None,
    ) -> None:
        """Write for one scope.

        Args:
            domain: Of the cookies; ``None``: host-only.
            secure: Are they for https alone.
            former_domain: Where the site's cookies lived before, if this host may expire them.
            lines: To append to.
        """
        self._domain = domain
        self._secure = secure
        self._former_domain = former_domain
        self.lines: list[str] = [] if lines is None else lines  #: in the order in which a browser should see them

    def set(
        self, name: str, value: str, max_age: int | None = None, *, http_only: bool = True, twins: bool = False
    ) -> None:
        """Have a cookie kept.

        Args:
            name: The cookie's.
            value: Cookie-octets.
            max_age: In seconds; ``None``: until the browser closes.
            http_only: Is it for no page script.
            twins: A host-only cookie of that name shadows it: expire that one.
        """
        if len(name) + len(value) > LONGEST_COOKIE:
            return
        if twins and self._domain is not None:
            self._expire(name, None)
        if self._former_domain is not None:
            self._expire(name, self._former_domain)
        self.lines.append(f"{name}={value}{format_tail(max_age, self._domain, self._secure, http_only)}")

    def expire(self, name: str) -> None:
        """Have a cookie dropped in every scope that it may live in."""
        self._expire(name, None)
        if self._domain is not None:
            self._expire(name, self._domain)
        if self._former_domain is not None:
            self._expire(name, self._former_domain)

    def _expire(self, name: str, domain: str | None) -> None:
        self.lines.append(f"{name}={format_tail(0, domain, self._secure, http_only=True)}")


@lru_cache(maxsize=1024)  # the domain is of the visitor's Host: bounded
def format_tail(max_age: int | None, domain: str | None, secure: bool, http_only: bool) -> str:
    """Write what stands behind a cookie's value: its lifetime in seconds, and its other attributes."""
    age = "" if max_age is None else f"; Max-Age={max_age}"
    where = "" if domain is None else f"; Domain={domain}"
    return f"{age}{where}; Path=/{'; Secure' if secure else ''}{'; HttpOnly' if http_only else ''}; SameSite=Lax"
