"""Takes the requests to the trackers: assesses, keeps and answers them, or carries out a fault."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from footfall.localtracker.assessment import Assessment, Rules
from footfall.localtracker.faults import Fault, Faults
from footfall.localtracker.protocol import assess, format_answer
from footfall.localtracker.store import Store

__all__ = ["Receiver"]

_Headers = list[tuple[bytes, bytes]]
#: An answer quotes no visitor; even so, no browser may take it for anything but text.
_PLAIN: _Headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
_UNSTORED = (b"cache-control", b"no-store")
_FAULT_BODY = "{status}: a fault that was ordered from the local tracker\n"


class Receiver:
    """An ASGI application for all paths of the trackers.

    It writes its ASGI messages itself: at thousands of requests a second, a framework's request and response objects
    would be most of the work.
    """

    def __init__(self, store: Store, rules: Rules, faults: Faults) -> None:
        self._store = store
        self._rules = rules
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        method: str = scope["method"]
        target = _target(scope)
        assessment = assess(
            method, target, self._rules, authorization=_authorization(scope) if self._rules.credentials else None
        )
        at = time.time()
        fault: Fault | None = None
        if self._faults.on:
            wait, fault = self._faults.draw(assessment.tracker)
            if wait and await _gone_within(wait, receive):
                self._store.add(at, method, target, assessment, "hang")
                return
        self._store.add(at, method, target, assessment, "" if fault is None else fault.kind)
        if fault is None:
            await _answer(send, assessment.status, _headers(assessment), format_answer(assessment))
        elif fault.kind == "hang":
            if not await _gone_within(fault.seconds, receive):
                await _cut(receive, send)
        elif fault.kind == "cut":
            await _cut(receive, send)
        else:
            headers: _Headers = []
            if fault.kind in ("429", "503") and fault.retry_after:
                headers.append((b"retry-after", str(fault.retry_after).encode()))
            await _answer(send, int(fault.kind), headers, _FAULT_BODY.format(status=fault.kind))


def _headers(assessment: Assessment) -> _Headers:
    if assessment.status == 401:
        return [(b"www-authenticate", b"Basic")]
    if assessment.status == 405:
        return [(b"allow", b"GET" if assessment.tracker == "raptor" else b"GET, POST")]
    return []


async def _answer(send: Send, status: int, headers: _Headers, text: str) -> None:
    body = text.encode()
    if body:
        headers += _PLAIN
    headers.append(_UNSTORED)
    if status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _gone_within(seconds: float, receive: Receive) -> bool:
    """Wait, and tell whether the client left meanwhile."""

    async def wait_for_leave() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(wait_for_leave(), seconds)
    except TimeoutError:
        return False
    return True


async def _cut(receive: Receive, send: Send) -> None:
    """End the connection without an answer, or in the middle of one where the server allows no other way."""
    # ASGI has no way to do so. In uvicorn, which `LocalTracker` runs, receive is a method of the transport's owner.
    transport: Any = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        await _gone_within(1.0, receive)  # otherwise the server would send an answer of its own
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value.decode("latin-1"))
    return None


def _target(scope: Scope) -> str:
    """Return the request target as it came; if the server does not tell, its decoded path is encoded again."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1") if raw is not None else quote(scope["path"])
    query: bytes = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path
