"""`footfall forget`: erases what waits of a visitor who asked to be forgotten, by letter for example."""

from __future__ import annotations

import argparse
import sys
import time

from footfall.commands.choosing import load_site
from footfall.commands.command import Command
from footfall.delivery import Delivery
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.spool.outgoing import Erasure
from footfall.errors import ConfigError
from footfall.identity.ids import parse_guid
from footfall.identity.visitor import Visitor
from footfall.reporter import Reporter

__all__ = ["COMMAND"]

_LONGEST = 10.0  # seconds


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add the device and the site."""
    parser.add_argument("device_id", metavar="DEVICE_ID", help="the value of the visitor's device cookie (rsa)")
    parser.add_argument("--site", required=True, metavar="SITE", help="your site, as in shop.tracking:site")


def _run(options: argparse.Namespace) -> int:
    """Erase a visitor from a site's spool and tell the site; run it as the user that the site runs as.

    Returns:
        0: from then on the erasure is as durable as an event, even if this command is killed. 1: the erasure or the
        site's own ``on_forget`` failed.

    Raises:
        ConfigError: There is no such site, no such id, or no spool that another process can reach.
        SpoolError: The spool cannot be used.
    """
    device = parse_guid(options.device_id)
    if device is None:
        raise ConfigError("DEVICE_ID: is no GUID; copy the device cookie's value: 8-4-4-4-12 hexadecimal digits")
    site = load_site(options.site)
    settings = site.delivery.settings
    path = settings.path
    # A site that has just started may have a journal but no spool yet.
    here = path is not None and (path.exists() or settings.folder.exists())
    if not here and settings.engine is None:
        found = "is in memory: only its own process can reach it" if path is None else f"{path} does not exist here"
        raise ConfigError(f"spool: {found}; run this where the site runs, or call tracking.forget() in a view")
    # This delivery only erases. The site delivers what waits.
    delivery = (
        Delivery(f"sqlite:///{path}", engine=settings.engine, deliver_here=False) if here else Delivery("memory:")
    )
    reporter = Reporter(site.trackers, delivery, site.policy.notices, on_forget=site.on_forget)
    before = delivery.stats().erased
    done = reporter.erase(Visitor(device_id=device, anonymous_id=device))
    delivery.close(_LONGEST)
    erased = delivery.stats().erased - before
    if settings.engine is not None:
        # At once, not when the site next forwards: other machines may have published theirs.
        erased += _erase_in_engine(settings.engine, device)
    print(f"Erased {erased} request{'s' if erased != 1 else ''} that waited or had failed.")
    if site.on_forget is None:
        print("Site(on_forget=...) is not set: ask the trackers' vendors to erase this device too.")
    elif done:
        print("Site(on_forget=...) was called with this device only: no other id of theirs is known here.")
    print("The visitor's browser keeps its cookies until a view there calls tracking.forget() or tracking.deny().")
    if not done:
        print("Not all of it was done: see the errors above, mend their cause, and run this again.", file=sys.stderr)
        return 1
    return 0


def _erase_in_engine(url: str, device: str) -> int:
    engine = open_engine(url)
    try:
        before = engine.stats().erased
        engine.erase([Erasure(0, device, time.time())])
        return engine.stats().erased - before
    finally:
        engine.close()


COMMAND = Command(
    name="forget",
    summary="erase what waits of a visitor who asked for it",
    description="Erase a device's undelivered and failed requests from a site's spool and engine, and call"
    " Site(on_forget=...). Run it on the site's machine, as the user that the site runs as.",
    add_options=_add_options,
    run=_run,
)
