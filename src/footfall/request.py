"""What a request looks like to the rest of the package, whichever door it came through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import groupby
from urllib.parse import unquote_to_bytes

__all__ = [
    "SAFE_IN_PATH",
    "RARE",
    "USUAL",
    "Consent",
    "CookieFinder",
    "RequestClass",
    "RequestView",
    "decode_path",
    "find_cookies",
    "path_of",
]


class Consent(Enum):
    """What a visitor has chosen for one purpose."""

    UNKNOWN = "unknown"  #: no choice yet: nothing is read, set, sent or deleted
    GRANTED = "granted"
    DENIED = "denied"  #: our cookies are expired, nothing is sent


#: The headers that `footfall.identity.classify_request` reads, besides the request's line: those of most pages...
USUAL = (
    "user-agent",
    "accept",
    "sec-fetch-site",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "upgrade-insecure-requests",
)
#: ...and those that few requests have.
RARE = (
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
)


SAFE_IN_PATH = "/!$&'()*+,;=:@~"  #: what is no percent-encoding's business (RFC 3986, section 3.3)


def path_of(target: str) -> str | None:
    """Take the path out of a request target (RFC 9112, section 3.2), percent-encoded as it came.

    A proxy's form names an authority, which the client made up: it is passed over. ``None``: there is no path.
    """
    target = target.partition("?")[0]
    if not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        if not (scheme and separator):
            return None
        target = "/" + rest.partition("/")[2]
    return target


def decode_path(path: str) -> bytes:
    """Decode a path, to compare it: text is bytes read as latin-1, or, in a site's own setting, UTF-8."""
    try:
        return unquote_to_bytes(path.encode("latin-1"))
    except UnicodeEncodeError:
        return unquote_to_bytes(path)


class RequestView:
    """One incoming request as it came: the text of its line, and its headers on demand.

    Text is the bytes of the wire read as latin-1, as in WSGI; nothing is decoded or parsed before somebody asks.
    Everything in it was written by a visitor: check it before use. Each door has a view of its own, which reads the
    server's own structures.
    """

    __slots__ = ("_header", "finder", "found", "host", "method", "path", "query", "scheme", "secure", "time")

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
            path: Percent-encoded, as it was asked for.
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
        self.found: dict[str, tuple[str, ...]] | None = None  #: what `sent` has found; ``None``: it searches anew

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
        """Return the headers that tell what a request is, as the server has them, text or bytes.

        They serve as a key; use `header` to read one.
        """
        return tuple(map(self.header, USUAL + RARE))

    def sent(self) -> dict[str, tuple[str, ...]]:
        """Return every value of each cookie that the site reads, by name. The header is searched once."""
        found = self.found
        if found is None:
            header = self.header("cookie")
            found = self.found = {} if not header or self.finder is None else self.finder(header)
        return found

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
    """Finds every value of some cookies in a raw ``Cookie`` header, whatever stands beside them.

    A cookie's neighbours cannot hide it: JSON, a missing ``=``, bytes beyond ASCII are passed over. A comma
    separates as a semicolon does, for some servers join header lines with one, and no value of ours has any.
    A dictionary of every cookie would cost ten times as much.
    """

    __slots__ = ("_anywhere", "_groups", "names")

    def __init__(self, names: Iterable[str]) -> None:
        """Prepare for some names; one that ends in ``*`` stands for every name that begins so."""
        self.names = frozenset(names)
        starts = tuple(sorted(name[:-1] for name in self.names if name.endswith("*")))
        whole = sorted(name for name in self.names if not name.endswith("*") and not name.startswith(starts))
        longest_first = sorted(map(re.escape, whole), key=len, reverse=True)
        begun = (re.escape(start) + r"[^\s;,=]*" for start in starts)
        self._anywhere = re.compile(f"({'|'.join([*longest_first, *begun])})[ \t]*=([^;,]*)")
        # Names that begin alike are looked for together: by their beginning.
        groups: list[tuple[str, frozenset[str]]] = [(start, frozenset()) for start in starts]
        for _, alike in groupby(whole, key=lambda name: name[:ALIKE]):
            group = list(alike)
            groups.append((_common_start(group[0], group[-1]), frozenset(group)))
        self._groups = tuple(groups)

    def __call__(self, header: str) -> dict[str, tuple[str, ...]]:
        """Return the values of each cookie that is there, by name, in the browser's order."""
        found: dict[str, tuple[str, ...]] = {}
        for start, names in self._groups:
            first = header.find(start)
            if first < 0:
                continue
            end = header.find(";", header.rfind(start))
            block = header[first:] if end < 0 else header[first:end]
            pieces, before = block.split("; "), len(found)
            for piece in pieces:
                name, equals, value = piece.partition("=")
                if name in names and equals:
                    found[name] = (value,)
            new, separators = len(found) - before, len(pieces) - 1
            # Each once and as browsers write it, or all that servers may make of it is looked at.
            if (
                (new <= separators and new != block.count(start))
                or block.count(";") != separators
                or block.count(" ") != separators
                or (first and header[first - 2 : first] != "; ")
                or "," in block
                or "\t" in block
            ):
                return self.find_anywhere(header)
        return found

    def find_anywhere(self, header: str) -> dict[str, tuple[str, ...]]:
        """Find the same in any header: twins, what a server joined, what no browser wrote."""
        found: dict[str, tuple[str, ...]] = {}
        for match in self._anywhere.finditer(header):
            if _begins_cookie(header, match.start()):
                name, value = match.groups()
                found[name] = (*found.get(name, ()), value.strip(" \t"))
        return found


ALIKE = 3  # letters


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
