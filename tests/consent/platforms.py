"""Consent platforms' cookies as their scripts write them: granted, denied, and not decided yet."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from footfall.config import ConsentReader
from footfall.consent import (
    borlabs,
    complianz,
    consentmanager,
    cookie_information,
    cookiebot,
    cookiefirst,
    cookieyes,
    didomi,
    onetrust,
    tcf,
)

__all__ = ["PLATFORMS", "Platform", "cookie_information_of", "didomi_of"]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What one platform writes, as whole Cookie headers."""

    reader: Callable[[], ConsentReader]
    granted: str
    denied: str
    undecided: str  #: where a platform writes nothing before the choice: another cookie of its


def encoded(value: object) -> str:
    """As JavaScript's encodeURIComponent does."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return quote(text, safe="!'()*-._~")


def cookie_information_of(approved: list[str], denied: list[str]) -> str:
    names = {
        "website_uuid": "1234abcd-ef56-7890-1234-56789abcdef0",
        "timestamp": "2026-11-24T09:00:00.000Z",
        "consent_url": "https://www.shop.example/shirt?size=xl",
        "consent_website": "shop.example",
        "consent_domain": "shop.example",
        "user_uid": "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11",
        "consents_approved": [f"cookie_cat_{one}" for one in ["necessary", *approved]],
        "consents_denied": [f"cookie_cat_{one}" for one in denied],
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    }
    return f"CookieInformationConsent={encoded(names)}"


def cookieyes_of(action: str, advertisement: str) -> str:
    return (
        f"cookieyes-consent=consentid:dGVzdA,consent:{advertisement},action:{action},necessary:yes,functional:no,"
        f"analytics:{advertisement},performance:no,advertisement:{advertisement},other:no"
    )


def borlabs_of(*, version: int, **groups: list[str]) -> str:
    mark: dict[str, object] = {"version": "1"} if version == 2 else {"version": 1, "v3": True}
    said = {
        "consents": {"essential": ["borlabs-cookie"], **groups},
        "domainPath": "www.shop.example/",
        "expires": "Sat, 23 Jan 2027 09:00:00 GMT",
        "uid": "abcd1234-abcd1234-abcd1234-abcd1234",
    }
    return f"borlabs-cookie={encoded({**said, **mark})}"


def cookiefirst_of(*, advertising: bool) -> str:
    said = {
        "necessary": True,
        "performance": True,
        "functional": True,
        "advertising": advertising,
        "timestamp": 1764000000,
        "type": "category",
        "version": "0b9a4a3e-3d7c-4a39-a2f1-8f0e6c0c5f5e",
    }
    return f"cookiefirst-consent={encoded(said)}"


def didomi_of(
    enabled: list[str], disabled: list[str], *, vendors: list[str] | None = None, version: int | None = 2
) -> str:
    token = {
        "user_id": "19a2b3c4-d5e6-6789-abcd-ef0123456789",
        "created": "2026-11-24T09:00:00.000Z",
        "updated": "2026-11-24T09:00:05.000Z",
        "version": version,
        "purposes": {"enabled": enabled, "disabled": disabled},
        "vendors": {"enabled": vendors or [], "disabled": []},
    }
    return f"didomi_token={b64encode(json.dumps(token).encode()).decode()}"


def onetrust_of(*, answered: int, targeting: int) -> str:
    return (
        "OptanonConsent=isGpcEnabled=0&datestamp=Tue+Nov+24+2026+10%3A00%3A00+GMT%2B0100&version=202501.1.0"
        f"&consentId=5f2c&interactionCount={answered}&groups=C0001%3A1%2CC0002%3A{targeting}%2CC0004%3A{targeting}"
        "&AwaitingReconsent=false"
    )


def cookiebot_of(*, marketing: str) -> str:
    return (
        "CookieConsent={stamp:%27Abc/d+e==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:true%2Cmarketing:"
        f"{marketing}%2Cmethod:%27explicit%27%2Cver:1%2Cutc:1764000000000%2Cregion:%27dk%27}}"
    )


PLATFORMS: dict[str, Platform] = {
    "OneTrust": Platform(
        reader=lambda: onetrust("C0004"),
        granted=onetrust_of(answered=1, targeting=1),
        denied=onetrust_of(answered=1, targeting=0),
        undecided=onetrust_of(answered=0, targeting=1),
    ),
    "Cookiebot": Platform(
        reader=lambda: cookiebot("marketing"),
        granted=cookiebot_of(marketing="true"),
        denied=cookiebot_of(marketing="false"),
        undecided="CookieConsentBulkTicket=1",
    ),
    "Cookie Information": Platform(
        reader=lambda: cookie_information("marketing"),
        granted=cookie_information_of(["functional", "statistic", "marketing"], []),
        denied=cookie_information_of([], ["functional", "statistic", "marketing"]),
        undecided="CookieInformation=1",
    ),
    "CookieYes": Platform(
        reader=lambda: cookieyes("advertisement"),
        granted=cookieyes_of("yes", "yes"),
        denied=cookieyes_of("yes", "no"),
        undecided=cookieyes_of("", "yes"),
    ),
    "Complianz": Platform(
        reader=lambda: complianz("marketing"),
        granted="cmplz_banner-status=dismissed; cmplz_marketing=allow; cmplz_statistics=allow",
        denied="cmplz_banner-status=dismissed; cmplz_marketing=deny; cmplz_statistics=allow",
        undecided="cmplz_consenttype=optin",
    ),
    "Borlabs 2": Platform(
        reader=lambda: borlabs("marketing"),
        granted=borlabs_of(version=2, marketing=["facebook-pixel"]),
        denied=borlabs_of(version=2, statistics=["google-analytics"]),
        undecided="borlabs-cookie-box=1",
    ),
    "Borlabs 3": Platform(
        reader=lambda: borlabs("marketing"),
        granted=borlabs_of(version=3, marketing=["meta-pixel-package"]),
        denied=borlabs_of(version=3),
        undecided="borlabs-cookie-box=1",
    ),
    "CookieFirst": Platform(
        reader=lambda: cookiefirst("advertising"),
        granted=cookiefirst_of(advertising=True),
        denied=cookiefirst_of(advertising=False),
        undecided="cookiefirst-id=1",
    ),
    "Didomi": Platform(
        reader=lambda: didomi("targeted_ads"),
        granted=didomi_of(["cookies", "targeted_ads"], []),
        denied=didomi_of(["cookies"], ["targeted_ads"]),
        undecided=didomi_of([], [], version=None),
    ),
    "consentmanager": Platform(
        reader=lambda: consentmanager(52),
        granted="__cmpconsentx8604=BPjiQUzPjiQUzAfJcBDEDXAAAAAVmABAKyA; __cmpcvcx8604=__s23_c24_U__; "
        "__cmpcpcx8604=__51_52_54__",
        denied="__cmpconsentx8604=BPjiQUzPjiQUzAfJcBDEDXAAAAAVmABAKyA; __cmpcvcx8604=__s23_c24_U__; "
        "__cmpcpcx8604=__51__",
        undecided="__cmpcc=1; __cmpcvcx8604=__s23__",
    ),
    "TCF": Platform(
        reader=lambda: tcf({1, 2, 3}),
        # IAB Tech Lab's own example consents to purposes 1, 2 and 3; that of CPAN's GDPR-IAB-TCFv2 to others.
        granted="euconsent-v2=COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEA"
        "AAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw",
        denied="euconsent-v2=CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA",
        undecided="euconsent=1",
    ),
}
