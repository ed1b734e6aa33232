"""The walk of one request through the package: ``python benchmarks/walk.py``.

Prints every call that a returning visitor's page makes in footfall, in order and indented by depth, and then the sums:
first for a page that asks nothing, then for one whose view reports a click to two trackers. The request goes through the
ASGI door and is not the first of its process, so that what is made once for a process or a site is not counted.

How it counts:

- A *call* is one Python function of footfall's that is entered, as `sys.setprofile` reports it: methods, properties,
  closures and coroutines count. Functions written in C do not, nor does what `dataclass` generates, whose code stands
  in no file.
- A *module* is a file in which one of these functions stands.
- A *move* is a call whose caller stands in another file than itself, or outside the package. The caller is the nearest
  function of footfall's above it, whatever the application or the standard library calls in between. Returning is no
  move. In the printed walk, a ``>`` marks a move.

``--totals`` leaves out the walk itself. Before it was straightened, it was 93 calls, 17 modules and 54 moves; with a
click 174, 27 and 87.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from contenders import Ask, click, request_maker, run_asgi, through_asgi
from report import print_table
from visits import VISITS, Visit, open_sites

import footfall

HOME = f"{Path(footfall.__file__).parent}/"


@dataclass(frozen=True)
class Call:
    module: str
    name: str
    depth: int  #: how many functions of footfall's have called each other to get here
    caller: str | None  #: the module of the last of these


def trace(app: Any, make: Any) -> list[Call]:
    """Run one request and note its calls."""
    calls: list[Call] = []

    def note(frame: FrameType, event: str, argument: object) -> None:  # noqa: ARG001 - sys.setprofile's signature
        if event == "call" and frame.f_code.co_filename.startswith(HOME):
            above = _callers(frame)
            module = frame.f_code.co_filename.removeprefix(HOME)
            calls.append(Call(module, frame.f_code.co_qualname, len(above), above[0] if above else None))

    scope = [make()]
    sys.setprofile(note)
    try:
        run_asgi(app, scope)
    finally:
        sys.setprofile(None)
    return calls


def _callers(frame: FrameType) -> list[str]:
    found = []
    above = frame.f_back
    while above is not None:
        if above.f_code.co_filename.startswith(HOME):
            found.append(above.f_code.co_filename.removeprefix(HOME))
        above = above.f_back
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--totals", action="store_true", help="print the sums alone")
    parser.add_argument(
        "--visit",
        default=VISITS[0].name,
        choices=[visit.name for visit in VISITS],
        help="who comes (default: %(default)s)",
    )
    options = parser.parse_args()
    (visit,) = (visit for visit in VISITS if visit.name == options.visit)
    rows = [
        walk(visit, what, ask, quiet=options.totals)
        for what, ask in (("asks nothing", None), ("reports a click", click))
    ]
    print_table(f"the walk of a page, ASGI, {visit.name}", ["the view", "calls", "modules", "moves"], rows)


def walk(visit: Visit, what: str, ask: Ask | None, *, quiet: bool) -> list[str]:
    with open_sites() as sites:
        contenders = through_asgi(sites.site(visit), ask)
        make = request_maker(sites, "ASGI", contenders, visit)  # this opens the page once: what is traced is warm
        calls = trace(contenders.footfall, make)
    if not quiet:
        print(f"\na page that {what}\n")
        for call in calls:
            mark = "" if call.caller == call.module else "> "
            print(f"{'  ' * call.depth}{mark}{call.module.removesuffix('.py')} {call.name}")
    moves = sum(call.caller != call.module for call in calls)
    return [what, str(len(calls)), str(len({call.module for call in calls})), str(moves)]


if __name__ == "__main__":
    main()
