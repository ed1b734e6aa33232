"""Raptor's side of the local tracker: what a request to ``/{customerid}.rsa`` or ``.stream`` must look like.

Written only from the tracker's document, not from `footfall.trackers`, so that the two check each other.
"""

from __future__ import annotations

import base64
import binascii
import re

from footfall.localtracker.assessment import Assessment, Findings, Rules
from footfall.localtracker.target import Text, split_query

__all__ = ["assess_raptor"]

_DOCUMENT = "Server-side Tracking"
_PARAMETERS = "Parameter Explanation"
_COOKIES = "What kind of Cookies should I use?"

_is_customer = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_is_numbered = re.compile(r"p[0-9]+").fullmatch
_POSITIONS = frozenset(f"p{number}" for number in range(1, 1_000))
_is_guid = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
_is_base64 = re.compile(r"[A-Za-z0-9+/]+={0,2}").fullmatch

# The document lacks the last row, which the tracker's own server-side template and its offline events send.
_KNOWN = frozenset(
    (
        *("coid", "sid", "ruid", "reaid", "xuid", "am"),
        *("v", "url", "source", "utm_source", "utm_campaign", "utm_medium", "utm_term", "utm_content"),
    )
)


def assess_raptor(method: str, segment: Text, query: str, rules: Rules) -> Assessment:
    """Assess a request whose only path segment ends with ``.rsa`` or ``.stream``.

    Args:
        method: In upper case.
        segment: The path without its slash.
        query: Without its question mark, as it came.
        rules: What the customer's contract leaves open.
    """
    findings = Findings(_DOCUMENT)
    customer, _, ending = segment.value.rpartition(".")
    offline = ending == "stream"
    pairs = split_query(query)
    _check_encoding(pairs, findings)
    given: dict[str, Text] = {}
    for name, text in pairs:
        given.setdefault(name, text)
    kind = given["p1"].value if "p1" in given else ""

    if method != "GET":
        findings.wrong("method", "is not GET", "send a GET request; everything is in its URL", _DOCUMENT)
    if segment.finding:
        findings.wrong("customerid", segment.finding, segment.mend, _DOCUMENT)
    elif not _is_customer(customer):
        findings.wrong("customerid", "is not 1 to 64 letters and digits", f"write /12345.{ending}", _DOCUMENT)
    _check_positions(pairs, given, findings)
    if not offline:
        _check_ids(given, findings)
    _check_person(given, findings, offline=offline)
    _check_module(kind, given, findings)

    return Assessment(
        tracker="raptor",
        customer=customer,
        kind=kind,
        visitor=given["coid"].value if "coid" in given else "",
        session=given["sid"].value if "sid" in given else "",
        params=(("customerid", customer), *[(name, text.value) for name, text in pairs]),
        status=_status(method, customer, findings, rules),
        problems=findings.problems,
    )


def _status(method: str, customer: str, findings: Findings, rules: Rules) -> int:
    if method != "GET":
        return 405
    if rules.customers is not None and customer not in rules.customers:
        findings.wrong("customerid", "is not known here", "write the one of your control panel", _DOCUMENT)
        return 404
    return 400 if findings.fatal else 200


def _check_encoding(pairs: list[tuple[str, Text]], findings: Findings) -> None:
    seen: set[str] = set()
    for name, text in pairs:
        if text.raw is text.value:
            pass  # the usual case: nothing had to be decoded
        elif text.finding:
            findings.wrong(name, text.finding, text.mend, _PARAMETERS)
        elif "+" in text.raw:
            findings.doubtful(name, "has a bare +, read as a space", "write %20 for a space, %2B for a +", _PARAMETERS)
        elif "=" in text.raw:
            findings.doubtful(name, "has a bare =", "write %3D: all parameters must be URL encoded", _PARAMETERS)
        if name in seen:
            findings.wrong(name, "is there twice", "send each parameter once", _PARAMETERS)
        seen.add(name)


def _check_positions(pairs: list[tuple[str, Text]], given: dict[str, Text], findings: Findings) -> None:
    for name, text in pairs:
        if name in _POSITIONS:
            if not text.value:
                findings.doubtful(name, "is empty", "leave out what there is no value for", _PARAMETERS)
        elif _is_numbered(name):
            findings.wrong(name, "is not one of p1 to p999", "number it as your control panel does", _PARAMETERS)
        elif name not in _KNOWN:
            findings.doubtful(name, "is not in the document", "send site data as p1 to p999", _PARAMETERS)
    if "p1" not in given:
        findings.doubtful("p1", "is missing", "send the event's type: p1=visit, say", "Add Click-Tracking")


def _check_ids(given: dict[str, Text], findings: Findings) -> None:
    for name, what in (("coid", "the cookie id, one for each browser"), ("sid", "the session id, one for each visit")):
        if name not in given:
            findings.wrong(name, "is missing", f"send {what}, with every request", _PARAMETERS)
        elif not given[name].finding and not _is_guid(given[name].value):
            length = len(given[name].value)
            findings.wrong(
                name, f"is no GUID but {length} other characters", f"send {what}: a GUID (uuid v4)", _PARAMETERS
            )


def _check_person(given: dict[str, Text], findings: Findings, *, offline: bool) -> None:
    if "xuid" in given and ("ruid" in given or "reaid" in given):
        findings.wrong("xuid", "is there with ruid or reaid", "send xuid alone, or the other two", "XuId")
    for name in ("reaid", "xuid"):
        if name in given and not given[name].value:
            findings.wrong(name, "is empty", "leave it out as long as it is not known", _COOKIES)
    ruid = given.get("ruid")
    if ruid is None or ruid.finding:
        return
    if not ruid.value:
        findings.wrong("ruid", "is empty", "leave it out as long as it is not known", "RuId")
    elif not offline and not _is_base64_text(ruid.value):
        findings.wrong(
            "ruid",
            f"is not base64 of UTF-8 text but {len(ruid.value)} other characters",
            "encode the id with the standard alphabet and padding, then percent-encode it",
            _PARAMETERS,
        )


def _check_module(kind: str, given: dict[str, Text], findings: Findings) -> None:
    section = "Add Click-Tracking"
    module = given.get("am")
    if kind.lower() == "itemclick":
        if kind != "itemclick":
            findings.doubtful("p1", "is itemclick in other letters", "write itemclick, as the example does", section)
        if module is None or not module.value:
            findings.wrong("am", "is missing", "name the recommendation module that was clicked", section)
    elif module is not None:
        findings.doubtful("am", "is there without itemclick", "send the module with p1=itemclick only", section)


def _is_base64_text(value: str) -> bool:
    if not _is_base64(value):
        return False
    try:
        base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return True
