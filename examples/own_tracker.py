"""A tracker of one's own: every click and every order, posted as JSON to a webhook.

    uvicorn own_tracker:app

A tracker is a class with a name and one method. It opens nothing and waits for nothing: what it returns is stored,
sent, repeated and counted like the requests of the trackers that come with the package.
"""

import json
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from footfall import Config, Site
from footfall.asgi import TrackingMiddleware
from footfall.errors import NoIdentity
from footfall.events import Buy, Click, Event
from footfall.identity.visitor import Visitor
from footfall.wire import WhenUnanswered, WireRequest


class Webhook:
    """Tells a webhook of clicks and orders."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        self.url = url

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        """Turn an event into one POST, or into nothing."""
        match event:
            case Click():
                what = {"item": event.item.id}
            case Buy(price=price) if price is not None:
                what = {"item": event.item.id, "price": price.format_amount(), "currency": price.currency}
            case _:
                return []  # a kind of event that this tracker does not have
        if visitor.device_id is None:
            raise NoIdentity("webhook: takes no event without a device")
        return [
            WireRequest(
                tracker=self.name,
                kind=event.kind,
                method="POST",
                url=self.url,
                headers=(("Content-Type", "application/json"),),
                body=json.dumps({"event": event.kind, "device": visitor.device_id, **what}).encode(),
                visitor=visitor.device_id,  # one visitor's requests keep their order, and are erased together
                when_unanswered=WhenUnanswered.SET_ASIDE if isinstance(event, Buy) else WhenUnanswered.REPEAT,
            )
        ]


async def product(request: Request) -> PlainTextResponse:
    item = request.path_params["item"]
    request.state.tracking.emit(Click(item=item))
    return PlainTextResponse(f"Product {item}")


site = Site(Config(ruid_cookie="off"), trackers=[Webhook("http://127.0.0.1:9000/events")])
app = TrackingMiddleware(Starlette(routes=[Route("/product/{item}", product)]), site)
