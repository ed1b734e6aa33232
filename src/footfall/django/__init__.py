"""The Django door, and the app that checks it: ``INSTALLED_APPS = ["footfall.django", ...]``."""

try:
    import django as _django  # noqa: F401 - what is missing or broken is told before anything else fails
except ImportError:
    from footfall.errors import MissingExtra

    raise MissingExtra("footfall.django", "django") from None
from footfall.django.middleware import TrackedRequest, TrackingMiddleware

__all__ = ["TrackedRequest", "TrackingMiddleware"]
