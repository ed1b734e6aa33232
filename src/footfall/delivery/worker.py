"""One of a fleet: a process's threads that send from an engine. Start as many as are needed, wherever they are."""

from __future__ import annotations

import logging
import os
import socket
from datetime import timedelta

from footfall.delivery.engines.engine import LEASE, Depth, Engine
from footfall.delivery.engines.forwarder import describe_findings
from footfall.delivery.engines.opening import open_engine
from footfall.delivery.native import Signal, Thread
from footfall.delivery.notices import Notices
from footfall.delivery.sending.courier import Courier
from footfall.delivery.settings import check_settings
from footfall.errors import EngineError

__all__ = ["Worker"]

_AFTER_TROUBLE = 2.0  # seconds
_GRACE = 0.8  # of the time to stop: for what is under way


class Worker:
    """Leases from an engine, sends, and settles; if it dies, others take over within seconds."""

    def __init__(
        self,
        engine: str,
        *,
        retry_for: timedelta = timedelta(days=1),
        timeout: timedelta = timedelta(seconds=10),
        concurrency: int = 64,
        proxy: str | None = None,
        engine_durable: bool = False,
        lease: float = LEASE,
    ) -> None:
        """Check the settings, which mean what they mean to `Delivery`, and connect to nothing.

        Args:
            engine: Its URL.
            retry_for: How long after its acceptance a request is tried again.
            timeout: For one request.
            concurrency: How many requests one tracker is sent at a time.
            proxy: What all requests go through.
            engine_durable: The site's word that the engine loses nothing.
            lease: Seconds until others take over what this one has under way, should it die.

        Raises:
            ConfigError: A value is wrong.
        """
        self._settings = check_settings(
            spool="memory:",
            engine=engine,
            deliver_here=True,
            durable="process",
            max_pending_bytes=None,
            retry_for=retry_for,
            timeout=timeout,
            concurrency=concurrency,
            on_drop=None,
            proxy=proxy,
            engine_durable=engine_durable,
        )
        self._url = engine
        self._engine: Engine = open_engine(engine)
        self._looking: Engine = open_engine(engine)  # for whoever counts, beside the thread that sends
        self._notices = Notices()
        self._over = Signal()
        self._stopping = False
        self._courier = Courier(
            self._engine,
            self._notices,
            owner=f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}",
            timeout=self._settings.timeout,
            retry_for=self._settings.retry_for,
            concurrency=self._settings.concurrency,
            proxy=self._settings.proxy,
            lease=lease,
        )
        self._threads = (Thread("footfall-courier", self._courier.run), Thread("footfall-listener", self._listen))

    @property
    def name(self) -> str:
        """Where the engine is, without user and password."""
        return self._engine.name

    def start(self) -> None:
        """Look at the engine, and begin.

        Raises:
            EngineError: It cannot be reached, or would lose requests. Says what to change.
        """
        try:
            refuse_unfit(self._looking, trusted=self._settings.engine_durable)
        except EngineError:
            self._looking.close()
            raise
        for thread in self._threads:
            thread.start()

    def is_down(self, tracker: str) -> bool:
        """Tell whether a tracker counts as down: nothing but a probe is sent to it."""
        return self._courier.is_down(tracker)

    def depth(self) -> Depth:
        """Look at what waits in the engine.

        Raises:
            EngineError: It cannot be reached.
        """
        return self._looking.depth()

    def stop(self, timeout: float) -> int:
        """End within *timeout* seconds, most of them for what is under way; returns what waits in the engine."""
        self._stopping = True
        self._over.set()
        self._courier.stop(timeout * _GRACE)
        for thread in self._threads:
            if thread.has_begun:
                thread.join(timeout)
        try:
            return self._looking.stats().pending
        except EngineError as error:
            self._notices.say(logging.ERROR, f"nothing can be counted: {error}")
            return 0
        finally:
            self._looking.close()
            self._engine.close()

    def _listen(self) -> None:
        """Hear of what is published, as a hint: what it misses is found a moment later."""
        engine = open_engine(self._url)
        while not self._stopping:
            try:
                if not engine.listen(self._courier.wake, self._is_over):
                    return
            except EngineError as error:
                self._notices.say(logging.WARNING, str(error))
                self._over.wait(_AFTER_TROUBLE)
        engine.close()

    def _is_over(self) -> bool:
        return self._stopping


def refuse_unfit(engine: Engine, *, trusted: bool) -> None:
    """Refuse an engine that would lose requests, or cannot keep them.

    Args:
        engine: Which.
        trusted: The site says that it loses nothing, whatever it looks like.

    Raises:
        EngineError: It is one of these, or cannot be reached. Names the line to change.
    """
    findings = [one for one in engine.check() if not (trusted and one.durability)]
    if findings:
        raise EngineError(describe_findings(engine.name, findings))
