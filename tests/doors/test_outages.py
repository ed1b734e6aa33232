"""A tracker that is down, hangs or babbles changes nothing about any page (D-01)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from tests.doors.shops import Page, get

from footfall import Config, Site, asgi, current_tracking, wsgi
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Click
from footfall.trackers import Raptor, Yoochoose


@contextmanager
def down() -> Generator[int]:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    yield port


@contextmanager
def hanging() -> Generator[int]:
    """The system takes connections, and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening.getsockname()[1]


@contextmanager
def babbling() -> Generator[int]:
    """Whoever connects gets garbage."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:

        def babble() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.sendall(b"\x00\xff\x16 this is no HTTP\r\n\r\n")
                    except OSError:
                        continue

        thread = threading.Thread(target=babble, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


TRACKERS = [down, hanging, babbling]


def emit() -> None:
    tracking = current_tracking()
    if tracking is not None:
        tracking.emit(Click("3298"))


async def asgi_shop(scope: Any, receive: Any, send: Any) -> None:
    emit()
    status = 200 if scope["path"] == "/shirt" else 404
    headers = [(b"content-type", b"text/plain"), (b"x-shop", b"yes")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"a ", "more_body": True})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def wsgi_shop(environ: Any, start_response: Any) -> Iterator[bytes]:
    emit()
    status = "200 OK" if environ["PATH_INFO"] == "/shirt" else "404 Not Found"
    start_response(status, [("Content-Type", "text/plain"), ("X-Shop", "yes")])
    return iter([b"a ", environ["PATH_INFO"].encode()])


class Quiet(WSGIRequestHandler):
    def log_message(self, *given: object) -> None: ...


@contextmanager
def serve_wsgi(app: Any) -> Generator[int]:
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(5)


Serve = Callable[[Any], AbstractContextManager[int]]


def pages(serve: Serve, app: Any) -> list[Page]:
    with serve(app) as port:
        return [get(port, path) for path in ("/shirt", "/nowhere") * 5]


@pytest.mark.parametrize("outage", TRACKERS, ids=lambda outage: outage.__name__)
@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_every_page_is_what_it_is_without_us(
    kind: str, outage: Callable[[], AbstractContextManager[int]], serve: Serve, tmp_path: Path
) -> None:
    server = serve if kind == "asgi" else serve_wsgi
    app: Any = asgi_shop if kind == "asgi" else wsgi_shop
    with outage() as tracker:
        url = f"http://127.0.0.1:{tracker}"
        site = Site(
            Config(consent=always_granted, ruid_cookie="off"),
            trackers=[Raptor("12345", base_url=url), Yoochoose("00000", base_url=url)],
            delivery=Delivery(f"sqlite:///{tmp_path}/spool.sqlite3"),
        )
        door: Any = asgi.TrackingMiddleware(app, site) if kind == "asgi" else wsgi.TrackingMiddleware(app, site)
        tracked = pages(server, door)
        site.close(1)
        stats = site.stats()

    assert [page.without_ours for page in tracked] == [page.without_ours for page in pages(server, app)]
    assert all(len(page.cookies) == 3 for page in tracked)
    assert (stats.accepted, stats.pending + stats.failed, stats.delivered) == (20, 20, 0)
