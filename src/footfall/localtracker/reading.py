"""Reads a request to a person: one sentence of what it says, and of each parameter what it means and who says so. Pure.

Like the judges, written from the trackers' documents and not from `footfall.trackers`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from footfall.localtracker.verdicts import Verdict

__all__ = ["Parameter", "read_parameters", "read_person", "say"]

_RAPTOR = "Server-side Tracking"
_YOOCHOOSE = "Tracking API"
_HELP = "Raptor help center, tracking reference"
_TEMPLATE = "Raptor's own server-side template"

_position = re.compile(r"p([1-9][0-9]{0,2})").fullmatch
_price = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Z]{3})").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Parameter:
    """One part of a request, explained."""

    name: str
    value: str  #: decoded
    means: str
    place: str  #: document and section; ``""``: no document has it
    reads: str = ""  #: the value in plain text, where it stands in base64


#: Positions differ from customer to customer, as the document says; these are the usual ones.
_USUAL: Mapping[int, tuple[str, str]] = {
    1: ("what happened: the event's type", f"{_RAPTOR}, 'Add Click-Tracking'"),
    2: ("which item, by its id", f"{_RAPTOR}, 'Add Click-Tracking'"),
    3: ("usually the item's name", _HELP),
    4: ("usually the item's categories, from the root", _HELP),
    5: ("usually the price times the quantity", _TEMPLATE),
    6: ("usually the price's currency", _HELP),
    7: ("the user id: who is logged in", f"{_RAPTOR}, 'Other Ids'"),
    8: ("usually the item's brand", _HELP),
    10: ("usually the ids of all that is in the basket", _HELP),
    12: ("usually the price of one item", _HELP),
    13: ("usually how many", _TEMPLATE),
    15: ("usually whether the item is in stock", _HELP),
    18: ("usually the item without size and colour", _HELP),
    21: ("usually the order's number", _HELP),
}
_COOKIES = f"{_RAPTOR}, 'What kind of Cookies should I use?'"
_RAPTOR_MEANINGS: Mapping[str, tuple[str, str]] = {
    "customerid": ("whose site it is: the account with the tracker", _RAPTOR),
    "coid": ("the browser: one id for a year since its last visit", _COOKIES),
    "sid": ("the visit: until the browser closes, or 20 minutes without a page", _COOKIES),
    "ruid": ("the person as the site knows them, in base64", f"{_RAPTOR}, 'RuId'"),
    "reaid": ("the person by the tracker's own token, from a newsletter's link", f"{_RAPTOR}, 'ReaId'"),
    "xuid": ("the person by the mail system's token, from a newsletter's link", f"{_RAPTOR}, 'XuId'"),
    "am": ("the module whose recommendation was clicked", f"{_RAPTOR}, 'Add Click-Tracking'"),
    "url": ("the page on which it happened", _TEMPLATE),
    "v": ("the version of whatever sends it", _TEMPLATE),
    "source": ("where an event without a browser comes from", "Raptor help center, offline events"),
    **{
        f"utm_{of}": ("the campaign that led to the site", _TEMPLATE)
        for of in ("source", "medium", "campaign", "term", "content")
    },
}
_OFFLINE = ("the person as the site knows them, in clear text", "Raptor help center, offline events")
_PATH = f"{_YOOCHOOSE}, 'Click Event'"
_YOOCHOOSE_MEANINGS: Mapping[str, tuple[str, str]] = {
    "customerid": ("whose site it is: the customer id, or mandator id", _PATH),
    "userid": ("who it was: the account's id, or an anonymous visitor's", f"{_YOOCHOOSE}, 'User Identifier'"),
    "sourceuserid": ("who it was until now: the anonymous id", f"{_YOOCHOOSE}, 'Login Event'"),
    "targetuserid": ("who it is from now on: the account's id", f"{_YOOCHOOSE}, 'Login Event'"),
    "itemtypeid": ("what kind of thing the item is", _PATH),
    "itemid": ("which item, by its id", f"{_YOOCHOOSE}, 'Item Identifiers'"),
    "categorypath": (
        "the item's categories, from the root, with slashes between",
        f"{_YOOCHOOSE}, 'Request Parameter categorypath'",
    ),
    "percentage": ("how much of it was read, watched or heard, 0 to 100", f"{_YOOCHOOSE}, 'Consume Event'"),
    "quantity": ("how many were bought", f"{_YOOCHOOSE}, 'Buy Event'"),
    "fullprice": ("what one of them cost, and in which currency", f"{_YOOCHOOSE}, 'Prices in a Buy Event'"),
    "price": ("deprecated: what one of them cost, in Euro cents", f"{_YOOCHOOSE}, 'Buy Event'"),
    "currency": ("deprecated: the price's currency", f"{_YOOCHOOSE}, 'Buy Event'"),
    "rating": ("how much it is liked, 0 to 100", f"{_YOOCHOOSE}, 'Rate Event'"),
    "scenario": ("which kind of recommendation it was", f"{_YOOCHOOSE}, 'Tracking Events based on Recommendations'"),
    "modelId": ("the model that recommended it", "the recommendation's own links"),
    "modelid": ("the model that recommended it", "the recommendation's own links"),
    "overridetimestamp": ("when it was bought, if not now", "Ibexa, import of historical events"),
    "signature": ("proof that the sender has the licence key", "Ibexa, import of historical events"),
    "lang": ("the page's language", "the tracker's own scripts"),
    "triggername": ("which message it was", "Ibexa, Tracking API"),
}


def read_parameters(verdict: Verdict, *, offline: bool = False) -> list[Parameter]:
    """Explain each part of a request, in its order.

    Args:
        verdict: The request, decoded.
        offline: Raptor's ``.stream``, whose ruid is clear text.
    """
    explained: list[Parameter] = []
    for name, value in verdict.params:
        means, place = _explain(verdict.tracker, name)
        reads = ""
        if verdict.tracker == "raptor" and name == "ruid":
            if offline:
                means, place = _OFFLINE
            else:
                reads = read_person(value)
        explained.append(Parameter(name=name, value=value, means=means, place=place, reads=reads))
    return explained


def _explain(tracker: str, name: str) -> tuple[str, str]:
    unknown = ("nothing that a document knows", "")
    if tracker == "yoochoose":
        return _YOOCHOOSE_MEANINGS.get(name, unknown)
    if found := _position(name):
        site_data = ("site data: your control panel says what stands here", f"{_RAPTOR}, 'Parameters p1-p999'")
        return _USUAL.get(int(found[1]), site_data)
    return _RAPTOR_MEANINGS.get(name, unknown)


def read_person(ruid: str) -> str:
    """Read a ruid's base64; ``""`` if it is none."""
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


def say(verdict: Verdict) -> str:
    """Say what a request reports in a few words that go after who it was: ``opened item 123``."""
    says = _RAPTOR_SAYS if verdict.tracker == "raptor" else _YOOCHOOSE_SAYS
    given = dict(reversed(verdict.params))
    found = says.get(verdict.kind.lower() if verdict.tracker == "raptor" else verdict.kind)
    if found is not None:
        return found(given)
    if verdict.tracker == "unknown":
        return "is no tracker's request"
    return f"reported {verdict.kind}" if verdict.kind else "reported something without a name"
