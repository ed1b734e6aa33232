"""Notices what a tracker silently accepts but is rarely intended, mostly what only a sequence of requests shows.

It remembers a bounded number of visitors, and is given the time: nothing here calls a clock.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from footfall.localtracker.assessment import Assessment, Findings, Problem

__all__ = ["Watch"]

_MOST_REMEMBERED = 10_000
_IDLE = 1_200.0  # seconds that end a visit
_SAME_BUY = 1_800.0  # seconds in which a reloaded page buys again
_RAPTOR = "Server-side Tracking"
_YOOCHOOSE = "Tracking API"
_COOKIES = "What kind of Cookies should I use?"
_USER = "User Identifier"

_is_address = re.compile(r"[^@\s/]+@[^@\s/]+\.[^@\s/.]{2,}").fullmatch
_has_comma = re.compile(r"[0-9]+,[0-9]{1,2}").fullmatch
_is_position = re.compile(r"p[1-9][0-9]{0,2}").fullmatch
_ANONYMOUS = frozenset(("not_defined", ""))  # shared by everybody, so that nothing follows from seeing them again
_USER_NAMES = ("userid", "sourceuserid", "targetuserid")
_PRICES = ("p5", "p12")  # the usual positions, here and below
_QUANTITY = "p13"
# What may differ between two reports of one purchase: the page, the visit, the basket, the script's version.
_NOT_OF_A_BUY = frozenset(("sid", "url", "v", "p10"))

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Recent(Generic[K, V]):
    """The latest entries, up to a bound."""

    def __init__(self) -> None:
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST_REMEMBERED:
            self._kept.popitem(last=False)

    def pop(self, key: K) -> V | None:
        return self._kept.pop(key, None)


@dataclass(frozen=True, slots=True)
class _Seen:
    what: str
    at: float


class Watch:
    """Remembers which ids came together, and remarks on what does not fit. Only one thread may use it.

    Args:
        replayed: `Rules.replayed`.
    """

    def __init__(self, *, replayed: bool = False) -> None:
        self._replayed = replayed
        self.forget()

    def forget(self) -> None:
        """Forget everything."""
        self._session_of: _Recent[str, _Seen] = _Recent()
        self._device_of: _Recent[str, _Seen] = _Recent()
        self._login_of: _Recent[str, _Seen] = _Recent()
        self._source_of: _Recent[str, str] = _Recent()
        self._bought: _Recent[tuple[Hashable, ...], float] = _Recent()

    def notice(self, at: float, assessment: Assessment) -> tuple[Problem, ...]:
        """Return what there is to remark on a request that its tracker accepted.

        Args:
            at: When it came, in Unix seconds.
            assessment: What it was found to be. A refused request is ignored: it is sent again once it is mended.
        """
        if not assessment.accepted:
            return ()
        findings = Findings(_RAPTOR if assessment.tracker == "raptor" else _YOOCHOOSE)
        if assessment.tracker == "raptor":
            _look_at_values(assessment, findings)
            if not self._replayed:
                self._look_at_session(at, assessment, findings)
        else:
            _look_at_user(assessment, findings)
            self._look_at_login(at, assessment, findings)
        if assessment.kind == "buy" and not self._replayed:
            self._look_at_buy(at, assessment, findings)
        return findings.problems

    def _look_at_session(self, at: float, assessment: Assessment, findings: Findings) -> None:
        device, session = assessment.visitor, assessment.session
        if not device or not session:
            return
        before = self._session_of.get(device)
        if before is not None and before.what != session and 0 <= at - before.at < _IDLE:
            findings.doubtful(
                "sid",
                f"differs from that of {_ago(at - before.at)} earlier, in the middle of a visit",
                "keep the session cookie: set it again on each page, for 20 more minutes, with the same value"
                " (a browser that was closed and opened again is no mistake)",
                _COOKIES,
            )
        owner = self._device_of.get(session)
        if owner is not None and owner.what != device and 0 <= at - owner.at < _IDLE:
            findings.doubtful(
                "coid",
                f"differs from that of {_ago(at - owner.at)} earlier, in the same session",
                "keep the cookie of the browser for a year, and mint an id only where there is none",
                _COOKIES,
            )
        self._session_of.put(device, _Seen(session, at))
        self._device_of.put(session, _Seen(device, at))

    def _look_at_login(self, at: float, assessment: Assessment, findings: Findings) -> None:
        if assessment.kind in ("login", "transfer"):
            target = dict(assessment.params).get("targetuserid", "")
            if target != assessment.visitor and assessment.visitor not in _ANONYMOUS:
                self._login_of.put(assessment.visitor, _Seen(target, at))
                self._source_of.put(target, assessment.visitor)
            return
        source = self._source_of.pop(assessment.visitor)
        if source is not None:
            self._login_of.pop(source)  # the account's id is used: a later request under the old id means a logout
        login = self._login_of.get(assessment.visitor)
        if login is not None:
            findings.doubtful(
                "userid",
                f"is the anonymous id that logged in {_ago(at - login.at)} earlier, and the account's id is not used",
                "send the account's id with every event from the login to the logout",
                _USER,
            )

    def _look_at_buy(self, at: float, assessment: Assessment, findings: Findings) -> None:
        key = (assessment.tracker, *(pair for pair in assessment.params if _is_of_a_buy(pair[0])))
        before = self._bought.get(key)
        if before is not None and 0 <= at - before < _SAME_BUY:
            findings.doubtful(
                "buy",
                f"was reported in the same words {_ago(at - before)} earlier",
                "report a purchase where the order is placed, not where its page is shown;"
                " for two of one item, send the quantity",
                "Buy Event" if assessment.tracker == "yoochoose" else "Parameter Explanation",
            )
        self._bought.put(key, at)


def _is_of_a_buy(name: str) -> bool:
    return name not in _NOT_OF_A_BUY and not name.startswith("utm_")


def _look_at_user(assessment: Assessment, findings: Findings) -> None:
    for name, value in assessment.params:
        if name in _USER_NAMES and _is_address(value):
            findings.doubtful(
                name,
                "looks like an e-mail address",
                "send a pseudonymous id, a customer number say: the id may stand in the tracker's logs",
                _USER,
            )


def _look_at_values(assessment: Assessment, findings: Findings) -> None:
    for name, value in assessment.params:
        if "@" in value and _is_address(value):
            _look_at_address(name, findings)
        elif name in _PRICES and _has_comma(value):
            findings.doubtful(
                name,
                "looks like a price with a comma as its decimal point",
                "write a point: 100.00",
                "Parameters p1-p999",
            )
        elif name == _QUANTITY and assessment.kind == "buy" and value == "0":
            findings.doubtful(
                name, "looks like a quantity of 0", "report what was bought, with 1 or more", "Parameters p1-p999"
            )


def _look_at_address(name: str, findings: Findings) -> None:
    finding = "looks like an e-mail address"
    if _is_position(name):
        findings.doubtful(
            name, finding, "send the address as ruid, in base64, and a customer number as the user id", "RuId"
        )
    elif name in ("reaid", "xuid"):
        findings.doubtful(
            name, finding, "send the token of the newsletter's link, which stands for the address", _COOKIES
        )


def _ago(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 120:
        return f"{seconds:.0f} seconds" if seconds >= 1.5 else "a second"
    return f"{seconds / 60:.0f} minutes"
