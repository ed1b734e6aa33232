"""A site's counters as OpenTelemetry metrics: how many requests were accepted, delivered or lost, by tracker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from footfall.delivery import Counters, Stats
from footfall.errors import SpoolError, missing_or_broken

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

__all__ = ["Counted", "observe"]

logger = logging.getLogger("footfall.metrics")

_FRESH = 1.0  # seconds that one reading serves, so that the seven instruments of an export show the same moment

_Values = Iterator[tuple[int, dict[str, str]]]


class Counted(Protocol):
    """What can be observed: a `Site`, a `Delivery`, an engine's `SharedCounters`."""

    def stats(self) -> Stats:
        """Count wire requests."""
        ...


def observe(site: Counted, *, meter_provider: MeterProvider | None = None) -> None:
    """Register a site's counters. They are read when the application's exporter asks, never while a page is served.

    ``footfall.requests.accepted``, ``.delivered``, ``.erased`` and ``.refused`` only grow; ``.pending`` and ``.failed``
    also shrink; ``.forwarded`` grows where there is an engine. Each has the attribute ``tracker``, ``.refused`` also
    ``reason``; none names a visitor. They count the whole spool, over all processes that share it: call this once, in
    one process of each machine. What an engine has of all machines is counted by `footfall.delivery.SharedCounters`:
    observe that in one process alone, with a provider of its own.

    Args:
        site: The site, or an engine's counters.
        meter_provider: Where they go; the application's own by default.

    Raises:
        MissingExtra: The extra ``otel`` is not installed.
    """
    try:
        from opentelemetry import metrics
    except ImportError as error:
        raise missing_or_broken("footfall.metrics", "otel", "opentelemetry", error) from error

    meter = metrics.get_meter("footfall", meter_provider=meter_provider)
    reading = _Reading(site)

    def callback(values: Callable[[str, Counters], _Values]) -> Callable[[CallbackOptions], Sequence[Observation]]:
        def read(_: CallbackOptions) -> Sequence[Observation]:
            return [
                metrics.Observation(value, attributes)
                for tracker, counters in reading.trackers().items()
                for value, attributes in values(tracker, counters)
            ]

        return read

    growing, moving = meter.create_observable_counter, meter.create_observable_up_down_counter
    for name, create, values, description in (
        ("accepted", growing, _accepted, "Taken over from the application, and durable from then on"),
        ("delivered", growing, _delivered, "The tracker said yes"),
        ("erased", growing, _erased, "Dropped because their visitor asked to be forgotten"),
        ("forwarded", growing, _forwarded, "Handed to an engine, which counts what becomes of them"),
        ("refused", growing, _refused, "Never accepted, by reason"),
        ("pending", moving, _pending, "Waiting, or under way"),
        ("failed", moving, _failed, "Set aside with a reason, for a person to decide"),
    ):
        create(f"footfall.requests.{name}", [callback(values)], unit="{request}", description=description)


class _Reading:
    """The counters, at most a second old."""

    def __init__(self, site: Counted) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._trackers: Mapping[str, Counters] = {}
        self._until = 0.0

    def trackers(self) -> Mapping[str, Counters]:
        with self._lock:  # several exporters may ask at once
            if time.monotonic() >= self._until:
                try:
                    self._trackers = self._site.stats().trackers
                except (SpoolError, OSError) as error:
                    logger.warning("nothing can be counted: %s", error)
                    self._trackers = {}  # a gap in the graph is true; old numbers would not be
                self._until = time.monotonic() + _FRESH
            return self._trackers


def _accepted(tracker: str, counters: Counters) -> _Values:
    yield counters.accepted, {"tracker": tracker}


def _delivered(tracker: str, counters: Counters) -> _Values:
    yield counters.delivered, {"tracker": tracker}


def _erased(tracker: str, counters: Counters) -> _Values:
    yield counters.erased, {"tracker": tracker}


def _forwarded(tracker: str, counters: Counters) -> _Values:
    yield counters.forwarded, {"tracker": tracker}


def _refused(tracker: str, counters: Counters) -> _Values:
    for reason, number in counters.refused.items():
        yield number, {"tracker": tracker, "reason": reason}


def _pending(tracker: str, counters: Counters) -> _Values:
    yield counters.pending, {"tracker": tracker}


def _failed(tracker: str, counters: Counters) -> _Values:
    yield counters.failed, {"tracker": tracker}
