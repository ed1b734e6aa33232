"""Who a request comes from, and which cookies to set: pure functions, given clock and randomness."""

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
