"""The Flask door: the WSGI one around the application, and ``request.state`` inside."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

try:
    import flask
    from werkzeug.middleware.proxy_fix import ProxyFix
except ImportError as error:
    from footfall.errors import missing_or_broken

    raise missing_or_broken("footfall.flask", "flask", "flask", error) from error
from starlette.datastructures import State

from footfall.errors import ConfigError
from footfall.site import Site
from footfall.starlette import TrackedState
from footfall.wsgi import KEY, serve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Footfall", "request"]

STATE = "footfall.flask.state"
logger = logging.getLogger("footfall.flask")


class _StateMixin:
    """Gives Flask's request the ``state`` that Starlette's has."""

    environ: WSGIEnvironment

    @property
    def state(self) -> State:
        """The request's own values; ``state.tracking`` is this package's."""
        state: State | None = self.environ.get(STATE)
        if state is None:
            state = self.environ[STATE] = State()
            if KEY in self.environ:
                state.tracking = self.environ[KEY]
        return state


class _TrackedRequest(flask.Request):
    state: TrackedState


#: Flask's own ``request``, whose type knows of ``state``.
request = cast("_TrackedRequest", flask.request)


class Footfall:
    """Puts tracking in front of a Flask application: ``Footfall(app, site)``, or ``Footfall(site=site).init_app(app)``.

    The ruid cookie is sealed with the application's ``SECRET_KEY`` unless the site has ``secret_keys``; those of
    ``SECRET_KEY_FALLBACKS`` open what was sealed before.
    """

    def __init__(self, app: flask.Flask | None = None, site: Site | None = None) -> None:
        """Install at once if *app* is given.

        Raises:
            ConfigError: There is no site, or its ruid cookie is to be sealed and there is no key; or what is given is
                no Flask application or no site.
        """
        if site is None:
            raise ConfigError("site: is missing; write Footfall(app, site) or Footfall(site=site).init_app(app)")
        if not isinstance(site, Site):  # pyright: ignore[reportUnnecessaryIsInstance] - an untyped caller's
            raise ConfigError(f"site: is a {type(site).__name__}; write Footfall(app, site), the site second")
        self._site = site
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Wrap ``app.wsgi_app``: errors and static files included. A second call on one application does nothing.

        Behind a proxy, put werkzeug's ``ProxyFix`` around ``app.wsgi_app`` after this, so that it corrects scheme
        and host before they are read here.
        """
        if not isinstance(app, flask.Flask):  # pyright: ignore[reportUnnecessaryIsInstance] - an untyped caller's
            raise ConfigError(
                f"app: is a {type(app).__name__}; write Footfall(app, site) with a Flask application,"
                " and TrackingMiddleware(app, site) around another"
            )
        if "footfall" in app.extensions:
            return
        if isinstance(app.wsgi_app, ProxyFix):
            logger.warning(
                "app.wsgi_app is a ProxyFix already: put it there after Footfall, or cookies go by the proxy's own"
                " scheme and host"
            )
        config = cast("Mapping[str, Any]", app.config)
        self._site.start(secret_key=config["SECRET_KEY"], former_keys=config.get("SECRET_KEY_FALLBACKS") or ())
        if (name := config["SESSION_COOKIE_NAME"]) in self._site.policy.cookie_names:
            logger.warning(
                "SESSION_COOKIE_NAME is %r, which is a cookie of footfall's too: each would overwrite the other; give"
                " one of them another name",
                name,
            )
        app.extensions["footfall"] = self._site
        app.request_class = type("Request", (_StateMixin, app.request_class), {})
        app.wsgi_app = _Door(app, app.wsgi_app, self._site)  # type: ignore[method-assign]


class _Door:
    """The WSGI door, told of the application's debug flag and request."""

    __slots__ = ("_app", "_inner", "_site")

    def __init__(self, app: flask.Flask, inner: WSGIApplication, site: Site) -> None:
        self._app = app
        self._inner = inner
        self._site = site

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if KEY in environ:
            self._site.defer(environ[KEY])
            return self._inner(environ, start_response)
        return serve(self._inner, self._site, environ, start_response, debug=self._app.debug, request=self._request)

    def _request(self, environ: WSGIEnvironment | None) -> Any:
        if flask.has_request_context():
            return flask.request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - werkzeug documents it
        return None if environ is None else self._app.request_class(environ)
