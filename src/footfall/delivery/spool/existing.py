"""Opens a spool that somebody else has made, for a person who names it as its site does."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from footfall.delivery.journal.folder import Folder, streams_of
from footfall.delivery.settings import journal_folder, spool_path
from footfall.delivery.spool.database import Database
from footfall.errors import ConfigError, SpoolError

__all__ = ["missing", "open_existing", "path_of"]


@contextmanager
def open_existing(spool: str) -> Generator[Database]:
    """Open a spool's file, and never create one.

    Args:
        spool: As given to `Delivery`.

    Raises:
        ConfigError: It names no file.
        SpoolError: There is no such spool.
    """
    path = path_of(spool)
    if not path.exists():
        raise missing(path)
    database = Database(path)
    try:
        yield database
    finally:
        database.close()


def path_of(spool: str) -> Path:
    """Read where a spool's file is.

    Raises:
        ConfigError: It names none.
    """
    path = spool_path(spool)
    if path is None:
        raise ConfigError('spool: "memory:" can be looked at by its own process alone; use its stats()')
    return path


def missing(path: Path) -> SpoolError:
    """Say that there is no spool, and whether something waits for one."""
    if path.with_name(f"{path.name}-wal").exists():
        return SpoolError(
            f"spool {path} is missing, and its log {path.name}-wal is here: it was moved without it; put both, "
            f"and the folder {path.name}.outbox, in one place under one name"
        )
    if streams_of(Folder(journal_folder(path))):
        return SpoolError(
            f"spool {path} does not exist yet: what was accepted is in the journals beside it, and nothing was tried; "
            "start `footfall deliver`, or the site"
        )
    return SpoolError(f"spool {path} does not exist: nothing was accepted yet, or it is somewhere else")
