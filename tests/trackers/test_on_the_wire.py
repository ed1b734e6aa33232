"""The bytes that leave the machine are the bytes that a tracker wrote; and two trackers never share a fate."""

from __future__ import annotations

import dataclasses
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.identity.asking import KNOWN, view

from footfall import Config, Site
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.errors import EventError
from footfall.events import Buy, Click, ClickRecommended, Event, Item, PageView, RecommendationLink, Rendered
from footfall.identity.visitor import Visitor
from footfall.localtracker import LocalTracker
from footfall.trackers import Raptor, Tracker, Yoochoose

VISITOR = Visitor(
    device_id="0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11",
    session_id="7c4f1f6e-2a44-4b0e-8f7e-1d2c3b4a5968",
    anonymous_id="u",
)


class Wire(socketserver.ThreadingTCPServer):
    """Listens, keeps every byte up to the end of each request's head, and says 204. It parses nothing."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Ear)
        self.heads: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Ear(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        heard = b""
        while b"\r\n\r\n" not in heard:
            some = self.request.recv(65536)
            if not some:
                return
            heard += some
        assert isinstance(self.server, Wire)
        self.server.heads.append(heard)
        self.request.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as wire:
        thread = threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield wire
        wire.shutdown()
        thread.join(10)


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    delivery = Delivery("memory:")
    yield delivery
    delivery.close(1)


#: Clients are known to rewrite each of these; beside it how it must arrive.
AWKWARD: dict[str, tuple[Callable[[str], Tracker], Callable[[str], Event], Visitor, bytes]] = {}


def _yoochoose(url: str) -> Tracker:
    return Yoochoose("00000", base_url=url, text_item_ids=True)


def _raptor(url: str) -> Tracker:
    return Raptor("12345", base_url=url)


def yoochoose(name: str, event: Event, target: bytes, visitor: Visitor = VISITOR) -> None:
    AWKWARD[name] = (_yoochoose, lambda _: event, visitor, b"/api/00000/" + target)


def raptor(name: str, event: Event, query: bytes, visitor: Visitor = VISITOR, ruid: bytes = b"") -> None:
    ids = b"&coid=0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11" + ruid + b"&sid=7c4f1f6e-2a44-4b0e-8f7e-1d2c3b4a5968"
    AWKWARD[name] = (_raptor, lambda _: event, visitor, b"/12345.rsa?" + query + ids)


def link(name: str, path: bytes) -> None:
    def build(url: str) -> Event:
        return RecommendationLink(url.removeprefix("http:") + path.decode())

    AWKWARD[name] = (_yoochoose, build, VISITOR, path)


yoochoose("%2F in a query", Click("1", ["Shoes", "Children"]), b"click/u/1/1?categorypath=%2FShoes%2FChildren")
yoochoose("%2F in a path", Click("a/b"), b"click/u/1/a%2Fb")
yoochoose("a comma in a path", Rendered(["128", "129"]), b"rendered/u/1/128,129")
yoochoose("%40 in a path", Click("1"), b"click/a%40b/1/1", Visitor(user_id="a@b"))
yoochoose("~ in a path", Click("~a~"), b"click/u/1/~a~")
yoochoose(".. within a segment", Click("a..b"), b"click/u/1/a..b")
yoochoose("../ within a segment", Click("../9"), b"click/u/1/..%2F9")
yoochoose("dots for a user", Click("1"), b"click/.../1/1", Visitor(user_id="..."))
yoochoose("a plus", ClickRecommended("1", "a+b"), b"clickrecommended/u/1/1?scenario=a%2Bb")
yoochoose("a space", ClickRecommended("1", "a b"), b"clickrecommended/u/1/1?scenario=a%20b")
yoochoose("a percent sign", ClickRecommended("1", "100%25"), b"clickrecommended/u/1/1?scenario=100%2525")
yoochoose("a fragment's sign", Click("a#b"), b"click/u/1/a%23b")
yoochoose("a question mark in a path", Click("a?b"), b"click/u/1/a%3Fb")
yoochoose("a line end", Click("a\r\nHost: x"), b"click/u/1/a%0D%0AHost%3A%20x")
yoochoose("letters beyond ASCII", Click("blå"), b"click/u/1/bl%C3%A5")
yoochoose("a brace", Click("{1}[2]"), b"click/u/1/%7B1%7D%5B2%5D")
SOREN = dataclasses.replace(VISITOR, ruid="søren.ø@shop.dk")
raptor("%3D of a ruid", PageView(), b"p1=pageview", SOREN, b"&ruid=c8O4cmVuLsO4QHNob3AuZGs%3D")
raptor("a semicolon in a query", Click("1", ["a", "b"]), b"p1=visit&p2=1&p4=a%23a%3Bb%23b")
raptor("a tilde in a query", Click("~"), b"p1=visit&p2=~")
raptor("dots in a query", Click(".."), b"p1=visit&p2=..")
raptor("an apostrophe", Click("o'hara"), b"p1=visit&p2=o%27hara")
link("%7E of a link", b"/rendered/a%7Eb~c/1/1")
link("small hexadecimal digits of a link", b"/rendered/a%2fb/1/1?scenario=%2f")
link("%2C and , of a link", b"/rendered/u/1/1%2C2,3")
link("two slashes of a link", b"/rendered//u///1/1")
link("an at sign of a link", b"/clickrecommended/a@b/1/1?scenario=%40&modelId=37")
link("an empty query of a link", b"/rendered/u/1/1?")
link("dots within a link", b"/rendered/a..b/1/%2e%2ex")


@pytest.mark.parametrize(("make", "build", "visitor", "target"), AWKWARD.values(), ids=AWKWARD.keys())
def test_the_bytes_on_the_wire_are_those_that_the_tracker_wrote(
    make: Callable[[str], Tracker],
    build: Callable[[str], Event],
    visitor: Visitor,
    target: bytes,
    wire: Wire,
    delivery: Delivery,
) -> None:
    """R-01, R-09, Y-10, Y-11, Y-48, T-12: no client on the way quotes, unquotes, or tidies a path."""
    (request,) = make(wire.url).requests(build(wire.url), visitor)
    delivery.accept([request])
    assert delivery.flush(20) == 0
    (head,) = wire.heads
    line, *_ = head.split(b"\r\n")
    assert line == b"GET " + target + b" HTTP/1.1"


def test_a_request_has_nothing_but_what_it_needs(wire: Wire, delivery: Delivery) -> None:
    """R-01: no body; and no header that tells of anybody."""
    delivery.accept(_yoochoose(wire.url).requests(Click("1"), VISITOR))
    assert delivery.flush(20) == 0
    _, *headers = wire.heads[0].removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert [header.partition(b":")[0].lower() for header in headers] == [b"host", b"user-agent"]


@pytest.mark.parametrize("item", [".", ".."])
def test_a_segment_of_dots_never_reaches_the_wire(item: str) -> None:
    """T-12: measured: clients and servers take it out of a path, however it is encoded."""
    with pytest.raises(EventError):
        _yoochoose("http://127.0.0.1:1").requests(Click(item), VISITOR)


# Two trackers


@pytest.fixture
def down() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def local() -> Iterator[LocalTracker]:
    with LocalTracker() as tracker:
        yield tracker


class Shop:
    """A site with both trackers, and the requests of one visitor to it."""

    def __init__(self, raptor_url: str, yoochoose_url: str, spool: Path) -> None:
        self.site = Site(
            Config(consent=always_granted, ruid_cookie="off"),
            [
                Raptor("12345", base_url=raptor_url, item_id=lambda item: f"SKU-{item.id}"),
                Yoochoose("00000", base_url=yoochoose_url, item_id=lambda item: Item(item.id.split("-")[0], type=2)),
            ],
            delivery=Delivery(f"sqlite:///{spool}"),
            strict=False,
        )

    def emit(self, *events: Event) -> None:
        for event in events:
            self.site.begin(view(cookie=KNOWN)).emit(event)

    def counters(self) -> dict[str, tuple[int, int, int, int]]:
        return {
            name: (one.accepted, one.delivered, one.pending, one.failed)
            for name, one in self.site.stats().trackers.items()
        }


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Callable[[str, str], Shop]]:
    shops: list[Shop] = []

    def make(raptor_url: str, yoochoose_url: str) -> Shop:
        shops.append(Shop(raptor_url, yoochoose_url, tmp_path / "spool.sqlite3"))
        return shops[-1]

    yield make
    for shop in shops:
        shop.site.close(0.5)


OpenShop = Callable[[str, str], Shop]


def test_each_tracker_has_item_ids_of_its_own(local: LocalTracker, open_shop: OpenShop) -> None:
    """Y-20: one hook each, from one emit."""
    shop = open_shop(local.url, local.url)
    shop.emit(Click("29712-red"))
    assert shop.site.flush(20) == 0
    found = {one.tracker: one.params for one in local.received()}
    assert (found["raptor"]["p2"], found["yoochoose"]["itemtypeid"], found["yoochoose"]["itemid"]) == (
        "SKU-29712-red",
        "2",
        "29712",
    )


def test_a_tracker_that_is_down_keeps_nothing_from_the_other(
    local: LocalTracker, down: str, open_shop: OpenShop, wait_until: Callable[[Callable[[], object]], bool]
) -> None:
    """D-01: each has its own counters; what waits for one waits alone."""
    shop = open_shop(down, local.url)
    shop.emit(*(Click(str(item)) for item in range(1, 21)))
    assert wait_until(lambda: shop.counters().get("yoochoose") == (20, 20, 0, 0))
    assert (shop.counters()["raptor"], local.count()) == ((20, 0, 20, 0), 20)


def test_a_tracker_that_refuses_fails_alone(open_shop: OpenShop, local: LocalTracker) -> None:
    """Y-61: YOOCHOOSE answers 400 to a buy without a price, and is not sent an item of letters; Raptor takes both."""
    shop = open_shop(local.url, local.url)
    shop.emit(Buy("1", price=None), Click("letters"), Click("1"))
    assert shop.site.flush(20) == 0
    assert shop.counters() == {"raptor": (3, 3, 0, 0), "yoochoose": (3, 1, 0, 2)}


def test_an_event_that_one_tracker_lacks_is_the_others_alone(open_shop: OpenShop, local: LocalTracker) -> None:
    shop = open_shop(local.url, local.url)
    shop.emit(PageView(), Rendered(["1"]))
    assert shop.site.flush(20) == 0
    assert shop.counters() == {"raptor": (1, 1, 0, 0), "yoochoose": (1, 1, 0, 0)}


def test_what_both_are_told_is_decoded_to_one_thing(open_shop: OpenShop, local: LocalTracker) -> None:
    shop = open_shop(local.url, local.url)
    shop.emit(Click("1", ["Sko & støvler", "Børn"]))
    assert shop.site.flush(20) == 0
    found = {one.tracker: one for one in local.received()}
    assert (found["raptor"].params["p4"], found["yoochoose"].params["categorypath"]) == (
        "Sko & støvler#Sko & støvler;Børn#Børn",
        "/Sko & støvler/Børn",
    )
    assert all(unquote(one.target).isprintable() for one in found.values())
