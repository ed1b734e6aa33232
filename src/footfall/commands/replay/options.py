"""The options of `footfall replay`: the tracker, the meaning of the file's columns, and which options go together."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from footfall.commands.choosing import KNOWN, add_tracker_options
from footfall.commands.values import read_seconds
from footfall.errors import ConfigError

__all__ = ["add_options", "check_options", "digest_of"]

_SPOOL = "sqlite:///footfall-replay.sqlite3"

#: The options that decide what a row becomes and where it goes. A replay goes on only if they are the same.
_DECIDING = (
    *("site", "tracker", "customer_id", "base_url", "text_item_ids", "max_item_type", "spool"),
    *("event", "rename", "item", "item_type", "quantity", "price", "total", "no_price", "currency", "decimal_comma"),
    *("order", "time", "time_format", "user", "anonymous_id", "anonymous_user", "ruid", "device", "session"),
    *("category_path", "percentage", "rating", "field", "whole", "format", "encoding", "delimiter", "columns"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them all."""
    parser.epilog = (
        "COLUMN is the name of a column; in JSON lines it may have dots (customer.id). "
        "=TEXT in its place stands for the same text in every row: --currency =EUR"
    )
    parser.add_argument("file", metavar="FILE", help="CSV or JSON lines; - reads standard input")
    parser.add_argument("--tracker", metavar="NAME", help=f"one of {', '.join(KNOWN)}; with --site one of its own")
    parser.add_argument("--site", metavar="MODULE:SITE", help="use the tracker of your site, as it is set up there")
    parser.add_argument("--dry-run", action="store_true", help="send nothing, write nothing: show what would happen")
    add_tracker_options(parser)
    _add_columns(parser)
    _add_reading(parser)
    _add_running(parser)


def check_options(options: argparse.Namespace) -> None:
    """Refuse options with which every row would be refused, or sent with less than was meant.

    Raises:
        ConfigError: An option is missing, or contradicts another.
    """
    _check_columns(options)
    if options.site is None:  # a site's own tracker may take what others do not
        _check_dialect(options)


def digest_of(options: argparse.Namespace) -> str:
    """Return a digest of what decides what rows become. The licence key is not part of it."""
    deciding = {name: getattr(options, name) for name in _DECIDING}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def _add_columns(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("columns")
    for name, text in (
        ("item", "the item's id"),
        ("item-type", "YOOCHOOSE: its type (default: 1)"),
        ("quantity", "how many (default: 1)"),
        ("price", "what one of them cost"),
        ("total", "instead of --price: what the whole line cost"),
        ("currency", "ISO 4217, as in =EUR"),
        ("order", "Raptor: the order's number"),
        ("time", "YOOCHOOSE: when it was bought; needs a licence key"),
        ("user", "whose account"),
        ("anonymous-id", "YOOCHOOSE: the person's id where there is no account"),
        ("ruid", "Raptor: the person, by address or customer number, in clear text"),
        ("device", "Raptor: the browser's id, a GUID"),
        ("session", "Raptor: the visit's id, a GUID"),
        ("event", "what happened: buy (the default), click, basket, consume, rate, ..."),
        ("category-path", "where the item stands: /Shoes/Children"),
        ("percentage", "of consume: 0 to 100"),
        ("rating", "of rate: 0 to 100"),
    ):
        group.add_argument(f"--{name}", metavar="COLUMN", help=text)
    group.add_argument("--no-price", action="store_true", help="buys have no price")
    group.add_argument(
        "--anonymous-user", default="not_defined", metavar="ID", help="YOOCHOOSE: the user of events without one"
    )
    group.add_argument(
        "--field",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=COLUMN",
        help="Raptor: a parameter by its name",
    )
    group.add_argument(
        "--rename", action="append", default=[], type=_pair, metavar="WORD=EVENT", help="the file's word: purchase=buy"
    )
    group.add_argument(
        "--whole", action="append", default=[], metavar="COLUMN", help="whole numbers that were exported as 17850.0"
    )
    group.add_argument("--decimal-comma", action="store_true", help="amounts are written as 19,99")
    group.add_argument(
        "--time-format",
        default="iso",
        metavar="FORMAT",
        help="iso (the default), unix, unix-ms, or as %%d.%%m.%%Y %%H:%%M",
    )


def _add_reading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("file")
    group.add_argument("--format", choices=("csv", "jsonl"), help="by default taken from the file's name")
    group.add_argument("--encoding", default="utf-8", help="the file's encoding (default: %(default)s)")
    group.add_argument("--delimiter", default=",", help='for CSV; "tab" for a tab (default: a comma)')
    group.add_argument("--columns", metavar="A,B,...", help="for CSV whose first line does not name the columns")


def _add_running(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("running")
    group.add_argument(
        "--report", type=Path, metavar="FILE", help="write each refused row's line and reason to this file"
    )
    group.add_argument("--spool", default=_SPOOL, help="where requests wait (default: %(default)s)")
    group.add_argument("--spool-only", action="store_true", help="only spool; `footfall deliver` sends")
    group.add_argument(
        "--state", type=Path, metavar="FILE", help="remembers how far the replay came; by default named after the file"
    )
    group.add_argument("--restart", action="store_true", help="begin again, and send everything again")
    group.add_argument(
        "--patience",
        type=read_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait while nothing is delivered (default: %(default)g)",
    )


def _check_columns(options: argparse.Namespace) -> None:
    buys = options.event in (None, "=buy") or not options.event.startswith("=")
    if options.item is None and options.event != "=page_view":
        raise ConfigError("item: is missing; name the column with the items' ids: --item StockCode")
    if buys and options.price is None and options.total is None and not options.no_price:
        raise ConfigError("price: is missing; name its column, or that of the line's --total, or write --no-price")
    if options.price is not None and options.total is not None:
        raise ConfigError("total: is given beside price; give one of them")
    if (options.price or options.total) and options.currency is None:
        raise ConfigError("currency: is missing; name its column, or write it: --currency =EUR")


def _check_dialect(options: argparse.Namespace) -> None:
    match options.tracker:
        case "raptor" if options.device is None or options.session is None:
            raise ConfigError(
                "device, session: raptor takes no event without both; name their columns, "
                "or send orders without a browser by --tracker raptor-stream"
            )
        case "raptor-stream" if options.ruid is None or options.device is not None:
            raise ConfigError(
                "ruid: raptor-stream takes orders by the person alone; name the column: --ruid CustomerID"
            )
        case "raptor" | "raptor-stream" if options.time is not None:
            raise ConfigError("time: raptor has no parameter for it; without --time, rows count as of now")
        case "yoochoose" | "ibexa" if options.time is not None and options.licence_key is None:
            raise ConfigError(
                "time: the tracker believes it only if signed; give --licence-key, "
                "or leave out --time to have rows count as of now"
            )
        case _:
            pass


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} has no two sides; write them with = between")
    return name, value
