"""The redirect that takes a newsletter's id out of the address bar."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote

__all__ = ["landing_redirect", "strip_fields"]

# What a path may hold as it is: RFC 3986's characters. Above all no backslash, which browsers read as a slash.
UNSAFE = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]")
# What could break out of the header or begin a fragment. Browsers send more than RFC 3986 allows: it stays as it is.
UNSAFE_IN_QUERY = re.compile(r"[^\x21-\x7e]|#")


def strip_fields(query: str, names: Collection[str]) -> str:
    """Take the named fields out of a query string; the rest stays byte for byte, order and encoding included."""
    return "&".join(field for field in query.split("&") if field.partition("=")[0] not in names)


def landing_redirect(path: str, query: str, names: Collection[str]) -> str:
    r"""Write the Location of a landing page without the ids in its query.

    It begins with exactly one slash: ``//host`` and ``/\\host`` are other sites to a browser.

    Args:
        path: Percent-encoded, as it was asked for.
        query: Not decoded.
        names: The fields to take out.
    """
    target = "/" + UNSAFE.sub(_encode, path).lstrip("/")
    rest = UNSAFE_IN_QUERY.sub(_encode, strip_fields(query, names))
    return target + ("?" + rest if rest else "")


def _encode(match: re.Match[str]) -> str:
    # Text is bytes read as latin-1; should a door hand on more, the page is another, but on this site.
    return quote(match.group(), safe="", encoding="latin-1", errors="replace")
