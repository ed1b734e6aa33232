"""The redirect that takes a newsletter's id out of the address bar."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote

__all__ = ["landing_redirect", "strip_fields"]

# What a Location may hold as it is: RFC 3986's characters, so that no line breaks out of the header.
UNSAFE = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]]")


def strip_fields(query: str, names: Collection[str]) -> str:
    """Take the named fields out of a query string; the rest stays byte for byte, order and encoding included."""
    return "&".join(field for field in query.split("&") if field.partition("=")[0] not in names)


def landing_redirect(path: str, query: str, names: Collection[str]) -> str:
    r"""Write the Location of a landing page without the ids in its query.

    It begins with exactly one slash: ``//host`` and ``/\\host`` are other sites to a browser (facts, 4.4).

    Args:
        path: Percent-encoded, as it was asked for.
        query: Not decoded.
        names: The fields to take out.
    """
    rest = strip_fields(query, names)
    safe_path = UNSAFE.sub(lambda match: quote(match.group(), encoding="latin-1"), path.replace("?", "%3F"))
    target = "/" + safe_path.lstrip("/")
    safe_rest = UNSAFE.sub(lambda match: quote(match.group(), encoding="latin-1"), rest)
    return target + ("?" + safe_rest if safe_rest else "")
