"""Nothing that a visitor sent is in a log line, an exception, a repr or a reason: whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.doors.exchange import PAGE, Reply, Request
from tests.identity.asking import KEY, view
from tests.listening import VISITORS, everything_of
from tests.privacy.shops import SHOPS

from footfall import Config, Item, Money, Site, Tracking
from footfall.consent import always_granted, own_cookie
from footfall.delivery import Delivery, list_failed
from footfall.delivery.sending.verdict import Refused, judge
from footfall.delivery.spool.leases import Failure, Lease
from footfall.errors import EventError
from footfall.events import (
    Basket,
    Buy,
    Click,
    ClickRecommended,
    Custom,
    Event,
    Login,
    PageView,
    Rate,
    RecommendationLink,
    Rendered,
)
from footfall.identity.visitor import Visitor
from footfall.localtracker import LocalTracker, Rules
from footfall.request import RequestView
from footfall.testing import Recorder
from footfall.trackers import Raptor, Yoochoose
from footfall.tracking.ids import KnownIds
from footfall.tracking.resumed import Resumed
from footfall.wire import WhenUnanswered, WireReply, WireRequest

DEVICE, SESSION = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
ANNA, USER, TOKEN, PLACE = "anna@shop.example", "johndoe", "secret-of-a-visitor", "/account/anna-anderson"
SECRETS = (DEVICE, SESSION, "anna", "YW5uYUBzaG9w", USER, TOKEN, PLACE)
ADDRESS = f"https://www.shop.example{PLACE}?reaid={TOKEN}&email={ANNA}"
COOKIES = f"rsa={DEVICE}; rsaSession={SESSION}; rsaSessionOpen=1; rsaReaId={TOKEN}; rsaRuid=YW5uYUBzaG9w; name={ANNA}"
URL = f"https://t.example/12345.rsa?coid={DEVICE}&ruid=YW5uYUBzaG9w&reaid={TOKEN}&p7={USER}"


def told(text: str) -> list[str]:
    """The secrets that a text gives away."""
    return [secret for secret in SECRETS if secret in text]


def config(**settings: Any) -> Config:
    return Config(consent=always_granted, secret_keys=(KEY,), **settings)


def begun() -> Tracking:
    site = Site(config(), [Raptor("12345"), Yoochoose("00000")], delivery=Delivery("memory:"))
    site.delivery = Recorder()  # type: ignore[assignment]
    tracking = site.begin(view(ADDRESS, cookie=COOKIES))
    tracking.identify(ANNA)
    tracking.login(USER)
    return tracking


# Reprs

VISITOR = Visitor(device_id=DEVICE, session_id=SESSION, ruid=ANNA, reaid=TOKEN, user_id=USER, page_url=ADDRESS)
WIRE = WireRequest(tracker="raptor", kind="visit", url=URL, visitor=DEVICE, body=ANNA.encode(), once=USER)
REPLY = WireReply(status=400, headers={"location": URL}, body=URL.encode())
EVENTS: list[Event] = [
    Login(USER),
    Click(Item(f"{ANNA}{PLACE}"), category_path=["Shoes"], fields={"brand_id": TOKEN}),
    Basket(ADDRESS, content=[ADDRESS]),
    Buy("1", price=Money("1.00", "EUR"), order_id=TOKEN, fields={"coupon": ANNA}),
    ClickRecommended(ANNA, scenario="also_bought", module="GetSimilarItems"),
    Custom("search", {"query": f"{ANNA} {TOKEN}"}),
    Rendered(items=[ADDRESS]),
    RecommendationLink(f"//event.yoochoose.net/api/00000/rendered/{USER}/1/2"),
]


def made() -> Iterator[tuple[str, object]]:
    """Everything that holds what a visitor sent."""
    yield "RequestView", view(ADDRESS, cookie=COOKIES)
    yield "Tracking", begun()
    yield "KnownIds", begun()._ids
    ids: KnownIds = begun()._ids
    for name in dir(ids):
        part: object = getattr(ids, name)
        if type(part).__module__.startswith("footfall"):
            yield f"KnownIds.{name}", part
    yield "HeaderEdit", begun().finish(200, [])
    yield "Visitor", VISITOR
    yield "WireRequest", WIRE
    yield "WireReply", REPLY
    yield "Lease", Lease(id=1, request=WIRE, accepted=0.0, attempts=0)
    yield "verdict", judge(REPLY, WhenUnanswered.REPEAT, now=0.0)
    yield "Refused", Refused("answered 400", 400, URL)
    yield "Failure", Failure(1, "answered 400", 400, URL)
    yield "Money", Money(Decimal("1.00"), "EUR")
    site = Site(config(), [Raptor("12345")], delivery=Delivery("memory:"))
    yield "Site", site
    yield "Stats", site.stats()
    yield "Delivery", site.delivery
    yield "Resumed", site.resume(begun().snapshot())
    yield from ((type(event).__name__, event) for event in EVENTS)


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in made()])
def test_a_repr_shows_nothing_of_a_visitor(value: object) -> None:
    """D-04."""
    assert told(f"{value!r} {value} {[value]}") == []


def test_a_configurations_repr_shows_no_key() -> None:
    assert KEY not in repr(config())


# Exceptions

WRONG: dict[str, Callable[[Tracking], object]] = {
    "login of dots": lambda t: t.login(".."),
    "login with a backslash": lambda t: t.emit(Login(f"{USER}\\{ANNA}")),
    "login that is no text": lambda t: t.login([USER]),  # type: ignore[arg-type]
    "item that is no number": lambda t: t.emit(Click(ANNA)),
    "item with a slash": lambda t: t.emit(Click(PLACE)),
    "a category of its own": lambda t: t.emit(Click("1", category_path=[[ANNA]])),  # type: ignore[list-item]
    "a rating beyond all": lambda t: t.emit(Rate("1", rating=10**9)),
    "a link to elsewhere": lambda t: t.emit(RecommendationLink(ADDRESS)),
    "an unknown field": lambda t: t.emit(Click("1", fields={TOKEN: ANNA})),
    "a field of another kind": lambda t: t.emit(Click("1", fields={"brand_id": [ANNA]})),  # type: ignore[dict-item]
    "no event": lambda t: t.emit(ANNA),  # type: ignore[arg-type]
    "identified by no text": lambda t: t.identify([ANNA]),  # type: ignore[arg-type]
    "identified by too much": lambda t: t.identify(ANNA * 100),
    "identified by half a letter": lambda t: t.identify(f"{ANNA}\ud800"),
    "a module that is missing": lambda t: t.emit(ClickRecommended(ANNA, scenario=TOKEN)),
    "a price that is text": lambda t: t.emit(Buy("1", price=ANNA)),  # type: ignore[arg-type]
    "a forged snapshot": lambda t: Resumed(t._reporter, t._policy.parse_snapshot(f"1.{TOKEN}{ANNA}"), strict=True).emit(
        PageView()
    ),
}


@pytest.mark.parametrize("do", WRONG.values(), ids=WRONG)
def test_an_exception_names_the_field_and_not_what_came(do: Callable[[Tracking], object]) -> None:
    """D-04: in a strict site the view sees it, and its error page shows it to anybody who reports errors."""
    tracking = begun()
    tracking.strict = True
    assert told(raised_by(lambda: do(tracking))) == []


def raised_by(do: Callable[[], object]) -> str:
    """What an event's error says; "" if there is none."""
    try:
        do()
    except EventError as error:
        shown = "".join(traceback.TracebackException.from_exception(error).format_exception_only())
        return f"{error!r} {error} {shown}"
    return ""


# Log lines


class Broken:
    """A tracker of the site's own that quotes what it cannot use."""

    name = "broken"

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        raise KeyError(f"{visitor.device_id} {visitor.ruid} {visitor.user_id} {visitor.page_url}")


def quote(*parts: object) -> Any:
    raise RuntimeError(f"cannot work with {ADDRESS} {COOKIES} {ANNA} {USER}")


def do_all(tracking: Tracking) -> None:
    tracking.identify(ANNA)
    tracking.login(USER)
    for event in EVENTS:
        tracking.emit(event)
    for do in WRONG.values():
        raised_by(lambda do=do: do(tracking))  # type: ignore[misc]
    tracking.grant()
    tracking.forget()


def make(
    folder: Path, *, trackers: Sequence[Any] = (), user_id: Any = None, on_forget: Any = None, **settings: Any
) -> Site:
    settings.setdefault("consent", always_granted)
    return Site(
        Config(secret_keys=(KEY,), **settings),
        [Raptor("12345"), Yoochoose("00000"), *trackers],
        delivery=Delivery(f"sqlite:///{folder}/footfall.sqlite3", deliver_here=False),
        user_id=user_id or (lambda request: USER),
        on_forget=on_forget,
        strict=False,
    )


def closed(site: Site) -> Site:
    site.close()
    return site


SITES: dict[str, Callable[[Path], Site]] = {
    "all well": make,
    "consent asked": lambda folder: make(folder, consent=own_cookie()),
    "a tracker that quotes": lambda folder: make(folder, trackers=[Broken()]),
    "functions that quote": lambda folder: make(
        folder, consent=quote, classify=quote, anonymous_id=quote, user_id=quote, on_forget=quote
    ),
    "some functions that quote": lambda folder: make(folder, anonymous_id=quote, user_id=quote, on_forget=quote),
    "a domain that is not the host's": lambda folder: make(folder, cookie_domain="other.example"),
    "a spool that cannot be": lambda folder: make(folder / "no" / "folder"),
    "closed": lambda folder: closed(make(folder)),
}


@pytest.mark.parametrize("door", SHOPS)
@pytest.mark.parametrize("made", SITES.values(), ids=SITES)
def test_no_log_line_tells_of_a_visitor_whatever_goes_wrong(
    door: str, made: Callable[[Path], Site], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """D-04: at DEBUG, over every logger of ours, tracebacks and extra fields included."""
    caplog.set_level(logging.DEBUG)
    site = made(tmp_path)
    SHOPS[door](site, Request(url=ADDRESS, headers=[*PAGE, ("referer", ADDRESS)], cookies=(COOKIES,)), do_all, Reply())
    site.close()
    lines = [everything_of(record) for record in caplog.records if record.name.startswith("footfall")]
    assert [line for line in lines if told(line) or VISITORS.search(line)] == []


# Reasons


def test_what_failed_says_why_and_not_of_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """D-04: a tracker's answer may repeat what was sent; the reason is ours."""
    caplog.set_level(logging.DEBUG)
    spool = f"sqlite:///{tmp_path}/footfall.sqlite3"
    with LocalTracker(rules=Rules(customers=frozenset({"99999"}))) as tracker:
        site = Site(
            config(),
            [Raptor("12345", base_url=tracker.url), Yoochoose("00000", base_url=tracker.url), Broken()],
            delivery=Delivery(spool),
            strict=False,
        )
        tracking = site.begin(view(ADDRESS, cookie=COOKIES))
        do_all_but_forget(tracking)
        assert site.flush(20) == 0
        site.close()
    failed = list(list_failed(spool))
    assert {one.tracker for one in failed} == {"raptor", "yoochoose", "broken"}
    assert [one for one in failed if told(f"{one.reason} {one.kind} {one!r}")] == []
    lines = [everything_of(record) for record in caplog.records if record.name.startswith("footfall")]
    assert [line for line in lines if told(line)] == []


def do_all_but_forget(tracking: Tracking) -> None:
    tracking.identify(ANNA)
    for event in EVENTS:
        tracking.emit(event)


def test_what_is_counted_names_trackers_and_reasons_alone(tmp_path: Path) -> None:
    """D-04: counters become a metric's labels."""
    site = make(tmp_path, trackers=[Broken()], consent=own_cookie())
    SHOPS["asgi"](site, Request(url=ADDRESS, cookies=(COOKIES,)), do_all, Reply())
    site.flush()
    assert told(repr(site.stats())) == []
    site.close()


def test_a_request_view_gives_nothing_away_when_formatted() -> None:
    request: RequestView = view(ADDRESS, cookie=COOKIES)
    assert (repr(request), told(str(request))) == ("<RequestView GET>", [])
