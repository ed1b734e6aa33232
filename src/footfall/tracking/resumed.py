"""A visitor whose request is long over: what a webhook or a task may still report of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from footfall.identity.visitor import Visitor
from footfall.reporter import Reporter, check_event

if TYPE_CHECKING:
    from footfall.events import Event

__all__ = ["NO_SNAPSHOT", "Resumed"]

NO_SNAPSHOT: Final = "unsealed"  #: in a snapshot's place where there is no key to seal one: it opens nothing


class Resumed:
    """A visitor whose request is long over: made by `Site.resume` from what `Tracking.snapshot` sealed."""

    __slots__ = ("_reporter", "_strict", "_visitor")

    def __init__(self, reporter: Reporter, visitor: Visitor | None, *, strict: bool) -> None:
        """Take the visitor; ``None`` where the token was not ours."""
        self._reporter = reporter
        self._strict = strict
        self._visitor = visitor

    @property
    def valid(self) -> bool:
        """Whether the token was one of this site's, from a visitor who had consented."""
        return self._visitor is not None

    def emit(self, event: Event, *, within: object = None) -> None:
        """Report an event under the ids of the snapshot; without them it is refused and counted.

        Args:
            event: What the visitor did.
            within: The connection whose transaction writes the order; as `Tracking.emit` takes it.

        Raises:
            EventError: The event is wrong, and ``Site(strict=True)``.
        """
        if self._strict:
            check_event(event)
        if self._visitor is None:
            return self._reporter.refuse(event, "no snapshot")
        return self._reporter.report(event, self._visitor, strict=self._strict, within=within)

    def __repr__(self) -> str:
        """Say whether it holds a visitor, not whom."""
        return f"<Resumed, {'valid' if self.valid else 'invalid'}>"
