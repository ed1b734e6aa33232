"""For Starlette and FastAPI: the tracking as a dependency, and as a type for ``Request[...]``."""

from __future__ import annotations

from starlette.datastructures import State
from starlette.requests import HTTPConnection

from footfall.asgi import TrackingMiddleware
from footfall.errors import ConfigError
from footfall.tracking import Tracking

__all__ = ["TrackedState", "TrackingMiddleware", "get_tracking"]


class TrackedState(State):
    """A request's state, with the tracking in it: ``Request[TrackedState]``."""

    tracking: Tracking


def get_tracking(connection: HTTPConnection) -> Tracking:
    """Return the request's or WebSocket's tracking: ``Annotated[Tracking, Depends(get_tracking)]`` in FastAPI.

    Raises:
        ConfigError: The middleware is not installed.
    """
    tracking = connection.scope.get("footfall.tracking")
    if not isinstance(tracking, Tracking):
        raise ConfigError("no tracking in this request; write app.add_middleware(TrackingMiddleware, site=site)")
    return tracking
