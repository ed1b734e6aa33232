"""What a visitor has chosen: pure functions from a request to granted, denied or unknown."""

from footfall.consent.bridge import Bridge, make_bridge
from footfall.consent.combine import all_of, always_granted, any_of, cookie_names_of, first_of, own_cookie_of
from footfall.consent.own import OwnCookie, own_cookie
from footfall.consent.platforms import (
    borlabs,
    complianz,
    consentmanager,
    cookie_information,
    cookiebot,
    cookiefirst,
    cookieyes,
    didomi,
    onetrust,
)
from footfall.consent.read import Question, has_gpc, is_async, read_consent, read_consent_async
from footfall.consent.reading import cookie
from footfall.consent.tcf import tcf

__all__ = [
    # readers
    "always_granted",
    "own_cookie",
    "onetrust",
    "cookiebot",
    "cookie_information",
    "cookieyes",
    "complianz",
    "borlabs",
    "cookiefirst",
    "didomi",
    "consentmanager",
    "tcf",
    "cookie",
    "any_of",
    "all_of",
    "first_of",
    # reading and writing
    "Bridge",
    "OwnCookie",
    "Question",
    "cookie_names_of",
    "has_gpc",
    "is_async",
    "make_bridge",
    "own_cookie_of",
    "read_consent",
    "read_consent_async",
]
