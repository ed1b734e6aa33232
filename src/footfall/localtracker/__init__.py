"""A tracker to run beside the application: it speaks both protocols exactly as documented, and shows what it received.

`protocol`, which is pure, tells right requests from wrong ones; `watch` finds what only a sequence of them shows;
`store` keeps them; `app` speaks HTTP, with `receiver` for those who track, `control` for tests and `live` for the page
in ``assets``; `server` runs it.
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
