"""A request as a browser sends it, a view's part in it, and the response as the server gets it: for any door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from footfall import Config, Site, Tracking
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.testing import Clock, numbered_ids
from footfall.trackers import Raptor, Yoochoose

KEY = "a key of thirty-two letters, say"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"

Headers = list[tuple[str, str]]
View = Callable[[Tracking], object]

#: What a browser says of a page that a person opens.
PAGE: Headers = [
    ("user-agent", FIREFOX),
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the server was sent; text is the bytes of the wire read as latin-1."""

    method: str = "GET"
    url: str = "https://www.shop.example/shirt"
    headers: Headers = field(default_factory=lambda: PAGE)
    cookies: tuple[str, ...] = ()  #: one header line each

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def target(self) -> str:
        """Path and query, as they stand in the request line."""
        return "/" + self.url.partition("://")[2].partition("/")[2]

    def scope(self) -> dict[str, Any]:
        """Write the request as an ASGI server does."""
        path, _, query = self.target.partition("?")
        headers = [("host", self.host), *self.headers, *(("cookie", line) for line in self.cookies)]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": self.scheme,
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50000),
            "root_path": "",
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }

    def environ(self) -> dict[str, Any]:
        """Write the request as gunicorn does, which joins the lines of one header by a comma alone."""
        path, _, query = self.target.partition("?")
        lines: dict[str, list[str]] = {}
        for name, value in [("host", self.host), *self.headers, *(("cookie", line) for line in self.cookies)]:
            lines.setdefault(name, []).append(value)
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self.scheme,
            "wsgi.input": Empty(),
            "wsgi.errors": Empty(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **{"HTTP_" + name.upper().replace("-", "_"): ",".join(values) for name, values in lines.items()},
        }


class Empty:
    """A request without a body, and a log that nobody reads."""

    def read(self, size: int = -1) -> bytes:
        return b""

    def readline(self, size: int = -1) -> bytes:
        return b""

    def write(self, text: str) -> None: ...

    def flush(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a view answers."""

    status: int = 200
    headers: Headers = field(default_factory=list[tuple[str, str]])
    body: bytes = b"a shirt"


@dataclass(frozen=True, kw_only=True)
class Response:
    """What the server was told to send."""

    status: int
    headers: Headers
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return the values of every line of one header."""
        return [value.strip() for line, value in self.headers if line.lower() == name]


def make_site(*, numbers: Callable[[], str] | None = None, site: dict[str, Any] | None = None, **config: Any) -> Site:
    """Make a site with both trackers, ids by number and a clock that stands; its visitors have consented."""
    config.setdefault("consent", always_granted)
    config.setdefault("secret_keys", (KEY,))
    return Site(
        Config(**config),
        trackers=[Raptor("12345"), Yoochoose("00000")],
        delivery=Delivery("memory:"),
        new_id=numbers or numbered_ids(),
        now=Clock(),
        **(site or {}),
    )


def guid(number: int) -> str:
    """Return the id of that number."""
    return f"00000000-0000-4000-8000-{number:012d}"
