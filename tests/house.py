"""The house as a table: which rooms there are, and what each may import. Tests check it, the docs' pictures show it.

``python -m tests.house`` writes it as CONTRIBUTING.md has it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

__all__ = [
    "DELIVERY",
    "HOUSE",
    "SOURCE",
    "Floor",
    "Import",
    "Sources",
    "find_circle",
    "find_misplaced",
    "find_strays",
    "format_table",
]

SOURCE: Final = Path(__file__).parent.parent / "src" / "footfall"
BELOW: Final = "all below"


@dataclass(frozen=True, slots=True)
class Floor:
    """Rooms that stand side by side. A room is a file or a folder of the package: ``asgi``, ``delivery.spool``."""

    name: str
    what: str  #: for people
    rooms: tuple[str, ...]
    may: tuple[str, ...]  #: import these rooms, or `BELOW`
    in_order: bool = False  #: each room may also import those to its right


#: The top first. A folder may also import what is in it.
HOUSE: Final = (
    # __main__: ``python -m footfall`` runs the command of this very interpreter's packages, which a path may not.
    Floor(
        "programs",
        "the `footfall` command, and the demo",
        ("__main__", "cli", "commands", "demo"),
        (BELOW,),
        in_order=True,
    ),
    Floor("helpers", "for a site's tests, metrics and configuration", ("testing", "metrics", "check"), (BELOW,)),
    # It judges what the trackers' dialects write: sharing their code, it would share their mistakes.
    Floor("judge", "a tracker to run beside the application", ("localtracker",), ("errors",)),
    Floor(
        "doors",
        "a framework's own way in",
        ("django", "flask", "starlette"),
        ("starlette", "asgi", "wsgi", "site", "tracking", "events", "request", "errors"),
    ),
    Floor(
        "doors",
        "raw text in, headers out, no decisions",
        ("asgi", "wsgi"),
        ("site", "tracking", "request", "errors"),
    ),
    Floor("names", "the public names, and nothing else", ("__init__",), (BELOW,)),
    Floor(
        "lifetimes",
        "what lives as long as the application, or as a request",
        ("site", "tracking", "reporter", "policy"),
        (BELOW,),
        in_order=True,
    ),
    Floor("I/O", "every thread, file and socket", ("delivery",), ("wire", "errors")),
    Floor("pure", "an event to requests", ("trackers",), ("events", "identity.visitor", "wire", "errors")),
    Floor("pure", "who this is, and what they allow", ("identity", "consent"), ("config", "request", "errors")),
    Floor(
        "words",
        "what all others speak",
        ("config", "events", "wire", "request", "errors"),
        ("config", "events", "wire", "request", "errors"),
    ),
)
#: Inside delivery, the top first.
DELIVERY: Final = (
    Floor("top", "what its users import", ("delivery.__init__",), (BELOW,)),
    Floor(
        "top",
        "one process's share, and counting",
        (
            "delivery.delivery",
            "delivery.process",
            "delivery.worker",
            "delivery.status",
            "delivery.failing",
            "delivery.counting",
            "delivery.forking",
        ),
        (BELOW,),
        in_order=True,
    ),
    Floor("sending", "courier, transport, verdict, breaker", ("delivery.sending",), (BELOW,)),
    Floor("engines", "where many machines meet", ("delivery.engines",), (BELOW,)),
    Floor("spool", "keeping: SQLite", ("delivery.spool",), (BELOW,)),
    Floor("journal", "accepting: memory-mapped segments", ("delivery.journal",), (BELOW,)),
    Floor(
        "ground",
        "what every room stands on",
        ("delivery.settings", "delivery.stats", "delivery.notices", "delivery.native"),
        (BELOW,),
    ),
    Floor("ground", "what an engine's URL says", ("delivery.addresses",), ()),
)


def format_table(house: tuple[Floor, ...]) -> str:
    """Write floors as a Markdown table."""
    lines = ["| layer | rooms | what | may import |", "| --- | --- | --- | --- |"]
    for floor in house:
        rooms = (" > " if floor.in_order else " ").join(f"`{room}`" for room in floor.rooms)
        may = " ".join(one if one == BELOW else f"`{one}`" for one in floor.may)
        if floor.in_order:
            may += ", and rooms to the right"
        elif floor.rooms == floor.may:
            may = "each other"
        lines.append(f"| {floor.name} | {rooms} | {floor.what} | {may or 'none of these'} |")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True, order=True)
class Import:
    """One file needs another, wherever in it the import stands."""

    by: str  #: a file as a dotted name: ``identity.ids``, ``identity.__init__``
    of: str

    def __str__(self) -> str:
        return f"{self.by} imports {self.of}"


class Sources:
    """Every file of a package, and what each imports: in functions and for type checkers too."""

    def __init__(self, folder: Path) -> None:
        self.package = folder.name
        self.top = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
        self.trees = {
            ".".join(path.relative_to(folder).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
            for path in sorted(folder.rglob("*.py"))
        }

    def imports(self) -> Iterator[Import]:
        """Find the imports among the package's own files."""
        for name, tree in self.trees.items():
            for target in targets(tree):
                if target == self.package or target.startswith(f"{self.package}."):
                    of = self._file(target.removeprefix(self.package).removeprefix("."))
                    if of != name:
                        yield Import(name, of)

    def libraries(self, name: str) -> set[str]:
        """Name what one file imports from outside of the package."""
        found = targets(self.trees[name])
        return {one for one in found if one != self.package and not one.startswith(f"{self.package}.")}

    def _file(self, target: str) -> str:
        """Find the file that a dotted name stands for: a module, a package, or what is in one of them."""
        while target:
            for name in (target, f"{target}.__init__"):
                if name in self.trees:
                    return name
            target = target.rpartition(".")[0]
        return "__init__"


def targets(tree: ast.AST) -> set[str]:
    """Name all that a file's imports name: of ``from a.b import c`` it is ``a.b.c``, module or not."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who knows whom"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_in(name: str, room: str) -> bool:
    """Tell whether a file belongs to a room."""
    return name == room or name.startswith(f"{room}.")


def floor_of(house: tuple[Floor, ...], name: str) -> tuple[int, int] | None:
    """Find a file's floor and its room on that floor, both counted from the top and from the left."""
    for number, floor in enumerate(house):
        for place, room in enumerate(floor.rooms):
            if is_in(name, room):
                return number, place
    return None


def is_allowed(house: tuple[Floor, ...], one: Import) -> bool:
    """Tell whether the table has an import; what stands in none of its rooms is another table's to judge."""
    by, of = floor_of(house, one.by), floor_of(house, one.of)
    if by is None or of is None or by == of:
        return True
    floor = house[by[0]]
    if by[0] == of[0] and floor.in_order and of[1] > by[1]:
        return True
    if BELOW in floor.may and of[0] > by[0]:
        return True
    return any(is_in(one.of, room) for room in floor.may)


def find_strays(house: tuple[Floor, ...], sources: Sources) -> list[Import]:
    """List the imports that the table does not have."""
    return sorted(one for one in sources.imports() if not is_allowed(house, one))


def find_misplaced(house: tuple[Floor, ...], found: set[str]) -> set[str]:
    """Compare rooms with what there is: name what is there and has no place, and what has a place and is not there."""
    return found ^ {room for floor in house for room in floor.rooms}


def find_circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Name files that import each other, round any corner; none if there are none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


if __name__ == "__main__":
    print(format_table(HOUSE), format_table(DELIVERY), sep="\n\n")
