"""What ``import footfall`` loads, and what it says of a part that is not installed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FRAMEWORKS = {"starlette", "werkzeug", "django", "flask", "fastapi", "asgiref", "anyio"}
HEAVY = {"asyncio", "cryptography", "publicsuffixlist", "crawleruseragents", "pycurl", "ssl", "uvicorn"}
#: Of everything, the standard library's included. A bare interpreter has some 60.
MOST_MODULES = 200


def run(code: str) -> str:
    """Run *code* in an interpreter of its own and return what it printed last."""
    # Measured by coverage, it would load what coverage needs.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=env)
    return done.stdout.strip().rpartition("\n")[2]


def loaded_by(statement: str) -> set[str]:
    return set(run(f"import sys; {statement}; print(' '.join(sys.modules))").split())


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    return loaded_by("import footfall")


def test_the_package_alone_loads_no_framework(loaded: set[str]) -> None:
    assert loaded & FRAMEWORKS == set()


def test_the_package_alone_loads_nothing_that_takes_long(loaded: set[str]) -> None:
    assert loaded & HEAVY == set()


def test_the_package_alone_loads_no_database(loaded: set[str]) -> None:
    assert "sqlite3" not in loaded


def test_the_package_alone_loads_few_modules(loaded: set[str]) -> None:
    assert len(loaded) <= MOST_MODULES


@pytest.mark.parametrize("door", ["asgi", "wsgi"])
def test_a_plain_door_loads_no_framework(door: str) -> None:
    assert loaded_by(f"import footfall.{door}") & FRAMEWORKS == set()


@pytest.mark.parametrize(
    ("missing", "code", "extra"),
    [
        ("django", "import footfall.django", "django"),
        ("flask", "import footfall.flask", "flask"),
        ("cryptography", "from footfall import *; Site(Config(secret_keys=('k' * 32,)))", "seal"),
        ("uvicorn", "from footfall.localtracker import LocalTracker; LocalTracker()", "tracker"),
    ],
    ids=["django", "flask", "seal", "tracker"],
)
def test_a_missing_extra_names_the_command_that_installs_it(missing: str, code: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\ntry:\n    {code}\nexcept ImportError as error:\n    print(error)"
    )
    assert run(code).endswith(f"python3 -m pip install 'footfall[{extra}]'")


def test_every_public_name_is_there_under_the_name_that_documents_use() -> None:
    names = run("import footfall; print(' '.join(footfall.__all__))").split()
    assert names == ["Config", "Consent", "CookieNames", "Item", "Money", "Site", "Tracking", "current_tracking"]
