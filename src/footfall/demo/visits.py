"""Reads the real visits that the demo replays, from data/otto-sessions.jsonl (see data/ATTRIBUTION.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, TypedDict

__all__ = ["Action", "Step", "count_sessions", "read_steps"]

Action = Literal["click", "basket", "buy"]
_ACTIONS: dict[str, Action] = {"clicks": "click", "carts": "basket", "orders": "buy"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that one visitor did."""

    visitor: int  #: the number that the file gives them
    at: float  #: when, in Unix seconds
    action: Action
    item: int


class _Event(TypedDict):
    aid: int
    ts: int  #: in milliseconds
    type: str


class _Line(TypedDict):
    session: int
    events: list[_Event]


def read_steps() -> list[Step]:
    """Read what all visitors did, in order of time."""
    text = files("footfall.demo").joinpath("data", "otto-sessions.jsonl").read_text(encoding="utf-8")
    lines: list[_Line] = [json.loads(line) for line in text.splitlines()]
    steps = [
        Step(line["session"], event["ts"] / 1000, _ACTIONS[event["type"]], event["aid"])
        for line in lines
        for event in line["events"]
    ]
    return sorted(steps, key=lambda step: step.at)


def count_sessions(steps: Iterable[Step], idle: float) -> int:
    """Count visits. One ends when its visitor does nothing for *idle* seconds.

    Args:
        steps: In the order in which they happened.
        idle: In seconds.

    Source: Server-side Tracking, "Session Cookie".
    """
    latest: dict[int, float] = {}
    sessions = 0
    for step in steps:
        if step.at - latest.get(step.visitor, float("-inf")) >= idle:
            sessions += 1
        latest[step.visitor] = step.at
    return sessions
