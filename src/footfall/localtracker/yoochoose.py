"""YOOCHOOSE's side of the local tracker: what a request to ``/api/{customerid}/{event}/...`` must look like.

Written only from the tracker's document, not from `footfall.trackers`, so that the two check each other.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from footfall.localtracker.assessment import Assessment, Findings, Rules
from footfall.localtracker.target import Text, split_query

__all__ = ["EVENTS", "LINKS", "assess_link", "assess_transfer", "assess_yoochoose"]

_DOCUMENT = "Tracking API"
_PATH = "Tracking Events"
_LARGEST_ITEM = 2_147_483_647

_is_customer = re.compile(r"[A-Za-z0-9]{1,64}").fullmatch
_is_whole = re.compile(r"[1-9][0-9]{0,9}").fullmatch
_is_small = re.compile(r"[0-9]{1,3}").fullmatch
_is_price = re.compile(r"[0-9]+(?:\.[0-9]+)?[A-Z]{3}").fullmatch
_is_cents = re.compile(r"[0-9]+").fullmatch
_is_currency = re.compile(r"[A-Z]{3}").fullmatch
_has_comma = re.compile(r"[0-9]+,[0-9]").match
_is_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}").fullmatch


class _Wrong(NamedTuple):
    mend: str
    finding: str = "is not as it must be"


_Check: TypeAlias = Callable[[str], "_Wrong | None"]  # of a decoded value; None if it is right


def _check_category(value: str) -> _Wrong | None:
    return _Wrong("write forward slashes between the levels", "has a backslash") if "\\" in value else None


def _check_percent(value: str) -> _Wrong | None:
    return None if _is_small(value) and int(value) <= 100 else _Wrong("write a whole number of 0 to 100")


def _check_quantity(value: str) -> _Wrong | None:
    if _is_whole(value):
        return None
    return _Wrong("write a whole number of 1 or more", *(("is 0",) if value == "0" else ()))


def _check_price(value: str) -> _Wrong | None:
    if _is_price(value):
        return None
    mend = (
        "write the price of one item and its ISO 4217 code, a point before the decimals, no space: 12.45EUR or 456JPY"
    )
    return _Wrong(mend, *(("has a comma as its decimal point",) if _has_comma(value) else ()))


def _check_cents(value: str) -> _Wrong | None:
    return None if _is_cents(value) else _Wrong("write whole Euro cents: 225 for 2.25EUR", "is no whole number")


def _check_currency(value: str) -> _Wrong | None:
    return None if _is_currency(value) else _Wrong("write its ISO 4217 code: EUR", "is not three capital letters")


def _check_text(value: str) -> _Wrong | None:
    return None if value else _Wrong("give it a value", "is empty")


def _check_time(value: str) -> _Wrong | None:
    return None if _is_time(value) else _Wrong("write it as 2012-01-01T11:00:00")


@dataclass(frozen=True, slots=True)
class _Event:
    section: str
    optional: dict[str, _Check]
    required: dict[str, _Check]
    takes_query: bool = True


_BUY_EXTRAS: dict[str, _Check] = {
    "price": _check_cents,
    "currency": _check_currency,
    "overridetimestamp": _check_time,
    "signature": _check_text,
}
#: The nine events that have an item or a login in their path, and their parameters.
EVENTS = {
    "click": _Event("Click Event", {"categorypath": _check_category}, {}),
    "consume": _Event("Consume Event", {"percentage": _check_percent}, {}),
    "buy": _Event("Buy Event", _BUY_EXTRAS, {"quantity": _check_quantity, "fullprice": _check_price}),
    "login": _Event("Login Event", {}, {}),
    "basket": _Event("Basket Event", {"categorypath": _check_category}, {}),
    "rate": _Event("Rate Event", {}, {"rating": _check_percent}),
    "blacklist": _Event("Blacklist Event", {}, {}, takes_query=False),
    "clickrecommended": _Event("Clickrecommended Event", {}, {"scenario": _check_text}),
    "rendered": _Event("Rendered Event", {"scenario": _check_text}, {}),
}
#: What today's documentation of the same tracker adds.
_IBEXA_EVENTS = {
    **EVENTS,
    "deletefrombasket": _Event("Basket Event", {}, {}, takes_query=False),
    "triggeropened": _Event("Trigger Opened Event", {}, {"triggername": _check_text}),
    "clicktriggered": _Event("Click Triggered Event", {}, {"triggername": _check_text}),
}
#: The two events that a recommendation's ready-made links report, without ``/api/{customerid}``.
LINKS = frozenset(("clickrecommended", "rendered"))
# The document lacks them; the tracker's own links and scripts add them.
_KNOWN_EXTRAS = frozenset(("modelId", "modelid", "lang"))

_ITEM_PATH = ("userid", "itemtypeid", "itemid")
_LOGIN_PATH = ("sourceuserid", "targetuserid")
_PATHS = {"login": _LOGIN_PATH, "transfer": _LOGIN_PATH, "triggeropened": ("userid",)}


def assess_yoochoose(
    method: str, segments: Sequence[Text], query: str, rules: Rules, authorization: str | None
) -> Assessment:
    """Assess a request to ``/api/...``.

    Args:
        method: In upper case.
        segments: The path after ``/api``: customer id, event, and the event's own.
        query: Without its question mark, as it came.
        rules: What the customer's contract leaves open.
        authorization: The request's ``Authorization`` header.
    """
    findings = Findings(_DOCUMENT)
    customer = segments[0].value if segments else ""
    kind = segments[1].value if len(segments) > 1 else ""
    status = _check_method(method, findings) or _check_customer(customer, rules, authorization, findings)
    events = _events(rules)
    if not status and kind not in events:
        finding = "is not known" if kind else "is missing"
        mend = f"write /api/{customer}/ and one of {', '.join(events)}"
        if kind in _IBEXA_EVENTS:
            mend = "it is Ibexa's: have the local tracker speak its dialect, or leave the event out"
        findings.wrong("event", finding, mend, _PATH)
        status = 404
    return _assess_event(kind, customer, segments[2:], query, rules, findings, status)


def assess_transfer(
    method: str, segments: Sequence[Text], query: str, rules: Rules, authorization: str | None
) -> Assessment:
    """Assess a login by its old name: ``/{solutionid}/{customerid}/transfer/{sourceuserid}/{targetuserid}``."""
    findings = Findings(_DOCUMENT)
    customer = segments[1].value
    status = _check_method(method, findings) or _check_customer(customer, rules, authorization, findings)
    findings.doubtful(
        "event",
        "transfer is deprecated",
        "write /api/[customerid]/login/ and the two ids",
        "Deprecated 'transfer' event",
    )
    return _assess_event("transfer", customer, segments[3:], query, rules, findings, status)


def assess_link(method: str, segments: Sequence[Text], query: str, rules: Rules) -> Assessment:
    """Assess a ready-made link of a recommendation: ``/rendered/...`` or ``/clickrecommended/...``."""
    findings = Findings(_DOCUMENT)
    return _assess_event(segments[0].value, "", segments[1:], query, rules, findings, _check_method(method, findings))


def _events(rules: Rules) -> dict[str, _Event]:
    return _IBEXA_EVENTS if rules.ibexa else EVENTS


def _assess_event(
    kind: str, customer: str, path: Sequence[Text], query: str, rules: Rules, findings: Findings, status: int
) -> Assessment:
    """Assess what follows the event's name; *status* is one that was already decided, or 0."""
    pairs = split_query(query)
    names = _PATHS.get(kind, _ITEM_PATH)
    if not status:
        _check_path(kind, names, path, rules, findings)
        if kind != "transfer":
            _check_query(kind, pairs, rules, findings)
        status = 400 if findings.fatal else 200 if findings.problems else 204
    parts = [(name, text.value) for name, text in zip(names, path, strict=False)]
    leading = [("customerid", customer)] if customer else []
    return Assessment(
        tracker="yoochoose",
        customer=customer,
        kind=kind,
        visitor=path[0].value if path else "",
        params=(*leading, *parts, *((name, text.value) for name, text in pairs)),
        status=status,
        problems=findings.problems,
    )


def _check_method(method: str, findings: Findings) -> int:
    if method in ("GET", "POST"):
        return 0
    findings.wrong("method", "is neither GET nor POST", "send a GET request", _PATH)
    return 405


def _check_customer(customer: str, rules: Rules, authorization: str | None, findings: Findings) -> int:
    """Check the customer; return the status if that decides it, else 0."""
    if not _is_customer(customer):
        findings.wrong("customerid", "is not alphanumeric", "write your mandator ID: /api/00000/...", "Click Event")
        return 400
    if rules.customers is not None and customer not in rules.customers:
        findings.wrong("customerid", "is not known here", "write your own mandator ID", "Response Handling")
        return 404
    licence_key = rules.credentials.get(customer)
    if licence_key is not None and not _is_authorized(authorization, customer, licence_key):
        findings.wrong(
            "Authorization",
            "is not the customer's" if authorization else "is missing",
            "send Basic authentication with customer id and licence key",
            "Response Handling",
        )
        return 401
    return 0


def _is_authorized(authorization: str | None, customer: str, licence_key: str) -> bool:
    scheme, _, credentials = (authorization or "").partition(" ")
    try:
        given = base64.b64decode(credentials.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and given == f"{customer}:{licence_key}".encode()


def _check_path(kind: str, names: Sequence[str], path: Sequence[Text], rules: Rules, findings: Findings) -> None:
    section = _events(rules)["login" if kind == "transfer" else kind].section
    if len(path) != len(names):
        findings.wrong(
            "path",
            f"has {len(path)} parts after {kind} in place of {len(names)}",
            f"write /{kind}/{'/'.join(f'[{name}]' for name in names)}; a slash inside an id is %2F",
            section,
        )
        return
    for name, text in zip(names, path, strict=True):
        if text.finding:
            findings.wrong(name, text.finding, text.mend, _PATH)
        elif "\\" in text.value:
            findings.wrong(
                name, "has a backslash (%5C)", "send an id without one: the tracker's server does not take it", _PATH
            )
        elif name == "itemtypeid":
            if not (_is_whole(text.value) and int(text.value) <= rules.largest_item_type):
                findings.wrong(
                    name, "is no such type", f"write a whole number of 1 to {rules.largest_item_type}", section
                )
        elif name == "itemid":
            _check_items(kind, text, rules, findings)
        elif text.value in ("", ".", ".."):
            finding = "consists of dots" if text.value else "is empty"
            findings.wrong(name, finding, "send who it was; without a user the event is discarded", "User Identifier")
    if len(path) == 2 and path[0].value == path[1].value:
        findings.doubtful("targetuserid", "equals sourceuserid", "send a login only where the id changes", section)


def _check_items(kind: str, text: Text, rules: Rules, findings: Findings) -> None:
    raw = text.raw.split(",") if kind == "rendered" else [text.raw]
    values = text.value.split(",") if kind == "rendered" else [text.value]
    section = "Item Identifiers" if rules.text_item_ids else _events(rules)[kind].section
    if len(raw) != len(values):
        findings.wrong("itemid", "has an encoded comma (%2C)", "separate item ids by plain commas", section)
    elif rules.text_item_ids:
        if any(value in ("", ".", "..") or "," in value for value in values):
            findings.wrong("itemid", "is empty, or dots, or has a comma", "send one id of the item", section)
    elif not all(_is_whole(value) and int(value) <= _LARGEST_ITEM for value in values):
        mend = f"write {'whole numbers' if kind == 'rendered' else 'a whole number'} of 1 to {_LARGEST_ITEM}"
        findings.wrong("itemid", "is no such number", mend, section)


def _check_query(kind: str, pairs: Sequence[tuple[str, Text]], rules: Rules, findings: Findings) -> None:
    event = _events(rules)[kind]
    known = event.required | event.optional
    given: dict[str, str] = {}
    for name, text in pairs:
        if not event.takes_query:
            findings.wrong(name, "is there", f"leave it out: {kind} has no query string parameters", event.section)
            continue
        if text.finding:
            findings.wrong(name, text.finding, text.mend, _PATH)
        elif name in known:
            if name in given:
                findings.wrong(name, "is there twice", "send it once", event.section)
            elif wrong := known[name](text.value):
                findings.wrong(name, wrong.finding, wrong.mend, event.section)
        elif name not in _KNOWN_EXTRAS:
            findings.doubtful(name, "is not in the document", "check how it is spelt, or leave it out", event.section)
        if "+" in text.raw:
            findings.doubtful(name, "has a bare +, read as a space", "write %20 for a space, %2B for a +", _PATH)
        given.setdefault(name, text.value)
    _check_required(kind, given, rules, findings)


def _check_required(kind: str, given: dict[str, str], rules: Rules, findings: Findings) -> None:
    event = _events(rules)[kind]
    if kind == "buy" and "price" in given:
        findings.doubtful("price", "is deprecated", "send fullprice=12.45EUR in its place", event.section)
    if kind == "buy" and (rules.buy_optional or rules.ibexa):
        return
    for name in event.required:
        if name not in given and not (name == "fullprice" and "price" in given):
            findings.wrong(name, "is missing", f"send it: {kind} requires it", event.section)
