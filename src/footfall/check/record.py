"""What a site stores of its visitors, where, and for how long, as its configuration says."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from footfall.config import Config
from footfall.consent import OwnCookie, always_granted
from footfall.delivery import KEEP_ONCE
from footfall.errors import EventError, NoIdentity
from footfall.events import Buy, Click, ClickRecommended, Event, Login, Money, PageView
from footfall.identity.visitor import Visitor
from footfall.reporter import ask
from footfall.site import Site
from footfall.trackers.protocol import Tracker
from footfall.tracking.cookies import FORGOTTEN_FOR
from footfall.wire import WireRequest

__all__ = ["Stored", "describe_gpc", "format_record", "privacy_record", "requests_of"]

_ONCE_GRANTED = "on each visit, once there is consent to it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One thing that is kept of a visitor, for a record of processing (GDPR, Art. 30)."""

    kind: str  #: ``"cookie"``, ``"spool"`` or ``"tracker"``
    name: str  #: the name of the cookie, the file or the tracker
    purpose: str
    content: str
    kept: str  #: for how long
    where: str
    when: str  #: when it is stored or sent


def privacy_record(site: Site) -> list[Stored]:
    """Return what a site stores, where and for how long: cookies, then the spool, then what trackers are told.

    It holds for visitors who have consented; of others nothing is stored. What a tracker's vendor keeps, and for how
    long, is between the site and the vendor.
    """
    return [*_cookies(site), *_spool(site), *(_told(tracker, site.config) for tracker in site.trackers)]


def format_record(record: Sequence[Stored]) -> str:
    """Write a record as text, one paragraph for each thing."""
    parts: list[str] = []
    for one in record:
        fields = {"purpose": one.purpose, "holds": one.content, "kept": one.kept, "where": one.where, "when": one.when}
        lines = [f"{one.kind} {one.name}", *(f"  {name + ':':9}{text}" for name, text in fields.items())]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def describe_gpc(config: Config) -> str:
    """Say which rule a site has for Global Privacy Control (11 CCR 7025)."""
    rules = {
        True: "is a denial",
        False: "is ignored",
        "unless-consented": "is a denial, unless the visitor consents while it is sent",
    }
    return f"signal Sec-GPC: 1\n  {'rule:':9}{rules[config.honour_gpc]}"


def _cookies(site: Site) -> Iterator[Stored]:
    config, names = site.config, site.config.cookie_names
    everywhere = _scope(config)
    hidden = f"{everywhere}, HttpOnly"
    ids = everywhere if config.script_access else hidden
    consented = "on each visit" if site.policy.reader is always_granted else _ONCE_GRANTED
    known = _known_when(site)
    device = _days(config.device_lifetime)
    yield _cookie(
        names.device, "tells one browser from another", "a random id", f"{device} since the last visit", ids, consented
    )
    idle = _minutes(config.session_idle)
    yield _cookie(
        names.session, "tells one visit from another", "a random id", f"{idle} since the last page", ids, consented
    )
    if config.session_ends_with_browser:
        yield _cookie(
            names.session_open, "ends the visit with the browser", "1", "until the browser closes", hidden, consented
        )
    if config.person_ids == "ruid+reaid" and config.ruid_cookie != "off":
        sealed = config.ruid_cookie == "sealed"
        yield _cookie(
            names.ruid,
            "knows the person again, on any device",
            "what the visitor identified with (an e-mail address, say), "
            + ("sealed with AES-256-GCM" if sealed else "in base64, which anybody can read"),
            f"{device} since they identified",
            hidden,
            f"when they identify{known}",
        )
    token = "reaid" if config.person_ids == "ruid+reaid" else "xuid"
    yield _cookie(
        getattr(names, token),
        "knows the person who followed a link in an e-mail",
        f"the mail system's token for their address, from {token}= in the link",
        f"{device} since the link was followed",
        hidden,
        f"when such a link is followed{known}",
    )
    yield _cookie(
        names.gone,
        "keeps a slower response from bringing back who was forgotten",
        "16 digits of a digest of the forgotten random id",
        _minutes(timedelta(seconds=FORGOTTEN_FOR)),
        hidden,
        "when a visitor with consent is forgotten",
    )
    if site.policy.own_consent is not None:
        yield _own_consent(site.policy.own_consent, everywhere)


def _own_consent(own: OwnCookie, everywhere: str) -> Stored:
    return _cookie(
        own.name,
        "remembers the visitor's choice",
        "the wording's version, both answers, and the time of the choice",
        _days(own.max_age),
        everywhere,
        "when the visitor chooses, either way",
    )


def _cookie(name: str, purpose: str, content: str, kept: str, where: str, when: str) -> Stored:
    return Stored(kind="cookie", name=name, purpose=purpose, content=content, kept=kept, where=where, when=when)


def _known_when(site: Site) -> str:
    return "" if site.policy.reader is always_granted else ", once there is consent to be known as a person"


def _scope(config: Config) -> str:
    hosts = {"auto": "all hosts of the registrable domain", None: "one host"}
    secure = {"auto": "Secure where the page is https", True: "Secure"}
    place = hosts.get(config.cookie_domain, f"all hosts of {config.cookie_domain}")
    return f"browser, {place}, {secure.get(config.secure, 'not Secure')}"


def _spool(site: Site) -> Iterator[Stored]:
    settings = site.delivery.settings
    content = "finished requests to the trackers: the ids and the event in an address, and when it was accepted"
    when = "when the view reports an event that may be sent"
    if settings.path is None:
        yield Stored(
            kind="spool",
            name="memory",
            purpose="no page waits for a tracker",
            content=content,
            kept="until the tracker has it, or the process ends",
            where="the process's memory",
            when=when,
        )
        return
    yield Stored(
        kind="spool",
        name=settings.path.name,
        purpose="no page waits for a tracker, and no restart loses an event",
        content=content,
        kept=f"until the tracker has it; tried again for {_days(timedelta(seconds=settings.retry_for))} at most",
        where=f"{settings.path} and {settings.folder}, readable by their owner alone",
        when=when,
    )
    yield Stored(
        kind="spool",
        name=f"{settings.path.name}, failed requests",
        purpose="a person can see what went wrong, and try again",
        content="the same, with the reason and the first words of the tracker's answer",
        kept="until they are retried or purged by hand (footfall spool), or their visitor is forgotten",
        where=str(settings.path),
        when="when a tracker refuses a request, or does not answer for too long",
    )
    if any(request.once for tracker in site.trackers for request in requests_of(tracker, Login("the-user"))):
        yield Stored(
            kind="spool",
            name=f"{settings.path.name}, logins",
            purpose="tells a tracker once that a device is a user's",
            content="the device's random id, and a digest of the pair of device and user",
            kept=f"{_days(timedelta(seconds=KEEP_ONCE))}, or until their visitor is forgotten",
            where=str(settings.path),
            when="when a login is reported",
        )


# A visitor whom the trackers are asked about, to see what they would be told.
_VISITOR = Visitor(
    device_id="00000000-0000-4000-8000-00000000000d",
    session_id="00000000-0000-4000-8000-00000000000e",
    ruid="ruid@footfall.invalid",
    reaid="the-reaid",
    user_id="the-user",
    anonymous_id="00000000-0000-4000-8000-00000000000d",
    page_url="https://footfall.invalid/the-page",
)
_EVENTS: tuple[Event, ...] = (
    PageView(),
    Click("1", category_path=["a"]),
    ClickRecommended("1", scenario="a", module="a"),
    Buy("1", price=Money("1", "EUR")),
    Login("the-user"),
)
_WORDS = {
    _VISITOR.device_id: "the device's random id",
    _VISITOR.session_id: "the visit's random id",
    b64encode(b"ruid@footfall.invalid").decode(): "what the visitor identified with, in base64",
    "the-reaid": "the mail system's token for their address",
    "the-user": "who is logged in",
    "footfall.invalid/the-page": "the page's address",
}


def _told(tracker: Tracker, config: Config) -> Stored:
    visitor = _VISITOR
    if config.person_ids == "xuid":
        visitor = replace(_VISITOR, ruid=None, reaid=None, xuid=_VISITOR.reaid)
    urls = [request.url for event in _EVENTS for request in requests_of(tracker, event, visitor)]
    texts = " ".join(unquote(url) for url in urls)
    ids = [words for marker, words in _WORDS.items() if marker and marker in texts]
    hosts = sorted({urlsplit(url).netloc for url in urls})
    return Stored(
        kind="tracker",
        name=tracker.name,
        purpose="recommendations, by the service that the site has chosen",
        content=", ".join(["the event (item, price, quantity and so on)", *ids]),
        kept="as agreed with the vendor; ask it to erase by Site(on_forget=...)",
        where=", ".join(hosts) or "where its requests say",
        when="when the view reports an event, once there is consent",
    )


def requests_of(tracker: Tracker, event: Event, visitor: Visitor = _VISITOR) -> Sequence[WireRequest]:
    """Ask a tracker what an event would become; nothing if it refuses the event or has no such kind."""
    try:
        return ask(tracker, event, visitor)
    except (EventError, NoIdentity):
        return ()


def _days(span: timedelta) -> str:
    days, rest = divmod(span, timedelta(days=1))
    if rest or not days:
        return _minutes(span)
    return f"{days} day{'s' if days != 1 else ''}"


def _minutes(span: timedelta) -> str:
    for unit, seconds in (("hour", 3600), ("minute", 60), ("second", 1)):
        number, rest = divmod(span.total_seconds(), seconds)
        if not rest:
            return f"{number:.0f} {unit}{'s' if number != 1 else ''}"
    return str(span)
