"""Who a request comes from, as far as its cookies can tell."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from footfall.config import Config, CookieNames
from footfall.identity.ids import decode_ruid, parse_guid
from footfall.identity.seal import Opened, Sealer

__all__ = ["NOTHING", "Found", "Known", "Names", "Sent", "find", "find_ruid", "mark_of", "recognize"]


Sent = Mapping[str, Sequence[str]]  # by name, every value that the browser sent for each of our cookies
NONE: frozenset[str] = frozenset()
ABSENT = ("",)  #: no id, like a cookie without a value
OPEN = "1"  #: the value of the session cookie's companion


class Names:
    """The names of a site's cookies: `CookieNames`, with the derived names ready."""

    __slots__ = ("device", "gone", "reaid", "ruid", "session", "session_open", "xuid")

    def __init__(self, names: CookieNames) -> None:
        """Take the names of a configuration."""
        self.device, self.session, self.session_open = names.device, names.session, names.session_open
        self.ruid, self.reaid, self.xuid, self.gone = names.ruid, names.reaid, names.xuid, names.gone


@dataclass(slots=True, repr=False, eq=False)  # not frozen: that would cost each request a microsecond each
class Found:
    """What a browser sent under the name of one of our cookies."""

    value: str | None = None  #: the valid value that was chosen; ``None``: there is none
    sent: bool = True  #: whether anything came under that name, valid or not
    twins: bool = False  #: whether it came more than once: a host-only cookie beside the domain's
    former: bool = False  #: whether it came under the name that the site used before
    stale: bool = False  #: whether it must be written again, for an old key sealed it


NOTHING = Found(sent=False)


@dataclass(slots=True, repr=False, eq=False)
class Known:
    """Which browser a request comes from, and in which of its visits."""

    device: str | None  #: ``None`` also where the visitor had it forgotten
    session: str | None
    alive: str | None  #: the session's id, if the visit goes on
    gone: str | None = None  #: the id of a forgotten device that a slower response brought back
    twins: frozenset[str] = NONE  #: which of device, session and session_open came more than once
    former: frozenset[str] = NONE  #: which of them came under the name that the site used before


def find(sent: Sent, name: str, former: str | None, parse: Callable[[str], str | None]) -> Found:
    """Read one of our cookies from a request.

    Of several valid values the smallest is chosen: browsers send a host-only cookie and a domain-wide one in
    different orders, and taking the first or the last would make two visitors of one.
    """
    values = sent.get(name)
    if values is None:
        if former is None or former == name:
            return NOTHING
        values = sent.get(former)
        if values is None:
            return NOTHING
        valid = sorted({value for text in values if (value := parse(text)) is not None})
        return Found(valid[0] if valid else None, former=True)
    if len(values) == 1:
        return Found(parse(values[0]))
    valid = sorted({value for text in values if (value := parse(text)) is not None})
    return Found(valid[0] if valid else None, twins=True)


def recognize(sent: Sent, names: Names, former: Names | None, *, ends_with_browser: bool) -> Known:
    """Tell which browser it is, and whether its visit goes on.

    A session lives while its cookie is there and, unless switched off, its companion too.
    """
    if former is None and names.gone not in sent:  # most often
        get = sent.get
        devices, sessions = get(names.device, ABSENT), get(names.session, ABSENT)
        opens = get(names.session_open, ABSENT)
        if len(devices) == len(sessions) == len(opens) == 1:
            device, session = parse_guid(devices[0]), parse_guid(sessions[0])
            return Known(device, session, session if opens[0] == OPEN or not ends_with_browser else None)
    return _recognize_odd(sent, names, former, ends_with_browser=ends_with_browser)


def _recognize_odd(sent: Sent, names: Names, former: Names | None, *, ends_with_browser: bool) -> Known:
    """Tell the same where there are twins, cookies under former names, or a forgotten device."""
    found = {
        role: find(sent, getattr(names, role), None if former is None else getattr(former, role), parse)
        for role, parse in (("device", parse_guid), ("session", parse_guid), ("session_open", _parse_open))
    }
    device, session = found["device"].value, found["session"].value
    goes_on = found["session_open"].value is not None or not ends_with_browser
    twins = frozenset(role for role, one in found.items() if one.twins)
    under_former = frozenset(role for role, one in found.items() if one.former)
    if device is not None and mark_of(device) in sent.get(names.gone, ()):
        return Known(None, session, None, device, twins, under_former)
    return Known(device, session, session if goes_on else None, None, twins, under_former)


def mark_of(device_id: str) -> str:
    """Write the mark of a forgotten device: by it the id is known if it comes back, but cannot be read from it."""
    return hashlib.sha256(device_id.encode()).hexdigest()[:16]


def _parse_open(text: str) -> str | None:
    return text if text == OPEN else None


def find_ruid(sent: Sent, config: Config, sealer: Sealer | None, scope: str) -> Found:
    """Read who the visitor once said they are.

    A seal that is forged, truncated, another site's, or made with a key that is gone counts as an absent cookie. One
    made for the site's former domain is stale, like one made with an old key.
    """
    names: list[tuple[CookieNames, bool]] = [(config.cookie_names, False)]
    if config.former_cookie_names is not None:
        names.append((config.former_cookie_names, True))
    for one, former in names:
        values = sent.get(one.ruid)
        if not values:
            continue
        people: dict[str, bool] = {}  # who, and whether the newest key sealed it
        for text in values:
            opened = _open_ruid(text, one.ruid, config, sealer, scope)
            if opened is not None:
                people[opened.text] = people.get(opened.text, False) or opened.newest
        if not people:
            return Found(None, twins=len(values) > 1, former=former)
        person = min(people)
        return Found(person, twins=len(values) > 1 and not former, former=former, stale=not people[person])
    return NOTHING


def _open_ruid(text: str, name: str, config: Config, sealer: Sealer | None, scope: str) -> Opened | None:
    if config.ruid_cookie == "base64":
        person = decode_ruid(text)
        return None if person is None else Opened(person, newest=True)
    opened = None if sealer is None else sealer.open(text, name, scope)
    if opened is None and sealer is not None and config.former_cookie_domain is not None:
        opened = sealer.open(text, name, config.former_cookie_domain)
        return None if opened is None else Opened(opened.text, newest=False)
    return opened
