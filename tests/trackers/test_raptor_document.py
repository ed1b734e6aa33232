"""Both worked URLs of the Raptor document 'Server-side Tracking'.

T-29: its dots and square brackets are notation. What they stand for is written out here.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from footfall.events import ClickRecommended, Custom
from footfall.identity.visitor import Visitor
from footfall.trackers import Raptor

COOKIE_ID = "6b29fc40-ca47-4067-b31d-00dd010662da"
SESSION_ID = "9a1b2c3d-4e5f-4a6b-8c7d-0e1f2a3b4c5d"
VISITOR = Visitor(device_id=COOKIE_ID, session_id=SESSION_ID, ruid="anna@shop.dk")


def test_the_url_format_with_p1_to_p999() -> None:
    """R-01, R-02, R-03: 'https://t.raptorsmartadvisor.com/[customerid].rsa?p1=[p1]&p2=[p2]....&p999=[p999]&coid=...'."""
    raptor = Raptor("12345", parameters={"event_type": 1, "product_id": 2, "last": 999})
    (request,) = raptor.requests(Custom("visited", {"product_id": "12345", "last": "x"}), VISITOR)
    assert (request.method, request.body, request.headers, request.url) == (
        "GET",
        b"",
        (),
        (
            "https://t.raptorsmartadvisor.com/12345.rsa?p1=visited&p2=12345&p999=x"
            f"&coid={COOKIE_ID}&ruid=YW5uYUBzaG9wLmRr&sid={SESSION_ID}"
        ),
    )


def test_the_click_tracking_example() -> None:
    """R-13, R-14, T-07, T-29: 'EXAMPLE: ...?p1=itemclick&p2=12345....&sid=[sessionId]&am=[GetSimilarItems]'."""
    (request,) = Raptor("12345").requests(ClickRecommended("12345", module="GetSimilarItems"), VISITOR)
    parts = urlsplit(request.url)
    assert (parts.netloc, parts.path, parse_qsl(parts.query)) == (
        "t.raptorsmartadvisor.com",
        "/12345.rsa",
        [
            ("p1", "itemclick"),
            ("p2", "12345"),
            ("coid", COOKIE_ID),
            ("ruid", "YW5uYUBzaG9wLmRr"),
            ("sid", SESSION_ID),
            ("am", "GetSimilarItems"),
        ],
    )
