"""`footfall deliver`: a process that does nothing but deliver what others have spooled."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from footfall.commands.choosing import DEFAULT_SPOOL, find_spool, load_site
from footfall.commands.command import Command
from footfall.commands.values import read_seconds
from footfall.delivery import Delivery, Stats, spool_status
from footfall.delivery.settings import spool_path
from footfall.errors import ConfigError, SpoolError

__all__ = ["COMMAND", "Deliverer"]

_ENDINGS = (signal.SIGTERM, signal.SIGINT)
_LOOK = 0.1  # seconds between two looks whether to end


class Deliverer:
    """Delivers from a spool until it is told to stop. Several may share one spool."""

    def __init__(
        self,
        spool: str = "sqlite:///footfall.sqlite3",
        *,
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
        if spool_path(spool) is None:
            raise ConfigError(
                'spool: is in memory, and a deliverer needs the spool that the site writes; write spool="sqlite:///..."'
            )
        self._delivery = Delivery(
            spool, retry_for=retry_for, timeout=timeout, concurrency=concurrency, on_drop=on_drop, proxy=proxy
        )

    def run(self, stop: threading.Event, *, drain: timedelta = timedelta(seconds=10)) -> int:
        """Deliver until *stop* is set, and then for *drain* at most what is still to be sent.

        A signal's handler may set *stop*; what is pending after the drain is sent by the next process.

        Returns:
            How many requests are still pending.

        Raises:
            SpoolError: The spool cannot be used at the start. Later trouble is logged, and it tries again.
        """
        self._delivery.attend()
        # Looked at, not waited for: a handler that runs in a thread which waits for an event may find the event's
        # own lock taken by that thread, and never return.
        while not stop.is_set():
            time.sleep(_LOOK)
        return self._delivery.close(drain.total_seconds())


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add what `run` needs to know."""
    parser.add_argument(
        "site",
        nargs="?",
        metavar="SITE",
        help="your site, as in shop.tracking:site: its spool, with its timeout, concurrency and patience",
    )
    parser.add_argument(
        "--spool", metavar="SPOOL", help=f"in place of a site: where the spool is (default: {DEFAULT_SPOOL})"
    )
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
        SpoolError: The spool cannot be used.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    spool, deliverer = _make_deliverer(options)
    stop = threading.Event()
    # Before any thread starts, so that none but the waiting one is ever interrupted: a handler that sets an event
    # in the thread that waits for it can find that event's lock taken by itself.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    threading.Thread(target=_wait_for_ending, args=(stop,), daemon=True).start()
    _say(f"delivering from {spool}; SIGTERM or Ctrl-C ends this, in at most {options.drain:g} seconds")
    if options.report:
        threading.Thread(target=_report, args=(spool, options.report, stop), daemon=True).start()
    pending = deliverer.run(stop, drain=timedelta(seconds=options.drain))
    _say(f"ended; {pending} pending, which the next process sends")
    return 0


def _make_deliverer(options: argparse.Namespace) -> tuple[str, Deliverer]:
    if options.site is None:
        spool = find_spool(options.spool or DEFAULT_SPOOL)
        return spool, Deliverer(spool, proxy=options.proxy)
    if options.spool is not None:
        raise ConfigError("spool: is given beside a site, which has its own; leave one of them out")
    if options.proxy is not None:
        raise ConfigError("proxy: is given beside a site, which has its own; leave one of them out")
    site = load_site(options.site)
    if not site.reporter.send:
        raise ConfigError("site: is switched off (FOOTFALL_SEND, or Site(send=False)); switch it on to deliver")
    settings = site.delivery.settings
    spool = "memory:" if settings.path is None else f"sqlite:///{settings.path}"
    deliverer = Deliverer(
        spool,
        retry_for=timedelta(seconds=settings.retry_for),
        timeout=timedelta(seconds=settings.timeout),
        concurrency=settings.concurrency,
        on_drop=settings.on_drop,
        proxy=settings.proxy,
    )
    return spool, deliverer


def _wait_for_ending(stop: threading.Event) -> None:
    signal.sigwait(_ENDINGS)
    stop.set()


def _report(spool: str, every: float, stop: threading.Event) -> None:
    before: Stats | None = None
    while not stop.wait(every):
        try:
            now = spool_status(spool).stats
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
    description="Deliver what other processes have spooled, until told to end. Several may share one spool, beside each"
    " other and beside a site that delivers itself.",
    add_options=_add_options,
    run=_run,
)
