"""`footfall check`: prints what is wrong or risky in a site's configuration, or the record of what it stores."""

from __future__ import annotations

import argparse

from footfall.check import SEVERITIES, check_engine, check_site, describe_gpc, format_record, privacy_record
from footfall.commands.choosing import load_site
from footfall.commands.command import Command
from footfall.errors import BrokenExtra, ConfigError, MissingExtra

__all__ = ["COMMAND"]


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add the site, and what to print about it."""
    parser.add_argument("site", metavar="SITE", help="your site, as in shop.tracking:site")
    parser.add_argument(
        "--privacy",
        action="store_true",
        help="instead, print what is stored of visitors, where and for how long, for your record of processing",
    )


def _run(options: argparse.Namespace) -> int:
    """Print the findings, or the record.

    Returns:
        0, or 1 if there are errors.

    Raises:
        ConfigError: There is no such site.
    """
    try:
        site = load_site(options.site)
    except (ConfigError, MissingExtra, BrokenExtra) as error:
        if str(error).startswith("site: "):  # there is no site to check
            raise
        print(f"error: {error}")
        return 1
    if options.privacy:
        print(format_record(privacy_record(site)), describe_gpc(site.config), sep="\n\n")
        return 0
    findings = [*check_engine(site), *check_site(site)]
    for finding in findings:
        print(finding)
    counts = {severity: sum(one.severity == severity for one in findings) for severity in SEVERITIES}
    print(", ".join(f"{count} {severity}{'s' if count != 1 else ''}" for severity, count in counts.items()))
    return 1 if counts["error"] else 0


COMMAND = Command(
    name="check",
    summary="what is wrong or risky in your configuration, and what to do",
    description="Look at a site's configuration and at this machine. Errors do not work, warnings are risky or lose"
    " something, notes are good to know. Nothing is sent or written; an engine is asked whether it is fit. The exit"
    " status is 1 if there are errors.",
    add_options=_add_options,
    run=_run,
)
