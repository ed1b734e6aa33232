"""Writes requests by the application's own connection, so that they are committed with its order, or gone with it.

Drivers are told apart by what their connections can do, and none is imported: whoever hands one over has it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from footfall.delivery.engines.engine import name_visitor
from footfall.delivery.engines.tables import INSERT_WITHIN
from footfall.delivery.journal.codec import encode_request
from footfall.errors import EventError
from footfall.wire import WhenUnanswered, WireRequest

__all__ = ["NoTransaction", "NotWritten", "write_within"]

_SAVEPOINT = "footfall_within"
_NO_TRANSACTION = "25P01"
_ROW = ("tracker", "visitor", "set_aside", "accepted", "request")


class NotWritten(Exception):
    """The rows were not written, and the transaction is as it was. Says why, and quotes nothing."""


class NoTransaction(Exception):
    """The connection commits each statement by itself: there is no transaction to be within."""


def write_within(connection: object, requests: Sequence[WireRequest], accepted: float) -> None:
    """Write a row a request inside a savepoint of the transaction that a connection is in.

    Args:
        connection: psycopg's, Django's ``connection``, SQLAlchemy's ``session.connection()`` or its session.
        requests: That report one event.
        accepted: Seconds since 1970.

    Raises:
        EventError: It is no connection, or one that has to be awaited.
        NoTransaction: It commits by itself.
        NotWritten: The database refused; what was written is rolled back to the savepoint.
    """
    connection = _sync(connection)
    try:
        rows = [_row(request, accepted) for request in requests]
    except ValueError as error:
        raise NotWritten(f"cannot be written: {error}") from None
    if hasattr(connection, "exec_driver_sql"):
        _by_sqlalchemy(connection, rows)
    else:
        _by_cursor(connection, rows)


def _sync(connection: Any) -> Any:
    if not hasattr(connection, "exec_driver_sql") and callable(getattr(connection, "connection", None)):
        found = connection.connection  # a session of SQLAlchemy's
        if inspect.iscoroutinefunction(found):
            raise _awaited(connection)
        connection = found()
    for name in ("execute", "exec_driver_sql", "commit", "fetch"):
        if inspect.iscoroutinefunction(getattr(connection, name, None)):
            raise _awaited(connection)
    if not callable(getattr(connection, "cursor", None)) and not hasattr(connection, "exec_driver_sql"):
        raise EventError(
            f"within: is a {type(connection).__name__}; give the connection that writes the order: psycopg's, Django's "
            "django.db.connection, or SQLAlchemy's session.connection()"
        )
    return connection


def _awaited(connection: object) -> EventError:
    return EventError(
        f"within: is an async {type(connection).__name__}, which has to be awaited; write await "
        "session.run_sync(lambda sync: tracking.emit(event, within=sync.connection())) with SQLAlchemy's session, "
        "or give a sync connection"
    )


def _row(request: WireRequest, accepted: float) -> tuple[str, int | None, bool, float, str]:
    text = encode_request(request).decode("ascii")
    aside = request.when_unanswered is WhenUnanswered.SET_ASIDE
    tracker = request.tracker.replace("\0", "")
    return tracker, name_visitor(request.visitor), aside, accepted, f"{text[:-1]},{accepted:.6f}]"


def _by_sqlalchemy(connection: Any, rows: Sequence[tuple[object, ...]]) -> None:
    text = sys.modules["sqlalchemy"].text
    statement = INSERT_WITHIN
    for name in _ROW:
        statement = statement.replace("%s", f":{name}", 1)
    named: list[Mapping[str, object]] = [dict(zip(_ROW, row, strict=True)) for row in rows]
    try:
        with connection.begin_nested():
            connection.execute(text(statement), named)
    except Exception as error:  # noqa: BLE001 - any driver's, and an order must not fail for it
        raise _outcome(error) from None


def _by_cursor(connection: Any, rows: Sequence[tuple[object, ...]]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SAVEPOINT {_SAVEPOINT}")
            try:
                for row in rows:
                    cursor.execute(INSERT_WITHIN, row)
            except BaseException:
                with suppress(Exception):  # the connection itself may be gone: the order will hear of it
                    cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
                    cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
                raise
            cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    except Exception as error:  # noqa: BLE001 - any driver's, and an order must not fail for it
        raise _outcome(error) from None


def _outcome(error: BaseException) -> NoTransaction | NotWritten:
    state = _sqlstate(error)
    if state == _NO_TRANSACTION:
        return NoTransaction()
    if state == "42P01":
        return NotWritten(
            "its database has no tables of the engine's; give the engine's, or run: footfall deliver --migrate"
        )
    return NotWritten(f"its database refused ({type(error).__name__}{f', SQLSTATE {state}' if state else ''})")


def _sqlstate(error: BaseException | None) -> str | None:
    """Find a driver's own code, whatever Django or SQLAlchemy has put around its error."""
    for _ in range(5):
        if error is None:
            return None
        for name in ("sqlstate", "pgcode"):
            state = getattr(error, name, None)
            if isinstance(state, str):
                return state
        error = getattr(error, "orig", None) or error.__cause__
    return None
