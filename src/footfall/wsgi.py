"""The WSGI door: raw text in, headers out, no decisions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from footfall.request import RequestView
from footfall.site import Site
from footfall.tracking.tracking import CURRENT, Tracking

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from footfall.identity.caching import HeaderEdit

__all__ = ["TrackingMiddleware"]

KEY: Final = "footfall.tracking"  #: where views find the tracking, and an inner one of us sees an outer one
PLAIN_PATH = re.compile(r"[A-Za-z0-9\-._~/]*")


@dataclass(frozen=True, slots=True)
class TrackingMiddleware:
    """WSGI: ``environ["footfall.tracking"]`` on the way in, ``Set-Cookie`` on the way out.

    Frozen, it cannot keep one visitor's data for the next.

    Raises:
        ConfigError: At start-up, if the site's ruid cookie is to be sealed and there is no key.
    """

    app: WSGIApplication
    site: Site

    def __post_init__(self) -> None:
        """Let the site check what only a door knows."""
        self.site.start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if KEY in environ:
            return self.app(environ, start_response)
        tracking = self.site.begin(
            read_environ(environ),
            debug=bool(getattr(self.app, "debug", False)),
            request=(lambda: environ) if self.site.policy.user_id is not None else None,
        )
        return serve(self.app, environ, start_response, tracking)


def serve(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse, tracking: Tracking
) -> Iterable[bytes]:
    """Run *app* with *tracking* in its environ, and finish its headers when the response starts."""
    environ[KEY] = tracking
    start = HeldStart(start_response, tracking)  # a view may identify its visitor after start_response
    if (answer := tracking.answer()) is not None:
        start(answer.status_line, answer.headers)
        start.release()
        return [b""]
    token = CURRENT.set(tracking)
    try:
        body = app(environ, start)
        start.release()  # a generator has not called it yet; it then passes straight through
        return body  # untouched: the server may recognise its own file wrapper
    except BaseException:
        tracking.release()
        raise
    finally:
        CURRENT.reset(token)


class HeldStart:
    """Holds ``start_response`` until the application returns or writes: PEP 3333 sends no header before that."""

    __slots__ = ("_held", "_released", "_start_response", "_tracking", "_write")

    def __init__(self, start_response: StartResponse, tracking: Tracking) -> None:
        self._start_response = start_response
        self._tracking = tracking
        self._held: tuple[str, list[tuple[str, str]], tuple[Any, ...]] | None = None
        self._released = False
        self._write: Callable[[bytes], object] | None = None

    def __call__(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
        if self._held is not None and not exc_info:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        self._held = status, headers, exc_info
        if self._released:
            self._forward()
        return self._write_through

    def release(self) -> None:
        """Let headers go as soon as they are there."""
        self._released = True
        if self._held is not None and self._write is None:
            self._forward()

    def _forward(self) -> None:
        assert self._held is not None  # noqa: S101 - both callers looked
        status, headers, exc_info = self._held
        edit = self._tracking.finish(int(status[:3]), headers)
        if edit is not None:
            headers = edit_headers(headers, edit)
        # Some test clients take two arguments: the third goes only where there is one.
        self._write = self._start_response(status, headers, *exc_info)

    def _write_through(self, data: bytes) -> object:
        self.release()
        assert self._write is not None  # noqa: S101 - released with headers
        return self._write(data)


def edit_headers(headers: Iterable[tuple[str, str]], edit: HeaderEdit) -> list[tuple[str, str]]:
    """Apply an edit to headers, in a list of its own: the application may use its own for the next visitor."""
    return [line for line in headers if line[0].lower() not in edit.drop] + edit.add


@lru_cache(maxsize=128)
def _variable(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


def read_environ(environ: WSGIEnvironment) -> RequestView:
    """Take a request's parts from its environ, text as latin-1, nothing parsed."""

    def header(name: str) -> str | None:
        value: str | None = environ.get(_variable(name))
        return value

    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return RequestView(
        method=environ["REQUEST_METHOD"],
        scheme=environ["wsgi.url_scheme"],
        host=environ.get("HTTP_HOST") or environ.get("SERVER_NAME", ""),
        path=path if PLAIN_PATH.fullmatch(path) else quote(path, safe="/!$&'()*+,;=:@~", encoding="latin-1"),
        query=environ.get("QUERY_STRING", ""),
        header=header,
    )
