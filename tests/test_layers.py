"""The house's table, read back from the imports, those in functions and for type checkers too: who may know whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.house import (
    DELIVERY,
    HOUSE,
    SOURCE,
    Floor,
    Sources,
    find_circle,
    find_misplaced,
    find_strays,
    format_table,
    is_in,
)

SOURCES = Sources(SOURCE)
#: The frameworks and libraries that a room may need, besides the standard one.
LIBRARIES: dict[str, set[str]] = {
    "commands": {"rich", "django"},
    "demo": {"rich", "starlette"},
    "testing": {"pytest"},
    "metrics": {"opentelemetry"},
    "localtracker": {"starlette", "uvicorn"},
    "asgi": {"starlette", "anyio"},
    "starlette": {"starlette"},
    "flask": {"flask", "werkzeug", "starlette.datastructures.State"},
    "django": {"django", "asgiref", "starlette.datastructures.State"},
    "tracking": {"anyio", "asgiref"},
    "delivery.sending": {"pycurl"},
    "delivery.engines": {"psycopg", "redis"},
    "identity": {"publicsuffixlist", "cryptography", "crawleruseragents"},
}
PURE = ("config", "events", "wire", "errors", "request", "identity", "consent", "trackers")
#: Clock, chance, threads, files and sockets: a pure room is handed what it needs of them.
WORLD = {
    "asyncio", "io", "mmap", "multiprocessing", "os", "pathlib", "random", "secrets", "select", "signal", "socket",
    "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
WORLDLY_CALLS = {"now", "utcnow", "today", "open", "print", "input"}


def test_the_top_level_is_what_the_table_has() -> None:
    found = {name.removesuffix(".py") for name in SOURCES.top} - {"py.typed"}
    assert find_misplaced(HOUSE, found) == set()


def test_delivery_has_the_rooms_that_its_table_has() -> None:
    found = {f"delivery.{name.removesuffix('.py')}" for name in Sources(SOURCE / "delivery").top}
    assert find_misplaced(DELIVERY, found) == set()


@pytest.mark.parametrize("house", [HOUSE, DELIVERY], ids=["house", "delivery"])
def test_every_import_is_one_that_the_table_has(house: tuple[Floor, ...]) -> None:
    assert [str(one) for one in find_strays(house, SOURCES)] == []


@pytest.mark.parametrize("house", [HOUSE, DELIVERY], ids=["house", "delivery"])
def test_contributors_read_the_very_table_that_is_checked(house: tuple[Floor, ...]) -> None:
    page = (SOURCE.parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert format_table(house) in page, "write it anew: python -m tests.house"


def test_no_two_files_import_each_other_round_any_corner() -> None:
    imports: dict[str, set[str]] = {}
    for one in SOURCES.imports():
        imports.setdefault(one.by, set()).add(one.of)
    assert find_circle(imports) == []


@pytest.mark.parametrize("name", SOURCES.trees)
def test_a_file_imports_no_library_but_its_rooms_own(name: str) -> None:
    own = {one for room, libraries in LIBRARIES.items() if is_in(name, room) for one in libraries}
    own |= sys.stdlib_module_names | {"_typeshed"}
    assert [one for one in SOURCES.libraries(name) if not any(is_in(one, library) for library in own)] == []


@pytest.mark.parametrize("name", [name for name in SOURCES.trees if any(is_in(name, room) for room in PURE)])
def test_a_pure_file_is_handed_clock_chance_and_files_and_calls_none(name: str) -> None:
    imported = {one.partition(".")[0] for one in SOURCES.libraries(name)}
    called = {
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for call in ast.walk(SOURCES.trees[name])
        if isinstance(call, ast.Call)
    }
    # A seal's open() opens no file.
    worldly = WORLDLY_CALLS - ({"open"} if is_in(name, "identity") else set())
    assert (imported & WORLD, called & worldly) == (set(), set())


# The table's own judgement, on small packages


def house_of(folder: Path, files: dict[str, str]) -> Sources:
    package = folder / "footfall"
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Sources(package)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("policy.py", "from footfall.site import Site"),
        ("policy.py", "def late():\n    import footfall.site"),
        ("policy.py", "if TYPE_CHECKING:\n    from footfall import site"),
        ("identity/ids.py", "from footfall.consent import read"),
        ("trackers/raptor.py", "from footfall.identity import recognize"),
        ("delivery/native.py", "from footfall.request import Consent"),
        ("wsgi.py", "from footfall import asgi"),
        ("flask.py", "from footfall.django import load_site"),
        ("localtracker/app.py", "from footfall.trackers import Raptor"),
        ("check/record.py", "from footfall.commands import console"),
        ("site.py", "from footfall import Config"),
        ("errors.py", "import footfall"),
    ],
)
def test_an_import_that_the_table_lacks_is_found(tmp_path: Path, name: str, text: str) -> None:
    rooms = ["site", "policy", "asgi", "django", "request", "__init__"]
    folders = ["identity/recognize", "consent/read", "trackers/__init__", "commands/console"]
    sources = house_of(tmp_path, {**{f"{room}.py": "" for room in [*rooms, *folders]}, name: text})
    assert [one.by for one in find_strays(HOUSE, sources)] == [name.removesuffix(".py").replace("/", ".")]


@pytest.mark.parametrize(
    ("by", "of"), [("spool.spool", "sending.courier"), ("journal.journal", "spool.spool"), ("native", "stats")]
)
def test_inside_delivery_an_import_up_the_rooms_is_found(tmp_path: Path, by: str, of: str) -> None:
    files = {f"delivery/{of.replace('.', '/')}.py": "", f"delivery/{by.replace('.', '/')}.py": ""}
    files[f"delivery/{by.replace('.', '/')}.py"] = f"from footfall.delivery.{of} import Any"
    assert [one.by for one in find_strays(DELIVERY, house_of(tmp_path, files))] == [f"delivery.{by}"]


@pytest.mark.parametrize(
    ("imports", "circle"),
    [
        ({"a": {"b"}, "b": {"c"}}, []),
        ({"a": {"b"}, "b": {"a"}}, ["a", "b"]),
        ({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}, ["b", "c", "d"]),
    ],
)
def test_a_circle_of_files_is_found(imports: dict[str, set[str]], circle: Iterable[str]) -> None:
    assert sorted(set(find_circle(imports))) == circle


@pytest.mark.parametrize("found", [{"asgi", "utils"}, {"asgi"}])
def test_a_new_and_a_missing_room_are_found(found: set[str]) -> None:
    house = (Floor("doors", "", ("asgi",), ()), Floor("words", "", ("wire",), ()))
    assert find_misplaced(house, found) == found ^ {"asgi", "wire"}
