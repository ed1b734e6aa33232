"""Reads what an application in debug mode tells of its responses: why each tracked, or did not. Pure.

A trace is the value of the header ``Footfall-Trace``: names and quoted values, ``class="page", reason="..."``. It holds
no whole id. Whatever else somebody sends in its place is only ever shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Reported", "parse_message", "parse_trace", "read_reported"]

LONGEST = 4_096
_MOST_PARTS = 24

_pairs = re.compile(r'([a-z_]{1,20})="([^"]{0,2000})"').findall
_line = re.compile(r"[A-Z]{1,16} [^\s]{1,2000} [0-9]{3}").fullmatch
# click>raptor:9f8e7d6c, buy!consent
_reported = re.compile(
    r"(?P<kind>[^\s>!]{1,64})(?:>(?P<tracker>[^\s:]{1,64}):(?P<digest>[0-9a-f]{8})|!(?P<refused>\S{1,64}))"
).fullmatch


@dataclass(frozen=True, slots=True)
class Reported:
    """One event of a response: the request that it became, or why it became none."""

    kind: str
    tracker: str = ""
    digest: str = ""  #: by which the request is recognized
    refused: str = ""


def parse_trace(text: str) -> dict[str, str] | None:
    """Read a trace into its parts; ``None`` if the text is not a trace."""
    pairs: list[tuple[str, str]] = _pairs(text[:LONGEST])
    parts = dict(pairs[:_MOST_PARTS])
    return parts if "class" in parts else None


def parse_message(message: bytes) -> tuple[str, str] | None:
    """Read what an application sends for each response: its request line with the status, and the trace."""
    if len(message) > LONGEST:
        return None
    line, _, trace = message.decode("utf-8", "replace").partition("\n")
    return (line, trace) if _line(line) and parse_trace(trace) is not None else None


def read_reported(parts: Mapping[str, str]) -> Iterable[Reported]:
    """Read the events of a trace."""
    for word in parts.get("events", "").split():
        if found := _reported(word):
            yield Reported(**{name: value or "" for name, value in found.groupdict().items()})
