"""Readers of one cookie. What a value means is worked out once, and remembered by the value as it was sent.

If a cookie came several times with different answers, the choice is unknown: no value says when it was made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from footfall.config import TOKEN
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView, unwrap

__all__ = ["CookieReader", "cookie", "either"]

Predicate: TypeAlias = "Callable[[str], bool | Consent | None]"

# The keys are visitors' text, so that their number and their length are bounded.
MOST_REMEMBERED: Final = 4096
LONGEST_REMEMBERED: Final = 4096  # characters: browsers keep no longer cookie (RFC 6265bis, 5.6)
MOST_CHARACTERS: Final = 4_000_000


class CookieReader:
    """A reader of one cookie, by a pure function from its value, without quotes around it, to what it means."""

    __slots__ = ("_cookie", "_held", "_known", "_made_by", "_parse")

    def __init__(self, made_by: str, cookie: str, parse: Callable[[str], Consent]) -> None:
        """Take a cookie's name, or its beginning and a ``*``, and the function.

        Args:
            made_by: The line that makes this reader.
            cookie: The name.
            parse: The function. What it raises reaches `read_consent`, and is not remembered.

        Raises:
            ConfigError: *cookie* cannot be a cookie's name.
        """
        if not isinstance(cookie, str) or not TOKEN.fullmatch(cookie) or cookie == "*":
            maker = made_by.partition("(")[0]
            raise ConfigError(f"{maker}'s cookie: is {cookie!r}; write the cookie's name, such as 'consent'")
        self._made_by = made_by
        self._cookie = cookie
        self._parse = parse
        self._known: dict[str, Consent] = {}
        self._held = 0  # characters

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The cookie that the reader reads."""
        return (self._cookie,)

    def __call__(self, view: RequestView) -> Consent:
        """Read each value of the cookie: unknown if there is none, or if the answers differ."""
        values = view.raw_cookies(self._cookie)
        if len(values) == 1:  # most often
            known = self._known.get(values[0])
            return self._read(values[0]) if known is None else known
        answers = {self._read(value) for value in values}
        return answers.pop() if len(answers) == 1 else Consent.UNKNOWN

    def _read(self, sent: str) -> Consent:
        known = self._known.get(sent)
        if known is not None:
            return known
        answer = self._parse(unwrap(sent))
        if len(sent) <= LONGEST_REMEMBERED:
            if len(self._known) >= MOST_REMEMBERED or self._held > MOST_CHARACTERS:
                self._known.clear()
                self._held = 0
            self._known[sent] = answer
            self._held += len(sent)
        return answer

    def __repr__(self) -> str:
        """Write the line that makes this reader."""
        return self._made_by


def either(*, granted: bool, denied: bool) -> Consent:
    """Tell what a value means that says one of the two: unknown if it says both or neither."""
    if granted is denied:
        return Consent.UNKNOWN
    return Consent.GRANTED if granted else Consent.DENIED


def cookie(name: str, predicate: Predicate) -> CookieReader:
    """Make a reader of any cookie: ``cookie("cookie_consent", lambda value: "social=" in value)``.

    Args:
        name: The cookie's name, or its beginning and a ``*``.
        predicate: From its value (up to the semicolon, without quotes around it, not decoded) to ``True`` for granted,
            ``False`` for denied, ``None`` for unknown, or a `Consent`. It must depend on nothing else, for its answer
            is remembered. It is not called where the cookie is absent, which is unknown. Any other answer, or an
            exception, makes the visitor's consent unknown and is logged.

    Raises:
        ConfigError: An argument is wrong.
    """
    if not callable(predicate):  # pyright: ignore[reportUnnecessaryComparison]
        raise ConfigError(f"cookie's predicate: is {predicate!r}; write a function of the cookie's value")

    def parse(value: str) -> Consent:
        answer = predicate(value)
        if isinstance(answer, Consent):
            return answer
        if answer is None:
            return Consent.UNKNOWN
        # The truth of any other value must not count: a match object or a text would grant consent by accident.
        if not isinstance(answer, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - an untyped site's
            raise TypeError(f"cookie's predicate: answered {type(answer).__name__}; return True, False or None")
        return Consent.GRANTED if answer else Consent.DENIED

    return CookieReader(f"cookie({name!r}, ...)", name, parse)
