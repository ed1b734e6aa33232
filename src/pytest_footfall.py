"""The pytest plug-in: one fixture. It stands beside the package, not in it, and imports it when the fixture is used.

pytest imports every installed plug-in at every start, in projects that have nothing to do with footfall too, and before
coverage begins to measure. A module inside the package would import the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from footfall import Site
    from footfall.testing import Recorder

__all__ = ["tracked"]


@pytest.fixture
def tracked() -> Iterator[Callable[[Site], Recorder]]:
    """Give a function that records what a site's views report until the test ends."""
    from footfall.testing import track_until_done

    yield from track_until_done()
