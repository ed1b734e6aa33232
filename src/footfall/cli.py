"""The `footfall` command: one function registers each subcommand, one runs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from footfall.errors import FootfallError

if TYPE_CHECKING:
    from footfall.localtracker import Rules

__all__ = ["main"]

Run: TypeAlias = Callable[[argparse.Namespace], int]  # from the arguments to the exit status
AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]

_FAILED = 1
_USAGE = 2
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns:
        0 if it did what it was asked; 1 if it could not; 2 if it was asked wrongly, or a part is not installed.
    """
    parser = argparse.ArgumentParser(
        prog="footfall", description="Know your site's visitors, and tell your recommendation service what they do."
    )
    subcommands = parser.add_subparsers(metavar="COMMAND", required=True)
    for register in (
        _register_tracker,
        _register_demo,
        _register_replay,
        _register_preview,
        _register_deliver,
        _register_spool,
        _register_check,
        _register_forget,
    ):
        register(subcommands.add_parser)
    parsed = parser.parse_args(arguments)
    run: Run = parsed.run
    try:
        return run(parsed)
    except FootfallError as error:
        print(f"footfall: {error}", file=sys.stderr)
        return _USAGE
    except OSError as error:
        print(f"footfall: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _register(add_parser: AddParser, name: str, run: Run, summary: str, description: str) -> argparse.ArgumentParser:
    parser = add_parser(name, help=summary, description=description)
    parser.set_defaults(run=run)
    return parser


def _register_tracker(add_parser: AddParser) -> None:
    parser = _register(
        add_parser,
        "tracker",
        _run_tracker,
        "a tracker on this machine, which says what is wrong with what it gets",
        "Run a tracker that speaks both protocols as documented, keeps what it gets, and shows it on a page. Give its"
        " address to Raptor(...) and Yoochoose(...) as base_url.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8100, help="the port to listen on; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep what is received in this file; else in memory")
    parser.add_argument(
        "--customer", action="append", metavar="ID", help="a customer id that exists, others get 404; may be repeated"
    )
    parser.add_argument(
        "--licence-key",
        action="append",
        default=[],
        type=_licence_key,
        metavar="ID:KEY",
        help="a YOOCHOOSE customer whose requests get 401 without Basic authentication; may be repeated",
    )
    parser.add_argument(
        "--max-item-type", type=int, default=5, metavar="N", help="the highest item type (default: %(default)s)"
    )
    parser.add_argument("--text-item-ids", action="store_true", help="take item ids that are not numbers")
    parser.add_argument("--buy-optional", action="store_true", help="take buys without quantity or fullprice")
    parser.add_argument("--ibexa", action="store_true", help="speak YOOCHOOSE as Ibexa documents it today")


def _run_tracker(arguments: argparse.Namespace) -> int:
    from footfall.localtracker import LocalTracker, wait_for_interrupt

    with LocalTracker(
        host=arguments.host, port=arguments.port, keep=arguments.keep, rules=_rules(arguments)
    ) as tracker:
        print(f"Local tracker: {tracker.url}/ - Ctrl-C ends it.")
        print(f'  Raptor("12345", base_url="{tracker.url}")')
        print(f'  Yoochoose("00000", base_url="{tracker.url}")', flush=True)
        wait_for_interrupt()
    return 0


def _rules(arguments: argparse.Namespace) -> Rules:
    from footfall.localtracker import Rules

    customers: list[str] | None = arguments.customer
    return Rules(
        customers=None if customers is None else frozenset(customers),
        credentials=dict(arguments.licence_key),
        max_item_type=arguments.max_item_type,
        text_item_ids=arguments.text_item_ids,
        buy_optional=arguments.buy_optional,
        ibexa=arguments.ibexa,
    )


def _register_demo(add_parser: AddParser) -> None:
    parser = _register(
        add_parser,
        "demo",
        _run_demo,
        "a shop, a local tracker, and a month of real visits through both",
        "Start a local tracker and a demo shop, replay the real visits of 20 people through the shop, and show what"
        " each tracker received.",
    )
    parser.add_argument("--exit", action="store_true", help="end after the replay; else leave shop and tracker open")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address that shop and tracker listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=_port, help="the shop's port (default: 8000, or a free one if it is taken)")
    parser.add_argument(
        "--tracker-port", type=_port, help="the local tracker's port (default: 8100, or a free one if it is taken)"
    )


def _run_demo(arguments: argparse.Namespace) -> int:
    from footfall.demo.run import run_demo

    return run_demo(
        host=arguments.host, port=arguments.port, tracker_port=arguments.tracker_port, stay=not arguments.exit
    )


def _register_replay(add_parser: AddParser) -> None:
    from footfall.commands.replay.options import add_options

    parser = _register(
        add_parser,
        "replay",
        _run_replay,
        "a file of orders, or of other history, into a tracker",
        "Read CSV or JSON lines, and tell a tracker of each row: once, whatever interrupts it. Rows that a tracker does"
        " not take are reported with their line and the reason.",
    )
    add_options(parser)


def _run_replay(arguments: argparse.Namespace) -> int:
    from footfall.commands.replay.run import run

    return run(arguments)


def _register_preview(add_parser: AddParser) -> None:
    from footfall.commands.preview import add_options, run

    add_options(
        _register(
            add_parser,
            "preview",
            run,
            "the very URLs that an event becomes, and what each part means",
            "Show the requests that an event becomes, for every tracker of a site or for one made from options: to the"
            " last byte, with what each parameter means and which document says so. Nothing is sent.",
        )
    )


def _register_deliver(add_parser: AddParser) -> None:
    from footfall.commands.deliver import add_options, run

    add_options(
        _register(
            add_parser,
            "deliver",
            run,
            "a process that delivers what your site has spooled",
            "Deliver what other processes have spooled, until told to end. Several may share one spool, beside each"
            " other and beside a site that delivers itself.",
        )
    )


def _register_spool(add_parser: AddParser) -> None:
    from footfall.commands.spool import add_commands

    parser = add_parser(
        "spool",
        help="what a spool holds, what failed and why",
        description="Look at a spool, and decide about what failed.",
    )
    add_commands(parser)


def _register_check(add_parser: AddParser) -> None:
    from footfall.commands.check import add_options, run

    add_options(
        _register(
            add_parser,
            "check",
            run,
            "what is wrong or risky in your configuration, and what to do",
            "Look at a site's configuration and at this machine: errors do not work, warnings are risky or lose"
            " something, notes are to be known. Nothing is sent or written; status 1 if there are errors.",
        )
    )


def _register_forget(add_parser: AddParser) -> None:
    from footfall.commands.forget import add_options, run

    add_options(
        _register(
            add_parser,
            "forget",
            run,
            "erase what waits of a visitor who asked for it",
            "Erase a device's undelivered and failed requests from a site's spool, and call Site(on_forget=...). Run it"
            " on the site's machine, as the user that the site runs as.",
        )
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number of 0 to 65535")
    return int(text)


def _licence_key(text: str) -> tuple[str, str]:
    customer, colon, key = text.partition(":")
    if not (customer and colon and key):
        raise argparse.ArgumentTypeError("is not ID:KEY; write the customer id, a colon and the licence key")
    return customer, key


if __name__ == "__main__":
    sys.exit(main())
