"""FastAPI: a page that reports a click. Start the tracker, then the shop, and open http://127.0.0.1:8000/shirt.

footfall tracker
uvicorn fastapi_app:app
"""

import os
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from footfall import Config, Site, Tracking
from footfall.consent import always_granted
from footfall.events import Click
from footfall.starlette import TrackingMiddleware, get_tracking
from footfall.trackers import Raptor, Yoochoose

TRACKER = os.environ.get("TRACKER_URL", "http://127.0.0.1:8100")  # the local tracker, which stands in for both

site = Site(
    Config(consent=always_granted, ruid_cookie="off"),  # a real shop asks: consent=onetrust("C0004")
    trackers=[Raptor("12345", base_url=TRACKER), Yoochoose("00000", base_url=TRACKER)],
)
app = FastAPI()
app.add_middleware(TrackingMiddleware, site=site)


@app.get("/shirt")
def shirt(request: Request) -> str:
    request.state.tracking.emit(Click(item="3298"))
    return "A shirt"


@app.get("/trousers")
async def trousers(tracking: Annotated[Tracking, Depends(get_tracking)]) -> str:
    tracking.emit(Click(item="3299"))
    return "Trousers"
