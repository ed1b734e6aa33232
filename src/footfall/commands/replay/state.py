"""How far a replay came, in a small file, which is written only after delivery has taken what it counts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from footfall.commands.replay.totals import Totals
from footfall.errors import ConfigError

__all__ = ["State", "load_state"]

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A place between two rows, and what was counted up to there."""

    path: Path
    run: str  #: the replay's own name, so that no request is taken for another replay's
    options: str  #: a digest of what decides what rows become
    position: int = 0  #: bytes
    line: int = 0
    digest: str = ""  #: SHA-256 of the file up to there
    report: int = 0  #: bytes of the report of refused rows
    totals: Totals = field(default_factory=Totals)
    before: Mapping[str, int] = field(default_factory=dict[str, int])  #: the spool's counters when it began

    @property
    def begun(self) -> bool:
        """Whether a row was replayed already."""
        return self.position > 0

    def save(self) -> None:
        """Write it so that a crash leaves either the old file or the new one.

        Raises:
            OSError: It cannot be written.
        """
        found = {
            "version": _VERSION,
            "run": self.run,
            "options": self.options,
            "position": self.position,
            "line": self.line,
            "digest": self.digest,
            "report": self.report,
            "totals": self.totals.to_json(),
            "before": dict(self.before),
        }
        beside = self.path.with_name(f"{self.path.name}.new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)


def load_state(path: Path, *, run: str, options: str) -> State:
    """Read where an earlier replay stopped, or begin one.

    Args:
        path: The state file; it need not exist.
        run: The replay's name, if it begins now.
        options: A digest of what decides what rows become.

    Raises:
        ConfigError: The file is no state, or belongs to a replay with other options.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return State(path=path, run=run, options=options)
    try:
        state = _parse(path, cast("dict[str, Any]", json.loads(text)))
    except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError):
        raise ConfigError(
            f"state: {path} is no state of a replay, or of another release; name another with --state, "
            "or send everything with --restart"
        ) from None
    if state.options != options:
        raise ConfigError(
            f"state: {path} is of a replay with other options; repeat them as they were to go on, "
            "or send everything again with --restart"
        )
    return state


def _parse(path: Path, found: Mapping[str, Any]) -> State:
    if found["version"] != _VERSION:
        raise ValueError("of another release")
    return State(
        path=path,
        run=str(found["run"]),
        options=str(found["options"]),
        position=int(found["position"]),
        line=int(found["line"]),
        digest=str(found["digest"]),
        report=int(found["report"]),
        totals=Totals.from_json(found["totals"]),
        before={str(name): int(count) for name, count in found["before"].items()},
    )
