"""How a wire request is written down in the journal: a JSON array, so that SQLite can take it apart by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum
from json.encoder import encode_basestring_ascii
from typing import Any, cast

from footfall.wire import WhenUnanswered, WireRequest

__all__ = [
    "REQUESTS",
    "UNKNOWN",
    "Kind",
    "decode_requests",
    "decode_texts",
    "encode_aside",
    "encode_request",
    "encode_visitor",
    "kind_of",
    "tracker_of",
]

# A C function that writes one JSON string: thrice as fast as a whole encoder, on the path of every event.
_quote = encode_basestring_ascii
_UNREADABLE = (ValueError, TypeError, LookupError, RecursionError)


class Kind(IntEnum):
    """What a record of the journal is. Numbers are never given a second meaning: releases read each other's."""

    REQUEST = 1  #: [tracker, kind, visitor, once, set aside when unanswered: 0 or 1, method, url, headers, body]
    REQUEST_ONCE = 2  #: the same, with a ``once`` key
    ASIDE = 3  #: [tracker, kind, visitor, reason]: accepted and failed at once
    ERASE = 4  #: [visitor]: what came before this record is dropped


UNKNOWN = "unknown"  #: the tracker's name where a record does not say it
REQUESTS = frozenset({Kind.REQUEST, Kind.REQUEST_ONCE})  #: the kinds that are pending until their verdict


def kind_of(request: WireRequest) -> Kind:
    """Tell which kind of record a request becomes."""
    return Kind.REQUEST_ONCE if request.once else Kind.REQUEST


def encode_request(request: WireRequest) -> bytes:
    """Write a request as ASCII JSON that `decode_requests` can read.

    Raises:
        ValueError: A field is not of its type: a tracker of the site's own may give anything. Names no value.
    """
    q = _quote
    try:
        headers = _headers(request.headers) if request.headers else "[]"
        body = q(request.body.decode("latin-1")) if request.body else '""'
        aside = 1 if request.when_unanswered is WhenUnanswered.SET_ASIDE else 0
        return _ascii(
            f"[{q(request.tracker)},{q(request.kind)},{q(request.visitor)},{q(request.once)},{aside},"
            f"{q(request.method)},{q(request.url)},{headers},{body}]"
        )
    except (TypeError, AttributeError):
        raise ValueError(_finding(request)) from None


def encode_aside(tracker: str, kind: str, visitor: str, reason: str) -> bytes:
    """Write what is accepted and failed at once."""
    return _ascii(f"[{_quote(tracker)},{_quote(kind)},{_quote(visitor)},{_quote(reason)}]")


def encode_visitor(visitor: str) -> bytes:
    """Write whose requests are to be dropped."""
    return _ascii(f"[{_quote(visitor)}]")


def decode_requests(texts: Sequence[str]) -> list[WireRequest | None]:
    """Read back what `encode_request` wrote; a spool may have written more behind it. None: it cannot be read."""
    with suppress(*_UNREADABLE):
        read = [_request(fields) for fields in json.loads(f"[{','.join(texts)}]")]
        if len(read) == len(texts):
            return [*read]
    return [_decode_request(text) for text in texts]


def decode_texts(payload: bytes, number: int) -> list[str] | None:
    """Read back so many texts as `encode_aside` and `encode_visitor` write them; None where they are not there."""
    try:
        texts = json.loads(payload)
    except _UNREADABLE:
        return None
    found = cast("list[str]", texts)
    return found if isinstance(texts, list) and _are_texts(found, number) else None


def tracker_of(payload: bytes) -> str:
    """Read whose a record is to be counted as, be it readable or not."""
    with suppress(*_UNREADABLE):
        tracker = json.loads(payload)[0]
        if isinstance(tracker, str):
            return tracker
    return UNKNOWN


def _decode_request(text: str) -> WireRequest | None:
    try:
        return _request(json.loads(text))
    except _UNREADABLE:
        return None


def _request(fields: Sequence[Any]) -> WireRequest:
    tracker, kind, visitor, once, aside, method, url, headers, body, *_ = fields
    if not _are_texts([tracker, kind, visitor, once, method, url, body], 7) or not _are_headers(headers):
        raise ValueError
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


def _are_texts(values: Sequence[object], number: int) -> bool:
    return len(values) == number and all(isinstance(value, str) for value in values)


def _are_headers(headers: object) -> bool:
    return isinstance(headers, list) and all(
        isinstance(pair, list) and _are_texts(cast("list[object]", pair), 2) for pair in cast("list[object]", headers)
    )


def _headers(headers: object) -> str:
    if not isinstance(headers, (tuple, list)):
        raise TypeError
    pairs = cast("Sequence[object]", headers)
    return f"[{','.join([_pair(pair) for pair in pairs])}]"


def _pair(pair: object) -> str:
    if not isinstance(pair, (tuple, list)) or len(cast("Sequence[object]", pair)) != 2:
        raise TypeError
    name, value = cast("Sequence[str]", pair)
    return f"[{_quote(name)},{_quote(value)}]"


def _finding(request: object) -> str:
    if not isinstance(request, WireRequest):
        return f"it is a {type(request).__name__}; write a footfall.wire.WireRequest"
    for name in ("tracker", "kind", "visitor", "once", "method", "url"):
        value = getattr(request, name)
        if not isinstance(value, str):
            return f"{name}: is a {type(value).__name__}; write a text"
    if request.body and not isinstance(request.body, (bytes, bytearray)):
        return f"body: is a {type(request.body).__name__}; write bytes"
    return f"headers: is a {type(request.headers).__name__}; write a tuple of (name, value) pairs of texts"


def _ascii(text: str) -> bytes:
    if "\\ud" in text:
        # Half a surrogate pair is no text that SQLite could ever hand out again: one such row would stop a spool.
        whole = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        text = json.dumps(json.loads(whole.encode("utf-8", "replace")), separators=(",", ":"))
    return text.encode("ascii")
