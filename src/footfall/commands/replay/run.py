"""Runs `footfall replay`: opens the file, the state and the spool, and prints how it ended."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import uuid
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, BinaryIO

from footfall.commands.choosing import choose_trackers, load_site, make_tracker
from footfall.commands.command import Command
from footfall.commands.console import make_console
from footfall.commands.replay.columns import Columns, Value
from footfall.commands.replay.engine import Refusal, Replay
from footfall.commands.replay.options import add_options, check_options, digest_of
from footfall.commands.replay.screen import SHOWN, Progress, show_refusals, show_samples, show_totals
from footfall.commands.replay.sending import Sender
from footfall.commands.replay.source import Format, Source, guess_format
from footfall.commands.replay.state import State, load_state
from footfall.commands.replay.totals import Totals
from footfall.delivery import Counters, Delivery
from footfall.errors import ConfigError
from footfall.trackers import Tracker

__all__ = ["COMMAND"]

_COUNTED = ("accepted", "delivered", "failed")
_GRACE = 5.0  # seconds for what is under way when it ends
_NOWHERE = "00000"  # the customer id of a dry run


def _run(options: argparse.Namespace) -> int:
    """Replay one file.

    Returns:
        0 if all requests are delivered; 1 if some wait or were set aside.

    Raises:
        ConfigError: An option or the file is wrong. It names field, finding and remedy.
        SpoolError: The spool cannot be used.
        OSError: A file cannot be read or written.
    """
    with ExitStack() as stack:
        tracker = _tracker(options)
        columns = _columns(options)
        check_options(options)
        stream, size = stack.enter_context(_opened(options.file))
        source = _source(options, stream)
        if source.columns:
            columns.check(source.columns)
        progress = Progress(size)
        if options.dry_run:
            return _look(options, source, columns, tracker, progress)
        return _send(options, source, columns, tracker, progress, stack)


def _look(options: argparse.Namespace, source: Source, columns: Columns, tracker: Tracker, progress: Progress) -> int:
    refusals: list[Refusal] = []
    with _report(options.report, 0) as report:
        replay = Replay(source, columns, tracker, Totals(), on_refused=_keep_few(refusals), report=report)
        with progress:
            replay.run(None, lambda _: None, lambda read: progress.rows(read, replay.totals))
    show_refusals(refusals, replay.totals.refused, options.report)
    show_samples(replay.samples)
    show_totals(replay.totals, None)
    return 0


def _send(
    options: argparse.Namespace,
    source: Source,
    columns: Columns,
    tracker: Tracker,
    progress: Progress,
    stack: ExitStack,
) -> int:
    delivery = Delivery(options.spool, deliver_here=not options.spool_only, durable="power")
    stack.callback(delivery.close, _GRACE)
    delivery.warm_up()
    sender = Sender(delivery, tracker.name, patience=options.patience, delivers=not options.spool_only)
    state = _state(options, source, sender.counters())
    resumed_at = state.totals.rows
    if state.begun:
        source.skip(state.position, state.line, state.digest)
    refusals: list[Refusal] = []
    report = stack.enter_context(_report(options.report, state.report))
    replay = Replay(source, columns, tracker, state.totals, on_refused=_keep_few(refusals), report=report)
    refused_before = state.totals.refused
    try:
        with progress:
            progress.rows(source, replay.totals)
            replay.run(
                state,
                lambda requests: sender.send(requests, progress.delivery),
                lambda read: progress.rows(read, replay.totals),
            )
            counters = _since(state, sender.settle(progress.delivery))
    except KeyboardInterrupt:
        make_console(stderr=True).print("Interrupted; the same command goes on from here.")
        raise
    show_refusals(refusals, replay.totals.refused - refused_before, options.report)
    if resumed_at:
        what = "Went on after" if replay.totals.rows > resumed_at else "Nothing new after"
        make_console(stderr=True).print(f"{what} {resumed_at:,} rows of an earlier replay; the table counts all.")
    show_totals(replay.totals, counters, options.spool)
    return 1 if counters.pending or counters.failed else 0


def _tracker(options: argparse.Namespace) -> Tracker:
    if options.site is not None:
        found = choose_trackers(load_site(options.site), options.tracker)
        if len(found) > 1:
            names = ", ".join(tracker.name for tracker in found)
            raise ConfigError(f"tracker: the site has {names}; say which: --tracker {found[0].name}")
        return found[0]
    if options.tracker is None:
        raise ConfigError("tracker: is missing; write --tracker yoochoose, say, or --site shop.tracking:site")
    return make_tracker(options.tracker, options, default_customer_id=_NOWHERE if options.dry_run else None)


def _columns(options: argparse.Namespace) -> Columns:
    named = (
        *("item", "item_type", "quantity", "price", "total", "currency", "order", "time", "user", "anonymous_id"),
        *("ruid", "device", "session", "category_path", "percentage", "rating"),
    )
    values = {name: Value.parse(written) for name in named if (written := getattr(options, name)) is not None}
    return Columns(
        **values,
        event=Value.parse(options.event or "=buy"),
        renamed=dict(options.rename),
        fields={name: Value.parse(written) for name, written in options.field},
        whole=frozenset(options.whole),
        decimal_comma=options.decimal_comma,
        time_format=options.time_format,
        anonymous_user=options.anonymous_user,
    )


@contextmanager
def _opened(name: str) -> Generator[tuple[BinaryIO, int | None]]:
    if name == "-":
        yield sys.stdin.buffer, None
        return
    with Path(name).open("rb") as stream:
        yield stream, os.fstat(stream.fileno()).st_size


def _source(options: argparse.Namespace, stream: BinaryIO) -> Source:
    written: Format | None = options.format or guess_format(options.file)
    if written is None:
        raise ConfigError("format: the file's name does not say; write --format csv or --format jsonl")
    return Source(
        stream,
        format=written,
        encoding=options.encoding,
        delimiter="\t" if options.delimiter == "tab" else options.delimiter,
        columns=options.columns.split(",") if options.columns else (),
    )


def _state(options: argparse.Namespace, source: Source, counters: Counters) -> State:
    where = [source.fingerprint, options.site, options.tracker, options.customer_id, options.base_url]
    key = hashlib.sha256(json.dumps(where).encode()).hexdigest()[:16]
    path = options.state or Path(f"footfall-replay-{key}.json")
    run_name = uuid.uuid4().hex
    if options.restart:
        state = State(path=path, run=run_name, options=digest_of(options))
    else:
        state = load_state(path, run=run_name, options=digest_of(options))
    if not state.begun:
        state = replace(state, before={name: getattr(counters, name) for name in _COUNTED})
        state.save()  # the run's name must be on disk before anything is sent under it
    return state


def _since(state: State, counters: Counters) -> Counters:
    """Count what became of this replay's requests, in a spool that may have had others."""
    return Counters(
        pending=counters.pending,
        **{name: getattr(counters, name) - state.before.get(name, 0) for name in _COUNTED},
    )


@contextmanager
def _report(path: Path | None, size: int) -> Generator[IO[bytes] | None]:
    """Open the report of refused rows, cut to what the state knows; the rest is written again."""
    if path is None:
        yield None
        return
    with path.open("ab") as report:
        report.truncate(min(size, report.tell()))
        yield report


def _keep_few(refusals: list[Refusal]) -> Callable[[Refusal], None]:
    """Keep as many as are shown."""

    def keep(refusal: Refusal) -> None:
        if len(refusals) < SHOWN:
            refusals.append(refusal)

    return keep


COMMAND = Command(
    name="replay",
    summary="send a file of orders, or of other history, to a tracker",
    description="Read CSV or JSON lines, and tell a tracker of each row once, whatever interrupts it. Rows that a"
    " tracker does not take are reported with their line and the reason.",
    add_options=add_options,
    run=_run,
)
