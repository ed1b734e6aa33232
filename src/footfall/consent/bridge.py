"""The script that tells our consent endpoint of a choice in a platform that no server sees, made for one site."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from footfall.consent.own import OwnCookie
from footfall.request import SAFE_IN_PATH, decode_path

__all__ = ["Bridge", "make_bridge"]

DIGITS: Final = 12  # of the digest of what the script is: another release, or other settings, have another name


@dataclass(frozen=True, slots=True)
class Bridge:
    """A script and where it is answered."""

    address: str  #: for a page's ``<script src>``
    path: bytes  #: the same, decoded
    script: bytes


def make_bridge(source: str, endpoint: str, own: OwnCookie, *, heed_gpc: bool) -> Bridge:
    """Make the script of one site.

    Args:
        source: ``bridge.js``, which has names where the site's settings go.
        endpoint: The path at which the site takes choices.
        own: The cookie that keeps them.
        heed_gpc: Whether ``Sec-GPC: 1`` outweighs every grant, so that none need be told.
    """
    address = quote(endpoint, safe=SAFE_IN_PATH + "%")
    settings = {"ENDPOINT": address, "KEPT": f"{own.name}={own.version}."}
    text = source.replace("HEED_GPC", json.dumps(heed_gpc))
    for name, value in settings.items():
        text = text.replace(f'"{name}"', json.dumps(value))
    digest = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
    address = f"{address.rstrip('/')}/bridge.{digest}.js"
    return Bridge(address, decode_path(address), text.encode())
