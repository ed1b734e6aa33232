"""For sites whose orders are in another database than the engine's: an event goes once its order is committed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from footfall.tracking import Tracking

if TYPE_CHECKING:
    from footfall.events import Event
    from footfall.tracking.resumed import Resumed

__all__ = ["emit_on_commit"]


def emit_on_commit(tracking: Tracking | Resumed, event: Event, *, using: str | None = None) -> None:
    """Report an event once the present transaction is committed; never, if it is rolled back.

    A process that is killed between the commit and this call loses the event:
    ``tracking.emit(event, within=connection)`` on a site with a PostgreSQL engine does not.

    Args:
        tracking: The request's, or `Site.resume`'s.
        event: What the visitor did.
        using: The database of the order; ``None``: the default one.
    """
    transaction.on_commit(partial(tracking.emit, event), using=using)
