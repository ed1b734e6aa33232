"""Delivery: every thread, file and socket of this package. It knows finished requests, and no event."""

from footfall.delivery.delivery import Delivery
from footfall.delivery.failing import count_failed, list_failed, purge_failed, retry_failed
from footfall.delivery.spool.failed import FailedReason, FailedRequest
from footfall.delivery.spool.spool import KEEP_ONCE
from footfall.delivery.stats import Counters, Stats
from footfall.delivery.status import EngineStatus, SharedCounters, SpoolStatus, Wait, engine_status, spool_status

__all__ = [
    "KEEP_ONCE",
    "Delivery",
    "Stats",
    "Counters",
    "SpoolStatus",
    "EngineStatus",
    "SharedCounters",
    "Wait",
    "FailedRequest",
    "FailedReason",
    "spool_status",
    "engine_status",
    "list_failed",
    "count_failed",
    "retry_failed",
    "purge_failed",
]
