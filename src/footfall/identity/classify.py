"""What a request is and what it may do: one pure function, which also says why."""

from __future__ import annotations

from collections.abc import Mapping

from footfall.identity.bots import is_bot
from footfall.identity.domain import parse_host, registrable_domain
from footfall.request import RequestClass, RequestView

__all__ = ["classify_request"]

WEBSOCKET = RequestClass(name="websocket", reason="a WebSocket: ids are read, cookies cannot be set", write=False)
PREFLIGHT = RequestClass(
    name="preflight", reason="a CORS preflight carries no visitor", read=False, emit=False, write=False
)
SPECULATIVE = RequestClass(
    name="speculative", reason="fetched before anybody asked for it; nobody may ever see it", emit=False, write=False
)
BOT = RequestClass(name="bot", reason="the user agent is a program's, or empty", read=False, emit=False, write=False)
AGENT = RequestClass(
    name="agent",
    reason="a program that acts for somebody and says so (Signature-Agent), whatever its user agent",
    read=False,
    emit=False,
    write=False,
)
HEAD = RequestClass(name="no page", reason="a method that shows no page", emit=False)
CROSS_SITE = RequestClass(
    name="cross-site",
    reason="another site's form, frame or script: our cookies are withheld, so a missing id is no new visitor",
)
SUBRESOURCE = RequestClass(name="sub-resource", reason="part of a page, not a visit")
NESTED = RequestClass(name="nested page", reason="a frame of the same site", renew=True)
SCRIPT = RequestClass(name="script call", reason="a script of the same site", renew=True)
SCRIPT_SAME_ORIGIN = RequestClass(
    name="script call",
    reason="a script of this very origin; new ids only once it is used",
    mint_on_use=True,
    renew=True,
)
UNMARKED_POST = RequestClass(
    name="unmarked post",
    reason="sent by a browser too old, or too insecure a page, to say where it came from",
    renew=True,
)
PAGE = RequestClass(name="page", reason="a person opened a page", mint=True, mint_on_use=True, renew=True, capture=True)

EARLY = ("prefetch", "prerender", "preview")
#: The headers by which browsers and scripts mark what nobody has asked for yet, and the words that say so in each;
#: without words, its presence says so.
SPECULATIVE_MARKS: Mapping[str, tuple[str, ...]] = {
    "sec-purpose": EARLY,  # browsers
    "purpose": EARLY,  # browsers once; Inertia
    "x-purpose": EARLY,  # Safari once
    "x-moz": EARLY,  # Firefox once
    "x-sec-purpose": EARLY,  # Turbo
    "hx-preloaded": (),  # htmx
    "hx-preload": (),
    "next-router-prefetch": (),  # Next
    "next-router-segment-prefetch": (),
    "x-middleware-prefetch": (),
}
NESTED_DESTINATIONS = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def classify_request(view: RequestView, *, ignore_bots: bool = True) -> RequestClass:
    """Tell what a request is, and what it may read, mint, renew, capture, emit and write.

    Only a page that a person opened always mints ids, for only there will the browser keep them: six parallel script
    calls would mint six visitors, and a payment provider's return would overwrite one.
    """
    if view.websocket:
        return WEBSOCKET
    header = view.header
    if view.method == "OPTIONS" and header("access-control-request-method") is not None:
        return PREFLIGHT
    if _is_speculative(view):
        return SPECULATIVE
    if ignore_bots and (program := _find_program(view)) is not None:
        return program
    site = (header("sec-fetch-site") or "").strip().lower()
    destination = (header("sec-fetch-dest") or "").strip().lower()
    if not destination and (header("sec-fetch-mode") or "").strip().lower() == "navigate":
        destination = "document"
    if site == "cross-site" and (view.method not in SAFE_METHODS or destination != "document"):
        return CROSS_SITE
    if not site and view.method not in SAFE_METHODS and _is_of_another_site(header("origin"), view.host):
        return CROSS_SITE
    if view.method not in METHODS:
        return HEAD
    if destination == "document":
        return PAGE
    if destination in NESTED_DESTINATIONS:
        return NESTED
    if destination not in ("", "empty"):
        return SUBRESOURCE
    return _classify_by_habit(view, site=site, marked=bool(site or destination))


def _classify_by_habit(view: RequestView, *, site: str, marked: bool) -> RequestClass:
    """Tell a page from a script call where the browser does not say: an old one, plain http, a service worker."""
    header = view.header
    by_script = (header("x-requested-with") or "").lower() == "xmlhttprequest" or header("hx-request") == "true"
    if not by_script and view.method == "GET":
        # A service worker fetches a navigation again with an empty destination.
        if "text/html" in (header("accept") or "").lower() or header("upgrade-insecure-requests") == "1":
            return PAGE
        if not marked:
            return SUBRESOURCE
    if site == "same-origin":
        return SCRIPT_SAME_ORIGIN
    if marked or by_script:
        return SCRIPT
    return UNMARKED_POST


def _find_program(view: RequestView) -> RequestClass | None:
    if is_bot(view.header("user-agent") or ""):
        return BOT
    return AGENT if view.header("signature-agent") is not None else None


def _is_speculative(view: RequestView) -> bool:
    for name, words in SPECULATIVE_MARKS.items():
        value = view.header(name)
        if value is not None and (not words or any(word in value.lower() for word in words)):
            return True
    return False


def _is_of_another_site(origin: str | None, host: str) -> bool:
    if origin is None:
        return False
    there, here = parse_host(origin.partition("://")[2]), parse_host(host)
    if there == here:
        return not there  # "null", or rubbish on both sides, is another site
    return registrable_domain(there) is None or registrable_domain(there) != registrable_domain(here)
