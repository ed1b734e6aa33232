"""`footfall spool`: what a spool holds, what failed and why, and a person's decision about it."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypedDict

from footfall.commands.choosing import DEFAULT_SPOOL, find_places
from footfall.commands.command import Command, add_commands
from footfall.commands.console import make_console
from footfall.delivery import (
    Counters,
    EngineStatus,
    FailedReason,
    FailedRequest,
    SpoolStatus,
    Stats,
    Wait,
    count_failed,
    engine_status,
    list_failed,
    purge_failed,
    retry_failed,
    spool_status,
)
from footfall.delivery.addresses import is_engine
from footfall.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

__all__ = ["COMMAND"]

_SHOWN = 100  # failed requests in a table
_WATCH = 1.0  # seconds between two looks
_AGE = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Which(TypedDict):
    tracker: str | None
    reason: str | None
    since: datetime | None
    before: datetime | None


def _add_spool(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "spool",
        nargs="?",
        default=DEFAULT_SPOOL,
        metavar="SPOOL",
        help="sqlite:///..., the file's path, an engine's URL, or your site, as in shop.tracking:site, with its engine"
        " if it has one (default: %(default)s)",
    )


def _add_status_options(parser: argparse.ArgumentParser) -> None:
    _add_spool(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help="look again each second, until Ctrl-C")
    how.add_argument("--json", action="store_true", help="one JSON object")


def _add_failed_options(parser: argparse.ArgumentParser) -> None:
    _add_choice(parser)
    parser.add_argument("--limit", type=_number, metavar="N", help=f"at most so many lines (in a table: {_SHOWN})")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    parser.add_argument(
        "--show-url",
        action="store_true",
        help="each request, with its URL and the tracker's answer, which hold what a visitor is and did",
    )


def _add_decision_options(parser: argparse.ArgumentParser) -> None:
    _add_choice(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    _add_spool(parser)
    when = "a date, a date and time (2026-01-31T18:00), or an age (90s, 15m, 2h, 3d)"
    parser.add_argument("--tracker", metavar="NAME", help="only of this tracker")
    parser.add_argument("--reason", metavar="TEXT", help="only where the reason begins so: 'answered 40', say")
    parser.add_argument("--before", type=_moment, metavar="TIME", help=f"only what failed earlier: {when}")
    parser.add_argument("--since", type=_moment, metavar="TIME", help="only what failed then or later")


def _run_status(options: argparse.Namespace) -> int:
    places = find_places(options.spool)
    if options.json:
        found = [_status_as_json(_look(place)) for place in places]
        engines = [one for place, one in zip(places, found, strict=True) if is_engine(place)]
        print(json.dumps(found[0] if len(found) == 1 else {**found[0], "engine": engines[0]}))
        return 0
    console = make_console()
    if not options.watch:
        console.print(_show_all(places))
        return 0
    from rich.live import Live

    with Live(_show_all(places), console=console, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(_WATCH)
                live.update(_show_all(places), refresh=True)
        except KeyboardInterrupt:
            return 0


def _look(place: str) -> SpoolStatus | EngineStatus:
    return engine_status(place) if is_engine(place) else spool_status(place)


def _show_all(places: Sequence[str]) -> Group:
    from rich.console import Group

    return Group(*(_show_status(_look(place)) for place in places))


def _status_as_json(status: SpoolStatus | EngineStatus) -> dict[str, object]:
    trackers = {
        name: {
            **_counts(counters),
            "oldest_pending": status.oldest[name].isoformat() if name in status.oldest else None,
            "waits": [_wait_as_json(wait) for wait in status.waits.get(name, ())],
        }
        for name, counters in status.stats.trackers.items()
    }
    where: dict[str, object]
    if isinstance(status, EngineStatus):
        where = {"engine": status.name, "workers": status.workers}
    else:
        where = {
            "spool": str(status.path),
            "processes": status.processes,
            "spool_bytes": status.spool_bytes,
            "journal_bytes": status.journal_bytes,
            "trouble": status.trouble,
        }
    return {
        **where,
        "under_way": status.under_way,
        "waiting": status.waiting,
        **_counts(status.stats),
        "trackers": trackers,
    }


def _wait_as_json(wait: Wait) -> dict[str, object]:
    since, until = (moment and moment.isoformat() for moment in (wait.since, wait.until))
    return {"why": wait.why, "since": since, "until": until, "reason": wait.reason, "number": wait.number}


def _counts(counted: Counters | Stats) -> dict[str, object]:
    return {
        "accepted": counted.accepted,
        "delivered": counted.delivered,
        "pending": counted.pending,
        "failed": counted.failed,
        "erased": counted.erased,
        "forwarded": counted.forwarded,
        "refused": dict(sorted(counted.refused.items())),
    }


def _show_status(status: SpoolStatus | EngineStatus) -> Group:
    from rich.console import Group
    from rich.text import Text

    lines = [f"{name}: {_describe(wait)}" for name, waits in status.waits.items() for wait in waits]
    return Group(_status_table(status), *map(Text, lines))


def _describe(wait: Wait) -> str:
    since = "" if wait.since is None else f" since {_local(wait.since)}"
    until = "" if wait.until is None else _local(wait.until)
    reason = f": {wait.reason}" if wait.reason else ""
    match wait.why:
        case "down":
            return f"down{since}{reason}"
        case "paused":
            return f"paused{since}, until {until}, as it asked{reason}"
        case "backing off":
            return f"{_several(wait.number, 'request', 'requests')} backing off{since}, the next try {until}"
        case "nobody delivers":
            return f"nobody delivers{since}: start the site, or `footfall deliver`"


def _title(status: SpoolStatus | EngineStatus) -> str:
    if isinstance(status, EngineStatus):
        return f"{status.name}: {_several(status.workers, 'worker', 'workers')}"
    return f"{status.path}: open in {_several(status.processes, 'process', 'processes')}"


def _caption(status: SpoolStatus | EngineStatus) -> str:
    moving = f"{status.under_way:,} under way, {status.waiting:,} waiting for another try"
    if isinstance(status, EngineStatus):
        return moving
    room = f"{_mib(status.spool_bytes)} MiB in the spool, {_mib(status.journal_bytes)} MiB in journals"
    return f"{moving}; {room}{f'{chr(10)}The spool is {status.trouble}.' if status.trouble else ''}"


def _status_table(status: SpoolStatus | EngineStatus) -> Table:
    from rich.table import Table

    table = Table(title=_title(status), caption=_caption(status), title_justify="left", caption_justify="left")
    table.add_column("tracker", overflow="fold")
    forwards = status.stats.forwarded > 0
    counted_as = ("accepted", "delivered", "pending", "failed", "erased", *(("forwarded",) if forwards else ()))
    for heading in counted_as:
        table.add_column(heading, justify="right")
    table.add_column("refused", overflow="fold")
    table.add_column("oldest pending", justify="right")
    now = datetime.now(UTC)
    rows: list[tuple[str, Counters | Stats, datetime | None]] = [
        (name, counters, status.oldest.get(name)) for name, counters in status.stats.trackers.items()
    ]
    if len(rows) > 1:
        rows.append(("all", status.stats, min(status.oldest.values(), default=None)))
    for at, (tracker, counted, since) in enumerate(rows):
        table.add_row(
            tracker,
            *(f"{getattr(counted, name):,}" for name in counted_as),
            "\n".join(f"{number:,} {reason}" for reason, number in sorted(counted.refused.items())) or "0",
            "" if since is None else _age(now - since),
            end_section=at == len(rows) - 2,
        )
    return table


def _run_failed(options: argparse.Namespace) -> int:
    places, which = find_places(options.spool), _which(options)
    limit = _SHOWN if options.limit is None else options.limit
    if options.json:
        for failed in islice(_list_all(places, which), options.limit):
            print(json.dumps(_failed_as_json(failed, show_url=options.show_url)))
    elif options.show_url:
        _show_failed(_list_all(places, which), limit)
    else:
        _show_reasons([reason for place in places for reason in count_failed(place, **which)], limit)
    return 0


def _list_all(places: Sequence[str], which: _Which) -> Iterator[FailedRequest]:
    for place in places:
        yield from list_failed(place, **which)


def _show_reasons(reasons: Sequence[FailedReason], limit: int) -> None:
    console = make_console()
    from rich.table import Table

    table = Table("number", "tracker", "events", "again?", "first", "last", show_edge=False, pad_edge=False)
    table.add_column("reason", overflow="fold")
    for one in reasons[:limit]:
        table.add_row(
            f"{one.number:,}",
            one.tracker,
            ", ".join(one.kinds),
            _how_many(one.can_retry, one.number),
            _local(one.first),
            _local(one.last),
            one.reason,
        )
    if reasons:
        console.print(table)
    more = f", the {limit:,} most frequent reasons shown; --limit shows more" if len(reasons) > limit else ""
    console.print(f"{sum(one.number for one in reasons):,} failed{more}")


def _how_many(some: int, of: int) -> str:
    return "no" if not some else "yes" if some == of else f"{some:,}"


def _show_failed(rows: Iterator[FailedRequest], limit: int) -> None:
    console = make_console()
    from rich.table import Table

    table = Table("failed", "tracker", "event", "tries", "again?", show_edge=False, pad_edge=False)
    for heading in ("reason", "URL", "answer"):
        table.add_column(heading, overflow="fold")
    number = 0
    for number, failed in enumerate(rows, 1):
        if number <= limit:
            table.add_row(
                _local(failed.failed),
                failed.tracker,
                failed.kind,
                str(failed.attempts),
                "yes" if failed.can_retry else "no",
                failed.reason,
                failed.url or "",
                failed.answer,
            )
    if number:
        console.print(table)
    more = f", the oldest {limit:,} shown; --limit shows more" if number > limit else ""
    console.print(f"{number:,} failed{more}")


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _failed_as_json(failed: FailedRequest, *, show_url: bool) -> dict[str, object]:
    row: dict[str, object] = {**asdict(failed), "can_retry": failed.can_retry}
    row.update(accepted=failed.accepted.isoformat(), failed=failed.failed.isoformat())
    if not show_url:
        del row["url"], row["answer"]  # a tracker's answer may repeat what was sent
    return row


def _run_retry(options: argparse.Namespace) -> int:
    places, which = find_places(options.spool), _until_now(_which(options))
    rows = unsendable = unanswered = 0
    for failed in _list_all(places, which):
        rows += failed.can_retry
        unsendable += not failed.can_retry
        unanswered += failed.can_retry and failed.reason.startswith("unanswered")
    if unsendable:
        print(f"{unsendable:,} never became a request: they cannot be sent, and stay.")
    twice = f" ({unanswered:,} of them may have arrived, and would count twice)" if unanswered else ""
    if not _agreed(options, rows, f"{_several(rows, 'request', 'requests')} to be sent again{twice}"):
        return 0 if not rows else 1
    done = sum(retry_failed(place, **which) for place in places)
    print(f"{_several(done, 'request', 'requests')} pending again")
    return 0


def _run_purge(options: argparse.Namespace) -> int:
    places, which = find_places(options.spool), _until_now(_which(options))
    rows = sum(1 for _ in _list_all(places, which))
    if not _agreed(options, rows, f"{_several(rows, 'failed request', 'failed requests')} to be thrown away"):
        return 0 if not rows else 1
    done = sum(purge_failed(place, **which) for place in places)
    print(f"{_several(done, 'failed request', 'failed requests')} thrown away")
    return 0


def _until_now(which: _Which) -> _Which:
    """Leave out what fails while a person thinks: they agree to the number that they read."""
    now = datetime.now(UTC)
    early = which["before"] is not None and which["before"].timestamp() < now.timestamp()
    return which if early else {**which, "before": now}


def _agreed(options: argparse.Namespace, rows: int, what: str) -> bool:
    if not rows:
        print("No failed request fits.")
        return False
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError(f"yes: is missing, and there is nobody to ask about {what}; write --yes if you mean it")
    print(f"{what}. Go on? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _which(options: argparse.Namespace) -> _Which:
    return {
        "tracker": options.tracker,
        "reason": options.reason,
        "since": options.since,
        "before": options.before,
    }


def _moment(text: str) -> datetime:
    age = _AGE.fullmatch(text)
    if age is not None:
        return datetime.now(UTC) - timedelta(seconds=int(age[1]) * _SECONDS[age[2]])
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write 2026-01-31, 2026-01-31T18:00, or an age: 90s, 15m, 2h, 3d"
        ) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 9):
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write 100, say")
    return int(text)


def _several(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _age(age: timedelta) -> str:
    seconds = max(int(age.total_seconds()), 0)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:,.1f}"


_COMMANDS = (
    Command(
        name="status",
        summary="what was accepted, and what became of it",
        add_options=_add_status_options,
        run=_run_status,
    ),
    Command(
        name="failed",
        summary="what was set aside, and why",
        add_options=_add_failed_options,
        run=_run_failed,
    ),
    Command(
        name="retry", summary="have what was set aside sent again", add_options=_add_decision_options, run=_run_retry
    ),
    Command(
        name="purge",
        summary="throw away what was set aside; it stays counted as failed",
        add_options=_add_decision_options,
        run=_run_purge,
    ),
)
COMMAND = Command(
    name="spool",
    summary="what a spool holds, what failed and why",
    description="Look at a spool, and decide about what failed.",
    add_options=lambda parser: add_commands(parser, _COMMANDS),
)
