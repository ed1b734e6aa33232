"""`footfall demo`: a shop and a local tracker, with real visits through both."""

from __future__ import annotations

import argparse

from footfall.commands.command import Command
from footfall.commands.values import read_port

__all__ = ["COMMAND"]


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--exit", action="store_true", help="end after the replay; else leave shop and tracker open")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address that shop and tracker listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=read_port, help="the shop's port (default: 8000, or a free one if it is taken)")
    parser.add_argument(
        "--tracker-port", type=read_port, help="the local tracker's port (default: 8100, or a free one if it is taken)"
    )


def _run(options: argparse.Namespace) -> int:
    from footfall.demo.run import run_demo

    return run_demo(host=options.host, port=options.port, tracker_port=options.tracker_port, stay=not options.exit)


COMMAND = Command(
    name="demo",
    summary="a shop, a local tracker, and a month of real visits through both",
    description="Start a local tracker and a demo shop, replay the real visits of 20 people through the shop, and show"
    " what each tracker received.",
    add_options=_add_options,
    run=_run,
)
