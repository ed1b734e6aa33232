"""What a request costs with footfall in front of it, beside others that set a cookie: ``python benchmarks/request.py``.

Contenders take turns in one process, and the medians of their CPU time are compared, so that a busy machine slows all
alike. What counts is the ratio in the last column; the times are this machine's.
"""

from __future__ import annotations

import base64
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import itsdangerous
from starlette.middleware.sessions import SessionMiddleware

from footfall import Config, Site
from footfall.asgi import TrackingMiddleware
from footfall.consent import always_granted, own_cookie
from footfall.delivery import Delivery

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 101
BATCH = 100
KEY = "a key of thirty-two letters, say"
NEIGHBOURS = "; ".join(f"_ga_{number}=GS1.1.17000000{number:02}.1.1.1700000{number:03}.0.0.0" for number in range(40))
BROWSER = [
    (b"host", b"www.shop.example"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"accept-language", b"en-GB,en;q=0.5"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"upgrade-insecure-requests", b"1"),
    (b"sec-fetch-dest", b"document"),
    (b"sec-fetch-mode", b"navigate"),
    (b"sec-fetch-site", b"same-origin"),
    (b"priority", b"u=0, i"),
]
OURS = "rsa=0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11; rsaSession=7c4f1f6e-2a44-4b0e-8f7e-1d2c3b4a5968; rsaSessionOpen=1"
CONSENT = f"footfallConsent=1.g.g.{int(time.time())}"
SESSION = "session=" + itsdangerous.TimestampSigner(KEY).sign(base64.b64encode(json.dumps({"n": 1}).encode())).decode()

HEADERS = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"5")]


async def bare(scope: Any, receive: Any, send: Send) -> None:  # noqa: ARG001 - ASGI's signature
    # A list of its own for each response: SessionMiddleware appends to it.
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    await send({"type": "http.response.body", "body": b"shirt"})


async def set_session(scope: Any, receive: Any, send: Send) -> None:
    scope["session"]["n"] = 1
    await bare(scope, receive, send)


class NoOp:
    """The least that a middleware can do which sees a response start."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        async def passing(message: Message) -> None:
            await send(message)

        await self.app(scope, receive, passing)


def ours(**settings: Any) -> App:
    config = Config(**{"consent": always_granted, "secret_keys": (KEY,), **settings})
    return TrackingMiddleware(bare, Site(config, delivery=Delivery("memory:")))


async def receive() -> Message:
    return {"type": "http.request", "body": b""}


async def discard(message: Message) -> None:
    pass


def cookie_of(own: str, length: int) -> bytes:
    """A Cookie header of so many bytes, with *own* in the middle of other people's."""
    room = length - len(own) - 4
    return f"{NEIGHBOURS[: room // 2]}; {own}; {NEIGHBOURS[room - room // 2 :][: room - room // 2]}".encode()


def time_batch(app: App, cookie: bytes, query: bytes) -> float:
    """CPU seconds of one request, driven to its end without an event loop."""
    headers = [*BROWSER, (b"cookie", cookie)]
    scopes: list[dict[str, Any]] = [
        {
            "type": "http",
            "method": "GET",
            "scheme": "https",
            "path": "/shirt",
            "raw_path": b"/shirt",
            "query_string": query,
            "headers": list(headers),
            "server": ("127.0.0.1", 443),
            "state": {},
        }
        for _ in range(BATCH)
    ]
    begin = time.thread_time()
    for scope in scopes:
        with contextlib.suppress(StopIteration):
            app(scope, receive, discard).__await__().__next__()
    return (time.thread_time() - begin) / BATCH


def compare(what: str, contenders: dict[str, tuple[App, bytes, bytes]]) -> None:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, (app, cookie, query) in contenders.items():
            times[name].append(time_batch(app, cookie, query))
    medians = {name: statistics.median(found) for name, found in times.items()}
    base = medians["bare"]
    unit = medians["SessionMiddleware, set"] - base
    print(f"\n{what}\n{'':34}   total us    adds us   x SessionMiddleware, set")
    for name, median in medians.items():
        print(f"{name:34} {median * 1e6:10.2f} {(median - base) * 1e6:10.2f} {(median - base) / unit:10.3f}")


def main() -> None:
    session: App = SessionMiddleware(set_session, secret_key=KEY)
    plain = cookie_of("other=1", 1000)
    known = cookie_of(OURS, 1000)
    asked = cookie_of(f"{CONSENT}; {OURS}", 1000)
    for what, cookie, query, with_consent in (
        ("a returning visitor, a Cookie header of 1,000 bytes", known, b"", asked),
        ("a first visitor, a Cookie header of 1,000 bytes", plain, b"", cookie_of(CONSENT, 1000)),
        ("a newsletter's landing, a Cookie header of 1,000 bytes", known, b"utm_source=mail&reaid=AbC123", asked),
    ):
        compare(
            what,
            {
                "bare": (bare, cookie, query),
                "no-op with a send wrapper": (NoOp(bare), cookie, query),
                "SessionMiddleware, set": (session, cookie_of(SESSION, 1000), query),
                "footfall": (ours(), cookie, query),
                "footfall, its own consent cookie": (ours(consent=own_cookie()), with_consent, query),
            },
        )


if __name__ == "__main__":
    main()
