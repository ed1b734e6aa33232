"""Flask: a page that reports a click. Start the tracker, then the shop, and open http://127.0.0.1:8000/shirt.

footfall tracker
gunicorn flask_app:app
"""

import os

from flask import Flask

from footfall import Config, Site
from footfall.consent import always_granted
from footfall.events import Click
from footfall.flask import Footfall, request
from footfall.trackers import Raptor, Yoochoose

TRACKER = os.environ.get("TRACKER_URL", "http://127.0.0.1:8100")  # the local tracker, which stands in for both

site = Site(
    Config(consent=always_granted, ruid_cookie="off"),  # a real shop asks: consent=onetrust("C0004")
    trackers=[Raptor("12345", base_url=TRACKER), Yoochoose("00000", base_url=TRACKER)],
)
app = Flask(__name__)
Footfall(app, site)


@app.get("/shirt")
def shirt() -> str:
    request.state.tracking.emit(Click(item="3298"))
    return "A shirt"
