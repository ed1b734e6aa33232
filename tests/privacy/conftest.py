"""Django, made ready before these tests import it: as the doors' tests have it."""

from tests.doors import conftest as _django_is_ready  # noqa: F401
