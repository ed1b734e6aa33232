"""Readers made of readers, where all or any must grant; and how to find the own cookie inside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from footfall.config import TOKEN, ConsentReader
from footfall.consent.own import OwnCookie, PersonPurpose, own_cookie
from footfall.consent.pending import Pending, check_answer, dismiss
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView

__all__ = [
    "DEFAULT",
    "Combined",
    "Readers",
    "all_of",
    "always_granted",
    "any_of",
    "cookie_names_of",
    "first_of",
    "own_cookie_of",
    "person_of",
]

Readers: TypeAlias = "ConsentReader | Mapping[str, ConsentReader] | None"

DEFAULT = own_cookie()  #: what ``Config(consent=None)`` means


def always_granted(view: RequestView) -> Consent:  # noqa: ARG001 - a reader's signature
    """Grant consent without looking at the request: for a site whose law or login form has settled it."""
    return Consent.GRANTED


class Combined:
    """A reader made of readers. It reads the two purposes apart where they do."""

    __slots__ = ("_fold", "name", "own", "person", "readers")

    name: str  #: ``"all_of"``, ``"any_of"`` or ``"first_of"``
    own: OwnCookie | None  #: the own cookie inside it, to which grants and denials are written
    person: Combined  #: the reader of the person purpose
    readers: tuple[ConsentReader, ...]

    def __init__(
        self, name: str, readers: tuple[ConsentReader, ...], fold: Callable[[Sequence[Consent]], Consent]
    ) -> None:
        """Take readers, and the function that makes one answer of theirs."""
        if not readers:
            raise ConfigError(f"{name}: has no readers; give it two or more")
        for at, reader in enumerate(readers):
            if not callable(reader):  # pyright: ignore[reportUnnecessaryComparison] - an untyped site's
                raise ConfigError(f"{name}'s reader {at}: is {reader!r}; write a reader such as own_cookie()")
        self.name = name
        self.readers = readers
        self._fold = fold
        self.own = _only_own(name, readers)
        persons = tuple(map(person_of, readers))
        same = all(person is reader for person, reader in zip(persons, readers, strict=True))
        self.person = self if same else Combined(name, persons, fold)

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The cookies that its readers say they read."""
        return tuple(name for reader in self.readers for name in cookie_names_of(reader))

    def __call__(self, view: RequestView) -> Consent | Awaitable[Consent]:
        """Ask every reader, in order; awaitable if one of them is.

        Raises:
            Exception: Whatever a reader raised. It cannot be skipped, for it might have denied.
        """
        answers: list[Consent | Awaitable[Consent]] = []
        try:
            for reader in self.readers:
                answers.append(check_answer(reader(view)))  # noqa: PERF401 - if one raises, those before are dismissed
        except BaseException:
            dismiss(*answers)
            raise
        given = [answer for answer in answers if isinstance(answer, Consent)]
        return self._fold(given) if len(given) == len(answers) else Pending(answers, self._fold)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.readers))})"


def all_of(*readers: ConsentReader) -> Combined:
    """Make a reader that grants what all *readers* grant.

    Denied if any of them denies, else unknown if any does not know. `own_cookie` answers for each of the two purposes;
    the others give one answer for both.

    Raises:
        ConfigError: No readers, one that cannot be called, or two different own cookies.
    """
    return Combined("all_of", readers, _fold_all)


def any_of(*readers: ConsentReader) -> Combined:
    """Make a reader that grants what any of *readers* grants.

    If none grants, denied if any of them denies: a visitor who withdraws in one platform must not keep our cookies
    because a second one never asked. A denial in one does not undo a grant in another; use `all_of` where it should.

    Raises:
        ConfigError: No readers, one that cannot be called, or two different own cookies.
    """
    return Combined("any_of", readers, _fold_any)


def first_of(*readers: ConsentReader) -> Combined:
    """Make a reader that answers as the first of *readers* that knows: ``first_of(onetrust("C0004"), own_cookie())``.

    A platform counts wherever its cookie speaks; the site's own cookie counts where the browser has dropped it.

    Raises:
        ConfigError: No readers, one that cannot be called, or two different own cookies.
    """
    return Combined("first_of", readers, _fold_first)


def own_cookie_of(reader: Readers) -> OwnCookie | None:
    """Find the own cookie to which grants and denials are written; ``None`` if a platform keeps them elsewhere.

    Args:
        reader: A reader, a mapping of purposes to one each, or ``None`` for the default `own_cookie`.

    Raises:
        ConfigError: A mapping's two readers have different own cookies, and a choice is written to one.
    """
    if reader is None:
        return DEFAULT
    if not callable(reader):
        return _only_own("consent", tuple(reader.values()))
    if isinstance(reader, OwnCookie):
        return reader
    return reader.own if isinstance(reader, (Combined, PersonPurpose)) else None


def cookie_names_of(reader: Readers) -> tuple[str, ...]:
    """Find which cookies a reader says it reads. They are searched for together with the site's own.

    Args:
        reader: A reader, whose ``cookie_names`` may list them (names, or a beginning followed by ``*``); a mapping of
            purposes to one each; or ``None`` for the default `own_cookie`. One that lists none asks the view.

    Raises:
        ConfigError: ``cookie_names`` holds something else.
    """
    if reader is None:
        return DEFAULT.cookie_names
    if not callable(reader):
        return tuple(name for one in reader.values() for name in cookie_names_of(one))
    names: tuple[object, ...] | object = getattr(reader, "cookie_names", ())
    if not isinstance(names, tuple):
        raise ConfigError(f"cookie_names of {reader!r}: is {names!r}; write a tuple of names, such as ('consent',)")
    found: list[str] = []
    for name in names:  # pyright: ignore[reportUnknownVariableType] - an untyped site's
        if not isinstance(name, str) or not TOKEN.fullmatch(name) or name == "*":
            raise ConfigError(
                f"cookie_names of {reader!r}: has {name!r}; write a cookie's name, or its beginning and a *"
            )
        found.append(name)
    return tuple(found)


def person_of(reader: ConsentReader) -> ConsentReader:
    """Find the reader of the person purpose: the reader itself, unless it reads the two apart."""
    return reader.person if isinstance(reader, (OwnCookie, Combined)) else reader


def _only_own(field: str, readers: tuple[ConsentReader, ...]) -> OwnCookie | None:
    owns = {own for own in map(own_cookie_of, readers) if own is not None}
    if len(owns) > 1:
        found = " and ".join(sorted(map(repr, owns)))
        raise ConfigError(f"{field}: has different own cookies, {found}; give it the same one twice")
    return owns.pop() if owns else None


def _fold_all(answers: Sequence[Consent]) -> Consent:
    if Consent.DENIED in answers:
        return Consent.DENIED
    return Consent.UNKNOWN if Consent.UNKNOWN in answers else Consent.GRANTED


def _fold_first(answers: Sequence[Consent]) -> Consent:
    return next((answer for answer in answers if answer is not Consent.UNKNOWN), Consent.UNKNOWN)


def _fold_any(answers: Sequence[Consent]) -> Consent:
    if Consent.GRANTED in answers:
        return Consent.GRANTED
    return Consent.DENIED if Consent.DENIED in answers else Consent.UNKNOWN
