"""A browser, as far as a shop can tell: it navigates, follows redirects, and keeps cookies by a clock given to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import HTTPConnection

from footfall.errors import FootfallError

__all__ = ["Browser", "CookieJar", "connect"]

_LONGEST_WAIT = 30.0
_MOST_REDIRECTS = 5


@dataclass(slots=True, repr=False)
class CookieJar:
    """The cookies of one host, kept as RFC 6265 says, except that paths and domains are ignored.

    A cookie without Max-Age lasts until the browser closes, which this one never does.
    """

    _cookies: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])

    def keep(self, lines: Iterable[str], now: float) -> None:
        """Take a response's ``Set-Cookie`` lines.

        Args:
            lines: Their values.
            now: In Unix seconds; ages count from it.
        """
        for line in lines:
            pair, *attributes = (part.strip() for part in line.split(";"))
            name, _, value = pair.partition("=")
            ends = float("inf")
            for attribute in attributes:
                key, _, text = attribute.partition("=")
                if key.lower() == "max-age":
                    ends = now + int(text)
            if ends <= now:
                self._cookies.pop(name, None)
            else:
                self._cookies[name] = (value, ends)

    def value(self, name: str, now: float) -> str | None:
        """Return a cookie's value, ``None`` once it is as old as its Max-Age."""
        value, ends = self._cookies.get(name, (None, now))
        return value if now < ends else None

    def header(self, now: float) -> str:
        """Write the ``Cookie`` header; ``""`` if there is nothing to send."""
        return "; ".join(f"{name}={value}" for name, (value, ends) in self._cookies.items() if now < ends)


def connect(url: str) -> HTTPConnection:
    """Connect to the server of ``http://host:port``. Browsers may use the connection one after the other."""
    return HTTPConnection(url.removeprefix("http://"), timeout=_LONGEST_WAIT)


class Browser:
    """One visitor's browser, with a tab open on one site.

    Args:
        connection: To the site; browsers may share it, one request at a time.
        origin: The site's ``http://host:port``.
    """

    def __init__(self, connection: HTTPConnection, origin: str) -> None:
        self.cookies = CookieJar()
        self._connection = connection
        self._origin = origin
        self._page = ""  # the path that the tab shows; "": none yet

    def open(self, path: str, now: float) -> None:
        """Navigate to a page, at *now* in Unix seconds.

        Raises:
            FootfallError: The answer is neither a page nor a redirect to one.
            OSError: The site does not answer.
        """
        self._navigate("GET", path, now)

    def submit(self, path: str, now: float) -> None:
        """Press the button of a form that posts to *path* of the same site; else the same as `open`."""
        self._navigate("POST", path, now)

    def _navigate(self, method: str, path: str, now: float) -> None:
        for _ in range(_MOST_REDIRECTS):
            self._connection.request(
                method, path, body=b"" if method == "POST" else None, headers=self._headers(method, now)
            )
            with self._connection.getresponse() as response:
                response.read()
                self.cookies.keep(response.headers.get_all("Set-Cookie") or (), now)
                location = response.headers.get("Location")
                status = response.status
            self._page = path
            if status == 200:
                return
            if status != 303 or location is None:
                raise FootfallError(f"the shop answered {method} {path} with {status}; expected a page or a 303")
            method, path = "GET", location
        raise FootfallError(f"the shop redirected {_MOST_REDIRECTS} times; expected a page")

    def _headers(self, method: str, now: float) -> dict[str, str]:
        headers = {
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language": "en-GB,en;q=0.5",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Mode": "navigate",
            # A form stands on a page of the shop, even if the replay starts with the form.
            "Sec-Fetch-Site": "same-origin" if self._page or method == "POST" else "none",
            "Sec-Fetch-User": "?1",
            "Upgrade-Insecure-Requests": "1",
        }
        if method == "POST":
            headers["Origin"] = self._origin
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self._page:
            headers["Referer"] = self._origin + self._page
        if cookies := self.cookies.header(now):
            headers["Cookie"] = cookies
        return headers
