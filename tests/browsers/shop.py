"""A shop with our middleware, a second one whose ids scripts may read, and a site that knows neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from footfall import Config, Money, Site, Tracking
from footfall.asgi import TrackingMiddleware
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Buy, Click, PageView
from footfall.localtracker import LocalTracker, Received
from footfall.trackers import Raptor, Tracker, Yoochoose

__all__ = ["Asked", "Shop", "open_shop"]

CONFIG = Config(consent=always_granted, secret_keys=("a key of thirty-two letters, say",))
OPEN_CONFIG = Config(consent=always_granted, secret_keys=("a key of thirty-two letters, say",), script_access=True)


@dataclass(frozen=True)
class Asked:
    """One request that the server has answered, and the cookies that its answer set."""

    path: str
    purpose: str  #: its Sec-Purpose
    cookies: str  #: its Cookie
    set_cookies: list[str]


@dataclass
class Shop:
    """What the tests ask of it."""

    site: Site
    tracker: LocalTracker
    hosts: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    def begin(self, hosts: Mapping[str, str]) -> None:
        """Forget what came before."""
        self.site.flush(10)
        self.tracker.clear()
        self.asked.clear()
        self.hosts = hosts

    def url(self, host: str, path: str = "/") -> str:
        return f"https://{self.hosts[host]}:{self.port}{path}"

    def reported(self, kind: str | None = None) -> list[Received]:
        """Everything of that kind that the trackers have heard since the test began."""
        assert self.site.flush(10) == 0
        return self.tracker.received(kind=kind)

    def asked_for(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path == path]

    def minted(self) -> set[str]:
        """Every device id that was ever set, for the first time or again."""
        lines = [line for one in self.asked for line in one.set_cookies if line.startswith("rsa=")]
        return {line.partition(";")[0] for line in lines}


def tracking_of(request: Request) -> Tracking:
    tracking: Tracking = request.state.tracking
    return tracking


def page(title: str) -> HTMLResponse:
    return HTMLResponse(f"<!doctype html><link rel=icon href=data:,><title>{title}</title>")


def make_shop(site: Site) -> Starlette:
    async def show(request: Request) -> Response:
        tracking_of(request).emit(PageView())
        return page(request.path_params.get("name", "shop"))

    async def click(request: Request) -> Response:
        tracking_of(request).emit(Click("3298"))
        return JSONResponse(tracking_of(request).device_id)

    async def look_up(request: Request) -> Response:
        return JSONResponse("in stock")

    async def check_out(request: Request) -> Response:
        return JSONResponse(tracking_of(request).snapshot())

    async def pay(request: Request) -> Response:
        bought = Buy("3298", price=Money("19.99", "EUR"))
        order = request.query_params.get("order")
        if order is None:
            tracking_of(request).emit(bought)
        else:
            site.resume(order).emit(bought)
        return RedirectResponse("/page/thanks", 303) if request.url.path == "/pay-and-go-on" else page("paid")

    async def show_as_before(request: Request) -> Response:
        """Set what a release of long ago did: a cookie of our name, for this host alone."""
        before = page("before")
        before.headers.append("Set-Cookie", "rsa=00000000-0000-4000-8000-000000000000; Path=/; Secure; HttpOnly")
        return before

    async def forget(request: Request) -> Response:
        tracking_of(request).forget()
        return page("forgotten")

    routes = [
        Route("/", show),
        Route("/page/{name}", show),
        Route("/click", click),
        Route("/look-up", look_up),
        Route("/check-out", check_out),
        Route("/pay", pay, methods=["POST"]),
        Route("/pay-and-go-on", pay, methods=["POST"]),
        Route("/before", show_as_before),
        Route("/forget", forget),
    ]
    return Starlette(routes=routes)


async def stranger(scope: Scope, receive: Receive, send: Send) -> None:
    await page("elsewhere")(scope, receive, send)


@contextmanager
def open_shop() -> Iterator[tuple[Shop, ASGIApp]]:
    """Run the shop's deliveries and its tracker until the block ends."""
    deliveries = [Delivery(spool="memory:") for _ in range(2)]
    with LocalTracker() as tracker:
        trackers: list[Tracker] = [Raptor("12345", base_url=tracker.url), Yoochoose("00000", base_url=tracker.url)]
        site = Site(CONFIG, trackers=trackers, delivery=deliveries[0])
        open_site = Site(OPEN_CONFIG, delivery=deliveries[1])
        apps: dict[str, ASGIApp] = {
            "shop": TrackingMiddleware(make_shop(site), site),
            "open": TrackingMiddleware(make_shop(open_site), open_site),
            "other": stranger,
        }
        shop = Shop(site, tracker)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            headers = dict(scope["headers"])
            labels = headers[b"host"].decode().partition(":")[0].split(".")

            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    lines = [value.decode() for name, value in message["headers"] if name == b"set-cookie"]
                    purpose, cookies = (headers.get(name, b"").decode() for name in (b"sec-purpose", b"cookie"))
                    shop.asked.append(Asked(scope["path"], purpose, cookies, lines))
                await send(message)

            await apps[labels[-2]](scope, receive, note)

        yield shop, serve
        for delivery in deliveries:
            delivery.close(1)
