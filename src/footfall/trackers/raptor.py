"""Raptor's tracking service: one GET for each event, its parts in numbered parameters."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final
from urllib.parse import unquote, unquote_plus

from footfall.errors import ConfigError, EventError, NoIdentity
from footfall.events import (
    Basket,
    Buy,
    Click,
    ClickRecommended,
    Custom,
    Event,
    Fields,
    Item,
    PageView,
    RemoveFromBasket,
)
from footfall.identity.visitor import Visitor
from footfall.trackers.encoding import check_length, encode
from footfall.trackers.parameters import DEFAULT_PARAMETERS, MEANING, OFFLINE_MEANING, check_parameters
from footfall.trackers.protocol import Parameter
from footfall.trackers.settings import (
    DEFAULT_URL_LENGTH,
    ItemIdHook,
    check_customer_id,
    check_name,
    check_whole,
    map_item,
    parse_base_url,
)
from footfall.wire import WhenUnanswered, WireRequest

__all__ = ["Raptor"]

#: What an event of ours says in Raptor's word; a custom event may not say it in our stead.
_OWN_WORDS = {
    "pageview": "PageView",
    "visit": "Click",
    "basket": "Basket",
    "buy": "Buy",
    "itemclick": "ClickRecommended",
}
_UTM = ("utm_source", "utm_campaign", "utm_term", "utm_medium", "utm_content")
_PERSON_PARAMETERS = ("reaid=", "ruid=", "xuid=")


class Raptor:
    """The tracker of the document 'Server-side Tracking'.

    Args:
        customer_id: Letters and digits, as text: ``"00012"`` keeps its zeros.
        parameters: Which name stands at which of p1 to p999. They differ from customer to customer: compare the
            defaults with the control panel, and write ``{**Raptor.DEFAULT_PARAMETERS, "color": 31}``. A value
            whose name the map lacks is not sent; one named in ``fields`` is then an error.
        base_url: Scheme, host and perhaps port.
        name: The tracker's name in counters and logs; unique within a site.
        item_id: Maps a shop's item to the one that is recommended (a SKU to its master product, say).
        click_tracking: Send ``itemclick``, which only Web Advisor customers need.
        page_url: Send the page's address and its ``utm_*`` parameters, as the vendor's own template does.
        basket_separator: What stands between the ids of ``basket_content``; agree another one with Raptor.
        replace_in_categories: What stands for ``,`` and ``;`` in a category, which Raptor does not take;
            ``None`` refuses them.
        offline_orders: Send a ``Buy`` without device and session to the ``.stream`` address, by the person's
            ``ruid``: an order from a till, or from a file.
        offline_source: What such an order gives as its ``source``.
        max_url_length: Longer requests are refused.

    Raises:
        ConfigError: A setting is wrong. Names field, finding and remedy.
    """

    DEFAULT_PARAMETERS: ClassVar[Mapping[str, int]] = DEFAULT_PARAMETERS

    name: Final[str]

    def __init__(
        self,
        customer_id: str,
        *,
        parameters: Mapping[str, int | str] = DEFAULT_PARAMETERS,
        base_url: str = "https://t.raptorsmartadvisor.com",
        name: str = "raptor",
        item_id: ItemIdHook | None = None,
        click_tracking: bool = True,
        page_url: bool = False,
        basket_separator: str = ",",
        replace_in_categories: str | None = None,
        offline_orders: bool = False,
        offline_source: str = "webhook",
        max_url_length: int = DEFAULT_URL_LENGTH,
    ) -> None:
        self.name = check_name(name)
        self._customer_id = check_customer_id(customer_id)
        self._positions = check_parameters(parameters)
        self._names = {position: parameter for parameter, position in self._positions.items()}
        start = f"{parse_base_url(base_url).url}/{self._customer_id}"
        self._online = f"{start}.rsa?"
        self._offline = f"{start}.stream?"
        self._item_id = item_id
        self._click_tracking = click_tracking
        self._page_url = page_url
        self._separator = _check_text("basket_separator", basket_separator)
        self._in_categories = _check_replacement(replace_in_categories)
        self._offline_orders = offline_orders
        self._source = _check_text("offline_source", offline_source)
        self._longest = check_whole("max_url_length", max_url_length, 200, 65_536)

    def __repr__(self) -> str:
        """Name the tracker."""
        return f"<Raptor {self.name!r} for customer {self._customer_id}>"

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        """Turn one event of one visitor into the request that reports it; see :class:`~footfall.trackers.Tracker`."""
        match event:
            case Click():
                values = self._about("visit", event.item)
                values["category_path"] = self._categories(event.category_path)
                return [self._request(values, event, visitor)]
            case PageView():
                return [self._request({"event_type": "pageview"}, event, visitor)]
            case Basket():
                values = self._about("basket", event.item)
                values["category_path"] = self._categories(event.category_path)
                values["basket_content"] = self._content(event.content)
                return [self._request(values, event, visitor)]
            case RemoveFromBasket():
                values = self._about("basket", event.item)
                values["basket_content"] = self._content(event.content)
                return [self._request(values, event, visitor)]
            case Buy():
                return [self._request(self._buy(event), event, visitor)]
            case ClickRecommended():
                if not self._click_tracking:
                    return []
                if event.module is None:
                    raise EventError("module: is missing; name the module that recommended the item")
                return [self._request(self._about("itemclick", event.item), event, visitor, event.module)]
            case Custom():
                return [self._request(self._custom(event), event, visitor)]
            case _:
                return []

    def explain(self, request: WireRequest) -> Sequence[Parameter]:
        """Take one of this tracker's requests apart, parameter by parameter."""
        explained: list[Parameter] = []
        meanings = {**MEANING, **OFFLINE_MEANING} if request.url.startswith(self._offline) else MEANING
        for pair in request.url.partition("?")[2].split("&"):
            name, _, value = pair.partition("=")
            word = self._names.get(int(name[1:]), name) if name[1:].isdecimal() else name
            meaning, source = meanings.get(word, ("the site's own", "the site's parameter map"))
            explained.append(Parameter(name, unquote(value), f"{word}: {meaning}" if word != name else meaning, source))
        return explained

    def _about(self, event_type: str, item: Item) -> dict[str, str]:
        return {"event_type": event_type, "product_id": map_item(item, self._item_id).id}

    def _buy(self, event: Buy) -> dict[str, str]:
        values = self._about("buy", event.item)
        values["quantity"] = str(event.quantity)
        if event.price is not None:
            values["price"] = event.price.format_amount()
            values["currency"] = event.price.currency
            subtotal = event.price.times(event.quantity)
            if subtotal.finding is not None:
                raise EventError(f"subtotal: price times quantity is wrong: {subtotal.finding}")
            values["subtotal"] = subtotal.format_amount()
        if event.order_id is not None:
            values["order_id"] = event.order_id
        return values

    def _custom(self, event: Custom) -> dict[str, str]:
        if own := _OWN_WORDS.get(event.name.lower()):
            raise EventError(f"name: {event.name!r} has an event of its own; emit {own}")
        values = {"event_type": event.name}
        self._add_fields(values, event.parameters)
        return values

    def _request(self, values: dict[str, str], event: Event, visitor: Visitor, module: str = "") -> WireRequest:
        kind = values["event_type"]
        if event.fields:
            self._add_fields(values, event.fields)
        if visitor.user_id is not None:
            values["user_id"] = visitor.user_id
        positions = self._positions
        numbered = sorted([(positions[name], name) for name, text in values.items() if text and name in positions])
        query = "&".join([f"p{position}={encode(values[name], name)}" for position, name in numbered])
        buys = isinstance(event, Buy)
        if visitor.device_id is None or visitor.session_id is None:
            if not (buys and self._offline_orders):
                raise NoIdentity(f"{self.name}: takes no event without a device id and a session id")
            url, whose = self._offline_order(query, visitor)
        else:
            url = self._online + query + self._ids(visitor.device_id, visitor.session_id, visitor, module)
            if self._page_url and visitor.page_url is not None:
                page = _page(visitor.page_url)
                # An address may be of any length; the event matters more.
                url += page if len(url) + len(page) <= self._longest else ""
            whose = visitor.device_id
        return WireRequest(
            tracker=self.name,
            kind=kind,
            url=check_length(url, self._longest),
            visitor=whose,
            when_unanswered=WhenUnanswered.SET_ASIDE if buys else WhenUnanswered.REPEAT,
        )

    def _ids(self, device_id: str, session_id: str, visitor: Visitor, module: str) -> str:
        ids = f"&coid={encode(device_id, 'coid')}"
        if visitor.ruid is not None:
            ids += f"&ruid={_encode_ruid(visitor.ruid)}"
        ids += f"&sid={encode(session_id, 'sid')}"
        if module:
            ids += f"&am={encode(module, 'module')}"
        if visitor.reaid is not None:
            ids += f"&reaid={encode(visitor.reaid, 'reaid')}"
        elif visitor.xuid is not None and visitor.ruid is None:  # the document forbids it beside the other two
            ids += f"&xuid={encode(visitor.xuid, 'xuid')}"
        return ids

    def _offline_order(self, query: str, visitor: Visitor) -> tuple[str, str]:
        """An order without a browser. Source: Raptor help center, Offline Event Tracking: here ruid is no base64."""
        if visitor.ruid is None:
            raise NoIdentity(f"{self.name}: takes no order of nobody: there is neither a device nor a ruid")
        url = f"{self._offline}{query}&ruid={encode(visitor.ruid, 'ruid')}&source={encode(self._source, 'source')}"
        return url, visitor.device_id or visitor.user_id or visitor.ruid

    def _add_fields(self, values: dict[str, str], fields: Fields) -> None:
        for name, value in fields.items():
            if name not in self._positions:
                raise EventError(
                    f"fields: {name!r} is not in the parameter map; give it a position in Raptor(parameters=...)"
                )
            if name in {"event_type", "user_id"} or (name in values and name not in _DERIVED):
                raise EventError(f"fields: {name!r} comes from the event or its visitor; leave it out")
            if value is not None:
                values[name] = _format_field(value)

    def _categories(self, levels: tuple[str, ...]) -> str:
        """Write ``400#running;402#shoes``; a level that is a name alone stands for its id too."""
        written: list[str] = []
        for level in levels:
            if self._in_categories is not None:
                name = level.replace(",", self._in_categories).replace(";", self._in_categories)
            elif "," in level or ";" in level:
                raise EventError(
                    "category_path: a level has a comma or a semicolon, which the tracker does not take; "
                    'replace them with replace_in_categories=" ", say'
                )
            else:
                name = level
            written.append(name if "#" in name else f"{name}#{name}")
        return ";".join(written)

    def _content(self, items: tuple[Item, ...]) -> str:
        ids = dict.fromkeys([map_item(item, self._item_id).id for item in items])
        if any(self._separator in one for one in ids):
            raise EventError(
                "content: an id has the separator in it; agree another one with Raptor and give it as basket_separator"
            )
        return self._separator.join(ids)


#: Values in a form that Raptor may have agreed otherwise with a customer: a field of that name replaces ours.
_DERIVED = frozenset({"category_path", "basket_content", "currency", "subtotal"})


def _format_field(value: str | int | Decimal | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _encode_ruid(ruid: str) -> str:
    """Standard base64 with padding over UTF-8, percent-encoded."""
    try:
        text = b64encode(ruid.encode()).decode()
    except UnicodeEncodeError:
        raise EventError(f"ruid: text of {len(ruid)} characters has half a surrogate pair in it") from None
    return text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def _page(address: str) -> str:
    """The page's address without its fragment and without any person's id, and its campaign parameters."""
    address = address.partition("#")[0]
    path, _, query = address.partition("?")
    pairs = query.split("&") if query else []
    kept = "&".join([pair for pair in pairs if not pair.lower().startswith(_PERSON_PARAMETERS)])
    written = f"&url={encode(f'{path}?{kept}' if kept else path, 'page_url')}"
    campaign = dict(pair.split("=", 1) for pair in reversed(pairs) if "=" in pair)  # the first of several counts
    for name in _UTM:
        if value := campaign.get(name):
            written += f"&{name}={encode(unquote_plus(value), name)}"
    return written


def _check_text(field: str, value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ConfigError(f"{field}: is not printable text; give at least one character")
    return value


def _check_replacement(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and not set(value) & set(",;")):
        raise ConfigError('replace_in_categories: is not text without "," and ";"; write " ", say, or None')
    return value
