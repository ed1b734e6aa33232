"""The pictures of ``docs/how-it-works.md`` show the house as its table has it, and its imports allow each step."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from tests.house import DELIVERY, HOUSE, SOURCE, Sources, is_in
from tests.pictures import DOCS, LANES, PICTURES, Picture, Step, draw, rooms_of, steps_of

IMPORTS = list(Sources(SOURCE).imports())
STEPS = [step for picture in PICTURES for walk in picture.walks for step in steps_of(walk.first)]


def questions() -> Iterator[tuple[Step, Step]]:
    for step in STEPS:
        for asked in step.asks:
            yield step, asked


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_the_committed_picture_is_what_the_table_gives(picture: Picture) -> None:
    found = (DOCS / picture.file).read_text(encoding="utf-8")
    assert found == draw(picture), "write it anew: python -m tests.pictures"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_a_picture_is_well_formed_and_shown_with_words_for_those_who_do_not_see_it(picture: Picture) -> None:
    assert ET.fromstring(draw(picture)).tag.endswith("svg")
    page = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
    assert f"]({picture.file})" in page
    assert f"![]({picture.file})" not in page


@pytest.mark.parametrize(("step", "asked"), list(questions()), ids=lambda step: step.room)
def test_who_asks_in_a_picture_imports_whom_it_asks_and_stands_above(step: Step, asked: Step) -> None:
    order = list(LANES)
    assert order.index(step.room) < order.index(asked.room)
    found = [
        one
        for one in IMPORTS
        if any(is_in(one.by, room) for room in rooms_of(step)) and any(is_in(one.of, room) for room in rooms_of(asked))
    ]
    assert found, f"nothing in {step.room} imports {asked.room}"


def test_every_room_of_the_tables_has_its_line() -> None:
    rooms = {room for floor in (*HOUSE, *DELIVERY) for room in floor.rooms} - {"delivery"}
    assert {room for lane in LANES.values() for room in lane.rooms} == rooms
