"""Which domain a cookie is set for, by configuration or by the public suffix list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

__all__ = ["CookieScope", "cookie_scope", "is_public_suffix", "matches_domain", "parse_host", "registrable_domain"]

LONGEST_HOST = 260  # characters of a Host header that can still be a name (RFC 1035: 253) and a port
# Browsers take more than RFC 1123, hyphens at either end and underscores, but no label of nothing else.
LABEL = "[_-]*[a-z0-9][a-z0-9_-]*"
HOST = re.compile(rf"({LABEL}(?:\.{LABEL})*\.?)(?::[0-9]*)?")
# A last label of digits is an IPv4 address however odd (URL Standard, "ends in a number").
ENDS_IN_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")


@dataclass(frozen=True, slots=True, repr=False)  # a visitor may send any Host
class CookieScope:
    """Where cookies set by one host's response live."""

    domain: str | None  #: for the ``Domain`` attribute; ``None``: host-only
    name: str  #: the domain, or a host-only cookie's host; a sealed cookie is bound to it
    mismatch: bool = False  #: whether the configured domain does not cover this host


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def parse_host(text: str) -> str:
    """Reduce a Host header to a lower-case name without port; ``""`` if it holds no name (an IPv6 address, rubbish)."""
    if len(text) > LONGEST_HOST or not text.isascii():  # lower() makes an ASCII k of the Kelvin sign
        return ""
    found = HOST.fullmatch(text.lower())
    return found[1] if found is not None and len(found[1]) <= 254 else ""


@lru_cache(maxsize=1024)  # bounded: a visitor may send any Host
def registrable_domain(host: str) -> str | None:
    """Find the domain that a host's owner registered: ``"www.shop.co.uk"`` gives ``"shop.co.uk"``.

    Args:
        host: As `parse_host` returns it.

    Returns:
        ``None`` where cookies can only be host-only: IP addresses, single labels, public suffixes, names with a
        trailing dot, and whatever is not a host name.
    """
    if not host or host.endswith(".") or "." not in host or ENDS_IN_NUMBER.fullmatch(host):
        return None
    if any(len(label) > 63 for label in host.split(".")):
        return None
    return _suffixes().privatesuffix(host)


def is_public_suffix(domain: str) -> bool:
    """Tell whether anybody may register names below *domain*, so that no browser keeps a cookie for it."""
    return _suffixes().publicsuffix(domain) == domain


def matches_domain(host: str, domain: str) -> bool:
    """Tell whether a browser lets *host* set a cookie for *domain* (RFC 6265bis, 5.1.3)."""
    return host == domain or (host.endswith("." + domain) and not ENDS_IN_NUMBER.fullmatch(host))


def cookie_scope(host_header: str, configured: str | None) -> CookieScope:
    """Decide where the cookies of a response to this host live.

    Args:
        host_header: The request's Host with its port; ``""`` if it had none.
        configured: `Config.cookie_domain`: ``"auto"``, a domain, or ``None`` for host-only.
    """
    # The cache is bounded in bytes too: a Host may be as long as the server takes.
    return _cookie_scope(host_header if len(host_header) <= LONGEST_HOST else "", configured)


@lru_cache(maxsize=1024)
def _cookie_scope(host_header: str, configured: str | None) -> CookieScope:
    host = parse_host(host_header)
    # An IPv6 address has no name, but may have cookies, and those do not depend on the port either.
    name = host.rstrip(".") or host_header.partition("]")[0].lower()
    if configured is None:
        return CookieScope(None, name)
    if configured != "auto":
        if matches_domain(host, configured):
            return CookieScope(configured, configured)
        return CookieScope(None, name, mismatch=True)
    domain = registrable_domain(host)
    return CookieScope(domain, domain or name)
