"""Draws the pictures of ``docs/how-it-works.md`` from the house's table: ``python -m tests.pictures``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain, count
from pathlib import Path
from textwrap import wrap
from typing import Final

from tests.house import DELIVERY, HOUSE

__all__ = ["PICTURES", "Picture", "Step", "draw", "rooms_of"]

DOCS: Final = Path(__file__).parent.parent / "docs"

WIDTH: Final = 1080
LEFT: Final = 188  # where the walks begin; the floors' names stand before it
MARGIN: Final = 12
HEAD: Final = 122  # what happens, and who begins it
LANE: Final = 64
GAP: Final = 10  # between floors
INDENT: Final = 26  # of what is asked beside something else
LINE: Final = 17
LETTER: Final = 7.4  # width of one, about, at 13 pixels


@dataclass(frozen=True, slots=True)
class Step:
    """One room's part in a walk."""

    room: str  #: of the table; ``doors`` are all of them
    does: str
    asks: tuple[Step, ...] = ()  #: in the order of time


@dataclass(frozen=True, slots=True)
class Walk:
    """What happens at one moment, from whoever begins it down through the house."""

    title: str
    where: str
    outside: str
    first: Step
    outward: bool = False  #: the outside is called from here, and does not call


@dataclass(frozen=True, slots=True)
class Picture:
    """The walks of one life, in the order of time."""

    file: str
    title: str
    walks: tuple[Walk, ...]


REQUEST: Final = Picture(
    "life-of-a-request.svg",
    "The life of a request",
    (
        Walk(
            "A request arrives",
            "before your application",
            "browser",
            Step(
                "doors",
                "takes the request as raw text",
                (Step("site", "begins a tracking for it", (Step("tracking", "waits until somebody asks"),)),),
            ),
        ),
        Walk(
            "Your view asks",
            "while your application runs",
            "request.state.tracking",
            Step(
                "tracking",
                "reads the visitor's ids, or mints them",
                (
                    Step(
                        "policy",
                        "knows this site's rules, readers and keys",
                        (
                            Step("identity", "a page, a script, a bot, a prefetch: may it have ids?"),
                            Step("consent", "granted, denied or unknown"),
                        ),
                    ),
                ),
            ),
        ),
        Walk(
            "The response starts",
            "after your view",
            "your response",
            Step(
                "doors",
                "appends our headers to the application's",
                (
                    Step(
                        "tracking",
                        "decides which cookies to set",
                        (Step("identity", "writes Set-Cookie lines, and keeps shared caches out"),),
                    ),
                ),
            ),
        ),
    ),
)
EVENT: Final = Picture(
    "life-of-an-event.svg",
    "The life of an event",
    (
        Walk(
            "Accepted",
            "in the request, without waiting",
            "tracking.emit(event)",
            Step(
                "tracking",
                "whose event is it, and may it go?",
                (
                    Step(
                        "reporter",
                        "asks every tracker of the site",
                        (
                            Step("trackers", "writes finished requests, to the last byte"),
                            Step(
                                "delivery",
                                "takes all of them, or none",
                                (Step("delivery.journal", "appends them to a memory-mapped file"),),
                            ),
                        ),
                    ),
                ),
            ),
        ),
        Walk(
            "Kept",
            "thread footfall-mover",
            "several times a second",
            Step(
                "delivery.spool",
                "stores each record once, on the disk",
                (Step("delivery.journal", "reads what is not moved yet"),),
            ),
        ),
        Walk(
            "Sent",
            "thread footfall-courier",
            "the tracker's server",
            Step(
                "delivery.sending",
                "sends what is due, and judges the answer",
                (Step("delivery.spool", "leases it out; then drops it, keeps it for later, or sets it aside"),),
            ),
            outward=True,
        ),
    ),
)
PICTURES: Final = (REQUEST, EVENT)

STYLE: Final = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1f2328 }
  .paper { fill: #ffffff; stroke: #d1d9e0 }
  .floor { fill: #f6f8fa; stroke: #d1d9e0 }
  .rule { stroke: #d1d9e0; stroke-dasharray: 2 4 }
  .title { font-size: 16px; font-weight: 600 }
  .faint { fill: #59636e; font-size: 12px }
  .room { font: 600 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
  .code { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
  .small { font-size: 11px }
  .outside { fill: #ddf4ff; stroke: #54aeff }
  .walk { fill: none; stroke: #0969da; stroke-width: 2 }
  .head { fill: #0969da }
  .dot { fill: #0969da }
  .number { fill: #ffffff; font-size: 11px; font-weight: 700; text-anchor: middle }
  .middle { text-anchor: middle }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .paper { fill: #0d1117; stroke: #3d444d }
    .floor { fill: #151b23; stroke: #3d444d }
    .rule { stroke: #3d444d }
    .faint { fill: #9198a1 }
    .outside { fill: #121d2f; stroke: #1f6feb }
    .walk { stroke: #4493f8 }
    .head, .dot { fill: #4493f8 }
    .number { fill: #0d1117 }
  }
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of a picture: a room, or all doors."""

    name: str
    floor: str
    rooms: tuple[str, ...]  #: of the table
    label: tuple[str, ...]  #: lines


def make_lanes() -> Iterator[Lane]:
    """Give the table's rooms in its order, those inside delivery too; the doors are one."""
    doors = [floor.rooms for floor in HOUSE if floor.name == "doors"]
    for floor in HOUSE:
        if floor.rooms == doors[0]:
            yield Lane("doors", "doors", tuple(chain(*doors)), tuple(" ".join(rooms) for rooms in doors))
        elif floor.name == "doors":
            continue
        elif floor.rooms == ("delivery",):
            for inner in dict.fromkeys(inner.name for inner in DELIVERY):
                rooms = tuple(chain(*(one.rooms for one in DELIVERY if one.name == inner)))
                name = "delivery" if inner == "top" else f"delivery.{inner}"
                yield Lane(name, floor.name, rooms, (name.rpartition(".")[2],))
        else:
            for room in floor.rooms:
                yield Lane(room, floor.name, (room,), (room,))


LANES: Final = {lane.name: lane for lane in make_lanes()}


def rooms_of(step: Step) -> tuple[str, ...]:
    """Name the rooms of the table in which a step happens."""
    return LANES[step.room].rooms


def steps_of(step: Step) -> Iterator[Step]:
    """Give a step and all that it asks, in the order of time."""
    yield step
    for asked in step.asks:
        yield from steps_of(asked)


def draw(picture: Picture) -> str:
    """Draw a picture as SVG, readable on light and on dark pages."""
    visited = {step.room for walk in picture.walks for step in steps_of(walk.first)}
    lanes = [lane for lane in LANES.values() if lane.name in visited]
    parts: list[str] = []
    heights: dict[str, int] = {}
    y = HEAD
    for floor in dict.fromkeys(lane.floor for lane in lanes):
        of_floor = [lane for lane in lanes if lane.floor == floor]
        parts += _draw_floor(floor, of_floor, y)
        for place, lane in enumerate(of_floor):
            heights[lane.name] = y + LANE * place + LANE // 2
        y += LANE * len(of_floor) + GAP
    parts += _draw_words(y)
    height = y + 40 + MARGIN
    column = (WIDTH - LEFT - MARGIN) // len(picture.walks)
    numbers = count(1)
    for place, walk in enumerate(picture.walks):
        parts += _draw_walk(walk, LEFT + column * place, column, heights, numbers)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{escape(picture.title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _draw_floor(name: str, lanes: Sequence[Lane], y: int) -> Iterator[str]:
    yield _rect("floor", MARGIN, y, WIDTH - 2 * MARGIN, LANE * len(lanes), 6)
    yield _text("faint", MARGIN + 12, y + 19, name)
    for place, lane in enumerate(lanes):
        top = y + LANE * place
        if place:
            yield f'<path class="rule" d="M{MARGIN + 12} {top}H{WIDTH - MARGIN - 12}"/>'
        for line, words in enumerate(lane.label):
            kind = "room" if len(lane.label) == 1 else "small code"
            yield _text(kind, MARGIN + 12, top + LANE // 2 + 6 + 16 * line, words)


def _draw_words(y: int) -> Iterator[str]:
    words = next(floor for floor in HOUSE if floor.name == "words")
    yield _rect("floor", MARGIN, y, WIDTH - 2 * MARGIN, 40, 6)
    yield _text("faint", MARGIN + 12, y + 24, words.name)
    yield _text("code", LEFT, y + 24, "   ".join(words.rooms))
    yield _text("faint", WIDTH - MARGIN - 12, y + 24, words.what, anchor="end")


def _draw_walk(walk: Walk, left: int, width: int, heights: dict[str, int], numbers: Iterator[int]) -> Iterator[str]:
    x, top = left + 14, 78
    yield _text("title", left, 34, walk.title)
    yield _text("faint", left, 54, walk.where)
    pill = round(len(walk.outside) * 7.3) + 20
    yield _rect("outside", left, top - 6, pill, 26, 13)
    yield _text("code middle", left + pill // 2, top + 11, walk.outside)
    yield _path(x, top + 20, x, heights[walk.first.room])
    if walk.outward:
        yield _head(x, top + 21, up=True)
    else:
        yield _head(x, heights[walk.first.room] - 11, up=False)
    yield from _draw_step(walk.first, x, left + width, heights, numbers)


def _draw_step(step: Step, x: int, right: int, heights: dict[str, int], numbers: Iterator[int]) -> Iterator[str]:
    y = heights[step.room]
    dot = [
        f'<circle class="dot" cx="{x}" cy="{y}" r="11"/>',
        _text("number", x, y + 4, str(next(numbers))),
    ]
    lines = wrap(step.does, int((right - x - 30) / LETTER))
    for number, line in enumerate(lines):
        dot.append(_text("", x + 18, y + 5 + LINE * number - LINE * (len(lines) - 1) // 2, line))
    apart = INDENT if len(step.asks) > 1 else 0
    drawn: list[str] = []
    for asked in step.asks:
        down = heights[asked.room]
        yield _path(x, y, x + apart, down)
        yield _head(x + apart, down - 11, up=False) if not apart else ""
        drawn += _draw_step(asked, x + apart, right, heights, numbers)
    yield from dot
    yield from drawn


def _path(x: int, y: int, to_x: int, to_y: int) -> str:
    if x == to_x:
        return f'<path class="walk" d="M{x} {y}V{to_y}"/>'
    return f'<path class="walk" d="M{x} {y}V{to_y - 8}Q{x} {to_y} {x + 8} {to_y}H{to_x}"/>'


def _head(x: int, y: int, *, up: bool) -> str:
    base = y + 8 if up else y - 8
    return f'<path class="head" d="M{x} {y}L{x - 5} {base}H{x + 5}Z"/>'


def _rect(kind: str, x: int, y: int, width: int, height: int, radius: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"/>'


def _text(kind: str, x: int, y: int, words: str, *, anchor: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text{named} x="{x}" y="{y}"{anchored}>{escape(words, quote=False)}</text>'


if __name__ == "__main__":
    for one in PICTURES:
        (DOCS / one.file).write_text(draw(one), encoding="utf-8")
