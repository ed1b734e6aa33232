"""Answers that somebody still has to await, and how to let go of one that nobody will."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from inspect import isawaitable
from typing import Any

from footfall.request import Consent

__all__ = ["Pending", "check_answer", "check_consent", "dismiss"]


class Pending(Awaitable[Consent]):
    """Several readers' answers, one of them at least not there yet."""

    __slots__ = ("_answers", "_fold")

    def __init__(
        self, answers: list[Consent | Awaitable[Consent]], fold: Callable[[Sequence[Consent]], Consent]
    ) -> None:
        """Take the answers, and the function that makes one of them."""
        self._answers = answers
        self._fold = fold

    def __await__(self) -> Generator[Any, None, Consent]:
        """Await one after the other; whatever one of them raises is raised."""
        return self._settle().__await__()

    def close(self) -> None:
        """Let go of what was not awaited."""
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
    """Pass a reader's answer on, or something to await it by.

    Raises:
        TypeError: It is neither. The message names its type alone: its value may be a visitor's.
    """
    return answer if isawaitable(answer) else check_consent(answer)


def check_consent(answer: object) -> Consent:
    """Pass a `Consent` on.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(answer, Consent):
        raise TypeError(f"a consent reader answered {type(answer).__name__}; it must return a Consent")
    return answer


def dismiss(*answers: object) -> None:
    """Close or cancel what nobody will await: a coroutine would complain of it when it is collected."""
    for answer in answers:
        if isawaitable(answer):
            let_go = getattr(answer, "close", None) or getattr(answer, "cancel", None)
            if callable(let_go):
                let_go()
