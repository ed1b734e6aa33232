"""The Django door, and the app that checks it: ``INSTALLED_APPS = ["footfall.django", ...]``."""

try:
    from footfall.django.committing import emit_on_commit
    from footfall.django.middleware import TrackedRequest, TrackingMiddleware
except ImportError as error:
    from footfall.errors import missing_or_broken

    raise missing_or_broken("footfall.django", "django", "django", error) from error

__all__ = ["TrackedRequest", "TrackingMiddleware", "emit_on_commit"]
