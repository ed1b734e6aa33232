"""The WSGI door: raw text in, headers out, no decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import Token
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from weakref import ReferenceType, ref

from footfall.request import RARE, SAFE_IN_PATH, USUAL, RequestView, decode_path, path_of
from footfall.site import Site, check_door
from footfall.tracking import CURRENT, HeaderEdit, Tracking

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


__all__ = ["TrackingMiddleware"]

TARGETS: Final = ("RAW_URI", "REQUEST_URI")  #: where servers leave the request target as it came
KEY: Final = "footfall.tracking"  #: where views find the tracking, and an inner one of us sees an outer one
ON: Final = (True,)  #: a debug flag that is set; a method of that name is none


@dataclass(frozen=True, slots=True)
class TrackingMiddleware:
    """WSGI: ``environ["footfall.tracking"]`` on the way in, ``Set-Cookie`` on the way out.

    Frozen, it cannot keep one visitor's data for the next.

    Raises:
        ConfigError: At start-up: the site's ruid cookie is to be sealed and there is no key; or the application is
            none of WSGI's, or the two arguments are swapped.
    """

    app: WSGIApplication
    site: Site

    def __post_init__(self) -> None:
        """Let the site check what only a door knows."""
        check_door(self.app, self.site, ("environ", "start_response"))
        self.site.start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if KEY in environ:
            self.site.defer(environ[KEY])
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
    request: Callable[[WSGIEnvironment | None], object],
) -> Iterable[bytes]:
    """Run *app* with a tracking in its environ, and finish its headers when the response starts.

    Args:
        app: The application.
        site: Whose visitors it serves.
        environ: The request's.
        start_response: The server's.
        debug: The framework's debug flag.
        request: From the environ to the framework's own request, for ``Site(user_id=...)``; it gets ``None`` once
            the application has returned and keeps neither environ nor ``start_response``, and may return it.
    """
    start = HeldStart(start_response, environ)  # a view may identify its visitor after start_response
    view = EnvironView(environ)
    tracking = start.tracking = site.begin(
        view,
        debug=debug,
        request=_reach(ref(start), request) if site.policy.user_id is not None else None,
    )
    environ[KEY] = tracking
    token = CURRENT.set(tracking)
    outer = token.old_value
    try:
        if outer is not Token.MISSING and outer is not None and outer.is_of(view):
            return _defer(app, site, environ, start_response, outer)
        if (answer := tracking.answer()) is not None:
            start(answer.status_line, answer.headers)
            start.release()
            return [answer.body]
        body = app(environ, start)
        if start.release():
            return body  # untouched: the server may recognise its own file wrapper
        return _Unstarted(body, start)
    except BaseException:
        tracking.release()
        raise
    finally:
        CURRENT.reset(token)


def _defer(
    app: WSGIApplication, site: Site, environ: WSGIEnvironment, start_response: StartResponse, outer: Tracking
) -> Iterable[bytes]:
    """Leave a request to the ASGI door around the bridge that it came over: it keeps its context, not its scope."""
    site.defer(outer)
    environ[KEY] = outer
    CURRENT.set(outer)
    return app(environ, start_response)


def _reach(
    start: ReferenceType[HeldStart], request: Callable[[WSGIEnvironment | None], object]
) -> Callable[[], object]:
    """Reach the environ without holding it: it holds the tracking, which would close a circle.

    An application's frame holds ``start_response`` as long as it runs, a generator's to the body's end.
    """

    def find() -> object:
        held = start()
        return request(None if held is None else held.environ)

    return find


class HeldStart:
    """Holds ``start_response`` until the application returns or writes: PEP 3333 sends no header before that."""

    __slots__ = ("__weakref__", "_edit", "_held", "_start_response", "_write", "environ", "tracking")

    tracking: Tracking

    def __init__(self, start_response: StartResponse, environ: WSGIEnvironment) -> None:
        self._start_response = start_response
        self.environ = environ
        self._held: tuple[str, list[tuple[str, str]], tuple[Any, ...]] | None = None
        self._write: Callable[[bytes], object] | None = None
        self._edit: HeaderEdit | None = None

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        if self._held is not None and exc_info is None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        self._held = status, headers, () if exc_info is None else (exc_info,)
        if self._write is not None:
            self._forward()
        return self._write_through

    def release(self) -> bool:
        """Let the headers go, if they are there; says whether they are."""
        if self._held is None:
            return False
        if self._write is None:
            self._forward()
        return True

    def _forward(self) -> None:
        assert self._held is not None  # noqa: S101 - both callers looked
        status, headers, exc_info = self._held
        if self._write is None:
            edit = self._edit = self.tracking.finish(int(status[:3]), headers)
        else:  # an error's response; should it come too late to be sent, the server says so
            edit = self.tracking.finish_anew(int(status[:3]), headers, self._edit)
        if edit is not None:
            headers = edit_headers(headers, edit)
        # Some test clients take two arguments: the third goes only where there is one.
        self._write = self._start_response(status, headers, *exc_info)

    def _write_through(self, data: bytes) -> object:
        self.release()
        assert self._write is not None  # noqa: S101 - released with headers
        return self._write(data)


class _Unstarted:
    """The body of an application that returned before its response started: a generator, most often.

    Wrapped, for what is held has to go when the body ends, in whatever way; no server's own file wrapper comes so.
    """

    __slots__ = ("_body", "_parts", "_start")

    def __init__(self, body: Iterable[bytes], start: HeldStart) -> None:
        self._body = body
        self._start = start
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._parts is None:
                self._parts = iter(self._body)
            part = next(self._parts)
        except StopIteration:
            self._start.release()
            self._start.tracking.release()
            raise
        except BaseException:
            self._start.tracking.release()
            raise
        self._start.release()
        return part

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._start.tracking.release()


def edit_headers(headers: Iterable[tuple[str, str]], edit: HeaderEdit) -> list[tuple[str, str]]:
    """Apply an edit to headers, in a list of its own: the application may use its own for the next visitor."""
    return [line for line in headers if line[0].lower() not in edit.drop] + edit.add


def _itself(environ: WSGIEnvironment | None) -> WSGIEnvironment | None:
    return environ


class EnvironView(RequestView):
    """A request's parts from its environ: text as latin-1, as WSGI has it, nothing parsed."""

    __slots__ = ("_environ",)

    def __init__(self, environ: WSGIEnvironment) -> None:
        """Take what is asked of most requests, and keep the rest as it came."""
        # A copy: the environ will hold the tracking, which would close a circle.
        self._environ = environ.copy()
        self.scheme: str = environ.get("wsgi.url_scheme") or "http"
        self.secure = self.scheme == "https"
        self.method = environ.get("REQUEST_METHOD") or "GET"
        self.host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
        self.query = environ.get("QUERY_STRING", "")
        self.time = 0.0
        self.finder = None
        self.found = None

    @property
    def path(self) -> str:  # type: ignore[override]  # made when it is asked for: few requests ask
        """The path, percent-encoded as it was asked for; where the server has it decoded alone, encoded anew."""
        environ = self._environ
        prefix, rest = self.encode(environ.get("SCRIPT_NAME", "")), self.encode(environ.get("PATH_INFO", ""))
        for name in TARGETS:
            raw = path_of(environ.get(name) or "")
            if raw is not None:
                # Not where something on the way has rewritten the path: the application does not serve that one.
                decoded = decode_path(raw)
                if decoded == prefix + rest:
                    return raw
                if decoded == rest:  # a proxy took the prefix away
                    return quote(prefix, safe=SAFE_IN_PATH) + raw
        return quote(prefix + rest, safe=SAFE_IN_PATH)

    @staticmethod
    def encode(text: str) -> bytes:
        """Return the bytes that a part of the path stands for: PEP 3333 has them read as latin-1."""
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:  # something on the way has decoded it
            return text.encode(errors="replace")

    def header(self, name: str) -> str | None:
        """Return a header by its name in lower case, ``None`` if it is absent."""
        value: str | None = self._environ.get(_variable(name))
        return value

    def telling(self) -> tuple[str | bytes | None, ...]:
        """Return the headers that tell what a request is."""
        environ = self._environ
        if environ.keys().isdisjoint(HAS_RARE):
            return tuple(map(environ.get, USUAL_VARIABLES))
        return tuple(map(environ.get, USUAL_VARIABLES + RARE_VARIABLES))


@lru_cache(maxsize=128)
def _variable(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


USUAL_VARIABLES: Final = tuple(map(_variable, USUAL))
RARE_VARIABLES: Final = tuple(map(_variable, RARE))
HAS_RARE: Final = frozenset(RARE_VARIABLES)
