"""`footfall deliver`: a process that does nothing but deliver what others have spooled."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from footfall.commands.choosing import DEFAULT_SPOOL, find_spool, load_site
from footfall.commands.command import Command
from footfall.commands.values import read_seconds
from footfall.delivery import Delivery, Stats, engine_status, spool_status
from footfall.delivery.addresses import check_engine, is_engine, name_engine
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.settings import journal_folder, spool_path
from footfall.delivery.worker import Worker
from footfall.errors import ConfigError, SpoolError

__all__ = ["COMMAND", "Deliverer"]

_ENDINGS = (signal.SIGTERM, signal.SIGINT)
_LOOK = 0.1  # seconds between two looks whether to end
_LOOK_ONCE = 0.5  # seconds between two looks whether anything is left
_QUIET = 3.0  # seconds in which nothing is under way or done: longer than a request waits that an order has written
ENGINE = "FOOTFALL_ENGINE"  #: the environment variable that names an engine, for a URL may hold a password


class Deliverer:
    """Delivers from a spool or an engine until it is told to stop. Several may share one.

    Given both, it forwards from the spool to the engine, and sends from there.
    """

    def __init__(
        self,
        spool: str | None = "sqlite:///footfall.sqlite3",
        *,
        engine: str | None = None,
        engine_durable: bool = False,
        retry_for: timedelta = timedelta(days=1),
        timeout: timedelta = timedelta(seconds=10),
        concurrency: int = 64,
        on_drop: Callable[[str, str, int], None] | None = None,
        proxy: str | None = None,
    ) -> None:
        """Check the settings, which mean what they mean to `Delivery`, and open nothing.

        Raises:
            ConfigError: A value is wrong, or the spool is in memory, which no other process can reach.
        """
        if spool is not None and spool_path(spool) is None:
            raise ConfigError(
                'spool: is in memory, and a deliverer needs the spool that the site writes; write spool="sqlite:///..."'
            )
        self._spool = spool
        self._worker: Worker | None = None
        self._delivery: Delivery | None = None
        if engine is not None:
            self._worker = Worker(
                engine,
                engine_durable=engine_durable,
                retry_for=retry_for,
                timeout=timeout,
                concurrency=concurrency,
                proxy=proxy,
            )
        if spool is not None:
            self._delivery = Delivery(
                spool,
                engine=engine,
                engine_durable=engine_durable,
                retry_for=retry_for,
                timeout=timeout,
                concurrency=concurrency,
                on_drop=on_drop,
                proxy=proxy,
            )

    def run(self, stop: threading.Event, *, drain: timedelta = timedelta(seconds=10), once: bool = False) -> int:
        """Deliver until *stop* is set, and then for *drain* at most what is still to be sent.

        A signal's handler may set *stop*; what is pending after the drain is sent by the next process.

        Args:
            stop: Ends it.
            drain: How long the end may take.
            once: End by itself, too, once nothing is left that can be sent now.

        Returns:
            How many requests are still pending.

        Raises:
            SpoolError: The spool or the engine cannot be used at the start. Later trouble is logged, and it tries
                again.
        """
        if self._worker is not None:
            self._worker.start()
        if self._delivery is not None:
            self._delivery.attend()
        rest = _Rest(self._look)
        # Looked at, not waited for: a handler that runs in a thread which waits for an event may find the event's
        # own lock taken by that thread, and never return.
        while not stop.is_set() and not (once and rest.has_come()):
            time.sleep(_LOOK)
        deadline = time.monotonic() + drain.total_seconds()
        pending = 0 if self._delivery is None else self._delivery.close(drain.total_seconds())
        if self._worker is not None:
            pending += self._worker.stop(max(deadline - time.monotonic(), 0.0))
        return pending

    def _look(self) -> _Look:
        pending = under_way = done = 0
        if self._spool is not None and spool_path(self._spool) is not None and _exists(self._spool):
            status = spool_status(self._spool)
            pending, under_way = status.stats.pending, status.under_way
            done = status.stats.delivered + status.stats.failed + status.stats.forwarded
            down = {name for name, waits in status.waits.items() if any(wait.why != "backing off" for wait in waits)}
            if down.issuperset(name for name, one in status.stats.trackers.items() if one.pending):
                under_way = 0  # nothing but probes
        if self._worker is not None:
            depth = self._worker.depth()
            waiting = [name for name, one in depth.stats.trackers.items() if one.pending]
            pending += depth.stats.pending
            under_way += 0 if all(map(self._worker.is_down, waiting)) else depth.under_way
            done += depth.stats.delivered + depth.stats.failed
        return _Look(pending, under_way, done)


class _Look(NamedTuple):
    pending: int
    under_way: int
    done: int


class _Rest:
    """Tells when nothing is left that can be sent now: nothing at all, or what there is waits for its next try."""

    def __init__(self, look: Callable[[], _Look]) -> None:
        self._look = look
        self._last: _Look | None = None
        self._since = time.monotonic()
        self._next = 0.0

    def has_come(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _LOOK_ONCE
        try:
            now = self._look()
        except SpoolError:  # as has been said by who delivers
            now = _Look(1, 0, -1)
        if not now.pending:
            return True
        if now.under_way or self._last is None or now.done != self._last.done:
            self._since = time.monotonic()
        self._last = now
        return time.monotonic() - self._since > _QUIET


def _exists(spool: str) -> bool:
    path = spool_path(spool)
    return path is not None and (path.exists() or journal_folder(path).exists())


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add what `run` needs to know."""
    parser.add_argument(
        "site",
        nargs="?",
        metavar="SITE",
        help="your site, as in shop.tracking:site: its spool and engine, with its timeout, concurrency and patience",
    )
    parser.add_argument(
        "--spool", metavar="SPOOL", help=f"in place of a site: where the spool is (default: {DEFAULT_SPOOL})"
    )
    parser.add_argument(
        "--engine",
        metavar="URL",
        help="in place of a site: deliver from an engine, postgresql://..., redis://..., rediss://... or unix://...; "
        f"better set in the environment, as {ENGINE}; beside --spool, forward from that spool, too",
    )
    parser.add_argument(
        "--engine-durable",
        action="store_true",
        help="beside --engine: your word that it loses nothing, where it cannot tell",
    )
    parser.add_argument("--migrate", action="store_true", help="make the engine's tables, or bring them up to date")
    parser.add_argument("--once", action="store_true", help="end once nothing is left that can be sent now")
    parser.add_argument(
        "--proxy", metavar="URL", help="beside --spool: a proxy to send through, or environment for HTTPS_PROXY's"
    )
    parser.add_argument(
        "--drain",
        type=read_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long SIGTERM or Ctrl-C may take, for what is still to be sent (default: %(default)g)",
    )
    parser.add_argument(
        "--report",
        type=read_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how often a line of counts is written; 0: never (default: %(default)g)",
    )


def _run(options: argparse.Namespace) -> int:
    """Deliver until SIGTERM or SIGINT, which stay blocked in this process from then on.

    Raises:
        ConfigError: There is no such site, or its spool is out of another process's reach.
        SpoolError: The spool, or the engine, cannot be used.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    told = _read_options(options)
    if options.migrate:
        return _migrate(told.engine)
    deliverer = told.make()
    stop = threading.Event()
    # Before any thread starts, so that none but the waiting one is ever interrupted: a handler that sets an event
    # in the thread that waits for it can find that event's lock taken by itself.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    threading.Thread(target=_wait_for_ending, args=(stop,), daemon=True).start()
    _say(f"delivering from {told.name}; SIGTERM or Ctrl-C ends this, in at most {options.drain:g} seconds")
    if options.report:
        threading.Thread(target=_report, args=(told.engine or told.spool, options.report, stop), daemon=True).start()
    pending = deliverer.run(stop, drain=timedelta(seconds=options.drain), once=options.once)
    _say(f"ended; {pending} pending, which the next process sends")
    return 0


class _Told(NamedTuple):
    """What the options say, or the site that they name."""

    spool: str | None
    engine: str | None
    settings: dict[str, Any]

    @property
    def name(self) -> str:
        names = [] if self.engine is None else [name_engine(self.engine)]
        return " and ".join(names + ([] if self.spool is None else [self.spool]))

    def make(self) -> Deliverer:
        return Deliverer(self.spool, engine=self.engine, **self.settings)


def _read_options(options: argparse.Namespace) -> _Told:
    if options.site is None:
        engine: str | None = options.engine or os.environ.get(ENGINE) or None
        if engine is None:
            for name in ("engine_durable", "migrate"):
                if getattr(options, name):
                    what = name.replace("_", "-")
                    raise ConfigError(f"{what}: is given without an engine; write --engine postgresql://..., say")
        spool = None if engine is not None and options.spool is None else find_spool(options.spool or DEFAULT_SPOOL)
        settings = {"proxy": options.proxy, "engine_durable": options.engine_durable}
        return _Told(spool, None if engine is None else check_engine(engine), settings)
    for name in ("spool", "engine", "engine_durable", "proxy"):
        if getattr(options, name):
            what = name.replace("_", "-")
            raise ConfigError(f"{what}: is given beside a site, which has its own; leave one of them out")
    site = load_site(options.site)
    if not site.reporter.send:
        raise ConfigError("site: is switched off (FOOTFALL_SEND, or Site(send=False)); switch it on to deliver")
    of = site.delivery.settings
    spool = "memory:" if of.path is None else f"sqlite:///{of.path}"
    if of.engine is not None and not _exists(spool):
        spool = None  # a worker on a machine of its own: there is nothing to forward
    elif of.engine is None and options.migrate:
        raise ConfigError("migrate: is given, and the site has no engine; write Delivery(engine=...), or leave it out")
    settings = {
        "retry_for": timedelta(seconds=of.retry_for),
        "timeout": timedelta(seconds=of.timeout),
        "concurrency": of.concurrency,
        "on_drop": of.on_drop,
        "proxy": of.proxy,
        "engine_durable": of.engine_durable,
    }
    return _Told(spool, of.engine, settings)


def _migrate(url: str | None) -> int:
    engine = open_engine(url or "")
    try:
        engine.migrate()
        findings = engine.check()
    finally:
        engine.close()
    _say(f"engine {engine.name} has all that it needs")
    for finding in findings:
        print(f"footfall: engine {engine.name}: {finding.text}", file=sys.stderr)
    return 1 if findings else 0


def _wait_for_ending(stop: threading.Event) -> None:
    signal.sigwait(_ENDINGS)
    stop.set()


def _report(place: str, every: float, stop: threading.Event) -> None:
    before: Stats | None = None
    while not stop.wait(every):
        try:
            now = engine_status(place).stats if is_engine(place) else spool_status(place).stats
        except (SpoolError, OSError) as error:
            _say(f"nothing can be counted: {error}")
            continue
        _say(_counts(now, before))
        before = now


def _counts(now: Stats, before: Stats | None) -> str:
    more = "" if before is None else f" ({now.delivered - before.delivered:+} since the last line)"
    return (
        f"accepted {now.accepted}, delivered {now.delivered}{more}, pending {now.pending}, failed {now.failed}, "
        f"erased {now.erased}, refused {sum(now.refused.values())}"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {line}\n")
    sys.stdout.flush()


COMMAND = Command(
    name="deliver",
    summary="a process that delivers what your site has spooled",
    description="Deliver what other processes have spooled, or published to an engine, until told to end. Several may"
    " share one spool, beside each other and beside a site that delivers itself; any number may share an engine.",
    add_options=_add_options,
    run=_run,
)
