"""The redirect that takes a newsletter's id out of the address bar."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote

__all__ = ["landing_redirect", "strip_fields"]

# All but the characters that RFC 3986 allows in a path. A backslash matters most: browsers read it as a slash.
UNSAFE = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]")
# What could break out of the header or begin a fragment. Whatever else browsers send stays as it is.
UNSAFE_IN_QUERY = re.compile(r"[^\x21-\x7e]|#")


def strip_fields(query: str, names: Collection[str]) -> str:
    """Take the named fields out of a query string; the rest keeps its bytes and order."""
    return "&".join(field for field in query.split("&") if field.partition("=")[0] not in names)


def landing_redirect(path: str, query: str, names: Collection[str]) -> str:
    r"""Write the Location of a landing page without the ids in its query.

    It begins with exactly one slash, for to a browser ``//host`` and ``/\\host`` are other sites.

    Args:
        path: The path that was asked for, percent-encoded.
        query: The query string, not decoded.
        names: The fields to take out.
    """
    target = "/" + UNSAFE.sub(_encode, path).lstrip("/")
    rest = UNSAFE_IN_QUERY.sub(_encode, strip_fields(query, names))
    return target + ("?" + rest if rest else "")


def _encode(match: re.Match[str]) -> str:
    # Text is bytes read as latin-1. If a door passes anything else, the page may be wrong, but stays on this site.
    return quote(match.group(), safe="", encoding="latin-1", errors="replace")
