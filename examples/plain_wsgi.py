"""WSGI without a framework: a page that reports a click. Start the tracker, then the shop, and open any page of it.

footfall tracker
gunicorn plain_wsgi:app
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from footfall import Config, Site
from footfall.consent import always_granted
from footfall.events import Click
from footfall.trackers import Raptor, Yoochoose
from footfall.wsgi import TrackingMiddleware

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

TRACKER = os.environ.get("TRACKER_URL", "http://127.0.0.1:8100")  # the local tracker, which stands in for both

site = Site(
    Config(consent=always_granted, ruid_cookie="off"),  # a real shop asks: consent=onetrust("C0004")
    trackers=[Raptor("12345", base_url=TRACKER), Yoochoose("00000", base_url=TRACKER)],
)


def shop(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    environ["footfall.tracking"].emit(Click(item="3298"))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [b"A shirt"]


app = TrackingMiddleware(shop, site)
