"""Starlette: a page that reports a click. Start the tracker, then the shop, and open http://127.0.0.1:8000/shirt.

footfall tracker
uvicorn starlette_app:app
"""

import os

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from footfall import Config, Site
from footfall.asgi import TrackingMiddleware
from footfall.consent import always_granted
from footfall.events import Click
from footfall.trackers import Raptor, Yoochoose

TRACKER = os.environ.get("TRACKER_URL", "http://127.0.0.1:8100")  # the local tracker, which stands in for both

site = Site(
    Config(consent=always_granted, ruid_cookie="off"),  # a real shop asks: consent=onetrust("C0004")
    trackers=[Raptor("12345", base_url=TRACKER), Yoochoose("00000", base_url=TRACKER)],
)


async def shirt(request: Request) -> PlainTextResponse:
    request.state.tracking.emit(Click(item="3298"))
    return PlainTextResponse("A shirt")


app = Starlette(routes=[Route("/shirt", shirt)], middleware=[Middleware(TrackingMiddleware, site=site)])
