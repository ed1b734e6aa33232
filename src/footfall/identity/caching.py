"""Whether a response may carry our cookies, and what it must then tell shared caches. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["ONE_LINE", "PRIVATE", "HeaderEdit", "cache_decision", "concerns_caches"]

# RFC 9111, section 5.2: a directive, with a quoted argument that may hold commas.
DIRECTIVE = re.compile(r'[^,"]*(?:"[^"]*"?[^,"]*)*')
# RFC 9213 and the vendors' forms of it, which override Cache-Control in caches that know them.
TARGETED = frozenset({"surrogate-control", "x-accel-expires", "edge-control"})
SHARED_ONLY = frozenset({"public", "s-maxage", "proxy-revalidate"})
CONCERNED = TARGETED | {"cache-control", "cdn-cache-control", "vary"}
ONE_LINE = frozenset({"cache-control"})
PRIVATE = ("Cache-Control", "private")
UNSTORED = frozenset({"private", "no-store", "no-cache"})


@dataclass(slots=True, repr=False)  # it holds a visitor's cookies; frozen, it would cost every response a microsecond
class HeaderEdit:
    """What to change in a response's headers: names to drop and lines to append; nothing if both are empty."""

    cookies: bool  #: whether our cookies may be set
    drop: frozenset[str] = frozenset()  #: in lower case
    add: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    shared: bool = False  #: whether the application marked the response for shared caches


def concerns_caches(name: str) -> bool:
    """Tell whether `cache_decision` looks at a header, by its name in lower case. It ignores most."""
    return name in CONCERNED or name.endswith("-cdn-cache-control")


def cache_decision(
    status: int,
    headers: Iterable[tuple[str, str]],
    *,
    pending: bool,
    changed: bool,
    read: bool,
    public_responses: str = "skip",
) -> HeaderEdit:
    """Decide what a response may carry, from its own headers alone.

    Args:
        status: Its status code.
        headers: The application's, names in any case; one name may have several lines. Those for which
            `concerns_caches` is false may be left out.
        pending: Whether there are cookies worth setting.
        changed: Whether this request changed who the visitor is, so that the cookies must be set.
        read: Whether the application read an id, so that the page may depend on it.
        public_responses: `Config.public_responses`.

    Source: RFC 9111, sections 3.2, 4.3.4, 5.2.2, 7.3.
    """
    if status < 200 or status == 304 or not (pending or read):
        # A cache folds a 304's headers into what it stored, and replays our cookie to everybody.
        return HeaderEdit(cookies=False)
    control: list[str] = []
    vary: list[str] = []
    targeted: list[tuple[str, str]] = []
    for name, value in headers:
        lower = name.lower()
        if lower == "cache-control":
            control += _directives(value)
        elif lower == "vary":
            vary += [part.strip() for part in value.split(",") if part.strip()]
        elif concerns_caches(lower):
            targeted.append((lower, value))
    if pending and not (control or targeted or read):  # most often
        return HeaderEdit(True, ONE_LINE, [PRIVATE])  # noqa: FBT003 - keywords would cost a third of this function
    shared = _is_shared(control, targeted)
    drop: set[str] = set()
    add: list[tuple[str, str]] = []
    cookies = pending and (not shared or changed or public_responses == "private")
    if cookies:
        # One that forbids storing stays: it also binds caches that are told to ignore Cache-Control.
        drop.update(name for name, value in targeted if not _forbids(name, value))
        drop.add("cache-control")
        add.append(("Cache-Control", ", ".join(_privatise(control))))
    if read and not any(part == "*" or part.lower() == "cookie" for part in vary):
        drop.add("vary")
        add.append(("Vary", ", ".join([*vary, "Cookie"])))
    return HeaderEdit(cookies, frozenset(drop), add, shared)


def _directives(value: str) -> list[str]:
    return [part for match in DIRECTIVE.findall(value) if (part := match.strip())]


def _name(directive: str) -> str:
    return directive.partition("=")[0].strip().lower()


def _forbids(name: str, value: str) -> bool:
    if name == "x-accel-expires":
        return value.strip() == "0"
    return not {"private", "no-store"}.isdisjoint(part.lower() for part in _directives(value))


def _is_shared(control: Sequence[str], targeted: Sequence[tuple[str, str]]) -> bool:
    for name, value in targeted:
        if name == "x-accel-expires":
            if value.strip() not in ("0", "off") and value.strip():
                return True
        elif not UNSTORED & {_name(part) for part in _directives(value)} and not _is_zero(value):
            return True
    names = {_name(part) for part in control}
    bare = {part.lower() for part in control}
    return bool(names & {"public", "s-maxage"}) and not bare & {"private", "no-store"}


def _is_zero(value: str) -> bool:
    return all(part.lower().replace(" ", "") in ("max-age=0", "s-maxage=0") for part in _directives(value))


def _privatise(control: Sequence[str]) -> list[str]:
    # Bare and in lower case: Squid stores "Private", and HAProxy and Apache store private="Set-Cookie".
    kept = [part for part in control if _name(part) not in SHARED_ONLY and _name(part) != "private"]
    return ["private", *kept]
