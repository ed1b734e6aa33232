"""What every tracker is configured with: a customer, a name, an address, a mapping of item ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import UnionType
from typing import NamedTuple, TypeAlias, TypeVar

from footfall.errors import ConfigError, EventError
from footfall.events import Item

__all__ = [
    "DEFAULT_URL_LENGTH",
    "ItemIdHook",
    "Origin",
    "call_hook",
    "check_customer_id",
    "check_name",
    "check_whole",
    "map_item",
    "parse_base_url",
]

#: A shop's item becomes the one a tracker knows: the SKU's master product, say.
ItemIdHook: TypeAlias = Callable[[Item], Item | str | int]

_Given = TypeVar("_Given")
_Got = TypeVar("_Got")

DEFAULT_URL_LENGTH = 2000  #: neither tracker's document gives a limit; proxies and servers agree on about this

_is_customer = re.compile(r"[A-Za-z0-9]{1,64}").fullmatch
_is_name = re.compile(r"[A-Za-z0-9_.-]{1,64}").fullmatch
_base_url = re.compile(r"(https?)://((?:[A-Za-z0-9._-]{1,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?/?").fullmatch


class Origin(NamedTuple):
    """Where a tracker listens."""

    scheme: str  #: ``http`` or ``https``
    host: str  #: in lower case
    port: int
    url: str  #: ``scheme://host``, and the port if it was given


def check_customer_id(value: object) -> str:
    """Return *value* if it is the text of ASCII letters and digits that both trackers ask for."""
    if not isinstance(value, str):
        raise ConfigError(f"customer_id: is a {type(value).__name__}; write it as text, zeros in front included")
    if not _is_customer(value):
        raise ConfigError(
            f"customer_id: {value[:80]!r} is not of letters and digits alone; copy it from the control panel"
        )
    return value


def check_name(value: object) -> str:
    """Return *value* if it can name a tracker in counters and logs."""
    if not isinstance(value, str) or not _is_name(value):
        raise ConfigError('name: is not 1 to 64 letters, digits, "_", "." or "-"; write one as in "raptor"')
    return value


def check_whole(field: str, value: object, least: int, most: int) -> int:
    """Return *value* if it is a whole number within the bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ConfigError(f"{field}: {value!r} is not a whole number of {least} to {most}")
    return value


def parse_base_url(value: object) -> Origin:
    """Read where a tracker listens: scheme, host and port, and nothing behind them."""
    if not isinstance(value, str):
        raise ConfigError(f'base_url: is a {type(value).__name__}; write text as in "https://tracker.example"')
    if not (found := _base_url(value)):
        # What stands there may hold a password: it is not quoted.
        raise ConfigError(
            "base_url: is not http or https, an ASCII host and perhaps a port; write it without path, query and "
            'credentials, as in "https://tracker.example" (an internationalized host as xn--...)'
        )
    scheme, host, port = found.groups()
    if port is not None and not 1 <= int(port) <= 65_535:
        raise ConfigError(f"base_url: port {port} is not one of 1 to 65535")
    return Origin(
        scheme=scheme,
        host=host.lower(),
        port=int(port) if port else {"http": 80, "https": 443}[scheme],
        url=f"{scheme}://{host.lower()}" + (f":{int(port)}" if port else ""),
    )


def map_item(item: Item, hook: ItemIdHook | None) -> Item:
    """Ask a site's hook for the item that a tracker knows; a bare id keeps the item's type.

    Raises:
        EventError: The hook raised, or returned something that is no item or a wrong one.
    """
    if hook is None:
        return item
    mapped = call_hook("item_id", hook, item, Item | str | int)
    found = mapped if isinstance(mapped, Item) else Item(mapped, type=item.type)
    if found.finding is not None:
        raise EventError(f"item_id: the hook returned a wrong item: {found.finding}")
    return found


def call_hook(field: str, hook: Callable[[_Given], _Got], given: _Given, expected: type | UnionType) -> _Got:
    """Call a site's own function; whatever it does wrong is an event that cannot be sent, never a broken page."""
    try:
        got = hook(given)
    except Exception as error:  # noqa: BLE001
        # Neither its text nor its trace: they may repeat a visitor's id.
        raise EventError(f"{field}: the hook raised {type(error).__name__}; it must know every one") from None
    if not isinstance(got, expected):
        raise EventError(f"{field}: the hook returned a {type(got).__name__}; see what it must return")
    return got
