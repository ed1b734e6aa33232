"""How option values are read that several commands have."""

from __future__ import annotations

import argparse

__all__ = ["read_port", "read_seconds"]


def read_port(text: str) -> int:
    """Read a port's number.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number of 0 to 65535")
    return int(text)


def read_seconds(text: str) -> float:
    """Read a number of seconds, up to a day.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; write 0 to 86400")
    return seconds
