"""Splits a request target as it was written into segments and parameters, decoded once and strictly."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

__all__ = ["Text", "decode", "split_query"]

# RFC 3986, sections 3.3 and 3.4: what may stand unencoded in a query; a path has no question mark left in it.
_is_url = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*").fullmatch
# Most values, which need no decoding.
_is_plain = re.compile(r"[A-Za-z0-9._~-]*").fullmatch
_bad_percent = re.compile(r"%(?![0-9A-Fa-f]{2})").search


class Text(NamedTuple):
    """A piece of a URL: as it came, decoded, and what is wrong with its encoding."""

    raw: str
    value: str  #: decoded; with replacement characters where that is impossible
    finding: str = ""  #: why it cannot be decoded; ``""``: it can be
    mend: str = ""

    def __repr__(self) -> str:
        """Show nothing of what a visitor sent."""
        return f"<Text of {len(self.raw)} characters>"


def decode(raw: str, *, plus_is_space: bool = False) -> Text:
    """Percent-decode *raw*, and say where it breaks RFC 3986.

    Args:
        raw: The text of the URL, ASCII; other bytes as latin-1.
        plus_is_space: Whether ``+`` means a space, as in a query.
    """
    if _is_plain(raw):
        return Text(raw, raw)
    octets = unquote_to_bytes((raw.replace("+", " ") if plus_is_space else raw).encode("latin-1", "replace"))
    value = octets.decode("utf-8", "replace")
    if _bad_percent(raw):
        return Text(raw, value, "has a % without two hexadecimal digits after it", "write %25 for a percent sign")
    if not _is_url(raw):
        return Text(raw, value, "has characters that a URL does not have", "percent-encode the whole value, as UTF-8")
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return Text(raw, value, "is not UTF-8 once decoded", "encode the text as UTF-8, then percent-encode it")
    return Text(raw, value)


def split_query(query: str) -> list[tuple[str, Text]]:
    """Split a query into its parameters, in order; a repeated name stays repeated."""
    pairs: list[tuple[str, Text]] = []
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            name = name if _is_plain(name) else decode(name, plus_is_space=True).value
            pairs.append((name, decode(value, plus_is_space=True)))
    return pairs
