"""YOOCHOOSE's Tracking API: one GET for each event, its parts in the path."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

from footfall.errors import ConfigError, EventError
from footfall.events import (
    Basket,
    Blacklist,
    Buy,
    Click,
    ClickRecommended,
    Consume,
    Event,
    Item,
    Login,
    Rate,
    RecommendationLink,
    RemoveFromBasket,
    Rendered,
)
from footfall.identity.visitor import Visitor
from footfall.trackers.encoding import check_length, encode, encode_segment
from footfall.trackers.history import format_timestamp, sign_buy
from footfall.trackers.links import resolve_link
from footfall.trackers.protocol import Parameter
from footfall.trackers.settings import (
    DEFAULT_URL_LENGTH,
    ItemIdHook,
    call_hook,
    check_customer_id,
    check_name,
    check_whole,
    map_item,
    parse_base_url,
)
from footfall.wire import WhenUnanswered, WireRequest

__all__ = ["Yoochoose"]

_LARGEST = 2_147_483_647
_is_number = re.compile(r"[1-9][0-9]{0,9}").fullmatch


class Yoochoose:
    """The tracker of the document 'Tracking API', and by :meth:`ibexa` its successor.

    Args:
        customer_id: The "mandator id", letters and digits, as text: ``"00000"``.
        base_url: Scheme, host and perhaps port.
        licence_key: Signs buys of the past, which then carry their own time.
        text_item_ids: Take item ids that are not numbers. The document supports but discourages them.
        max_item_type: The highest item type; the document has 1 to 5.
        name: The tracker's name in counters and logs; unique within a site.
        item_id: Maps a shop's item to the one that is recommended (a SKU to its master product, say).
        user_id: Maps the id of a logged-in user to the pseudonym that the tracker is told.
        replace_in_categories: What stands for a slash in the *name* of a category; ``None`` refuses it.
        max_url_length: Longer requests are refused; bundles of rendered items are split to fit.
        category_of_basket: Send the category path with basket events, as the document has it.
        remove_from_basket: Send ``deletefrombasket``, which the document does not have.

    Raises:
        ConfigError: A setting is wrong. Names field, finding and remedy.
    """

    name: Final[str]

    def __init__(
        self,
        customer_id: str,
        *,
        base_url: str = "https://event.yoochoose.net",
        licence_key: str | None = None,
        text_item_ids: bool = False,
        max_item_type: int = 5,
        name: str = "yoochoose",
        item_id: ItemIdHook | None = None,
        user_id: Callable[[str], str] | None = None,
        replace_in_categories: str | None = None,
        max_url_length: int = DEFAULT_URL_LENGTH,
        category_of_basket: bool = True,
        remove_from_basket: bool = False,
    ) -> None:
        self.name = check_name(name)
        self._customer_id = check_customer_id(customer_id)
        self._origin = parse_base_url(base_url)
        self._api = f"{self._origin.url}/api/{self._customer_id}/"
        self._licence_key = _check_licence_key(licence_key)
        self._text_item_ids = text_item_ids
        self._max_item_type = check_whole("max_item_type", max_item_type, 1, _LARGEST)
        self._item_id = item_id
        self._user_id = user_id
        self._slash = _check_replacement(replace_in_categories)
        self._longest = check_whole("max_url_length", max_url_length, 200, 65_536)
        self._category_of_basket = category_of_basket
        self._remove_from_basket = remove_from_basket

    @classmethod
    def ibexa(
        cls,
        customer_id: str,
        *,
        base_url: str = "https://event.perso.ibexa.co",
        licence_key: str | None = None,
        text_item_ids: bool = False,
        max_item_type: int = _LARGEST,
        name: str = "yoochoose",
        item_id: ItemIdHook | None = None,
        user_id: Callable[[str], str] | None = None,
        replace_in_categories: str | None = None,
        max_url_length: int = DEFAULT_URL_LENGTH,
    ) -> Yoochoose:
        """The same tracker as Ibexa Personalization runs and documents it today.

        Against the source document: another host, item types up to 2147483647, ``deletefrombasket``, and no
        category path with basket events. Source: Ibexa developer documentation, "Tracking API".
        """
        return cls(
            customer_id,
            base_url=base_url,
            licence_key=licence_key,
            text_item_ids=text_item_ids,
            max_item_type=max_item_type,
            name=name,
            item_id=item_id,
            user_id=user_id,
            replace_in_categories=replace_in_categories,
            max_url_length=max_url_length,
            category_of_basket=False,
            remove_from_basket=True,
        )

    def __repr__(self) -> str:
        """Name the tracker; the licence key stays out of logs."""
        return f"<Yoochoose {self.name!r} for customer {self._customer_id}>"

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        """Turn one event of one visitor into the requests that report it; see :class:`~footfall.trackers.Tracker`.

        A visitor is their account if logged in, else their anonymous id, else everybody's ``anonymous_user``.
        """
        match event:
            case Click():
                return [self._about("click", event.item, visitor, self._category(event.category_path))]
            case Basket():
                path = event.category_path if self._category_of_basket else ()
                return [self._about("basket", event.item, visitor, self._category(path))]
            case Buy():
                return [self._buy(event, visitor)]
            case Consume():
                query = "" if event.percentage is None else f"?percentage={event.percentage}"
                return [self._about("consume", event.item, visitor, query)]
            case Rate():
                return [self._about("rate", event.item, visitor, f"?rating={event.rating}")]
            case Blacklist():
                return [self._about("blacklist", event.item, visitor)]
            case RemoveFromBasket():
                return [self._about("deletefrombasket", event.item, visitor)] if self._remove_from_basket else []
            case ClickRecommended():
                return [self._click_recommended(event, visitor)]
            case Rendered():
                return self._rendered(event, visitor)
            case RecommendationLink():
                return self._linked(event, visitor)
            case Login():
                return self._login(event, visitor)
            case _:
                return []

    def explain(self, request: WireRequest) -> Sequence[Parameter]:
        """Take one of this tracker's requests apart: the parts of its path, then its query."""
        address = urlsplit(request.url)
        if not request.url.startswith(self._api):
            link = Parameter("link", request.url, "sent as the recommendation response had it", _RECOMMENDED)
            return [link, *_explain_query(address.query)]
        segments = [unquote(segment) for segment in address.path.split("/")[2:]]
        names = ("customerid", "event", *(_LOGIN_PATH if request.kind == "login" else _ITEM_PATH))
        path = [
            Parameter(name, value, *_MEANING[name])
            for name, value in zip(names, segments, strict=False)  # never more segments than names
        ]
        return [*path, *_explain_query(address.query)]

    def _about(self, kind: str, item: Item, visitor: Visitor, query: str = "") -> WireRequest:
        item_type, item_segment = self._item(item)
        user, whose = self._user(visitor)
        return self._request(kind, f"{self._api}{kind}/{user}/{item_type}/{item_segment}{query}", whose)

    def _buy(self, event: Buy, visitor: Visitor) -> WireRequest:
        item_type, item_segment = self._item(event.item)
        user, whose = self._user(visitor)
        # In alphabetical order, as the signature needs it.
        price = event.price
        query = "" if price is None else f"fullprice={price.format_amount()}{price.currency}&"
        if event.at is not None:
            if self._licence_key is None:
                raise EventError("at: the tracker takes a buy of the past only signed; give it a licence_key")
            time = encode(format_timestamp(event.at), "at")
            query += f"overridetimestamp={time}&quantity={event.quantity}"
            query += f"&signature={sign_buy(self._licence_key, item_type, item_segment, query)}"
        else:
            query += f"quantity={event.quantity}"
        url = f"{self._api}buy/{user}/{item_type}/{item_segment}?{query}"
        return self._request("buy", url, whose, when_unanswered=WhenUnanswered.SET_ASIDE)

    def _click_recommended(self, event: ClickRecommended, visitor: Visitor) -> WireRequest:
        if event.scenario is None:
            raise EventError("scenario: is missing; name the scenario that recommended the item")
        query = f"?scenario={encode(event.scenario, 'scenario')}"
        return self._about("clickrecommended", event.item, visitor, query)

    def _rendered(self, event: Rendered, visitor: Visitor) -> list[WireRequest]:
        user, whose = self._user(visitor)
        by_type: dict[int, list[str]] = {}
        for item in event.items:
            item_type, item_segment = self._item(item)
            by_type.setdefault(item_type, []).append(item_segment)
        urls: list[str] = []
        for item_type, segments in by_type.items():
            start = f"{self._api}rendered/{user}/{item_type}/"
            url = start + segments[0]
            for segment in segments[1:]:
                if len(url) + 1 + len(segment) > self._longest:
                    urls.append(url)
                    url = start + segment
                else:
                    url = f"{url},{segment}"
            urls.append(url)
        return [self._request("rendered", url, whose) for url in urls]

    def _linked(self, event: RecommendationLink, visitor: Visitor) -> list[WireRequest]:
        if event.tracker is not None and event.tracker != self.name:
            return []
        kind, url = resolve_link(event.link, self._origin)
        return [self._request(kind, url, self._user(visitor)[1])]

    def _login(self, event: Login, visitor: Visitor) -> list[WireRequest]:
        source, target = visitor.anonymous_id, self._pseudonym(event.user_id)
        # The one anonymous user stands for everybody: a login would merge strangers.
        if source is None or source in {target, visitor.anonymous_user}:
            return []
        target_segment = encode_segment(target, "user_id")
        url = f"{self._api}login/{encode_segment(source, 'anonymous_id')}/{target_segment}"
        whose = visitor.device_id or source
        pair = f"{self.name}\n{encode(whose, 'anonymous_id')}\n{target_segment}"
        once = f"login:{hashlib.sha256(pair.encode()).hexdigest()}"
        return [self._request("login", url, whose, once=once)]

    def _request(
        self,
        kind: str,
        url: str,
        whose: str,
        *,
        when_unanswered: WhenUnanswered = WhenUnanswered.REPEAT,
        once: str = "",
    ) -> WireRequest:
        return WireRequest(
            tracker=self.name,
            kind=kind,
            url=check_length(url, self._longest),
            visitor=whose,
            when_unanswered=when_unanswered,
            once=once,
        )

    def _user(self, visitor: Visitor) -> tuple[str, str]:
        """The user segment, and whose the request is: nobody's if everybody shares the segment."""
        if visitor.user_id is not None:
            user = self._pseudonym(visitor.user_id)
            return encode_segment(user, "user_id"), visitor.device_id or user
        if visitor.anonymous_id is not None:
            return encode_segment(visitor.anonymous_id, "anonymous_id"), visitor.device_id or visitor.anonymous_id
        return encode_segment(visitor.anonymous_user, "anonymous_user"), visitor.device_id or ""

    def _pseudonym(self, user_id: str) -> str:
        return user_id if self._user_id is None else call_hook("user_id", self._user_id, user_id, str)

    def _item(self, item: Item) -> tuple[int, str]:
        item = map_item(item, self._item_id)
        if item.type > self._max_item_type:
            raise EventError(
                f"item type: {item.type} is not one of 1 to {self._max_item_type}; raise max_item_type if yours are"
            )
        if _is_number(item.id) and int(item.id) <= _LARGEST:
            return item.type, item.id
        if not self._text_item_ids:
            raise EventError(
                f"item: an id of {len(item.id)} characters is not a number of 1 to {_LARGEST}; "
                "map it with item_id=, or allow text with text_item_ids=True"
            )
        if "," in item.id:
            raise EventError("item: its id has a comma, which separates ids in this tracker; map it with item_id=")
        return item.type, encode_segment(item.id, "item")

    def _category(self, levels: tuple[str, ...]) -> str:
        if not levels:
            return ""
        if self._slash is not None:
            levels = tuple([level.replace("/", self._slash) for level in levels])
        path = "".join([f"/{level}" for level in levels])
        if path.count("/") != len(levels):
            raise EventError(
                "category_path: a name has a slash, which would make two levels of one; "
                'replace it with replace_in_categories="-", say'
            )
        if "\\" in path:
            raise EventError("category_path: has a backslash, which the tracker does not take; write another character")
        return f"?categorypath={encode(path, 'category_path')}"


_DOCUMENT = "Tracking API"
_RECOMMENDED = f"{_DOCUMENT}, Tracking Events based on Recommendations"
_HISTORY = "Importing historical user tracking data"
_ITEM_PATH = ("userid", "itemtypeid", "itemid")
_LOGIN_PATH = ("sourceuserid", "targetuserid")
_MEANING: Mapping[str, tuple[str, str]] = {
    "customerid": ("the shop, by its mandator id", f"{_DOCUMENT}, Click Event"),
    "event": ("what happened", f"{_DOCUMENT}, Tracking Events"),
    "userid": ("the visitor: account, anonymous id, or the one anonymous user", f"{_DOCUMENT}, User Identifier"),
    "itemtypeid": ("the item's type", f"{_DOCUMENT}, Click Event"),
    "itemid": ("the item's id; of several, separated by commas", f"{_DOCUMENT}, Item Identifiers"),
    "sourceuserid": ("who the visitor was until now", f"{_DOCUMENT}, Login Event"),
    "targetuserid": ("who the visitor is from now on", f"{_DOCUMENT}, Login Event"),
    "categorypath": ("where the item stands in the catalogue, from the root", f"{_DOCUMENT}, categorypath"),
    "percentage": ("how much of the item was consumed, 0 to 100", f"{_DOCUMENT}, Consume Event"),
    "fullprice": ("the price of one item and its currency", f"{_DOCUMENT}, Buy Event"),
    "quantity": ("how many were bought", f"{_DOCUMENT}, Buy Event"),
    "overridetimestamp": ("when it was bought, if not now", _HISTORY),
    "signature": ("proof that the shop itself says when", _HISTORY),
    "rating": ("the visitor's rating, 0 to 100", f"{_DOCUMENT}, Rate Event"),
    "scenario": ("the scenario that recommended the item", f"{_DOCUMENT}, Clickrecommended Event"),
}


def _explain_query(query: str) -> list[Parameter]:
    explained: list[Parameter] = []
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        explained.append(Parameter(name, unquote(value), *_MEANING.get(name, ("as the response had it", _RECOMMENDED))))
    return explained


def _check_licence_key(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and value and value.isascii() and value.isprintable()):
        raise ConfigError("licence_key: is not printable ASCII text; copy it from the control panel, or leave it out")
    return value


def _check_replacement(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and not set(value) & set("/\\")):
        raise ConfigError('replace_in_categories: is not text without slashes and backslashes; write "-", say, or None')
    return value
