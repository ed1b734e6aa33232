"""Who a request comes from, as far as its cookies can tell."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from footfall.config import Config, CookieNames
from footfall.identity.ids import decode_ruid, parse_guid
from footfall.identity.seal import Opened, Sealer

__all__ = ["NOTHING", "Found", "Known", "Sent", "find", "find_ruid", "mark_of", "recognize"]


Sent = Mapping[str, list[str]]  # every value of each of our cookies, by its name, as the browser sent them


@dataclass(slots=True, repr=False, eq=False)  # not frozen, which would cost every request a microsecond each
class Found:
    """What a browser sent under the name of one of our cookies."""

    value: str | None = None  #: the one valid value chosen; ``None``: there is none
    sent: bool = True  #: something came under that name, valid or not
    twins: bool = False  #: it came more than once: a host-only cookie beside the domain's
    former: bool = False  #: it came under the name that the site used before
    stale: bool = False  #: it should be written again whatever else happens: sealed with an old key


NOTHING = Found(sent=False)


@dataclass(slots=True, repr=False, eq=False)
class Known:
    """Which browser it is, and which of its visits."""

    device: Found  #: without a value where the visitor had it forgotten
    session: Found
    open: Found  #: the session's companion, which dies with the browser
    alive: str | None  #: the session's id, if the visit goes on
    gone: str | None  #: the device's id, if the visitor had it forgotten and a slower response brought it back


def find(sent: Sent, name: str, former: str | None, parse: Callable[[str], str | None]) -> Found:
    """Read one of our cookies from a request.

    Of several valid values the smallest is chosen: browsers send a host-only cookie and a domain-wide one in
    different orders, and whoever takes the first or the last sees two visitors in one.
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


def recognize(sent: Sent, config: Config) -> Known:
    """Tell which browser it is, and whether its visit goes on.

    A session lives while its cookie and, unless that is switched off, its companion are both there.
    """
    names, former = config.cookie_names, config.former_cookie_names
    device = find(sent, names.device, None if former is None else former.device, parse_guid)
    session = find(sent, names.session, None if former is None else former.session, parse_guid)
    companion = find(sent, names.session_open, None if former is None else former.session_open, _parse_open)
    marks = sent.get(names.gone)
    if marks is not None and device.value is not None and mark_of(device.value) in marks:
        return Known(replace(device, value=None), session, companion, None, device.value)
    goes_on = companion.value is not None or not config.session_ends_with_browser
    return Known(device, session, companion, session.value if goes_on else None, None)


def mark_of(device_id: str) -> str:
    """Write what marks a device as forgotten: it tells the id when that comes back, and tells it nobody."""
    return hashlib.sha256(device_id.encode()).hexdigest()[:16]


def _parse_open(text: str) -> str | None:
    return text if text == "1" else None


def find_ruid(sent: Sent, config: Config, sealer: Sealer | None, scope: str) -> Found:
    """Read who the visitor once said they are.

    A forged, truncated or foreign seal, or one of a key that is gone, equals an absent cookie. One that lived on
    the site's former domain is as stale as one sealed with an old key.
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
