"""The SQLite file of a spool: created, checked and brought up to date, or a clear word on why it cannot be used."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from footfall.delivery.native import RAISE_FILES, is_out_of_files
from footfall.errors import SpoolError

__all__ = ["MIGRATIONS", "busy_ms", "explain", "open_database", "open_memory"]

_APPLICATION = 0x666F6F74  # "foot": this file is one of ours
BUSY_MS = 5_000
_FILES = 4  # a file, its log, the log's index, and the folder for a moment

# What a failed request takes in the file, to within a fifth. Of long ones a page holds but one or two.
_TEXTS = "(length(coalesce(request, '')) + length(answer) + length(reason) + 2 * length(visitor))"
_FAILED_BYTES = f"max({_TEXTS} + 100, ({_TEXTS} > 1250) * (({_TEXTS} + 2140) / 2048) * 2048)"


def _keep_size(table: str, key: str, size: str) -> Sequence[str]:
    """Write the statements by which the rows of a table and their bytes are counted from now on."""

    def trigger(when: str, row: str, sign: str) -> str:
        return f"""
        CREATE TRIGGER {table}_{when.split()[1].lower()}_size {when} ON {table} BEGIN
            UPDATE sizes SET number = number {sign} 1,
                bytes = bytes {sign} (SELECT {size} FROM {table} WHERE {key} = {row}.{key})
            WHERE name = '{table}';
        END"""  # noqa: S608 - our own parts

    return (
        f"INSERT INTO sizes SELECT '{table}', count(*), coalesce(sum({size}), 0) FROM {table}",  # noqa: S608 - our own
        trigger("AFTER INSERT", "NEW", "+"),
        trigger("BEFORE DELETE", "OLD", "-"),
    )


# One entry a version, applied in order; a released entry is never edited.
MIGRATIONS: Sequence[Sequence[str]] = (
    (
        """
        CREATE TABLE requests (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order of acceptance
            tracker TEXT NOT NULL,
            visitor TEXT NOT NULL,
            set_aside INTEGER NOT NULL,            -- 1: not repeated once it may have arrived
            accepted REAL NOT NULL,                -- seconds since 1970, as all times here
            attempts INTEGER NOT NULL DEFAULT 0,
            due REAL,                              -- when to send it, or when its lease ends. NULL: it stands in line
            held INTEGER NOT NULL DEFAULT 0,       -- 1: it was looked at: its visitor's later ones wait
            owner TEXT,                            -- whose lease it is on
            request TEXT NOT NULL                  -- as the journal had it
        )""",
        "CREATE INDEX requests_fresh ON requests (tracker, due) WHERE held = 0",
        "CREATE INDEX requests_held ON requests (tracker, due) WHERE held = 1",
        "CREATE INDEX requests_line ON requests (visitor, tracker, id) WHERE held = 1",
        "CREATE INDEX requests_owner ON requests (owner) WHERE owner IS NOT NULL",
        """
        CREATE TABLE failed (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            tracker TEXT NOT NULL,
            kind TEXT NOT NULL,
            visitor TEXT NOT NULL,
            reason TEXT NOT NULL,
            status INTEGER,                        -- what the tracker answered
            answer TEXT NOT NULL DEFAULT '',
            accepted REAL NOT NULL,
            failed REAL NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            request TEXT                           -- NULL: it never became one
        )""",
        "CREATE INDEX failed_visitor ON failed (visitor) WHERE visitor <> ''",
        "CREATE TABLE once (key BLOB PRIMARY KEY, visitor TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID",
        "CREATE INDEX once_at ON once (at)",
        "CREATE INDEX once_visitor ON once (visitor) WHERE visitor <> ''",
        "CREATE TABLE segments (name TEXT PRIMARY KEY, offset INTEGER NOT NULL, at REAL NOT NULL) WITHOUT ROWID",
        """
        CREATE TABLE counters (
            tracker TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (tracker, name)
        ) WITHOUT ROWID""",
        """
        CREATE TABLE refused (
            tracker TEXT NOT NULL, reason TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (tracker, reason)
        ) WITHOUT ROWID""",
    ),
    (
        # What stands in line is in none of these: a line of any length costs the others nothing.
        "DROP INDEX requests_fresh",
        "DROP INDEX requests_held",
        "CREATE INDEX requests_new ON requests (tracker, due) WHERE attempts = 0 AND held = 0",
        "CREATE INDEX requests_next ON requests (tracker, due) WHERE attempts = 0 AND held = 1 AND due IS NOT NULL",
        "CREATE INDEX requests_again ON requests (tracker, due) WHERE attempts > 0",
    ),
    (
        "ALTER TABLE failed ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0",  # 1: it must go once, and may have gone
        "UPDATE failed SET unanswered = 1 WHERE reason LIKE 'unanswered:%'",
        "CREATE INDEX failed_oldest ON failed (unanswered)",
        # How much is kept beside what waits. By triggers, for rows come and go in many ways.
        "CREATE TABLE sizes (name TEXT PRIMARY KEY, number INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID",
        *_keep_size("failed", "id", _FAILED_BYTES),
        *_keep_size("once", "key", "130 + 2 * length(visitor)"),
    ),
    (
        "ALTER TABLE requests ADD COLUMN failing REAL",  # since when its tries fail
        "CREATE TABLE couriers (owner TEXT PRIMARY KEY, seen REAL NOT NULL, trackers TEXT NOT NULL) WITHOUT ROWID",
    ),
    (
        # Where there is an engine: what is on its way there, or was for a while, should the engine lose it.
        "CREATE TABLE forwarder (one INTEGER PRIMARY KEY, identity TEXT NOT NULL, owner TEXT, until REAL NOT NULL)",
        """
        CREATE TABLE parcels (
            tracker TEXT NOT NULL,
            seq INTEGER NOT NULL,                  -- from 1 on, for each tracker
            token TEXT NOT NULL,                   -- drawn when it was packed: an older copy of a spool packs others
            source TEXT NOT NULL,                  -- under which name it is published
            confirmed REAL,                        -- since when the engine has it
            bytes INTEGER NOT NULL,                -- 0: what was in it is gone
            PRIMARY KEY (tracker, seq)
        ) WITHOUT ROWID""",
        """
        CREATE TABLE outgoing (
            id INTEGER PRIMARY KEY,                -- as it was among the requests
            tracker TEXT NOT NULL,
            seq INTEGER NOT NULL,
            visitor TEXT NOT NULL,
            set_aside INTEGER NOT NULL,
            accepted REAL NOT NULL,
            request TEXT NOT NULL
        )""",
        "CREATE INDEX outgoing_parcel ON outgoing (tracker, seq)",
        "CREATE TABLE erasures (id INTEGER PRIMARY KEY AUTOINCREMENT, visitor TEXT NOT NULL, at REAL NOT NULL)",
    ),
)


def busy_ms(patience: float | None) -> int:
    """Say how long SQLite is to wait for another process; None: as long as it may take at most."""
    return BUSY_MS if patience is None else min(max(int(patience * 1000), 1), BUSY_MS)


def open_database(path: str, patience: float | None = None) -> sqlite3.Connection:
    """Open a spool's file, making or migrating it if need be; its owner alone may read it.

    Args:
        path: The file.
        patience: Seconds to wait for another process.

    Raises:
        SpoolError: It cannot be used, and why, and what to do.
    """
    _keep_log(path)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _cannot_open(path, error) from error
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            path, timeout=busy_ms(patience) / 1000, isolation_level=None, check_same_thread=False
        )
        _prepare(connection, path, busy_ms(patience) / 1000)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise explain(error, path) from error
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


def _keep_log(path: str) -> None:
    """Keep the log of a file that was moved without it: SQLite would throw it away, and what is in it alone."""
    log = Path(f"{path}-wal")
    # The log is looked for first: the file is there before its log is, whoever makes them.
    if not log.exists() or not log.stat().st_size or Path(path).exists():
        return
    kept = log.with_name(f"{log.name}.left")
    log.rename(kept)
    logging.getLogger("footfall.delivery").error(
        "spool %s was moved without its log: what had not been written to it yet is in %s; to have it sent, stop the "
        "processes that use the moved file, and put this beside it under its name with -wal",
        path,
        kept,
    )


def open_memory() -> sqlite3.Connection:
    """Make a spool that lasts as long as its connection."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _prepare(connection, ":memory:", 0.0)
    return connection


def explain(error: sqlite3.Error, path: str) -> SpoolError:
    """Say what is wrong with a spool, and what to do about it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return SpoolError(
            f"spool {path} is damaged, or no SQLite file at all ({error}): move it away, and a new one is begun; "
            "what is still in the journal beside it is kept. `sqlite3 FILE .recover` may save rows from the old one"
        )
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM} and not _has_files():
        return SpoolError(f"spool {path} cannot be opened for lack of files ({error}): {RAISE_FILES}")
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
        return SpoolError(
            f"spool {path} cannot be written ({error}): give this process write access to the file and its folder"
        )
    if code == sqlite3.SQLITE_FULL:
        return SpoolError(f"spool {path} has no room left on its disk: make room; what is pending is kept meanwhile")
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return SpoolError(
            f"spool {path} has been locked by another program for seconds: find out which program holds it"
        )
    return SpoolError(f"spool {path} cannot be used ({error}): check its disk, and that it is on no network share")


def _cannot_open(path: str, error: OSError) -> SpoolError:
    if isinstance(error, FileNotFoundError):
        return SpoolError(f"spool {path} cannot be created: make the folder {Path(path).parent} first")
    what = RAISE_FILES if is_out_of_files(error) else "give this process write access to it"
    return SpoolError(f"spool {path} cannot be opened ({error.strerror}): {what}")


def _has_files() -> bool:
    """Tell whether the spool's three files could be opened: SQLite does not say why one could not."""
    opened: list[int] = []
    try:
        for _ in range(_FILES):
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401 - what was opened is closed
    except OSError:
        return False
    finally:
        for fd in opened:
            os.close(fd)
    return True


def _prepare(connection: sqlite3.Connection, path: str, patience: float) -> None:
    """Check that a file is ours and of our version, and make it so if it is empty or older."""
    # Before the first page is written, or never: lets a spool shrink again after a long outage.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _insist(connection, "PRAGMA journal_mode = WAL", patience)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = FAST")  # what was erased is gone from the pages written anyway
    connection.execute("PRAGMA journal_size_limit = 16777216")
    if _version(connection, path) == len(MIGRATIONS):
        return
    _insist(connection, "BEGIN IMMEDIATE", patience)
    try:
        for version in range(_version(connection, path), len(MIGRATIONS)):  # another process may have done it
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _version(connection: sqlite3.Connection, path: str) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != _APPLICATION:
        raise SpoolError(f"spool {path} is another program's SQLite file: name a file of its own for the spool")
    if version > len(MIGRATIONS):
        raise SpoolError(
            f"spool {path} has schema version {version}, this release knows up to {len(MIGRATIONS)}: upgrade footfall"
        )
    return version


def _insist(connection: sqlite3.Connection, statement: str, patience: float) -> None:
    """Run a statement that two processes may want at once, and for which SQLite's own waiting does not help."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute(statement).close()
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
