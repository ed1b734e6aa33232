"""The counters as OpenTelemetry metrics, read back by the SDK's own reader."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from footfall.delivery import Counters, Delivery, Stats
from footfall.errors import MissingExtra, SpoolError
from footfall.metrics import Counted, observe
from footfall.wire import WireRequest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Sum

Point = tuple[tuple[tuple[str, Any], ...], int]


class Meters:
    """A provider, and what its reader reads."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def sums(self) -> dict[str, Sum]:
        data = self._reader.get_metrics_data()
        found: dict[str, Sum] = {}
        for metric in [m for r in (data.resource_metrics if data else ()) for s in r.scope_metrics for m in s.metrics]:
            assert isinstance(metric.data, Sum)
            found[metric.name.removeprefix("footfall.requests.")] = metric.data
        return found

    def points(self) -> dict[str, list[Point]]:
        return {
            name: sorted((tuple(sorted((p.attributes or {}).items())), int(p.value)) for p in found.data_points)
            for name, found in self.sums().items()
        }


@pytest.fixture
def meters() -> Iterator[Meters]:
    meters = Meters()
    yield meters
    meters.provider.shutdown()


class Counting:
    """A site that has counted so far."""

    def __init__(self, trackers: Mapping[str, Counters]) -> None:
        self._stats = Stats.of(trackers)
        self.asked = 0

    def stats(self) -> Stats:
        self.asked += 1
        return self._stats


ONE = Counters(accepted=10, delivered=5, pending=2, failed=2, erased=1, refused={"consent": 7, "bot": 3})


def test_every_counter_is_there_by_tracker_and_refusals_by_reason(meters: Meters) -> None:
    observe(Counting({"one": ONE, "two": Counters(accepted=4, delivered=4)}), meter_provider=meters.provider)
    one, two = (("tracker", "one"),), (("tracker", "two"),)
    assert meters.points() == {
        "accepted": [(one, 10), (two, 4)],
        "delivered": [(one, 5), (two, 4)],
        "pending": [(one, 2), (two, 0)],
        "failed": [(one, 2), (two, 0)],
        "erased": [(one, 1), (two, 0)],
        "forwarded": [(one, 0), (two, 0)],
        "refused": [((("reason", "bot"), *one), 3), ((("reason", "consent"), *one), 7)],
    }


def test_only_what_can_shrink_is_said_to(meters: Meters) -> None:
    observe(Counting({"one": ONE}), meter_provider=meters.provider)
    shrinking = {name for name, found in meters.sums().items() if not found.is_monotonic}
    assert shrinking == {"pending", "failed"}


def test_one_export_shows_one_moment(meters: Meters) -> None:
    site = Counting({"one": ONE})
    observe(site, meter_provider=meters.provider)
    meters.sums()
    assert site.asked == 1


def test_a_real_delivery_is_read_and_no_label_names_a_visitor(meters: Meters, tmp_path: Path) -> None:
    delivery = Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", deliver_here=False)
    delivery.accept([WireRequest(tracker="main", kind="click", url="http://127.0.0.1:9/anna", visitor="anna")])
    delivery.set_aside("main", "buy", "anna", "price: 12 characters, no number")
    observe(delivery, meter_provider=meters.provider)
    points = meters.points()
    delivery.close()
    main = (("tracker", "main"),)
    assert points == {
        "accepted": [(main, 2)],
        "delivered": [(main, 0)],
        "pending": [(main, 1)],
        "failed": [(main, 1)],
        "erased": [(main, 0)],
        "forwarded": [(main, 0)],
    }


def test_a_spool_that_cannot_be_read_leaves_a_gap_and_one_warning(
    meters: Meters, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def stats(self) -> Stats:
            raise SpoolError("spool x is damaged")

    observe(Broken(), meter_provider=meters.provider)
    with caplog.at_level(logging.WARNING):
        assert meters.points() == {}
    assert caplog.messages == ["nothing can be counted: spool x is damaged"]


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    site: Counted = Counting({})
    with pytest.raises(MissingExtra, match=r"footfall\[otel\]"):
        observe(site)
