"""What an engine's URL says: read without its driver, and named without its password."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import parse_qs, urlsplit

from footfall.errors import ConfigError, MissingExtra

__all__ = ["check_engine", "is_engine", "is_postgres", "name_engine"]

_POSTGRES = ("postgresql", "postgres")
_STREAMS = ("redis", "rediss", "unix")
_REMEDY = 'write "postgresql://user@host/database", "redis://host:6379/0", "rediss://..." or "unix:///run/valkey.sock"'


def is_engine(place: str) -> bool:
    """Tell whether a text names an engine, rather than a spool or a site."""
    return place.partition("://")[0] in {*_POSTGRES, *_STREAMS} and "://" in place


def check_engine(engine: object) -> str:
    """Check which engine is meant, and that its driver is installed. What was written is never quoted.

    Raises:
        ConfigError: It is none. Names field and remedy.
        MissingExtra: Its driver is not installed.
    """
    if not isinstance(engine, str):
        raise ConfigError(f"engine: is a {type(engine).__name__}; {_REMEDY}")
    if not is_engine(engine):
        raise ConfigError(f"engine: begins with no scheme that is known; {_REMEDY}")
    try:
        parts = urlsplit(engine)
        _ = None if is_postgres(engine) else parts.port  # PostgreSQL's may name several hosts
    except ValueError:
        raise ConfigError(f"engine: names a host or a port that cannot be; {_REMEDY}") from None
    driver, extra = ("psycopg", "postgres") if is_postgres(engine) else ("redis", "redis")
    if find_spec(driver) is None:
        raise MissingExtra("Delivery(engine=...)", extra)
    return engine


def is_postgres(engine: str) -> bool:
    """Tell whether a URL that `check_engine` has found right is PostgreSQL's."""
    return urlsplit(engine).scheme in _POSTGRES


def name_engine(engine: str) -> str:
    """Name an engine by its place alone, without user, password and options."""
    parts = urlsplit(engine)
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f"{parts.scheme}://{host}{parts.path}"
