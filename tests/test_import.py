"""What ``import footfall`` loads, and what it says of a part that is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SEALING = "from footfall import *; Site(Config(secret_keys=('a key of thirty-two letters, say',)))"
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


@pytest.mark.parametrize(
    "statement",
    [
        "import footfall",
        "from footfall import Site; Site()",
        "from footfall.delivery import Delivery; Delivery('memory:').attend()",
        # With one, they are imported by the thread that needs them: not while the application starts.
        "from footfall.delivery import Delivery; Delivery('memory:', engine='postgresql://127.0.0.1:1/x')",
    ],
)
def test_no_engines_driver_is_loaded_without_need(statement: str) -> None:
    assert loaded_by(statement) & {"psycopg", "redis"} == set()


@pytest.mark.parametrize("door", ["asgi", "wsgi"])
def test_a_plain_door_loads_no_framework(door: str) -> None:
    assert loaded_by(f"import footfall.{door}") & FRAMEWORKS == set()


@pytest.mark.parametrize("door", ["asgi", "wsgi"])
def test_the_list_of_crawlers_is_loaded_when_a_door_starts(door: str) -> None:
    site = "import footfall.consent; site = footfall.Site(footfall.Config(ruid_cookie='off'))"
    behind = f"import footfall.{door}; footfall.{door}.TrackingMiddleware(lambda *parts: None, site)"
    assert "crawleruseragents" not in loaded_by(site)
    assert "crawleruseragents" in loaded_by(f"{site}; {behind}")


@pytest.mark.parametrize(
    ("missing", "code", "extra"),
    [
        ("django", "import footfall.django", "django"),
        ("flask", "import footfall.flask", "flask"),
        ("cryptography", SEALING, "seal"),
        ("uvicorn", "from footfall.localtracker import LocalTracker; LocalTracker()", "tracker"),
        ("psycopg", "from footfall.delivery import Delivery; Delivery(engine='postgresql://x/y')", "postgres"),
        ("redis", "from footfall.delivery import Delivery; Delivery(engine='redis://x/0')", "redis"),
    ],
    ids=["django", "flask", "seal", "tracker", "postgres", "redis"],
)
def test_a_missing_extra_names_the_command_that_installs_it(missing: str, code: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\ntry:\n    {code}\nexcept ImportError as error:\n    print(error)"
    )
    assert run(code).endswith(f"python3 -m pip install 'footfall[{extra}]'")


#: From an extra's package to what imports it; where the package's own parts are missing, they fail alike.
BROKEN = {
    "django": ("import footfall.django", "django"),
    "flask": ("import footfall.flask", "flask"),
    "cryptography": (SEALING, "seal"),
    "opentelemetry": ("from footfall.metrics import observe; observe(None)", "otel"),
    "rich": ("from footfall.commands.console import make_console; make_console()", "cli"),
    "uvicorn": ("from footfall.localtracker import LocalTracker; LocalTracker()", "tracker"),
}


@pytest.mark.parametrize("cause", ["from os import nothing_of_that_name", "import nothing_of_that_name"])
@pytest.mark.parametrize("package", BROKEN)
def test_a_broken_extra_is_not_called_missing_and_says_its_cause(package: str, cause: str, tmp_path: Path) -> None:
    """Installed, but it fails to import: a part of its own is missing, or its binary does not fit."""
    code, extra = BROKEN[package]
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text(cause)
    said = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\ntry:\n    {code}\nexcept ImportError as error:\n"
        "    print(type(error).__name__, error, '| because:', error.__cause__)"
    )
    assert said.startswith("BrokenExtra ")
    assert f"needs the extra {extra!r}, which is installed and cannot be imported" in said
    assert "nothing_of_that_name" in said.partition("| because:")[2]


def test_every_public_name_is_there_under_the_name_that_documents_use() -> None:
    names = run("import footfall; print(' '.join(footfall.__all__))").split()
    assert names == ["Config", "Consent", "CookieNames", "Item", "Money", "Site", "Tracking", "current_tracking"]
