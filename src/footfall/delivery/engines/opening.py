"""Opens the engine that a URL names; its driver is imported here, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footfall.delivery.addresses import is_postgres

if TYPE_CHECKING:
    from footfall.delivery.engines.engine import Engine

__all__ = ["open_engine"]


def open_engine(engine: str, *, most_pending: int | None = None) -> Engine:
    """Make an engine's client, which connects when it is first asked for something.

    Args:
        engine: A URL that `check_engine` has found right.
        most_pending: Requests a tracker that may wait there; then forwarders wait. None: as many as there is room for.

    Raises:
        ImportError: Its driver cannot be imported.
    """
    if is_postgres(engine):
        from footfall.delivery.engines.postgres import PostgresEngine

        return PostgresEngine(engine, most_pending=most_pending)
    from footfall.delivery.engines.streams import StreamsEngine

    return StreamsEngine(engine, most_pending=most_pending)
