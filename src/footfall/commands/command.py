"""What a subcommand of `footfall` is, and how one is added to the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Command", "add_commands"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One subcommand: its name, help, options and work."""

    name: str
    summary: str  #: its line in the list of commands
    description: str = ""  #: the beginning of its own help; ``""``: the summary, as a sentence
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int] | None = None
    """Takes the options and returns the exit status; ``None`` where *add_options* adds subcommands."""


def add_commands(parser: argparse.ArgumentParser, commands: Iterable[Command]) -> None:
    """Add subcommands to a command line; ``run`` of what is parsed is then the function of the one that was named."""
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        description = command.description or f"{command.summary[0].upper()}{command.summary[1:]}."
        added = subparsers.add_parser(command.name, help=command.summary, description=description)
        added.set_defaults(run=command.run)
        command.add_options(added)
