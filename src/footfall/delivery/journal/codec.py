"""How a wire request is written down in the journal: a JSON array, so that SQLite can take it apart by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum
from json.encoder import encode_basestring_ascii
from typing import Any

from footfall.wire import WhenUnanswered, WireRequest

__all__ = [
    "REQUESTS",
    "Kind",
    "decode_requests",
    "encode_aside",
    "encode_request",
    "encode_visitor",
    "kind_of",
]

# A C function that writes one JSON string: thrice as fast as a whole encoder, on the path of every event.
_quote = encode_basestring_ascii


class Kind(IntEnum):
    """What a record of the journal is. Numbers are never given a second meaning: releases read each other's."""

    REQUEST = 1  #: [tracker, kind, visitor, once, set aside when unanswered: 0 or 1, method, url, headers, body]
    REQUEST_ONCE = 2  #: the same, with a ``once`` key
    ASIDE = 3  #: [tracker, kind, visitor, reason]: accepted and failed at once
    ERASE = 4  #: [visitor]: what came before this record is dropped


REQUESTS = frozenset({Kind.REQUEST, Kind.REQUEST_ONCE})  #: the kinds that are pending until their verdict


def kind_of(request: WireRequest) -> Kind:
    """Tell which kind of record a request becomes."""
    return Kind.REQUEST_ONCE if request.once else Kind.REQUEST


def encode_request(request: WireRequest) -> bytes:
    """Write a request as ASCII JSON."""
    q = _quote
    headers = json.dumps(request.headers) if request.headers else "[]"
    body = q(request.body.decode("latin-1")) if request.body else '""'
    aside = 1 if request.when_unanswered is WhenUnanswered.SET_ASIDE else 0
    return _ascii(
        f"[{q(request.tracker)},{q(request.kind)},{q(request.visitor)},{q(request.once)},{aside},"
        f"{q(request.method)},{q(request.url)},{headers},{body}]"
    )


def encode_aside(tracker: str, kind: str, visitor: str, reason: str) -> bytes:
    """Write what is accepted and failed at once."""
    return _ascii(f"[{_quote(tracker)},{_quote(kind)},{_quote(visitor)},{_quote(reason)}]")


def encode_visitor(visitor: str) -> bytes:
    """Write whose requests are to be dropped."""
    return _ascii(f"[{_quote(visitor)}]")


def decode_requests(texts: Sequence[str]) -> list[WireRequest]:
    """Read back what `encode_request` wrote; a spool may have written more behind it."""
    return [_request(fields) for fields in json.loads(f"[{','.join(texts)}]")]


def _request(fields: Sequence[Any]) -> WireRequest:
    tracker, kind, visitor, once, aside, method, url, headers, body, *_ = fields
    return WireRequest(
        tracker=tracker,
        kind=kind,
        visitor=visitor,
        once=once,
        when_unanswered=WhenUnanswered.SET_ASIDE if aside else WhenUnanswered.REPEAT,
        method=method,
        url=url,
        headers=tuple((name, value) for name, value in headers),
        body=body.encode("latin-1"),
    )


def _ascii(text: str) -> bytes:
    if "\\ud" in text:
        # Half a surrogate pair is no text that SQLite could ever hand out again: one such row would stop a spool.
        whole = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        text = json.dumps(json.loads(whole.encode("utf-8", "replace")), separators=(",", ":"))
    return text.encode("ascii")
