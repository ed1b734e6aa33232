"""The thread that hands what is in a spool to an engine: where there is one, it stands in the courier's place."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from footfall.delivery.engines.engine import Engine, Finding
from footfall.delivery.native import Signal
from footfall.delivery.notices import Notices
from footfall.delivery.spool.spool import Spool
from footfall.errors import EngineError, SpoolError

__all__ = ["Forwarder", "describe_findings"]

_IDLE = 0.25  # seconds between two looks at the spool
_ROLE = 60.0  # seconds for which one forwards, unless it says so again: longer than its longest silence
_TOGETHER = 16  # parcels that are published before the engine is asked to have them on its disk
_AFTER_TROUBLE = 1.0  # seconds
_CHECK_AGAIN = 5.0  # seconds until an engine is looked at again that was not fit to be used
_LOOK_AGAIN = 5.0  # seconds until it is asked again whether it still has what it had: a replica may have taken over


class Forwarder:
    """Packs, publishes, and lets the spool go of what the engine has confirmed. Its steps are taken by one thread."""

    def __init__(
        self,
        spool: Spool,
        engine: Engine,
        notices: Notices,
        *,
        owner: str,
        trusted: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to nothing yet.

        Args:
            spool: What is forwarded.
            engine: Where to.
            notices: Where what happens is told.
            owner: Under which name; its process must be known to live by it.
            trusted: The site says that the engine loses nothing, whatever it looks like.
            monotonic: Seconds since whenever, that nobody sets.
        """
        self._spool = spool
        self._engine = engine
        self._notices = notices
        self._owner = owner
        self._trusted = trusted
        self._monotonic = monotonic
        self._signal = Signal()
        self._blocked_until = 0.0
        self._fit = False
        self._looked: dict[str, float] = {}  # by tracker, when the engine was last asked what it has
        self._stopping = False
        self._grace = 0.0
        self.trouble: str | None = None  #: why nothing is published; None: it is, or nothing was tried yet

    def run(self) -> None:
        """Take steps until told to stop; nothing that goes wrong ends this."""
        while not self._stopping:
            self.step(_IDLE)
        deadline = self._monotonic() + self._grace
        while self.trouble is None and self._monotonic() < deadline and self._try():
            continue
        self.finish()

    def stop(self, grace: float) -> None:
        """Let `run` return once all is published, *grace* seconds from now at the latest."""
        self._grace = grace
        self._stopping = True
        self._signal.set()

    def is_down(self, tracker: str) -> bool:  # noqa: ARG002 - it is one engine for all of them
        """Tell whether nothing is published at the moment."""
        return self.trouble is not None

    def wake(self) -> None:
        """Have the spool looked at now. Any thread may call this."""
        self._signal.set()

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's connection."""
        self._engine.leave_behind()

    def step(self, longest: float) -> None:
        """Publish what waits; where nothing does, wait at most so many seconds until something may."""
        blocked = self._blocked_until - self._monotonic()
        if blocked > 0:
            self._signal.wait(min(longest, blocked))
        elif not self._try():
            self._signal.wait(longest)

    def finish(self) -> None:
        """Let others forward, and let go of the engine."""
        try:
            self._spool.leave_role(self._owner)
        except SpoolError as error:
            self._notices.say(logging.ERROR, f"nobody else forwards for {_ROLE:g} seconds: {error}")
        finally:
            self._engine.close()

    def _try(self) -> bool:
        """Publish some of what waits; says whether there may be more."""
        try:
            more = self._forward()
        except EngineError as error:
            self._trouble(f"events stay in the spool: {error}")
            self._looked.clear()
            self._fit = False
            return False
        except SpoolError as error:
            self._trouble(f"events stay in the spool: {error}")
            return False
        except Exception as error:  # noqa: BLE001 - this thread must outlive what it does not foresee
            self._trouble(f"events stay in the spool: {type(error).__name__}")
            self._looked.clear()
            self._fit = False
            return False
        return more

    def _trouble(self, what: str) -> None:
        self.trouble = what
        self._notices.say(logging.ERROR, what)
        self._blocked_until = self._monotonic() + _AFTER_TROUBLE

    def _forward(self) -> bool:
        source = self._spool.take_over_role(self._owner, self._engine.name, lease=_ROLE)
        if source is None or not self._is_fit():
            return False
        more = self._erase()
        for tracker, waits in self._spool.forwarded_trackers().items():
            if waits or self._monotonic() - self._looked.get(tracker, -_LOOK_AGAIN) >= _LOOK_AGAIN:
                more |= self._publish(tracker, source)
        if self.trouble is not None:
            self.trouble = None
            self._notices.say(logging.WARNING, f"events are forwarded again to {self._engine.name}")
        return more

    def _is_fit(self) -> bool:
        if self._fit:
            return True
        findings = [one for one in self._engine.check() if not (self._trusted and one.durability)]
        if findings:
            self._trouble(f"events stay in the spool: {describe_findings(self._engine.name, findings)}")
            self._blocked_until = self._monotonic() + _CHECK_AGAIN
            return False
        self._fit = True
        return True

    def _erase(self) -> bool:
        erasures = self._spool.erasures()
        if erasures:
            self._engine.erase(erasures)
            self._spool.forget_erasures(erasures[-1].id)
        return bool(erasures)

    def _publish(self, tracker: str, source: str) -> bool:
        had = self._engine.marker(tracker, source)
        waiting = self._spool.parcels_after(tracker, source, had)
        if waiting is None:
            self._notices.say(
                logging.ERROR,
                "the engine has had requests that this spool never sent: an older copy of the spool was put back, or "
                "the power failed; what it holds is published again",
            )
            self._spool.renounce()
            return True
        number, more, last = 0, True, had
        while more and number < _TOGETHER:
            packed = waiting.pop(0) if waiting else self._spool.pack(tracker, source, last)
            if packed is None:
                more = False
                break
            if not self._engine.publish(tracker, source, self._spool.load(tracker, packed), after=last):
                self._notices.say(
                    logging.WARNING,
                    f"events stay in the spool: engine {self._engine.name} is full; start more workers, or see "
                    "`footfall spool status` for what keeps them",
                    tracker=tracker,
                )
                more = False
                break
            last = packed
            number += 1
        if last is not None:
            self._engine.sync()
            self._spool.confirm(tracker, source, last)
        self._looked[tracker] = self._monotonic()
        return more and number > 0


def describe_findings(engine: str, findings: list[Finding]) -> str:
    """Say in one line what is wrong with an engine."""
    return f"engine {engine}: {'; '.join(finding.text for finding in findings)}"
