"""How a value is judged when it is built: what is wrong is kept as text, and nothing is raised."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple, TypeAlias, cast

__all__ = ["Finding", "Findings", "Judged", "Wrong", "finish", "put", "show", "wrong_part"]

_set = object.__setattr__
_AS_GIVEN: Final = object()


class Finding(NamedTuple):
    """What is wrong with one field."""

    field: str
    text: str  #: field, finding and remedy; quotes nothing that a visitor may have sent


Findings: TypeAlias = list[Finding]


class Wrong(Exception):
    """How a check says that a value is wrong. `put` catches it: it never leaves a constructor."""

    def __init__(self, finding: str, kept: object = _AS_GIVEN) -> None:
        """Say what is wrong, and what the field holds if not the value as it was given."""
        super().__init__(finding)
        self.finding = finding
        self.kept = kept


def put(owner: object, name: str, check: Callable[[Any], object], value: object, findings: Findings) -> None:
    """Set a field to what *check* makes of *value*. If that is wrong, set it to the value and add the finding."""
    try:
        value = check(value)
    except Wrong as wrong:
        findings.append(Finding(name, wrong.finding))
        if wrong.kept is not _AS_GIVEN:
            value = wrong.kept
    except Exception as error:  # noqa: BLE001 - an object of the shop's may raise whatever it is asked
        # Not its message, which may quote a visitor.
        findings.append(Finding(name, f"{name}: raised {type(error).__name__} when it was read; give a plain value"))
    _set(owner, name, value)


def finish(owner: object, findings: Findings) -> None:
    """Keep what was found, once every field is judged."""
    _set(owner, "_findings", tuple(findings))


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Judged:
    """A frozen value that knows whether it is right. Comparing, hashing and showing it never raise.

    A field that is wrong holds what was given.
    """

    _findings: tuple[Finding, ...] = field(init=False, repr=False)

    @property
    def finding(self) -> str | None:
        """What is wrong and what to write instead; ``None`` if nothing is."""
        return self._findings[0].text if self._findings else None

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(mine, theirs) for mine, theirs in zip(_values(self), _values(other), strict=True))

    def __hash__(self) -> int:
        try:
            return hash((type(self), _values(self, hashed=True)))
        except Exception:  # noqa: BLE001 - a wrong field holds anything
            return hash(type(self))

    def __repr__(self) -> str:
        shown = [f"{one.name}={show(self, one.name)}" for one in fields(self) if one.repr]
        return f"{type(self).__name__}({', '.join(shown)})"


def wrong_part(value: object) -> str | None:
    """Return the finding of a value that is itself judged; ``None`` of any other."""
    return value.finding if issubclass(type(value), Judged) and isinstance(value, Judged) else None


def show(owner: Judged, name: str) -> str:
    """Show a field that was found right. Of another show type and length alone: it may hold a visitor's text."""
    value = _value(owner, name)
    kind = type(value)
    right = all(finding.field != name for finding in getattr(owner, "_findings", ()))
    if right or issubclass(kind, Judged):
        try:
            return repr(value)
        except Exception:  # noqa: BLE001 - a subclass may hold anything
            return f"<{kind.__name__}>"
    # Of these types alone, for another's __len__ may raise.
    length = f" of {len(cast('Sized', value))}" if kind in (str, bytes, tuple, list, dict) else ""
    return f"<{kind.__name__}{length}>"


def _values(owner: Judged, *, hashed: bool = False) -> tuple[object, ...]:
    compared = [one.name for one in fields(owner) if one.compare and not (hashed and one.hash is False)]
    # A subclass that is no dataclass keeps its own parts in its __dict__.
    own = () if hashed else (getattr(owner, "__dict__", None),)
    return (*(_value(owner, name) for name in compared), *own)


def _value(owner: Judged, name: str) -> object:
    return getattr(owner, name, None)


def _same(mine: object, theirs: object) -> bool:
    try:
        return bool(mine == theirs)
    except Exception:  # noqa: BLE001 - an array, say, is neither true nor false
        return mine is theirs
