"""What a request looks like to the rest of the package, whichever door it came through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import groupby

__all__ = ["TELLING", "Consent", "CookieFinder", "RequestClass", "RequestView", "find_cookies"]


class Consent(Enum):
    """What a visitor has chosen for one purpose."""

    UNKNOWN = "unknown"  #: no choice yet: nothing is read, set, sent or deleted
    GRANTED = "granted"
    DENIED = "denied"  #: our cookies are expired, nothing is sent


#: The headers that `footfall.identity.classify_request` reads, besides the request's line.
TELLING = (
    "user-agent",
    "accept",
    "sec-fetch-site",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-purpose",
    "purpose",
    "x-purpose",
    "x-moz",
    "x-sec-purpose",
    "next-router-prefetch",
    "access-control-request-method",
    "origin",
    "x-requested-with",
    "hx-request",
    "upgrade-insecure-requests",
)


class RequestView:
    """One incoming request as it came: the text of its line, and its headers on demand.

    Text is the bytes of the wire read as latin-1, as in WSGI; nothing is decoded or parsed before somebody asks.
    Everything in it was written by a visitor: check it before use. Each door has a view of its own, which reads the
    server's own structures.
    """

    __slots__ = ("_header", "_sent", "finder", "host", "method", "path", "query", "scheme", "secure", "time")

    def __init__(
        self,
        *,
        method: str,
        scheme: str,
        host: str,
        path: str,
        query: str,
        header: Callable[[str], str | None],
        time: float = 0.0,
    ) -> None:
        """Take a request's parts.

        Args:
            method: In upper case; a WebSocket's handshake is ``"GET"``.
            scheme: ``http``, ``https``, ``ws`` or ``wss``, as the server or framework says.
            host: The Host that the server or framework uses, with its port if it has one; ``""`` if there is none.
            path: Percent-decoded or not, as the server gives it.
            query: The query string without its question mark, not decoded.
            header: From a name in lower case to its value; several lines of ``cookie`` joined by ``"; "``, of
                another name by ``", "``; ``None`` if the header is absent.
            time: When the request came, in Unix seconds.
        """
        self.method = method
        self.scheme = scheme
        self.secure = scheme in ("https", "wss")
        self.host = host
        self.path = path
        self.query = query
        self.time = time
        self._header = header
        self.finder: CookieFinder | None = None  #: finds all cookies that the site reads, in one pass
        self._sent: dict[str, tuple[str, ...]] | None = None

    def correct(self, scheme: str | None, host: str | None) -> None:
        """Take the scheme and host that proxies in front of us saw; ``None`` keeps what is there."""
        if scheme is not None:
            self.scheme = scheme
            self.secure = scheme in ("https", "wss")
        if host is not None:
            self.host = host

    @property
    def websocket(self) -> bool:
        """Whether the request is a WebSocket's handshake."""
        return self.scheme in ("ws", "wss")

    def header(self, name: str) -> str | None:
        """Return a header by its name in lower case, ``None`` if it is absent."""
        return self._header(name)

    def telling(self) -> tuple[str | bytes | None, ...]:
        """Return the headers named by `TELLING` as the server has them, text or bytes.

        They serve as a key; use `header` to read one.
        """
        return tuple(map(self.header, TELLING))

    def sent(self) -> dict[str, tuple[str, ...]]:
        """Return every value of each cookie that the site reads, by name. The header is searched once."""
        found = self._sent
        if found is None:
            header = self.header("cookie")
            found = self._sent = {} if not header or self.finder is None else self.finder(header)
        return found

    def let_go(self) -> None:
        """Forget what was found, once the response has started; `sent` would search again."""
        self._sent = None

    def cookies(self, name: str) -> list[str]:
        """Return every value the browser sent for one cookie name, in its order: usually one or none.

        A name that ends in ``*`` stands for all names with that beginning.
        """
        if self.finder is None or name not in self.finder.names:
            header = self.header("cookie")
            return _values(_finder(name)(header), name) if header else []
        return _values(self.sent(), name)

    def cookie(self, name: str) -> str | None:
        """Return the value of one cookie; ``None`` if absent, or sent with several different values."""
        values = set(self.cookies(name))
        return values.pop() if len(values) == 1 else None

    def __repr__(self) -> str:
        """Show the method alone: paths, hosts and headers are a visitor's."""
        return f"<RequestView {self.method}>"


class CookieFinder:
    """Finds every value of some cookies in a raw ``Cookie`` header, whatever other cookies it holds.

    JSON, a missing ``=`` or bytes beyond ASCII in other cookies are skipped. A comma separates cookies as a semicolon
    does: some servers join header lines with one, and no value of ours contains one. Parsing every cookie into a
    dictionary would cost ten times as much.
    """

    __slots__ = ("_anywhere", "_groups", "names")

    def __init__(self, names: Iterable[str]) -> None:
        """Prepare to find some names; one that ends in ``*`` stands for all names with that beginning."""
        self.names = frozenset(names)
        starts = tuple(sorted(name[:-1] for name in self.names if name.endswith("*")))
        whole = sorted(name for name in self.names if not name.endswith("*") and not name.startswith(starts))
        self._anywhere = re.compile(f"({'|'.join([*_longest_first(whole), *map(_any_after, starts)])})=([^;,]*)")
        groups = [_Group(start, ANY_REST) for start in starts]
        for _, alike in groupby(whole, key=lambda name: name[:ALIKE]):
            group = list(alike)
            start = _common_start(group[0], group[-1])
            groups.append(_Group(start, "|".join(_longest_first(name[len(start) :] for name in group))))
        self._groups = tuple((group.start, group.find) for group in groups)

    def __call__(self, header: str) -> dict[str, tuple[str, ...]]:
        """Return the values of each cookie that was sent, by name, in the browser's order."""
        found: dict[str, tuple[str, ...]] = {}
        padded = "; " + header
        for start, find in self._groups:
            if start in header:
                for before, rest, value in find(padded):
                    name = start + rest
                    # Anything but one cookie written as browsers write it takes the slower way.
                    if before != "; " or name in found:
                        return self.find_anywhere(header)
                    found[name] = (value.strip(" \t"),)
        return found

    def find_anywhere(self, header: str) -> dict[str, tuple[str, ...]]:
        """Find the same in any header, also with repeated names, joined lines or unusual spacing."""
        found: dict[str, tuple[str, ...]] = {}
        for match in self._anywhere.finditer(header):
            if _begins_cookie(header, match.start()):
                name, value = match.groups()
                found[name] = (*found.get(name, ()), value.strip(" \t"))
        return found


ALIKE = 3  # names that share so many first letters are searched for together
ANY_REST = r"[^\s;,=]*"


class _Group:
    """Cookie names with the same beginning, found in one pass that skips to it."""

    __slots__ = ("find", "start")

    def __init__(self, start: str, rest: str) -> None:
        begin = re.escape(start)
        self.start = start
        self.find = re.compile(f"{begin}(?<=(..){begin})({rest})=([^;,]*)", re.DOTALL).findall


def _longest_first(names: Iterable[str]) -> list[str]:
    return [re.escape(name) for name in sorted(names, key=len, reverse=True)]


def _any_after(start: str) -> str:
    return re.escape(start) + ANY_REST


def _common_start(one: str, other: str) -> str:
    length = 0
    while one[length : length + 1] == other[length : length + 1] != "":
        length += 1
    return one[:length]


def _begins_cookie(header: str, at: int) -> bool:
    while at and header[at - 1] in " \t":
        at -= 1
    return at == 0 or header[at - 1] in ";,"


def _values(found: dict[str, tuple[str, ...]], name: str) -> list[str]:
    if not name.endswith("*"):
        return list(found.get(name, ()))
    return [value for one, values in found.items() if one.startswith(name[:-1]) for value in values]


@lru_cache(maxsize=64)
def _finder(name: str) -> CookieFinder:
    return CookieFinder((name,))


def find_cookies(header: str, name: str) -> list[str]:
    """Find every value of one cookie, as a `CookieFinder` does."""
    return _values(_finder(name)(header), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestClass:
    """What a request is, what it may do, and why."""

    name: str  #: ``"page"``, ``"script call"``, ``"bot"``...
    reason: str  #: in words, for a person; constant text, never a visitor's
    read: bool = True  #: whether the ids in its cookies may be used
    mint: bool = False  #: whether it gets new ids where it has none
    mint_on_use: bool = False  #: whether it gets new ids once the view emits or identifies
    renew: bool = False  #: whether its device and session cookies are set again
    capture: bool = False  #: whether ``reaid`` and ``xuid`` are taken from its query
    emit: bool = True  #: whether its view may report events
    write: bool = True  #: whether an identity that the view changed may be written to cookies
