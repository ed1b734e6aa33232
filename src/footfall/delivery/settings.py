"""What a delivery is told when it is made, checked at once: nothing is opened for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from inspect import iscoroutinefunction
from pathlib import Path
from urllib.parse import urlsplit

from footfall.delivery.addresses import check_engine
from footfall.errors import ConfigError

__all__ = ["ENVIRONMENT", "Settings", "check_settings", "journal_folder", "spool_path"]

ENVIRONMENT = "environment"  #: in place of a proxy: HTTPS_PROXY and NO_PROXY say which

_PROXIES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_MIB = 1024 * 1024
_FILE_BYTES = 1024 * _MIB  # two to three million requests
_MEMORY_BYTES = 32 * _MIB
_LEAST_BYTES = _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A delivery's settings, in the units that its parts use."""

    path: Path | None  #: the spool's file; None: memory
    relative: bool  #: it was named by its place in the working directory
    deliver_here: bool
    to_disk: bool
    limit: int  #: bytes
    retry_for: float  #: seconds
    timeout: float  #: seconds
    concurrency: int
    on_drop: Callable[[str, str, int], None] | None
    proxy: str | None = field(default=None, repr=False)  #: may hold a password
    engine: str | None = field(default=None, repr=False)  #: so may this
    engine_durable: bool = False

    @property
    def kept_bytes(self) -> int:
        """Bound on what failed, and on the keys of what is sent only once. They are kept beside what waits."""
        return self.limit // 4

    @property
    def folder(self) -> Path:
        """Where the journals are, beside the spool."""
        if self.path is None:
            raise ValueError("a spool in memory has no journals")
        return journal_folder(self.path)


def journal_folder(spool: Path) -> Path:
    """Name the folder of the journals that belong to a spool."""
    return spool.with_name(f"{spool.name}.outbox")


def check_settings(
    *,
    spool: str,
    engine: str | None,
    deliver_here: bool,
    durable: str,
    max_pending_bytes: int | None,
    retry_for: timedelta,
    timeout: timedelta,
    concurrency: int,
    on_drop: Callable[[str, str, int], None] | None,
    proxy: str | None = None,
    engine_durable: bool = False,
) -> Settings:
    """Check what a site wrote.

    Raises:
        ConfigError: A value is wrong. Names the field, what was found, and what to write instead.
    """
    path = spool_path(spool)
    if engine is not None:
        check_engine(engine)
    elif engine_durable:
        raise ConfigError("engine_durable: is given without an engine; write engine=..., or leave it out")
    if durable not in {"process", "power"}:
        raise ConfigError(f'durable: is {durable!r}; write "process" or "power"')
    if path is None and durable == "power":
        raise ConfigError(
            'durable: is "power", which needs a file; write spool="sqlite:///footfall.sqlite3" instead of "memory:"'
        )
    if path is None and not deliver_here:
        raise ConfigError(
            'deliver_here: is False and spool is "memory:", which would deliver nothing; write spool="sqlite:///footfall.sqlite3"'
        )
    if max_pending_bytes is None:
        max_pending_bytes = _MEMORY_BYTES if path is None else _FILE_BYTES
    if not _is_whole(max_pending_bytes) or max_pending_bytes < _LEAST_BYTES:
        raise ConfigError(f"max_pending_bytes: is {max_pending_bytes!r}; write at least {_LEAST_BYTES} (1 MiB)")
    if not _is_whole(concurrency) or not 1 <= concurrency <= 1000:
        raise ConfigError(f"concurrency: is {concurrency!r}; write a whole number from 1 to 1000, such as 64")
    if on_drop is not None and not callable(on_drop):
        raise ConfigError(f"on_drop: is a {type(on_drop).__name__}; give a function of tracker, reason and number")
    if iscoroutinefunction(on_drop):
        raise ConfigError("on_drop: is an async def, which nobody awaits; give a function")
    return Settings(
        path=path,
        relative=path is not None and spool != f"sqlite:///{path}",
        deliver_here=bool(deliver_here),
        to_disk=durable == "power",
        limit=max_pending_bytes,
        retry_for=_seconds("retry_for", retry_for, least=0.0, most=366 * 86400.0),
        timeout=_seconds("timeout", timeout, least=0.05, most=300.0),
        concurrency=concurrency,
        on_drop=on_drop,
        proxy=None if proxy is None else _checked_proxy(proxy),
        engine=engine,
        engine_durable=bool(engine_durable),
    )


def spool_path(spool: str) -> Path | None:
    """Read where a spool is: ``sqlite:///relative`` or ``sqlite:////absolute``, or None for ``memory:``.

    Raises:
        ConfigError: It is neither.
    """
    if spool == "memory:":
        return None
    prefix = "sqlite:///"
    if not isinstance(spool, str) or not spool.startswith(prefix) or spool == prefix:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(
            f'spool: is {spool!r}; write "sqlite:///footfall.sqlite3" (three slashes: in the working '
            'directory), "sqlite:////var/lib/shop/footfall.sqlite3" (four: from the root) or "memory:"'
        )
    path = spool[len(prefix) :]
    if path.startswith(":memory:") or "?" in path or path.endswith("/"):
        raise ConfigError(f'spool {spool!r} names no plain file; write "sqlite:///footfall.sqlite3", or "memory:"')
    return Path(path).absolute()  # a worker may change its directory later


def _checked_proxy(proxy: object) -> str:
    """Check which proxy is meant; what was written is never quoted, for it may hold a password."""
    if proxy == ENVIRONMENT:
        return ENVIRONMENT
    remedy = 'write "http://proxy.example:3128", or "environment" for what HTTPS_PROXY and NO_PROXY say'
    if not isinstance(proxy, str):
        raise ConfigError(f"proxy: is a {type(proxy).__name__}; {remedy}")
    try:
        parts = urlsplit(proxy)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(f"proxy: names a host or a port that cannot be; {remedy}") from None
    if parts.scheme not in _PROXIES:
        raise ConfigError(f"proxy: does not begin with http:// or another scheme of a proxy; {remedy}")
    if not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ConfigError(f"proxy: is more or less than a scheme, a host and a port; {remedy}")
    if not proxy.isascii() or not proxy.isprintable() or " " in proxy:
        raise ConfigError(f"proxy: has characters that no URL has; write them as %-codes, or {remedy}")
    return proxy


def _seconds(name: str, value: timedelta, *, least: float, most: float) -> float:
    if not isinstance(value, timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"{name}: is {value!r}, without a unit; write timedelta(seconds={value!r})")
    seconds = value.total_seconds()
    if not least <= seconds <= most:
        raise ConfigError(f"{name}: is {seconds:g} seconds; write {least:g} to {most:g} seconds")
    return seconds


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
