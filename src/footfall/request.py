"""What a request looks like to the rest of the house, whichever door it came through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

__all__ = ["Consent", "RequestClass", "RequestView", "cookie_finder", "find_cookies"]


class Consent(Enum):
    """What a visitor has said of one purpose."""

    UNKNOWN = "unknown"  #: nothing yet: nothing is read, set, sent or deleted
    GRANTED = "granted"
    DENIED = "denied"  #: our cookies are expired, nothing is sent


class RequestView:
    """One incoming request, as raw as it came: text of its line, and its headers on demand.

    Text is the bytes of the wire read as latin-1, as WSGI has it; nothing is decoded or parsed before
    somebody asks. Everything in it was written by a visitor: check before use.
    """

    __slots__ = ("header", "host", "method", "path", "query", "scheme", "secure", "time", "websocket")

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
            host: The Host the server or framework goes by, with its port if it has one; ``""`` if there is none.
            path: Percent-decoded or not, as the server hands it on.
            query: The query string without its question mark, not decoded.
            header: From a name in lower case to its value; several lines of ``cookie`` joined by ``"; "``, of
                another name by ``", "``; ``None`` if the header is absent.
            time: When the request came, in Unix seconds.
        """
        self.method = method
        self.scheme = scheme
        self.secure = scheme in ("https", "wss")
        self.websocket = scheme in ("ws", "wss")
        self.host = host
        self.path = path
        self.query = query
        self.time = time
        self.header = header  #: from a name in lower case to the header's value, or ``None``

    def cookies(self, name: str) -> list[str]:
        """Return every value the browser sent for one cookie name, in its order: usually one or none."""
        header = self.header("cookie")
        return find_cookies(header, name) if header else []

    def cookie(self, name: str) -> str | None:
        """Return the value of one cookie; ``None`` if absent, or sent with several different values."""
        values = set(self.cookies(name))
        return values.pop() if len(values) == 1 else None

    def __repr__(self) -> str:
        """Show the method alone: paths, hosts and headers are a visitor's."""
        return f"<RequestView {self.method}>"


def cookie_finder(names: Iterable[str]) -> Callable[[str], dict[str, list[str]]]:
    """Make a function that finds every value of some cookies in a raw ``Cookie`` header, whatever stands beside them.

    A cookie's neighbours cannot hide it: JSON, a missing ``=``, bytes beyond ASCII are passed over. A comma
    separates as a semicolon does, for some servers join header lines with one, and no value of ours has any.
    All in one pass, which skips to what the names begin with: a dictionary of every cookie costs ten times as much.
    """
    pattern = re.compile(f"({'|'.join(map(re.escape, names))})=([^;,]*)")

    def find(header: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for match in pattern.finditer(header):
            at = match.start()
            # As browsers write it, before all that servers may make of it.
            if header[at - 2 : at] == "; " or _begins_cookie(header, at):
                name, value = match.groups()
                if name in found:
                    found[name].append(value.strip(" \t"))
                else:
                    found[name] = [value.strip(" \t")]
        return found

    return find


def _begins_cookie(header: str, at: int) -> bool:
    while at and header[at - 1] in " \t":
        at -= 1
    return at == 0 or header[at - 1] in ";,"


@lru_cache(maxsize=64)
def _finder(name: str) -> Callable[[str], dict[str, list[str]]]:
    return cookie_finder((name,))


def find_cookies(header: str, name: str) -> list[str]:
    """Find every value of one cookie, as `cookie_finder` does."""
    return _finder(name)(header).get(name, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestClass:
    """What a request is, what it may therefore do, and why."""

    name: str  #: ``"page"``, ``"script call"``, ``"bot"``...
    reason: str  #: in words, for a person; constant text, never a visitor's
    read: bool = True  #: may the ids in its cookies be used
    mint: bool = False  #: is it given new ids where it has none
    mint_on_use: bool = False  #: is it given them once the view emits or identifies
    renew: bool = False  #: are its device and session cookies set again
    capture: bool = False  #: are ``reaid`` and ``xuid`` taken from its query
    emit: bool = True  #: may its view report events
    write: bool = True  #: may an identity that the view changed be written to cookies
