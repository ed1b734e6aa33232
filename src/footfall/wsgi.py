"""The WSGI door: raw text in, headers out, no decisions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from weakref import ReferenceType, ref

from footfall.request import TELLING, RequestView
from footfall.site import Site
from footfall.tracking import CURRENT, HeaderEdit, Tracking

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


__all__ = ["TrackingMiddleware"]

KEY: Final = "footfall.tracking"  #: where views find the tracking, and an inner one of us sees an outer one
ON: Final = (True,)  #: a debug flag that is set; a method of that name is none
PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9\-._~/]*").fullmatch


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
        return serve(
            self.app, self.site, environ, start_response, debug=getattr(self.app, "debug", False) in ON, request=_itself
        )


def serve(
    app: WSGIApplication,
    site: Site,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    *,
    debug: bool,
    request: Callable[[WSGIEnvironment], object],
) -> Iterable[bytes]:
    """Run *app* with a tracking in its environ, and finish its headers when the response starts.

    Args:
        app: The application.
        site: Whose visitors it serves.
        environ: The request's.
        start_response: The server's.
        debug: The framework's debug flag.
        request: From the environ to the framework's own request, for ``Site(user_id=...)``.
    """
    start = HeldStart(start_response, environ)  # a view may identify its visitor after start_response
    tracking = start.tracking = site.begin(
        EnvironView(environ),
        debug=debug,
        request=_reach(ref(start), request) if site.policy.user_id is not None else None,
    )
    environ[KEY] = tracking
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


def _reach(start: ReferenceType[HeldStart], request: Callable[[WSGIEnvironment], object]) -> Callable[[], object]:
    """Reach the environ without holding it: it holds the tracking, which would close a circle.

    An application's frame holds ``start_response`` as long as it runs, a generator's to the body's end.
    """

    def find() -> object:
        held = start()
        return None if held is None else request(held.environ)

    return find


class HeldStart:
    """Holds ``start_response`` until the application returns or writes: PEP 3333 sends no header before that."""

    __slots__ = ("__weakref__", "_held", "_released", "_start_response", "_write", "environ", "tracking")

    tracking: Tracking

    def __init__(self, start_response: StartResponse, environ: WSGIEnvironment) -> None:
        self._start_response = start_response
        self.environ = environ
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
        edit = self.tracking.finish(int(status[:3]), headers)
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


def _itself(environ: WSGIEnvironment) -> WSGIEnvironment:
    return environ


class EnvironView(RequestView):
    """A request's parts from its environ: text as latin-1, as WSGI has it, nothing parsed."""

    __slots__ = ("_environ",)

    def __init__(self, environ: WSGIEnvironment) -> None:
        """Take what is asked of most requests, and keep the rest as it came."""
        # A copy: the environ will hold the tracking, which would close a circle.
        self._environ = environ.copy()
        path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        self.scheme: str = environ["wsgi.url_scheme"]
        self.secure = self.scheme == "https"
        self.method = environ["REQUEST_METHOD"]
        self.host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
        self.path = path if PLAIN_PATH(path) else quote(path, safe="/!$&'()*+,;=:@~", encoding="latin-1")
        self.query = environ.get("QUERY_STRING", "")
        self.time = 0.0
        self.finder = None
        self._sent = None

    def header(self, name: str) -> str | None:
        """Return a header by its name in lower case, ``None`` if it is absent."""
        value: str | None = self._environ.get(_variable(name))
        return value

    def telling(self) -> tuple[str | bytes | None, ...]:
        """Return the headers that tell what a request is."""
        return tuple(map(self._environ.get, TELLING_VARIABLES))


@lru_cache(maxsize=128)
def _variable(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


TELLING_VARIABLES: Final = tuple(map(_variable, TELLING))
