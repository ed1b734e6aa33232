"""URL text, finished to the last byte: RFC 3986, upper-case hexadecimal, ``%20`` for a space."""

from __future__ import annotations

import re
from urllib.parse import quote

from footfall.errors import EventError

__all__ = ["check_length", "encode", "encode_segment"]

# The unreserved characters of RFC 3986, section 2.3: most ids consist of nothing else.
_is_plain = re.compile(r"[A-Za-z0-9._~-]+").fullmatch


def encode(text: str, field: str) -> str:
    """Percent-encode *text* for any place in a URL; decoding gives it back.

    Raises:
        EventError: The text has lone surrogates, which are no characters. Names *field*; does not quote the text.
    """
    if _is_plain(text):
        return text
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise EventError(
            f"{field}: text of {len(text)} characters has half a surrogate pair in it; decode it as UTF-8 first"
        ) from None


def encode_segment(text: str, field: str) -> str:
    """Percent-encode *text* as one segment of a YOOCHOOSE path.

    Raises:
        EventError: The text is empty, or ``.`` or ``..``, which clients and servers take out of a path, encoded or
            not; or has a backslash, which the tracker's server refuses; or lone surrogates.

    Source: Tracking API, note under "Tracking Events".
    """
    if _is_plain(text) and text not in {".", ".."}:
        return text
    if not text:
        raise EventError(f"{field}: is empty; the tracker discards an event without it")
    if text in {".", ".."}:
        raise EventError(f"{field}: consists of dots alone, which would change the path; use another id")
    if "\\" in text:
        raise EventError(f"{field}: has a backslash, which the tracker does not take in a path; use an id without")
    return encode(text, field)


def check_length(url: str, longest: int) -> str:
    """Return *url* unless it is longer than a tracker is trusted to take."""
    if len(url) > longest:
        raise EventError(
            f"url: {len(url)} characters are more than {longest}; shorten the event's texts, or raise max_url_length"
        )
    return url
