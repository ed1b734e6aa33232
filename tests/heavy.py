"""How often what depends on chance is tried: ten times as often with ``FOOTFALL_HEAVY`` set (``tox -e heavy``)."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["TIMES"]

#: Hypothesis draws as many times its number of examples; a test marked ``heavy`` runs as many times.
TIMES: Final = 10 if os.environ.get("FOOTFALL_HEAVY") else 1
