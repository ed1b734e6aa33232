"""`footfall tracker`: the local tracker, until it is interrupted."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from footfall.commands.command import Command
from footfall.commands.values import read_port

if TYPE_CHECKING:
    from footfall.localtracker import Rules

__all__ = ["COMMAND"]


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=read_port, default=8100, help="the port to listen on; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep what is received in this file; else in memory")
    parser.add_argument(
        "--customer", action="append", metavar="ID", help="a customer id that exists, others get 404; may be repeated"
    )
    parser.add_argument(
        "--licence-key",
        action="append",
        default=[],
        type=_read_licence_key,
        metavar="ID:KEY",
        help="a YOOCHOOSE customer whose requests get 401 without Basic authentication; may be repeated",
    )
    parser.add_argument(
        "--max-item-type", type=int, default=5, metavar="N", help="the highest item type (default: %(default)s)"
    )
    parser.add_argument("--text-item-ids", action="store_true", help="take item ids that are not numbers")
    parser.add_argument("--buy-optional", action="store_true", help="take buys without quantity or fullprice")
    parser.add_argument("--ibexa", action="store_true", help="speak YOOCHOOSE as Ibexa documents it today")


def _run(options: argparse.Namespace) -> int:
    from footfall.localtracker import LocalTracker, wait_for_interrupt

    with LocalTracker(host=options.host, port=options.port, keep=options.keep, rules=_rules(options)) as tracker:
        print(f"Local tracker: {tracker.url}/ - Ctrl-C ends it.")
        print(f'  Raptor("12345", base_url="{tracker.url}")')
        print(f'  Yoochoose("00000", base_url="{tracker.url}")', flush=True)
        wait_for_interrupt()
    return 0


def _rules(options: argparse.Namespace) -> Rules:
    from footfall.localtracker import Rules

    customers: list[str] | None = options.customer
    return Rules(
        customers=None if customers is None else frozenset(customers),
        credentials=dict(options.licence_key),
        max_item_type=options.max_item_type,
        text_item_ids=options.text_item_ids,
        buy_optional=options.buy_optional,
        ibexa=options.ibexa,
    )


def _read_licence_key(text: str) -> tuple[str, str]:
    customer, colon, key = text.partition(":")
    if not (customer and colon and key):
        raise argparse.ArgumentTypeError("is not ID:KEY; write the customer id, a colon and the licence key")
    return customer, key


COMMAND = Command(
    name="tracker",
    summary="a tracker on this machine, which says what is wrong with what it gets",
    description="Run a tracker that speaks both protocols as documented, keeps what it gets, and shows it on a page."
    " Give its address to Raptor(...) and Yoochoose(...) as base_url.",
    add_options=_add_options,
    run=_run,
)
