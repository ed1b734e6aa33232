"""Delivery: every thread, file and socket of this package. It knows finished requests, and no event."""

from footfall.delivery.delivery import Delivery
from footfall.delivery.failed import FailedRequest
from footfall.delivery.maintenance import SpoolStatus, list_failed, purge_failed, retry_failed, spool_status
from footfall.delivery.stats import Counters, Stats

__all__ = [
    "Delivery",
    "Stats",
    "Counters",
    "SpoolStatus",
    "FailedRequest",
    "spool_status",
    "list_failed",
    "retry_failed",
    "purge_failed",
]
