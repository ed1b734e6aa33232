"""Packages that are as good as not installed."""

from __future__ import annotations

import sys

import pytest

__all__ = ["hide"]


def hide(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let importing *package* fail as if it were not installed, until the test ends."""
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
