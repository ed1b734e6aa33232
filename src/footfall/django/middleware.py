"""The Django door: one middleware, sync and async."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http.cookies import Morsel
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import apps
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from starlette.datastructures import State

from footfall import asgi, wsgi
from footfall.django.loading import APP, SETTING, load_site
from footfall.request import RequestView
from footfall.starlette import TrackedState
from footfall.tracking import CURRENT, HeaderEdit, Tracking

__all__ = ["TrackedRequest", "TrackingMiddleware"]


class TrackedRequest(HttpRequest):
    """What a view is given, for its annotation: Django's own type knows of no ``state``."""

    state: TrackedState


class TrackingMiddleware:
    """Django: ``request.state.tracking`` in views, cookies on every response. Stands first in ``MIDDLEWARE``.

    It reads neither ``request.user`` nor ``request.session`` by itself.

    Raises:
        ConfigError: ``FOOTFALL_SITE`` is missing or names no `Site`.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Load the site that the settings name."""
        self._get_response = get_response
        self._site = load_site()
        self._stale = False
        if not (apps.ready and apps.is_installed(APP)):
            self._site.policy.notices.warn_once(
                "django app",
                f"INSTALLED_APPS has no {APP!r}: nothing checks this installation, and processes without the"
                f" middleware (Celery, manage.py) get no key; write INSTALLED_APPS = [{APP!r}, ...]",
            )
        setting_changed.connect(self._forget_site)  # weak: a handler that goes takes its middleware along
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)

    def _forget_site(self, *, setting: str, **_: object) -> None:
        """Load the site anew at the next request: a test has overridden the setting, and its client is in use."""
        if setting == SETTING:
            self._stale = True

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serve one request, the way the application is served."""
        if self._async:
            return self._serve_async(request)
        tracking = self._begin(request)
        if tracking is None:
            result: HttpResponseBase = self._get_response(request)
            return result
        token = CURRENT.set(tracking)
        try:
            response = _answer(tracking)
            if response is None:
                response = self._get_response(request)
            return _finish(tracking, response)
        except BaseException:  # Django makes a response of an Exception: this is the process's end, say
            tracking.release()
            raise
        finally:
            CURRENT.reset(token)

    async def _serve_async(self, request: HttpRequest) -> HttpResponseBase:
        tracking = self._begin(request)
        if tracking is None:
            result: HttpResponseBase = await self._get_response(request)
            return result
        token = CURRENT.set(tracking)
        try:
            if self._site.policy.reads_consent_async:
                await tracking.read_consent_async()
            response = _answer(tracking)
            if response is None:
                response = await self._get_response(request)
            if tracking.awaits_user:
                await tracking.wait_for_user()
            return _finish(tracking, response)
        except BaseException:  # the client left, and Django cancels its view
            tracking.release()
            raise
        finally:
            CURRENT.reset(token)

    def _begin(self, request: HttpRequest) -> Tracking | None:
        if self._stale:
            self._site, self._stale = load_site(), False
        site, view = self._site, read_request(request)
        outer = _outer_tracking(request, view)
        if outer is not None:
            site.defer(outer)
            _attach(request, outer)
            return None
        tracking = site.begin(
            view,
            debug=settings.DEBUG,
            request=(lambda: request) if site.policy.user_id is not None else None,
        )
        _attach(request, tracking)
        return tracking


def _answer(tracking: Tracking) -> HttpResponseBase | None:
    answer = tracking.answer()
    return None if answer is None else HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


def read_request(request: HttpRequest) -> RequestView:
    """Take a request's parts; host and scheme as Django's own settings of trust say."""
    scope: Any = getattr(request, "scope", None)
    view = _MetaView(request.META) if scope is None else asgi.ScopeView(scope)
    try:
        view.host = request.get_host()
    except DisallowedHost:
        view.host = ""  # Django answers 400; a host that it does not allow gets no cookie domain
    view.scheme = request.scheme or view.scheme
    view.secure = request.is_secure()
    return view


class _MetaView(wsgi.EnvironView):
    """An environ whose path Django has decoded in place."""

    __slots__ = ()

    @staticmethod
    def encode(text: str) -> bytes:
        return text.encode(errors="replace")


def _outer_tracking(request: HttpRequest, view: RequestView) -> Tracking | None:
    """Find the tracking of a WSGI or ASGI door around Django, be there a bridge between."""
    scope: Any = getattr(request, "scope", None)
    found: Tracking | None = request.META.get(wsgi.KEY) if scope is None else scope.get(asgi.KEY)
    if found is None and (around := CURRENT.get()) is not None and around.is_of(view):
        return around
    return found


def _attach(request: HttpRequest, tracking: Tracking) -> None:
    state = getattr(request, "state", None)
    if state is None:
        state = State()
        setattr(request, "state", state)  # noqa: B010 - Django's type has no such attribute
    state.tracking = tracking
    request.META[wsgi.KEY] = tracking


class _Line(Morsel[str]):
    """A cookie whose header line is finished: Django's own writer quotes base64."""

    line: str

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the line when a response is pickled: the standard library's state is its own three fields."""
        return _make_line, (self.key, self.value, dict(self), self.line)

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802, ARG002 - the standard library's name
        return self.line

    def output(self, attrs: Any = None, header: str = "Set-Cookie:") -> str:  # noqa: ARG002
        return f"{header} {self.line}".lstrip() if header else self.line


def _make_line(name: str, value: str, attributes: dict[str, str], line: str) -> _Line:
    morsel = _Line()
    morsel.set(name, value, value)
    morsel.update(attributes)
    morsel.line = line
    return morsel


def _finish(tracking: Tracking, response: HttpResponseBase) -> HttpResponseBase:
    edit = tracking.finish(response.status_code, list(response.items()))
    if not response.streaming:  # a body that is still to be made may ask who is logged in
        tracking.release()
    if edit is not None:
        _apply(edit, response)
    return response


def _apply(edit: HeaderEdit, response: HttpResponseBase) -> None:
    for name in edit.drop:
        del response[name]
    for name, value in edit.add:
        if name == "Set-Cookie":
            _add_cookie(response, value)
        else:
            response[name] = value


def _add_cookie(response: HttpResponseBase, line: str) -> None:
    name, _, rest = line.partition("=")
    value, *attributes = rest.split("; ")
    pairs = (attribute.partition("=") for attribute in attributes)
    morsel = _make_line(name, value, {key: text or "True" for key, _, text in pairs}, line)
    # Django holds one cookie a name; an expiry of its twin in another scope needs a key of its own.
    key = name
    while key in response.cookies:
        key += " "
    dict[str, Morsel[str]].__setitem__(response.cookies, key, morsel)
