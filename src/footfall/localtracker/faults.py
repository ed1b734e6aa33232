"""Faults to order: what a share of the requests gets instead of an answer, or before it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from footfall.errors import ConfigError

__all__ = ["Fault", "FaultKind", "Faults"]

FaultKind = Literal["latency", "hang", "cut", "400", "429", "500", "503"]

LONGEST: Final = 120.0  #: seconds that anything waits
KINDS: Final[Sequence[str]] = get_args(FaultKind)
_TRACKERS = (None, "raptor", "yoochoose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Raises:
        ConfigError: A value is impossible. It names field, finding and remedy.
    """

    kind: FaultKind
    """``latency``: the true answer, later. ``hang``: no answer until the client gives up. ``cut``: the connection ends
    without an answer. A number: that status."""
    share: float = 1.0  #: the share of the requests that get it, 0 to 1
    seconds: float = 2.0  #: how long a latency or a hang lasts, at most 120; after a hang the connection is cut
    retry_after: int = 5  #: seconds, in the header of 429 and 503; 0 leaves it out
    tracker: str | None = None  #: ``raptor`` or ``yoochoose``; ``None``: both

    def __post_init__(self) -> None:
        """Check every value."""
        if self.kind not in KINDS:
            raise ConfigError(f"kind: is no fault; write one of {', '.join(KINDS)}")
        if not 0 <= self.share <= 1:
            raise ConfigError(f"share: is {self.share}; write a number of 0 (none) to 1 (every request)")
        if not 0 <= self.seconds <= LONGEST:
            raise ConfigError(f"seconds: is {self.seconds}; write a number of 0 to {LONGEST:g}")
        if not 0 <= self.retry_after <= 86_400:
            raise ConfigError(
                f"retry_after: is {self.retry_after}; write whole seconds, 0 to 86400; 0 leaves the header out"
            )
        if self.tracker not in _TRACKERS:
            raise ConfigError("tracker: is no tracker; write raptor or yoochoose, or leave it out for both")


class Faults:
    """The faults that are on. Any thread may change them; each request reads them once.

    Args:
        chance: Returns a random number of 0 to 1, 1 excluded.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._on: tuple[Fault, ...] = ()

    @property
    def on(self) -> tuple[Fault, ...]:
        """The faults that are on."""
        return self._on

    def order(self, fault: Fault) -> None:
        """Turn a fault on; it replaces one of the same kind and tracker. A share of 0 turns that off.

        Raises:
            ConfigError: Together, the faults ask for more than every request.
        """
        others = tuple(one for one in self._on if (one.kind, one.tracker) != (fault.kind, fault.tracker))
        wanted = (*others, fault) if fault.share else others
        for tracker in ("raptor", "yoochoose"):
            if sum(one.share for one in wanted if one.kind != "latency" and one.tracker in (None, tracker)) > 1:
                raise ConfigError("share: is, with the other faults, more than every request; lower another one first")
        self._on = wanted

    def mend(self) -> None:
        """Turn all faults off."""
        self._on = ()

    def draw(self, tracker: str) -> tuple[float, Fault | None]:
        """Draw what happens to one request: seconds to wait first, and the fault instead of the answer."""
        on = [one for one in self._on if one.tracker in (None, tracker)]
        wait = sum(one.seconds for one in on if one.kind == "latency" and self._chance() < one.share)
        drawn = self._chance()
        for one in on:
            if one.kind != "latency":
                if drawn < one.share:
                    return wait, one
                drawn -= one.share
        return wait, None
