"""Who a request comes from, and the cookies worth setting: pure functions of text, clock and chance handed in."""

from footfall.identity.caching import cache_decision
from footfall.identity.classify import classify_request
from footfall.identity.domain import cookie_scope, registrable_domain
from footfall.identity.ids import format_guid, parse_guid, parse_token
from footfall.identity.visitor import Visitor

__all__ = [
    "Visitor",
    "cache_decision",
    "classify_request",
    "cookie_scope",
    "format_guid",
    "parse_guid",
    "parse_token",
    "registrable_domain",
]
