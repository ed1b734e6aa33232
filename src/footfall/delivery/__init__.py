"""Delivery: every thread, file and socket of this package. It knows finished requests, and no event."""

from footfall.delivery.delivery import Delivery
from footfall.delivery.stats import Counters, Stats

__all__ = ["Counters", "Delivery", "Stats"]
