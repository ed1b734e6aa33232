"""Sees to it that nothing is carried across a fork: no thread, lock, socket, file or database handle.

SQLite forbids a child to use a connection of its parent's, or even to open one of its own while the library
believes the parent's to be its own. So the parent's is closed before the fork, and opened again after it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakMethod

__all__ = ["left_behind", "watch_forks"]

_watchers: list[tuple[WeakMethod[Any], WeakMethod[Any], WeakMethod[Any]]] = []

#: What a child has of its parent's objects: kept for ever, because their end would reach into what the parent uses.
left_behind: list[object] = []


def watch_forks(before: Callable[[], None], in_parent: Callable[[], None], in_child: Callable[[], None]) -> None:
    """Call three bound methods around each fork, for as long as their object lives."""
    _watchers.append((WeakMethod(before), WeakMethod(in_parent), WeakMethod(in_child)))


def _call(which: int) -> None:
    errors: list[Exception] = []
    for watcher in list(_watchers):
        method = watcher[which]()
        if method is None:
            with suppress(ValueError):  # two threads may fork at once
                _watchers.remove(watcher)
            continue
        try:
            method()
        except Exception as error:  # noqa: BLE001 - one that fails is not to keep the others from their fork
            errors.append(error)
    if errors:
        raise errors[0]  # the interpreter prints it


os.register_at_fork(
    before=lambda: _call(0),
    after_in_parent=lambda: _call(1),
    after_in_child=lambda: _call(2),
)
