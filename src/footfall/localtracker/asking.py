"""Reads the parameters of the local tracker's own API, and says which of them is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from starlette.requests import Request

from footfall.localtracker.received import Asked, Filter

__all__ = ["AskedWronglyError", "is_foreign", "read_filter", "read_number", "read_seconds"]

LONGEST_WAIT = 60.0
_VERDICTS: Mapping[str, Asked] = {name: name for name in get_args(Asked)}


class AskedWronglyError(ValueError):
    """A parameter of our own API is wrong. The text says which, and what to write."""


def read_filter(request: Request) -> Filter:
    """Read which requests are asked for."""
    query = request.query_params
    wanted = Filter(
        tracker=query.get("tracker") or None,
        kind=query.get("kind") or None,
        visitor=query.get("visitor") or None,
    )
    if query.get("status"):
        wanted["status"] = read_number(request, "status", 0, 999)
    if verdict := query.get("verdict"):
        if verdict not in _VERDICTS:
            raise AskedWronglyError(f"verdict: is unknown; write one of {', '.join(_VERDICTS)}, or leave it out")
        wanted["verdict"] = _VERDICTS[verdict]
    return wanted


def read_number(request: Request, name: str, default: int, most: int) -> int:
    """Read a whole number of 0 to *most*."""
    text = request.query_params.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise AskedWronglyError(f"{name}: is no such number; write a whole number of 0 to {most}, or leave it out")
    return int(text)


def read_seconds(request: Request, name: str, default: float, most: float = LONGEST_WAIT) -> float:
    """Read a number of 0 to *most*, with decimals."""
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= most:
        raise AskedWronglyError(f"{name}: is no such number; write a number of 0 to {most:g}, or leave it out")
    return seconds


def is_foreign(request: Request) -> bool:
    """Tell whether another site's page asks. It may send a form here, but must change nothing."""
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
