"""What can go wrong: in a configuration, an event, delivery, or with an extra that is missing or broken."""

from __future__ import annotations

import sys
from types import ModuleType

__all__ = [
    "BrokenExtra",
    "ConfigError",
    "DeliveryError",
    "EngineError",
    "EventError",
    "FootfallError",
    "MissingExtra",
    "NoIdentity",
    "SpoolError",
    "missing_or_broken",
]


class FootfallError(Exception):
    """Anything this package raises on purpose."""


class ConfigError(FootfallError, ValueError):
    """A setting is wrong. Raised at start-up; names the field, what was found and what to write instead."""


class EventError(FootfallError, ValueError):
    """An event is wrong. Raised by `emit` where the site is strict; never quotes what a visitor sent."""


class NoIdentity(FootfallError):
    """A tracker cannot take an event from a visitor without an id. Counted as refused, never shown to a view."""


class DeliveryError(FootfallError, RuntimeError):
    """An event cannot be taken because its delivery was closed."""


class SpoolError(FootfallError, RuntimeError):
    """A spool cannot be used: corrupt, read-only, on a full disk, or written by a newer release."""


class EngineError(SpoolError):
    """An engine cannot be reached or used. Names it without its password, and never quotes a request."""


class MissingExtra(FootfallError, ImportError):
    """An optional part is not installed. The message is the command that installs it."""

    def __init__(self, part: str, extra: str) -> None:
        super().__init__(f"{part} needs the extra {extra!r}: python3 -m pip install 'footfall[{extra}]'")


class BrokenExtra(FootfallError, ImportError):
    """An optional part is installed and cannot be imported. The message and the exception's cause say why."""

    def __init__(self, part: str, extra: str, cause: Exception) -> None:
        super().__init__(
            f"{part} needs the extra {extra!r}, which is installed and cannot be imported"
            f" ({type(cause).__name__}: {cause}); mend it, or install it anew:"
            f" python3 -m pip install --force-reinstall 'footfall[{extra}]'"
        )


def missing_or_broken(part: str, extra: str, package: str, error: Exception) -> MissingExtra | BrokenExtra:
    """Tell an extra that is not installed from one that is and cannot be imported.

    Args:
        part: What needs it.
        extra: Its name.
        package: The package that the extra installs, as it is imported.
        error: What importing from it raised: a broken library may raise anything.
    """
    # None there is how Python keeps a module from being imported, whatever part of it is asked for.
    blocked = package in sys.modules and not isinstance(sys.modules[package], ModuleType)
    if isinstance(error, ModuleNotFoundError) and (error.name == package or blocked):
        return MissingExtra(part, extra)
    return BrokenExtra(part, extra, error)
