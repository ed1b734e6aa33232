"""A buy of the past: the time it carries to YOOCHOOSE, and the signature that lets it."""

from __future__ import annotations

import hashlib
from datetime import datetime

__all__ = ["format_timestamp", "sign_buy"]


def format_timestamp(at: datetime) -> str:
    """Write a buy's time as ``overridetimestamp`` wants it: ``"2012-01-01T11:00:00"``.

    The document knows no time zone: a time that has one is of UTC by now, one that has none is sent as it is.
    """
    return at.replace(tzinfo=None).isoformat()


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
