"""For sites without a PostgreSQL engine: an event goes once its order is committed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from tests.doors.project import make_project
from tests.identity.asking import make_site, view

from footfall import Money
from footfall.events import Buy
from footfall.testing import recording

FLEET = Path(__file__).parents[2] / "docs" / "fleet.md"
BUY = Buy("3298", price=Money("19.99", "EUR"))


def recipe() -> Callable[..., None]:
    (found,) = re.findall(
        r"```python\n(from sqlalchemy import event.*?)```", FLEET.read_text(encoding="utf-8"), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(found, names)
    emit: Callable[..., None] = names["emit_on_commit"]
    return emit


EMIT = recipe()


@pytest.mark.parametrize(
    ("steps", "reported"),
    [
        (["emit", "commit"], 1),
        (["emit", "rollback", "commit"], 0),
        (["begin", "emit", "release", "commit"], 1),
        (["begin", "emit", "undo", "commit"], 0),
        (["emit", "begin", "undo", "commit"], 1),
        (["emit", "begin", "emit", "undo", "commit"], 1),
        (["begin", "emit", "release", "rollback"], 0),
        (["begin", "begin", "emit", "release", "undo", "commit"], 0),
        (["begin", "emit", "release"], 0),
        (["emit", "commit", "emit", "commit"], 2),
        (["emit", "commit", "commit"], 1),
    ],
)
def test_sqlalchemys_recipe_reports_what_is_committed(steps: list[str], reported: int) -> None:
    site = make_site()
    database = create_engine("sqlite://")
    with recording(site) as recorder, Session(database) as session:
        session.connection()
        nested: list[Any] = []
        for step in steps:
            match step:
                case "emit":
                    EMIT(session, site.begin(view(), debug=True), BUY)
                case "begin":
                    nested.append(session.begin_nested())
                case "release":
                    nested.pop().commit()
                case "undo":
                    nested.pop().rollback()
                case "commit":
                    session.commit()
                case _:
                    session.rollback()
    database.dispose()
    assert len(recorder.events) == reported


def test_djangos_reports_what_is_committed(tmp_path: Path) -> None:
    project = make_project(
        tmp_path,
        "INSTALLED_APPS = ['footfall.django']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'orders.sqlite3'}}\n"
        "MIDDLEWARE = ['footfall.django.TrackingMiddleware']\nFOOTFALL_SITE = 'shop.tracking.site'\n",
        tracking="from tests.identity.asking import make_site\nsite = make_site()\n",
    )
    ran = project.run(
        "manage.py",
        "shell",
        "-c",
        """
from django.db import transaction
from footfall import Money
from footfall.django import emit_on_commit
from footfall.events import Buy
from footfall.testing import recording
from shop.tracking import site
from tests.identity.asking import view

def order(number, fails):
    tracking = site.begin(view(), debug=True)
    try:
        with transaction.atomic():
            emit_on_commit(tracking, Buy(number, price=Money("19.99", "EUR")))
            assert not [one for one in record.events if one.item.id == str(number)]
            if fails:
                raise ValueError
    except ValueError:
        pass

with recording(site) as record:
    for number in range(1, 9):
        order(number, number % 2)
print([one.item.id for one in record.events])
""",
        check=True,
    )
    assert "['2', '4', '6', '8']" in ran.stdout, ran.stdout + ran.stderr
