"""What is answered before the application is asked: the landing page's redirect, a visitor's consent, its script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from footfall.consent import Bridge
from footfall.identity.domain import parse_host, registrable_domain
from footfall.identity.landing import landing_redirect
from footfall.request import RequestView, decode_path

__all__ = ["Answer", "Chooser", "answer_bridge", "answer_consent"]


class Chooser(Protocol):
    """Who a choice is told to: the request's tracking."""

    def grant(self, *, person: bool = True) -> None:
        """Take a yes."""

    def deny(self) -> None:
        """Take a no."""

    def capture(self, query: str) -> None:
        """Take the id of an earlier page's query."""


@dataclass(frozen=True, slots=True, repr=False)  # an address may hold a visitor's ids
class Answer:
    """A response made here."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""

    @property
    def status_line(self) -> str:
        """The status as WSGI has it."""
        from http import HTTPStatus  # an enumeration of sixty: not worth an import of footfall

        return f"{self.status} {HTTPStatus(self.status).phrase}"


def answer_consent(tracking: Chooser, view: RequestView) -> Answer:
    """Take a visitor's choice: ``POST`` to the site's consent endpoint with ``?grant``, ``?grant-device`` or ``?deny``.

    Only the site's own pages may ask for it. The landing page's ``reaid`` or ``xuid``, which came before there was
    consent to keep it, is taken from the Referer: same-origin, it holds the whole address. A form gets
    sent back to its page, a script gets a bare 204.
    """
    headers = [("Cache-Control", "no-store"), ("Content-Length", "0")]
    if view.method != "POST":
        return Answer(405, [("Allow", "POST"), *headers])
    if not _is_own_page(view):
        return Answer(403, headers)
    if view.query in ("grant", "grant-device"):
        tracking.grant(person=view.query == "grant")
    elif view.query == "deny":
        tracking.deny()
    else:
        return Answer(400, headers)
    referer = _own_referer(view)
    if referer is not None:
        tracking.capture(referer[1])
    if (view.header("sec-fetch-mode") or "").lower() == "navigate":
        path, query = referer or ("/", "")
        return Answer(303, [("Location", landing_redirect(path, query, ())), *headers])
    del headers[1:]
    return Answer(204, headers)


def answer_bridge(bridge: Bridge, view: RequestView) -> Answer:
    """Give the script, which is the same for everybody: its name tells one from another, so that caches may keep it."""
    if view.method not in ("GET", "HEAD"):
        return Answer(405, [("Allow", "GET, HEAD"), ("Content-Length", "0")])
    headers = [
        ("Content-Type", "text/javascript; charset=utf-8"),
        ("Content-Length", str(len(bridge.script))),
        ("Cache-Control", "public, max-age=31536000, immutable"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return Answer(200, headers, bridge.script if view.method == "GET" else b"")


def _is_own_page(view: RequestView) -> bool:
    site = view.header("sec-fetch-site")
    if site is not None:
        return site.strip().lower() in ("same-origin", "same-site")
    origin = view.header("origin")
    if origin is None:
        return False
    there, here = parse_host(origin.partition("://")[2]), parse_host(view.host)
    own = registrable_domain(here)
    return bool(there) and (there == here or (own is not None and registrable_domain(there) == own))


def _own_referer(view: RequestView) -> tuple[str, str] | None:
    """Take path and query of the page that sent the choice, if it is of this very host."""
    try:
        parts = urlsplit(view.header("referer") or "")
    except ValueError:
        return None
    host = parse_host(parts.netloc)
    # The endpoint's own address is no page to go back to.
    if not host or host != parse_host(view.host) or decode_path(parts.path) == decode_path(view.path):
        return None
    return parts.path or "/", parts.query
