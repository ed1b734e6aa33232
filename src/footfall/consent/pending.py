"""Readers' answers that must still be awaited, and how to dismiss those that nobody will await."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from inspect import isawaitable
from typing import Any

from footfall.request import Consent

__all__ = ["Pending", "check_answer", "check_consent", "dismiss"]


class Pending(Awaitable[Consent]):
    """Several readers' answers, of which at least one must be awaited."""

    __slots__ = ("_answers", "_fold")

    def __init__(
        self, answers: list[Consent | Awaitable[Consent]], fold: Callable[[Sequence[Consent]], Consent]
    ) -> None:
        """Take the answers, and the function that makes one answer of them."""
        self._answers = answers
        self._fold = fold

    def __await__(self) -> Generator[Any, None, Consent]:
        """Await one after the other, and raise what one of them raises."""
        return self._settle().__await__()

    def close(self) -> None:
        """Dismiss what was not awaited."""
        dismiss(*self._answers)

    async def _settle(self) -> Consent:
        given: list[Consent] = []
        try:
            for answer in self._answers:
                settled = answer if isinstance(answer, Consent) else await answer
                given.append(check_consent(settled))
        finally:
            self.close()
        return self._fold(given)


def check_answer(answer: Consent | Awaitable[Consent]) -> Consent | Awaitable[Consent]:
    """Return a reader's answer, or what gives it when awaited.

    Raises:
        TypeError: It is neither. The message names only its type, for its value may be a visitor's.
    """
    return answer if isawaitable(answer) else check_consent(answer)


def check_consent(answer: object) -> Consent:
    """Return a `Consent` as it is.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(answer, Consent):
        raise TypeError(f"a consent reader answered {type(answer).__name__}; it must return a Consent")
    return answer


def dismiss(*answers: object) -> None:
    """Close or cancel what nobody will await: Python would warn of a coroutine that was never awaited."""
    for answer in answers:
        if isawaitable(answer):
            let_go = getattr(answer, "close", None) or getattr(answer, "cancel", None)
            if callable(let_go):
                let_go()
