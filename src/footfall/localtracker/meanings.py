"""What each parameter of the two trackers means, its rule, and where the document says so. Pure.

Like the assessments, written from the trackers' documents and not from `footfall.trackers`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["OFFLINE_RUID", "RAPTOR", "YOOCHOOSE", "Meaning", "find_meaning"]

_is_position = re.compile(r"p([1-9][0-9]{0,2})").fullmatch

_RAPTOR = "Server-side Tracking"
_YOOCHOOSE = "Tracking API"
_HELP = "Raptor help center, tracking reference"
_TEMPLATE = "Raptor's own server-side template"
_CLICKS = f"{_RAPTOR}, 'Add Click-Tracking'"
_EXPLAINED = f"{_RAPTOR}, 'Parameter Explanation'"
_PATH = f"{_YOOCHOOSE}, 'Click Event'"
_OFFLINE = "Raptor help center, offline events"


class Meaning(NamedTuple):
    """What is known about one parameter."""

    means: str
    rule: str  #: ``""``: the document has none
    place: str  #: document and section; ``""``: no document has it


_UNKNOWN = Meaning("nothing that a document knows", "", "")
_SITE_DATA = Meaning(
    "site data: your control panel says what stands here",
    "p1 to p999, each once, percent-encoded",
    f"{_RAPTOR}, 'Parameters p1-p999'",
)
_ONCE = "optional; once"

#: Positions differ from customer to customer, as the document says; these are the usual ones.
_POSITIONS: Mapping[int, Meaning] = {
    1: Meaning("what happened: the event's type", "in each event; itemclick needs the module in am", _CLICKS),
    2: Meaning("which item, by its id", "the same id in every event", _CLICKS),
    3: Meaning("usually the item's name", _ONCE, _HELP),
    4: Meaning("usually the item's categories, from the root", "id#name, with ; between the levels", _HELP),
    5: Meaning("usually the price times the quantity", "a point before the decimals", _TEMPLATE),
    6: Meaning("usually the price's currency", "its ISO 4217 code", _HELP),
    7: Meaning("the user id: who is logged in", "while somebody is; needs no cookie", f"{_RAPTOR}, 'Other Ids'"),
    8: Meaning("usually the item's brand", _ONCE, _HELP),
    10: Meaning("usually the ids of all that is in the basket", "each once, with commas between", _HELP),
    12: Meaning("usually the price of one item", "a point before the decimals: 100.00", _HELP),
    13: Meaning("usually how many", "a whole number of 1 or more", _TEMPLATE),
    15: Meaning("usually whether the item is in stock", "true or false", _HELP),
    18: Meaning("usually the item without size and colour", _ONCE, _HELP),
    21: Meaning("usually the order's number", "the same for each line of one order", _HELP),
}
RAPTOR: Final[Mapping[str, Meaning]] = {
    "customerid": Meaning(
        "whose site it is: the account with the tracker", "the path's beginning, before .rsa", _RAPTOR
    ),
    "coid": Meaning(
        "the browser: one id for a year since its last visit", "a GUID (uuid v4), with every request", _EXPLAINED
    ),
    "sid": Meaning(
        "the visit: until the browser closes, or 20 minutes without a page",
        "a GUID (uuid v4), with every request",
        _EXPLAINED,
    ),
    "ruid": Meaning(
        "the person as the site knows them",
        "base64, then percent-encoded; with every request once it is known; not with xuid",
        f"{_RAPTOR}, 'RuId'",
    ),
    "reaid": Meaning(
        "the person by the tracker's own token, from a newsletter's link",
        "as it came in the link; with every request once it is known; not with xuid",
        f"{_RAPTOR}, 'ReaId'",
    ),
    "xuid": Meaning(
        "the person by the mail system's token, from a newsletter's link",
        "as it came in the link; never together with ruid or reaid",
        f"{_RAPTOR}, 'XuId'",
    ),
    "am": Meaning("the module whose recommendation was clicked", "required with p1=itemclick, and only there", _CLICKS),
    "url": Meaning("the page on which it happened", _ONCE, _TEMPLATE),
    "v": Meaning("the version of whatever sends it", _ONCE, _TEMPLATE),
    "source": Meaning("where an event without a browser comes from", "with .stream only", _OFFLINE),
    **{
        f"utm_{of}": Meaning("the campaign that led to the site", _ONCE, _TEMPLATE)
        for of in ("source", "medium", "campaign", "term", "content")
    },
}
OFFLINE_RUID: Final = Meaning("the person as the site knows them", "clear text in .stream, not base64", _OFFLINE)
_ISO = "an ISO 4217 code"
_DEPRECATED = f"{_YOOCHOOSE}, 'Buy Event'"
_ID = "not empty, not dots, no backslash; letter case counts; pseudonymous"
_MODEL = Meaning("the model that recommended it", "as it stands in the link", "the recommendation's own links")
YOOCHOOSE: Final[Mapping[str, Meaning]] = {
    "customerid": Meaning("whose site it is: the customer id, or mandator id", "letters and digits", _PATH),
    "userid": Meaning(
        "who it was: the account's id, or an anonymous visitor's",
        f"required; {_ID}",
        f"{_YOOCHOOSE}, 'User Identifier'",
    ),
    "sourceuserid": Meaning(
        "who it was until now: the anonymous id", f"required; {_ID}", f"{_YOOCHOOSE}, 'Login Event'"
    ),
    "targetuserid": Meaning(
        "who it is from now on: the account's id",
        f"required; {_ID}; then with every event, until the logout",
        f"{_YOOCHOOSE}, 'Login Event'",
    ),
    "itemtypeid": Meaning(
        "what kind of thing the item is", "a whole number of 1 to 5; by today's documentation of any size", _PATH
    ),
    "itemid": Meaning(
        "which item, by its id; of what is rendered several, with commas between",
        "a whole number of 1 to 2147483647; text only where the contract allows it",
        _PATH,
    ),
    "categorypath": Meaning(
        "the item's categories, from the root",
        "forward slashes between the levels, percent-encoded; no backslash; with click and basket",
        f"{_YOOCHOOSE}, 'Request Parameter categorypath'",
    ),
    "percentage": Meaning(
        "how much of it was read, watched or heard", "a whole number of 0 to 100", f"{_YOOCHOOSE}, 'Consume Event'"
    ),
    "quantity": Meaning("how many were bought", "required; a whole number of 1 or more", f"{_YOOCHOOSE}, 'Buy Event'"),
    "fullprice": Meaning(
        "what one of them cost, and in which currency",
        "required; a point before the decimals, no space, an ISO 4217 code: 12.45EUR",
        f"{_YOOCHOOSE}, 'Buy Event'",
    ),
    "price": Meaning("what one of them cost, in Euro cents", "deprecated, for fullprice; a whole number", _DEPRECATED),
    "currency": Meaning("the price's currency", f"deprecated, for fullprice; {_ISO}", _DEPRECATED),
    "rating": Meaning("how much it is liked", "required; a whole number of 0 to 100", f"{_YOOCHOOSE}, 'Rate Event'"),
    "scenario": Meaning(
        "which kind of recommendation it was",
        "required with clickrecommended; as it stands in the recommendation",
        f"{_YOOCHOOSE}, 'Clickrecommended Event'",
    ),
    "modelId": _MODEL,
    "modelid": _MODEL,
    "overridetimestamp": Meaning(
        "when it was bought, if not now", "2012-01-01T11:00:00; signed", "Ibexa, import of historical events"
    ),
    "signature": Meaning(
        "proof that the sender has the licence key", "32 hexadecimal digits", "Ibexa, import of historical events"
    ),
    "lang": Meaning("the page's language", _ONCE, "the tracker's own scripts"),
    "triggername": Meaning("which message it was", _ONCE, "Ibexa, Tracking API"),
}


def find_meaning(tracker: str, name: str) -> Meaning:
    """Return what there is to say about a parameter."""
    if tracker == "yoochoose":
        return YOOCHOOSE.get(name, _UNKNOWN)
    if found := _is_position(name):
        return _POSITIONS.get(int(found[1]), _SITE_DATA)
    return RAPTOR.get(name, _UNKNOWN)
