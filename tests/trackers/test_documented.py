"""What the trackers' documents leave to the shop, or put out of reach of a test, is said in ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.identity.asking import make_site, view

from footfall.events import Click, PageView
from footfall.localtracker import assess
from footfall.testing import recording

DOCUMENT = " ".join((Path(__file__).parents[2] / "docs" / "trackers.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("a `coid`, Raptor's figures count `sid`s", id="R-16"),
        pytest.param("`am` names the module that gets the credit for a purchase", id="R-16, am"),
        pytest.param("give an internal number rather than an address", id="Y-09"),
        pytest.param("use the same kind of id everywhere", id="Y-20"),
        pytest.param(
            "Recommendation requests**, which always need a category path, are not this package's work", id="Y-30"
        ),
        pytest.param("taxes and discounts included", id="Y-39"),
        pytest.param("choose a base currency yourself if you have several", id="Y-40"),
        pytest.param("Where customers are not charged for each item, report what they use by `Consume`", id="Y-41"),
        pytest.param("five stars may be 5 or 100, but must always be the same", id="Y-46, T-19"),
    ],
)
def test_our_document_says(words: str) -> None:
    """R-16, Y-09, Y-20, Y-30, Y-39, Y-40, Y-41, Y-46, T-19."""
    assert words in DOCUMENT


@pytest.mark.parametrize(
    "mistake",
    [
        "item 466 in the text, 452 in the URL",
        "johndoe in the text",
        "`rating=5` on a scale to 100",
        "two orders of the query",
    ],
)
def test_our_document_lists_a_mistake_of_the_trackers(mistake: str) -> None:
    """T-17, T-18, T-19, T-21."""
    assert mistake in DOCUMENT


@pytest.mark.parametrize("event", [PageView(), Click("3298")], ids=["page view", "click"])
def test_a_page_without_any_script_makes_a_complete_event(event: PageView | Click) -> None:
    """R-17: by the headers of a browser that runs none; the local tracker finds nothing to add."""
    site = make_site()
    with recording(site) as recorder:
        site.begin(view()).emit(event)
    raptor = next(request for request in recorder.requests if request.tracker == "raptor")
    assessment = assess(raptor.method, "/" + raptor.url.split("/", 3)[3])
    assert (assessment.status, assessment.problems) == (200, ())
