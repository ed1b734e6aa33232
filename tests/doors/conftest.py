"""A site whose wire requests are kept instead of sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from tests.doors.exchange import make_site

from footfall import Site
from footfall.testing import Recorder, recording


class Watched(NamedTuple):
    """A site, and what its views reported."""

    site: Site
    reported: Recorder


MakeWatched = Callable[..., Watched]


@pytest.fixture
def watch() -> Iterator[MakeWatched]:
    """Make watched sites: ``watch(ruid_cookie="off")``."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Watched:
            site = make_site(**settings)
            return Watched(site, stack.enter_context(recording(site)))

        yield make


@pytest.fixture
def watched(watch: MakeWatched) -> Watched:
    """Make a site with default settings."""
    return watch()
