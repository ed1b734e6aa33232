"""A buy of the past: the time it carries to YOOCHOOSE, and the signature that lets it."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from footfall.errors import EventError

__all__ = ["format_timestamp", "sign_buy"]

_has_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?.*").fullmatch


def format_timestamp(at: str) -> str:
    """Write an ISO 8601 time as ``overridetimestamp`` wants it: ``"2012-01-01T11:00:00"``.

    A time with an offset becomes UTC; one without is sent as it is, for the document knows no time zone.
    Fractions of a second are cut off.

    Raises:
        EventError: The text is no date and time.
    """
    try:
        time = datetime.fromisoformat(at) if _has_time(at) else None
        if time is not None and time.tzinfo is not None:
            time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        time = None
    if time is None:
        raise EventError(
            f'at: text of {len(at)} characters is not a date and time; write ISO 8601, as in "2012-01-01T11:00:00"'
        )
    return time.replace(tzinfo=None, microsecond=0).isoformat()


def sign_buy(licence_key: str, item_type: int, item_segment: str, query: str) -> str:
    """Sign a buy, so that the tracker believes its time.

    Args:
        licence_key: The shop's own.
        item_type: As in the path.
        item_segment: The item's id, encoded as in the path.
        query: Its parameters in alphabetical order, encoded with capital hexadecimal digits.

    Returns:
        32 hexadecimal digits. The user is not signed.

    Source: Importing historical user tracking data, with three published examples that the tests recompute.
    """
    signed = f"{item_type}&{item_segment}&{licence_key}&{query}"
    # MD5 is the tracker's choice, not ours.
    return hashlib.md5(signed.encode(), usedforsecurity=False).hexdigest()
