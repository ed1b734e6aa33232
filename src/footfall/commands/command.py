"""What a subcommand of `footfall` is, and how one is added to the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Command", "add_commands"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One subcommand: what it is called, how it is explained, what it is given and what it does."""

    name: str
    summary: str  #: its line in the list of commands
    description: str = ""  #: the head of its own help; ``""``: the summary, as a sentence
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int] | None = None
    """From the options to the exit status; ``None`` where *add_options* adds commands in its turn."""


def add_commands(parser: argparse.ArgumentParser, commands: Iterable[Command]) -> None:
    """Let a command line name one of these; ``run`` of what is parsed is then the one to run."""
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        description = command.description or f"{command.summary[0].upper()}{command.summary[1:]}."
        added = subparsers.add_parser(command.name, help=command.summary, description=description)
        added.set_defaults(run=command.run)
        command.add_options(added)
