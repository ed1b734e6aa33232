"""Explains a request to a person: in a few words what it says, and what each parameter means. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from footfall.localtracker.assessment import Assessment
from footfall.localtracker.meanings import OFFLINE_RUID, find_meaning

__all__ = ["Part", "read_parts", "read_person", "say"]

_price = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Z]{3})").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Part:
    """One part of a request, explained."""

    name: str
    value: str  #: decoded
    means: str
    rule: str  #: what it must look like, and when it is required; ``""``: no document says
    place: str  #: document and section; ``""``: no document has it
    reads: str = ""  #: the decoded value, if it is in base64


def read_parts(assessment: Assessment, *, offline: bool = False) -> list[Part]:
    """Explain each part of a request, in its order.

    Args:
        assessment: The request, decoded.
        offline: Raptor's ``.stream``, whose ruid is clear text.
    """
    explained: list[Part] = []
    for name, value in assessment.params:
        reads = ""
        meaning = find_meaning(assessment.tracker, name)
        if assessment.tracker == "raptor" and name == "ruid":
            if offline:
                meaning = OFFLINE_RUID
            else:
                reads = read_person(value)
        explained.append(
            Part(name=name, value=value, means=meaning.means, rule=meaning.rule, place=meaning.place, reads=reads)
        )
    return explained


def read_person(ruid: str) -> str:
    """Decode a ruid's base64; ``""`` if it is something else."""
    try:
        return base64.b64decode(ruid, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


_Say = Callable[[Mapping[str, str]], str]


def _item(given: Mapping[str, str]) -> str:
    kind = given.get("itemtypeid", "1")
    return f"item {given.get('itemid', '?')}" + (f" of type {kind}" if kind != "1" else "")


def _product(given: Mapping[str, str]) -> str:
    name = given.get("p3")
    return f"item {given['p2']}{f' ({name})' if name else ''}" if given.get("p2") else "an item that is not named"


def _say_yoochoose_buy(given: Mapping[str, str]) -> str:
    found = _price(given.get("fullprice", ""))
    price = f" for {found[1]} {found[2]} each" if found else ""
    return f"bought {given.get('quantity', '1')} of {_item(given)}{price}"


def _say_raptor_buy(given: Mapping[str, str]) -> str:
    price = f" for {given['p12']} {given.get('p6', '')}".rstrip() + " each" if given.get("p12") else ""
    return f"bought {given.get('p13', '1')} of {_product(given)}{price}"


def _say_consume(given: Mapping[str, str]) -> str:
    share = given.get("percentage")
    return f"read or watched {f'{share} % of ' if share else ''}{_item(given)}"


_YOOCHOOSE_SAYS: Mapping[str, _Say] = {
    "click": lambda given: f"opened {_item(given)}",
    "consume": _say_consume,
    "buy": _say_yoochoose_buy,
    "login": lambda given: f"logged in as {given.get('targetuserid', '?')}",
    "transfer": lambda given: f"logged in as {given.get('targetuserid', '?')}",
    "basket": lambda given: f"put {_item(given)} into the basket",
    "deletefrombasket": lambda given: f"took {_item(given)} out of the basket",
    "rate": lambda given: f"rated {_item(given)} {given.get('rating', '?')} of 100",
    "blacklist": lambda given: f"does not want {_item(given)} recommended",
    "clickrecommended": lambda given: f"followed the recommendation of {_item(given)}",
    "rendered": lambda given: f"was shown {_item(given).replace(',', ', ')}",
    "triggeropened": lambda given: f"opened the message {given.get('triggername', '?')}",
    "clicktriggered": lambda given: f"followed a message's link to {_item(given)}",
}
_RAPTOR_SAYS: Mapping[str, _Say] = {
    "pageview": lambda _: "opened a page",
    "visit": lambda given: f"opened {_product(given)}",
    "contentvisit": lambda given: f"read {_product(given)}",
    "itemclick": lambda given: f"followed the recommendation of {_product(given)} by {given.get('am', 'no module')}",
    "basket": lambda given: f"changed the basket: {_product(given)}",
    "buy": _say_raptor_buy,
    "favorite": lambda given: f"marked {_product(given)} as a favourite",
    "search": lambda _: "searched",
}


def say(assessment: Assessment) -> str:
    """Say in a few words what a request reports that somebody did: ``opened item 123``."""
    says = _RAPTOR_SAYS if assessment.tracker == "raptor" else _YOOCHOOSE_SAYS
    given = dict(reversed(assessment.params))
    found = says.get(assessment.kind.lower() if assessment.tracker == "raptor" else assessment.kind)
    if found is not None:
        return found(given)
    if assessment.tracker == "unknown":
        return "is no tracker's request"
    return f"reported {assessment.kind}" if assessment.kind else "reported something without a name"
