"""Raptor's numbered parameters: which name stands at which position, and what each means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from footfall.errors import ConfigError

__all__ = ["DEFAULT_PARAMETERS", "MEANING", "OFFLINE_MEANING", "check_parameters"]

_REFERENCE = "Raptor help center, Tracking Events for Recommendations"
_TEMPLATE = "Raptor's own server-side template"
_BASKET = "Raptor help center, Tracking Basket Events"
_OFFLINE = "Raptor help center, Offline Event Tracking"
_SERVER_SIDE = "Server-side Tracking"

#: Name to position, meaning and source. Positions differ from customer to customer: these are the usual ones.
_KNOWN: Mapping[str, tuple[int, str, str]] = {
    "event_type": (1, "what happened", f"{_SERVER_SIDE}, Add Click-Tracking"),
    "product_id": (2, "the item's id", f"{_SERVER_SIDE}, Add Click-Tracking"),
    "product_name": (3, "the item's name", _REFERENCE),
    "category_path": (4, "the item's categories, id#name from the root, joined by semicolons", _REFERENCE),
    "subtotal": (5, "price times quantity", _TEMPLATE),
    "currency": (6, "the price's ISO 4217 code", "usual position; compare with the control panel"),
    "user_id": (7, "who is logged in", f"{_SERVER_SIDE}, Other Ids"),
    "brand_id": (8, "the item's brand, by id or name", _REFERENCE),
    "basket_content": (10, "the ids of all that is in the basket, each once", _BASKET),
    "price": (12, "the price of one item", _REFERENCE),
    "quantity": (13, "how many were bought", _TEMPLATE),
    "stock_status": (15, "true if the item is in stock, else false", _REFERENCE),
    "master_id": (18, "the item without size, colour and other variants", _REFERENCE),
    "order_id": (21, "the order's number", _OFFLINE),
}

DEFAULT_PARAMETERS: Mapping[str, int] = MappingProxyType({name: known[0] for name, known in _KNOWN.items()})

#: What a parameter means, and which document says so: by its name in the map, or as it stands in the URL.
MEANING: Mapping[str, tuple[str, str]] = {
    **{name: (meaning, source) for name, (_, meaning, source) in _KNOWN.items()},
    "coid": ("the device, by its cookie", f"{_SERVER_SIDE}, coid"),
    "sid": ("the visit", f"{_SERVER_SIDE}, sid"),
    "ruid": ("the person as the shop knows them, in base64", f"{_SERVER_SIDE}, ruid"),
    "am": ("the module whose recommendation was clicked", f"{_SERVER_SIDE}, Add Click-Tracking"),
    "reaid": ("the person by Raptor's own token, from a newsletter's link", f"{_SERVER_SIDE}, ReaId"),
    "xuid": ("the person by the mail system's token, from a newsletter's link", f"{_SERVER_SIDE}, XuId"),
    "url": ("the page", _TEMPLATE),
    "source": ("where an order without a browser comes from", _OFFLINE),
    **{
        f"utm_{of}": ("the campaign that led here", _TEMPLATE)
        for of in ("source", "medium", "campaign", "term", "content")
    },
}

#: What is another thing in an order without a browser.
OFFLINE_MEANING: Mapping[str, tuple[str, str]] = {
    "ruid": ("the person as the shop knows them, in clear text", _OFFLINE)
}

_REQUIRED = ("event_type", "product_id")
_is_name = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}").fullmatch
_position = re.compile(r"p([1-9][0-9]{0,2})").fullmatch


def check_parameters(parameters: Mapping[str, int | str]) -> dict[str, int]:
    """Return the positions by name, each 1 to 999; ``"p8"`` is another way to write 8.

    Raises:
        ConfigError: A position is not one of p1 to p999, or has two names; a name is none, or is a known one
            misspelt; or the event's type or the product has no position.
    """
    if not isinstance(parameters, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"parameters: is a {type(parameters).__name__}; give a mapping of names to positions")
    positions: dict[str, int] = {}
    by_position: dict[int, str] = {}
    for name, written in parameters.items():
        position = _to_position(name, written)
        _check_parameter_name(name, parameters)
        if position in by_position:
            raise ConfigError(
                f"parameters: {by_position[position]!r} and {name!r} both stand at p{position}; give each its own"
            )
        by_position[position] = name
        positions[name] = position
    for name in _REQUIRED:
        if name not in positions:
            raise ConfigError(f"parameters: {name!r} has no position; start from {{**Raptor.DEFAULT_PARAMETERS}}")
    return positions


def _to_position(name: object, written: object) -> int:
    if isinstance(written, str) and (found := _position(written)):
        return int(found[1])
    if isinstance(written, int) and not isinstance(written, bool) and 1 <= written <= 999:
        return written
    raise ConfigError(f"parameters: {name!r} stands at {written!r}; a position is a whole number of 1 to 999")


def _check_parameter_name(name: object, parameters: Mapping[str, int | str]) -> None:
    if not isinstance(name, str) or not _is_name(name):
        raise ConfigError(f"parameters: {name!r} is no name; write letters, digits and underscores")
    if name in DEFAULT_PARAMETERS:
        return
    if _position(name) or name in MEANING:
        raise ConfigError(
            f"parameters: {name!r} is Raptor's own word; write what stands there, as in {{'brand_id': 8}}"
        )
    missing = [known for known in DEFAULT_PARAMETERS if known not in parameters]
    if meant := get_close_matches(name, missing, n=1, cutoff=0.75):
        raise ConfigError(f"parameters: {name!r} is unknown; did you mean {meant[0]!r}?")
