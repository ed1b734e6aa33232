"""`footfall preview`: the exact URLs that an event becomes, what each part means, and which document says so."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from footfall import events
from footfall.commands.choosing import KNOWN, add_tracker_options, choose_trackers, load_site, make_tracker
from footfall.commands.command import Command
from footfall.commands.console import make_console
from footfall.errors import ConfigError, EventError, NoIdentity
from footfall.reporter import ask, check_event

if TYPE_CHECKING:
    from rich.console import Console

    from footfall.events import Event, Fields
    from footfall.identity.visitor import Visitor
    from footfall.trackers import Tracker
    from footfall.wire import WireRequest

__all__ = ["COMMAND", "build_event"]

_KINDS: Mapping[str, Callable[..., Event]] = {
    "page-view": events.PageView,
    "click": events.Click,
    "consume": events.Consume,
    "basket": events.Basket,
    "remove-from-basket": events.RemoveFromBasket,
    "buy": events.Buy,
    "rate": events.Rate,
    "blacklist": events.Blacklist,
    "click-recommended": events.ClickRecommended,
    "rendered": events.Rendered,
    "recommendation-link": events.RecommendationLink,
    "login": events.Login,
    "custom": events.Custom,
}
#: What the words after a kind can be: the names of the events' first parameters.
_SUBJECTS = ("item", "items", "link", "user_id", "name")
_PARTS = ("category_path", "content", "quantity", "order_id", "at", "rating", "percentage", "scenario", "module")
_DEVICE = "00000000-0000-4000-8000-000000000001"
_SESSION = "00000000-0000-4000-8000-000000000002"
_WIDTH = 120  # where no terminal says


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add them all."""
    parser.epilog = "footfall preview shop.tracking:site click 3298 --category-path /Shoes/Children"
    parser.add_argument(
        "words",
        nargs="+",
        metavar="[MODULE:SITE] EVENT [ITEM ...]",
        help=f"your site, if you have one; one of {', '.join(_KINDS)}; what the event is about",
    )
    parser.add_argument(
        "--tracker",
        metavar="NAME",
        help=f"without a site one of {', '.join(KNOWN)}; with one, only its tracker of that name",
    )
    add_tracker_options(parser)
    event = parser.add_argument_group("event")
    event.add_argument("--item-type", type=int, metavar="N", help="the item's type (default: 1)")
    event.add_argument("--category-path", metavar="PATH", help="from the root: /Shoes/Children")
    event.add_argument("--content", action="append", metavar="ITEM", help="in the basket; may be repeated")
    event.add_argument("--quantity", type=int, metavar="N")
    event.add_argument("--price", metavar="AMOUNT", help="of one item, as 19.99EUR; none: no price to report")
    event.add_argument("--order-id", metavar="ID")
    event.add_argument("--at", metavar="TIME", help="of a buy that was not now: 2012-01-01T11:00:00")
    event.add_argument("--rating", type=int, metavar="N")
    event.add_argument("--percentage", type=int, metavar="N")
    event.add_argument("--scenario", metavar="NAME")
    event.add_argument("--module", metavar="NAME")
    event.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the site's own; may be repeated",
    )
    visitor = parser.add_argument_group("visitor")
    visitor.add_argument("--device", default=_DEVICE, metavar="GUID", help="(default: %(default)s)")
    visitor.add_argument("--session", default=_SESSION, metavar="GUID", help="(default: %(default)s)")
    visitor.add_argument("--user", metavar="ID", help="who is logged in")
    visitor.add_argument("--ruid", metavar="TEXT", help="who the visitor said they are, in clear text")
    visitor.add_argument("--reaid", metavar="TOKEN")
    visitor.add_argument("--xuid", metavar="TOKEN")
    visitor.add_argument("--page-url", metavar="URL")


def _run(options: argparse.Namespace) -> int:
    """Show one event's requests.

    Returns:
        0 if every tracker takes the event, or has no such kind; 1 if one refuses it.

    Raises:
        ConfigError: The site or an option is wrong.
        EventError: The event is.
    """
    console = make_console(width=_WIDTH)
    words: list[str] = options.words
    trackers, anonymous_user = _trackers(options, words)
    event = build_event(words[0] if words else "", words[1:], options)
    check_event(event)
    visitor = _visitor(options, anonymous_user)
    refused = False
    for tracker in trackers:
        try:
            requests = ask(tracker, event, visitor)
        except (EventError, NoIdentity) as error:
            refused = True
            console.print(f"{tracker.name} refuses it: {error}", soft_wrap=True)
            continue
        if not requests:
            console.print(f"{tracker.name} makes no request of it", soft_wrap=True)
        for request in requests:
            _show(console, tracker, request)
    return 1 if refused else 0


def build_event(kind: str, subjects: Sequence[str], options: argparse.Namespace) -> Event:
    """Build the event that the command's words and options describe.

    Args:
        kind: The event's name: ``click``, ``click-recommended``.
        subjects: What the event is about: an item, several items, a link, a user or a name.
        options: The parsed options.

    Raises:
        ConfigError: There is no such event, a part is missing, or the event has no such part.
    """
    made = _KINDS.get(kind.replace("_", "-"))
    if made is None:
        raise ConfigError(f"event: {kind!r} is unknown; write one of {', '.join(_KINDS)}")
    takes = inspect.signature(made).parameters
    given: dict[str, object] = {name: value for name in _PARTS if (value := getattr(options, name)) is not None}
    if options.price is not None:
        given["price"] = _price(options.price)
    if given_fields := _fields(options.field):
        given["fields"] = given_fields
    given.update(_subject(kind, next((name for name in _SUBJECTS if name in takes), None), subjects, options))
    for name in given:
        if name not in takes:
            raise ConfigError(f"{name.replace('_', '-')}: a {kind} has none; leave it out")
    for name, parameter in takes.items():
        if parameter.default is parameter.empty and name not in given:
            raise ConfigError(f"{name.replace('_', '-')}: is missing; a {kind} needs it")
    return made(**given)


def _subject(kind: str, name: str | None, subjects: Sequence[str], options: argparse.Namespace) -> dict[str, object]:
    if len(subjects) > (0 if name is None else 1) and name != "items":
        raise ConfigError(f"event: {subjects[-1]!r} is one word too many for a {kind}; leave it out")
    if name in {"item", "items"}:
        item_type = 1 if options.item_type is None else options.item_type
        items = [events.Item(subject, type=item_type) for subject in subjects]
        if name == "items":
            return {"items": items}
        return {"item": items[0]} if items else {}
    if options.item_type is not None:
        raise ConfigError(f"item-type: a {kind} has no item; leave it out")
    return {name: subjects[0]} if name is not None and subjects else {}


def _price(written: str) -> events.Money | None:
    if written == "none":
        return None
    amount, currency = written[:-3].strip(), written[-3:]
    try:
        price = events.Money(Decimal(amount), currency)
    except InvalidOperation:
        price = None
    if price is None or price.finding is not None:
        raise ConfigError(f"price: {written!r} is no amount with its currency; write it as in 19.99EUR")
    return price


def _fields(written: Sequence[str]) -> Fields:
    fields: dict[str, str] = {}
    for pair in written:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"field: {pair!r} has no value; write NAME=VALUE")
        fields[name] = value
    return fields


def _trackers(options: argparse.Namespace, words: list[str]) -> tuple[Sequence[Tracker], str]:
    """Take the site from the words, if they name one."""
    if ":" in words[0] or "." in words[0]:  # no kind of event has either
        site = load_site(words.pop(0))
        return choose_trackers(site, options.tracker), site.config.anonymous_user
    if options.tracker is None:
        raise ConfigError(
            "tracker: is missing; name your site, as in `footfall preview shop.tracking:site click 3298`, "
            f"or one of {', '.join(KNOWN)}: --tracker raptor"
        )
    return [make_tracker(options.tracker, options, default_customer_id="00000")], "not_defined"


def _visitor(options: argparse.Namespace, anonymous_user: str) -> Visitor:
    from footfall.identity.visitor import Visitor

    return Visitor(
        device_id=options.device or None,
        session_id=options.session or None,
        anonymous_id=options.device or None,
        anonymous_user=anonymous_user,
        user_id=options.user,
        ruid=options.ruid,
        reaid=options.reaid,
        xuid=options.xuid,
        page_url=options.page_url,
    )


def _show(console: Console, tracker: Tracker, request: WireRequest) -> None:
    from rich.table import Table
    from rich.text import Text

    from footfall.trackers import Explains

    console.print(f"{tracker.name}: {request.kind}")
    console.print(f"{request.method} {request.url}", soft_wrap=True)
    for name, value in request.headers:
        console.print(f"{name}: {value}", soft_wrap=True)
    if request.body:
        console.print(request.body.decode("utf-8", "replace"), soft_wrap=True)
    if isinstance(tracker, Explains):
        table = Table("parameter", show_edge=False, pad_edge=False)
        table.add_column("value", overflow="fold", min_width=36)  # a GUID in one line
        for heading in ("what it means", "which document says so"):
            table.add_column(heading, overflow="fold")
        for one in tracker.explain(request):
            table.add_row(*(Text(text) for text in one))
        console.print(table)
    console.print()


COMMAND = Command(
    name="preview",
    summary="the exact URLs that an event becomes, and what each part means",
    description="Show the requests that an event becomes, to the last byte, for every tracker of a site or for one made"
    " from options, with what each parameter means and which document says so. Nothing is sent.",
    add_options=_add_options,
    run=_run,
)
