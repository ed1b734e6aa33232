"""Runs the demo: starts tracker and shop, replays the visits, compares, and keeps both running."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from footfall import Config, Site
from footfall.consent import own_cookie
from footfall.delivery import Delivery
from footfall.demo.catalogue import make_catalogue
from footfall.demo.replay import replay
from footfall.demo.report import compare, format_report, format_summary
from footfall.demo.shop import CONSENT, create_shop, who_is_logged_in
from footfall.demo.visits import read_steps
from footfall.errors import ConfigError, missing_or_broken
from footfall.localtracker import BackgroundServer, LocalTracker, Rules, wait_for_interrupt
from footfall.trackers import Raptor, Yoochoose

__all__ = ["run_demo"]

_LONGEST_FLUSH = 60.0
_USUAL_SHOP_PORT = 8000
_USUAL_TRACKER_PORT = 8100


def run_demo(*, host: str, port: int | None, tracker_port: int | None, stay: bool) -> int:
    """Run the demo from beginning to end.

    Args:
        host: Where shop and tracker listen.
        port: The shop's port; ``None``: 8000, or a free one if that is taken.
        tracker_port: The local tracker's port; ``None``: 8100, or a free one.
        stay: Whether to keep both running until interrupted.

    Returns:
        The command's exit status: 0 if each tracker received each event once.

    Raises:
        ConfigError: A port that was asked for is taken.
        MissingExtra: rich or uvicorn is not installed.
    """
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError as error:
        raise missing_or_broken("the demo", "tracker", "rich", error) from error

    console = Console()
    steps = read_steps()
    with ExitStack() as stack:
        tracker = stack.enter_context(_open_tracker(host, tracker_port))
        site = stack.enter_context(_open_site(tracker.url))
        shop = stack.enter_context(_open_shop(site, host, port, [step.item for step in steps]))
        console.print(f"Shop {shop.url}/, local tracker {tracker.url}/", highlight=False)

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("Visiting the shop", total=len(steps))
            device = site.config.cookie_names.device
            devices = replay(steps, shop.url, device, lambda: progress.advance(task))
        site.flush(_LONGEST_FLUSH)

        report = compare(steps, devices, tracker.received(), site.config.session_idle.total_seconds())
        console.print(format_report(report, site.stats()))
        console.print(format_summary(report), highlight=False, soft_wrap=True)
        if stay:
            console.print(
                f"Click through the shop at {shop.url}/ and see it arrive at {tracker.url}/ - Ctrl-C ends both.",
                highlight=False,
                soft_wrap=True,
            )
            wait_for_interrupt()
    return 0 if report.complete else 1


def _open_tracker(host: str, port: int | None) -> LocalTracker:
    rules = Rules(replayed=True)
    if port is not None:
        return LocalTracker(host=host, port=port, rules=rules)
    try:
        return LocalTracker(host=host, port=_USUAL_TRACKER_PORT, rules=rules)
    except ConfigError:
        return LocalTracker(host=host, rules=rules)


@contextmanager
def _open_site(tracker: str) -> Iterator[Site]:
    """Open a site as a shop's settings would make it, with a spool that is deleted when the demo ends."""
    with tempfile.TemporaryDirectory(prefix="footfall-demo-") as folder:
        site = Site(
            Config(consent=own_cookie(), ruid_cookie="base64"),  # the persons are made up
            trackers=[Raptor("12345", base_url=tracker), Yoochoose("00000", base_url=tracker)],
            delivery=Delivery(spool=f"sqlite:///{Path(folder, 'footfall.sqlite3')}"),
            consent_endpoint=CONSENT,
            user_id=who_is_logged_in,
        )
        try:
            yield site
        finally:
            site.close()


def _open_shop(site: Site, host: str, port: int | None, items: list[int]) -> BackgroundServer:
    app = create_shop(site, make_catalogue(items))
    if port is not None:
        return BackgroundServer(app, host=host, port=port, what="the shop")
    try:
        return BackgroundServer(app, host=host, port=_USUAL_SHOP_PORT, what="the shop")
    except ConfigError:
        return BackgroundServer(app, host=host, what="the shop")
