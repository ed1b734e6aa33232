"""A tracker to run beside the application: both protocols, exactly as documented, and what it received.

`protocol` is pure and knows right from wrong, `watch` what only a sequence shows; `store` keeps; `app` speaks HTTP:
`receiver` to those who track, `control` to tests, `live` to the page in ``assets``; `server` runs it.
"""

from __future__ import annotations

from footfall.localtracker.app import create_app
from footfall.localtracker.assessment import Assessment, Problem, Rules
from footfall.localtracker.faults import Fault, Faults
from footfall.localtracker.protocol import assess, format_answer
from footfall.localtracker.received import Count, Filter, Received
from footfall.localtracker.server import BackgroundServer, LocalTracker, wait_for_interrupt
from footfall.localtracker.store import Store

__all__ = [
    "BackgroundServer",
    "Count",
    "Fault",
    "Faults",
    "Filter",
    "LocalTracker",
    "Problem",
    "Received",
    "Rules",
    "Store",
    "Assessment",
    "create_app",
    "format_answer",
    "assess",
    "wait_for_interrupt",
]
