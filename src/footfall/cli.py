"""The `footfall` command: reads the command line, runs the subcommand that it names, and prints what went wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Final

from footfall.commands import check, deliver, demo, forget, preview, replay, spool, tracker
from footfall.commands.command import add_commands
from footfall.errors import FootfallError

__all__ = ["main", "make_parser"]

#: In the order of the help.
_COMMANDS: Final = (
    tracker.COMMAND,
    demo.COMMAND,
    replay.COMMAND,
    preview.COMMAND,
    deliver.COMMAND,
    spool.COMMAND,
    check.COMMAND,
    forget.COMMAND,
)
_FAILED = 1
_USAGE = 2
_INTERRUPTED = 130


class _ShowVersion(argparse.Action):
    """Shows the version; found only now, for no other command needs to know it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"footfall {version('footfall')}")
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="footfall", description="Know your site's visitors, and tell your recommendation service what they do."
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version, and end")
    add_commands(parser, _COMMANDS)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns:
        0 if the subcommand did its work; 1 if it failed; 2 if it was called wrongly, or a part is not installed.
    """
    parsed = make_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = parsed.run
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


if __name__ == "__main__":
    sys.exit(main())
