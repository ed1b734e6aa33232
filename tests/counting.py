"""Counts our cookies on every response of the run: one inherited from an earlier visitor shows nowhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from footfall.identity.caching import HeaderEdit
from footfall.tracking import Tracking


class Counted:
    """What was found wrong since it was last asked."""

    def __init__(self) -> None:
        self.written: set[str] = set()
        self.wrong: list[str] = []


@contextmanager
def count_cookies() -> Iterator[Counted]:
    """Look at what each response had before we touched it, and at what we add."""
    counted, finish = Counted(), Tracking.finish

    def finish_and_count(self: Tracking, status: int, headers: Sequence[tuple[str, str]]) -> HeaderEdit | None:
        lines = [value for name, value in headers if name.lower() == "set-cookie"]
        # A header list that an application uses again must not hold what we set for the visitor before.
        counted.wrong += ["inherited" for line in lines if line in counted.written]
        edit = finish(self, status, headers)
        ours = [value for name, value in edit.add if name == "Set-Cookie"] if edit is not None else []
        scopes = Counter(
            (line.partition("=")[0], "; Domain=" in line and line.partition("; Domain=")[2].partition(";")[0])
            for line in ours
        )
        counted.written.update(ours)
        counted.wrong += [f"{number} of one name and scope" for number in scopes.values() if number > 1]
        return edit

    Tracking.finish = finish_and_count  # type: ignore[method-assign]
    try:
        yield counted
    finally:
        Tracking.finish = finish  # type: ignore[method-assign]
