"""A visitor's ids as one sealed text, to keep with an order until it is paid."""

from __future__ import annotations

import json
from typing import Any, Final

from footfall.identity.ids import LONGEST_PERSON, parse_guid, parse_token
from footfall.identity.seal import Sealer
from footfall.identity.visitor import Visitor

__all__ = ["format_snapshot", "parse_snapshot"]

NAME: Final = "footfall snapshot"
FIELDS: Final = ("device_id", "session_id", "ruid", "reaid", "xuid", "user_id", "anonymous_id")


def format_snapshot(visitor: Visitor | None, sealer: Sealer, *, now: float) -> str:
    """Seal a visitor's ids, or ``None`` for nobody, made *now* (Unix seconds): base64url, some 300 characters."""
    if visitor is None:
        return sealer.seal("null", NAME, "")
    known: dict[str, object] = {field: value for field in FIELDS if (value := getattr(visitor, field)) is not None}
    known["at"] = int(now)
    return sealer.seal(json.dumps(known, separators=(",", ":")), NAME, "")


def parse_snapshot(token: str, sealer: Sealer, *, anonymous_user: str, oldest: float | None = None) -> Visitor | None:
    """Open what `format_snapshot` sealed; ``None`` for anything else: a token may come from a visitor.

    Args:
        token: The text.
        sealer: Has the keys.
        anonymous_user: For the visitor.
        oldest: When it must have been made at the earliest, in Unix seconds; one that does not say was made before
            snapshots said so. ``None``: at any time.
    """
    # An order that is older than snapshots has none.
    opened = sealer.open(token, NAME, "") if isinstance(token, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if opened is None:
        return None
    try:
        loaded: Any = json.loads(opened.text)
        known = {str(field): value for field, value in loaded.items() if isinstance(value, str) and value}
        made = loaded.get("at")
    except (ValueError, AttributeError):
        return None
    if oldest is not None and (not isinstance(made, int) or made < oldest):
        return None
    return Visitor(
        device_id=parse_guid(known.get("device_id")),
        session_id=parse_guid(known.get("session_id")),
        ruid=_short(known.get("ruid")),
        reaid=parse_token(known.get("reaid")),
        xuid=parse_token(known.get("xuid")),
        user_id=_short(known.get("user_id")),
        anonymous_id=_short(known.get("anonymous_id")),
        anonymous_user=anonymous_user,
    )


def _short(text: str | None) -> str | None:
    return text if text is not None and len(text) <= LONGEST_PERSON else None
