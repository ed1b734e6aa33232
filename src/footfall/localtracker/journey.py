"""One person's requests over time: what was known of the person at each request, and what was new. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from footfall.localtracker.reading import read_person, say
from footfall.localtracker.received import Received

__all__ = ["Ids", "follow"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ids:
    """The ids by which a request's sender is known, from the request or the nearest one."""

    device: str = ""
    session: str = ""
    reaid: str = ""
    xuid: str = ""
    ruid: str = ""  #: in clear text
    user: str = ""


_NEWS = {
    "device": "another browser",
    "session": "a new visit begins",
    "reaid": "known by a newsletter's link (reaid)",
    "xuid": "known by a newsletter's link (xuid)",
    "ruid": "known as a person (ruid)",
    "user": "logged in",
}
_GONE = {"ruid": "no longer known as a person (ruid)", "reaid": "no longer known by reaid", "user": "logged out"}


def follow(received: Sequence[Received]) -> list[dict[str, object]]:
    """Describe the journey, for JSON: for each request what it says, what was known then, and what was new.

    Args:
        received: All requests of one person, in the order in which they came.
    """
    accounts = {one.params.get("targetuserid", "") for one in received if one.kind in ("login", "transfer")}
    # YOOCHOOSE is only told the user; Raptor's request of the same moment says what else was known.
    telling = [one for one in received if one.tracker == "raptor"]
    times = [one.at for one in telling]
    # If a site tells Raptor who is logged in, a request without a user means that nobody is.
    silent = not any("p7" in one.params for one in telling)
    before = Ids()
    journey: list[dict[str, object]] = []
    for one in received:
        known = _known(one, _nearest(one, telling, times), accounts)
        if silent and one.tracker == "raptor":
            known = replace(known, user=before.user)
        journey.append(
            {
                "number": one.number,
                "at": one.at,
                "tracker": one.tracker,
                "kind": one.kind,
                "status": one.status,
                "look": one.look,
                "says": say(one.assessment),
                "known": asdict(known),
                "news": _news(before, known, first=not journey),
            }
        )
        before = known
    return journey


def _nearest(one: Received, telling: Sequence[Received], times: Sequence[float]) -> Received | None:
    if one.tracker == "raptor":
        return one
    at = bisect_left(times, one.at)
    return min(telling[max(0, at - 1) : at + 1], key=lambda other: abs(other.at - one.at), default=None)


def _known(one: Received, telling: Received | None, accounts: set[str]) -> Ids:
    told: Mapping[str, str] = telling.params if telling is not None else {}
    user = told.get("p7", "") if one.tracker == "raptor" else ""
    device = told.get("coid", "")
    if one.tracker == "yoochoose":
        if one.kind in ("login", "transfer"):
            user = one.params.get("targetuserid", "")
        elif one.visitor in accounts:
            user = one.visitor
        device = device or ("" if user else one.visitor)
    return Ids(
        device=device,
        session=told.get("sid", ""),
        reaid=told.get("reaid", ""),
        xuid=told.get("xuid", ""),
        ruid=read_person(told.get("ruid", "")) or told.get("ruid", ""),
        user=user,
    )


def _news(before: Ids, known: Ids, *, first: bool) -> list[str]:
    news: list[str] = []
    for name, words in _NEWS.items():
        old, new = getattr(before, name), getattr(known, name)
        if new and new != old and not (first and name == "device"):
            news.append(f"{words} as {new}" if name in ("ruid", "user") else words)
        elif old and not new and name in _GONE:
            news.append(_GONE[name])
    return news
