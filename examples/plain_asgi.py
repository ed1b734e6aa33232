"""ASGI without a framework: a page that reports a click. Start the tracker, then the shop, and open any page of it.

footfall tracker
uvicorn plain_asgi:app
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from footfall import Config, Site
from footfall.asgi import TrackingMiddleware
from footfall.consent import always_granted
from footfall.events import Click
from footfall.trackers import Raptor, Yoochoose

Message = MutableMapping[str, Any]

TRACKER = os.environ.get("TRACKER_URL", "http://127.0.0.1:8100")  # the local tracker, which stands in for both

site = Site(
    Config(consent=always_granted, ruid_cookie="off"),  # a real shop asks: consent=onetrust("C0004")
    trackers=[Raptor("12345", base_url=TRACKER), Yoochoose("00000", base_url=TRACKER)],
)


async def shop(scope: Message, _: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    if scope["type"] != "http":
        return
    scope["state"]["tracking"].emit(Click(item="3298"))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"A shirt"})


app = TrackingMiddleware(shop, site)
