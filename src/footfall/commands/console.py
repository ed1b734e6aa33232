"""The console that shows tables and progress bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footfall.errors import missing_or_broken

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["make_console"]


def make_console(*, stderr: bool = False, width: int = 160) -> Console:
    """Make a console that shows text as it is.

    Args:
        stderr: Whether it writes to standard error.
        width: Its width in columns where there is no terminal.

    Raises:
        MissingExtra: rich is not installed.
    """
    try:
        from rich.console import Console
    except ImportError as error:
        raise missing_or_broken("showing this", "cli", "rich", error) from error
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = width
    return console
