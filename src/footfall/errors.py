"""What can go wrong: in a configuration, an event, delivery, or for want of an extra."""

from __future__ import annotations

__all__ = ["ConfigError", "DeliveryError", "EventError", "FootfallError", "MissingExtra", "NoIdentity", "SpoolError"]


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


class MissingExtra(FootfallError, ImportError):
    """An optional part is not installed. The message is the command that installs it."""

    def __init__(self, part: str, extra: str) -> None:
        super().__init__(f"{part} needs the extra {extra!r}: python3 -m pip install 'footfall[{extra}]'")
