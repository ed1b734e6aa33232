"""The house's layers, read back from its imports: who may know whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "footfall"
LONGEST_MODULE = 410

#: From a layer to its modules, and what these may import of the house beside each other.
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "words": ({"config", "events", "wire", "errors", "request"}, set()),
    "identity": ({"identity"}, {"config", "errors", "request"}),
    "consent": ({"consent"}, {"config", "errors", "request"}),
    "trackers": ({"trackers"}, {"events", "identity.visitor", "wire", "errors"}),
    "delivery": ({"delivery"}, {"wire", "errors"}),
    "lifetimes": (
        {"site", "tracking", "reporter", "policy"},
        {"config", "events", "wire", "errors", "request", "identity", "consent", "trackers", "delivery"},
    ),
    "doors": ({"asgi", "wsgi", "django", "flask", "starlette"}, {"site", "tracking", "errors", "request"}),
    # It judges what the trackers' dialects write: sharing their code, it would share their mistakes.
    "localtracker": ({"localtracker"}, {"errors"}),
}
#: Programs and helpers on top: nothing below knows them.
ON_TOP = {"testing", "metrics", "check", "cli", "commands", "demo"}
#: The frameworks and libraries that a layer, or one door, may need.
LIBRARIES: dict[str, set[str]] = {
    "identity": {"publicsuffixlist", "cryptography", "crawleruseragents"},
    "delivery": {"pycurl"},
    "lifetimes": {"anyio", "asgiref"},
    "doors": {"starlette", "asgiref"},
    "flask": {"flask", "werkzeug"},
    "django": {"django"},
    "localtracker": {"starlette", "uvicorn"},
}
PURE = {"words", "identity", "consent", "trackers"}
#: Clock, chance, threads, files and sockets: a pure layer is handed what it needs of them.
WORLD = {
    "asyncio", "io", "mmap", "multiprocessing", "os", "pathlib", "random", "secrets", "select", "signal", "socket",
    "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
WORLDLY_CALLS = {"now", "utcnow", "today", "open", "print", "input"}


@dataclass(frozen=True)
class Import:
    """One import statement's target, and whether the module needs it to be imported itself."""

    target: str  #: ``footfall.site``, ``django.conf``
    always: bool  #: not inside a function, nor for type checkers alone


@dataclass(frozen=True)
class Module:
    """One module of the house."""

    name: str  #: without ``footfall.``: ``identity.ids``
    tree: ast.Module

    @property
    def layer(self) -> str | None:
        return layer_of(self.name)

    def imports(self) -> Iterator[Import]:
        yield from find_imports(self.tree, always=True)


def find_imports(node: ast.AST, *, always: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, always) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports hide who knows whom"
            assert child.module is not None
            # "from footfall import asgi" names modules, "from footfall.site import Site" what is in one.
            names = [f"footfall.{alias.name}" for alias in child.names] if child.module == "footfall" else []
            yield from (Import(name, always) for name in names or [child.module])
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) or (
                isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            )
            yield from find_imports(child, always=always and not inside)


def layer_of(name: str) -> str | None:
    top = name.partition(".")[0]
    return next((layer for layer, (modules, _) in LAYERS.items() if top in modules), None)


def read_modules() -> list[Module]:
    found: list[Module] = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = list(path.relative_to(SOURCE).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, ast.parse(path.read_text(encoding="utf-8"))))
    return found


MODULES = read_modules()
LAYERED = [module for module in MODULES if module.layer is not None]


def is_allowed(layer: str, wanted: Import) -> bool:
    modules, others = LAYERS[layer]
    name = wanted.target.removeprefix("footfall.")
    allowed = modules | others
    if layer == "doors" and not wanted.always:  # a door may name in a type whatever is below it
        allowed = allowed | LAYERS["lifetimes"][1]
    return any(name == one or name.startswith(one + ".") for one in allowed)


@pytest.mark.parametrize("module", LAYERED, ids=lambda module: module.name)
def test_a_module_imports_of_the_house_only_what_its_layer_may(module: Module) -> None:
    assert module.layer is not None
    ours = [one for one in module.imports() if one.target.startswith("footfall")]
    assert [one.target for one in ours if not is_allowed(module.layer, one)] == []


@pytest.mark.parametrize("module", LAYERED, ids=lambda module: module.name)
def test_a_module_imports_no_library_but_its_layers_own(module: Module) -> None:
    import sys

    assert module.layer is not None
    allowed = LIBRARIES.get(module.layer, set()) | LIBRARIES.get(module.name, set())
    tops = {one.target.partition(".")[0] for one in module.imports()} - {"footfall", "__future__", "_typeshed"}
    assert tops - set(sys.stdlib_module_names) - allowed == set()


@pytest.mark.parametrize("module", [m for m in LAYERED if m.layer in PURE], ids=lambda module: module.name)
def test_a_pure_module_is_handed_clock_chance_and_files_and_calls_none(module: Module) -> None:
    imported = {one.target.partition(".")[0] for one in module.imports()}
    called = {
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call)
    }
    # A seal's open() opens no file.
    worldly = WORLDLY_CALLS - ({"open"} if module.name.startswith("identity.") else set())
    assert (imported & WORLD, called & worldly) == (set(), set())


def test_nothing_below_knows_the_programs_on_top() -> None:
    known = {one.target.split(".")[1] for module in LAYERED for one in module.imports() if "footfall." in one.target}
    assert known & ON_TOP == set()


def test_every_module_has_a_place_in_the_house() -> None:
    tops = {module.name.partition(".")[0] for module in MODULES}
    placed = {name for modules, _ in LAYERS.values() for name in modules} | ON_TOP | {""}
    assert tops - placed == set()


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {str(path.relative_to(SOURCE)): len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}
