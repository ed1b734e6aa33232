"""Every way from an event to a tracker: what is wrong stops before it, and what a tracker does wrong stays its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from tests.identity.asking import ANNA, CLICK, DEVICE, KEY, KNOWN, NOWHERE, respond, view

from footfall import Config, Consent, Site, Tracking
from footfall.check import privacy_record
from footfall.consent import always_granted, own_cookie
from footfall.delivery import Delivery
from footfall.errors import ConfigError, DeliveryError, EventError
from footfall.events import Basket, Buy, Click, Event, Item, Login, Money, PageView, Rate, RecommendationLink
from footfall.identity.visitor import Visitor
from footfall.reporter import SOMEBODY, ask
from footfall.testing import check_tracker, recording
from footfall.trackers import Raptor, Yoochoose
from footfall.wire import WireRequest

VISITOR = Visitor(device_id=DEVICE, session_id=DEVICE, anonymous_id=DEVICE)


def a_site(*trackers: Any, **parts: Any) -> Site:
    settings = {"consent": always_granted, "secret_keys": (KEY,), **parts.pop("settings", {})}
    parts.setdefault("delivery", Delivery("memory:"))
    chosen = trackers or (Raptor("12345", base_url=NOWHERE), Yoochoose("00000", base_url=NOWHERE))
    return Site(Config(**settings), chosen, **parts)


class Own:
    """A tracker of a site's own; what it was asked about is in `asked`."""

    def __init__(self, answer: Callable[[Event, Visitor], Any] = lambda event, visitor: [], name: str = "own") -> None:
        self.name = name
        self.answer = answer
        self.asked: list[Event] = []

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        self.asked.append(event)
        answer: Sequence[WireRequest] = self.answer(event, visitor)
        return answer


WRONG: dict[str, Event] = {
    "an item that is None": Click(None),  # type: ignore[arg-type]
    "an item that is empty": Click(""),
    "an item that is a UUID": Click(UUID(int=1)),  # type: ignore[arg-type]
    "a level that is empty": Click("1", ["Shoes", ""]),
    "a rating of 101": Rate("5", rating=101),
    "a quantity of 0": Buy("1", quantity=0, price=None),
    "a price with a comma": Buy("1", price=Money("19,99", "EUR")),
    "a price that is no money": Buy("1", price=5),  # type: ignore[arg-type]
    "a link that is None": RecommendationLink(None),  # type: ignore[arg-type]
    "a user that is None": Login(None),  # type: ignore[arg-type]
}

# A wrong event


@pytest.mark.parametrize("event", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_event_fails_no_page_and_is_set_aside_once_for_each_tracker(event: Event) -> None:
    site = a_site()
    with recording(site) as recorder:
        respond(site, view(cookie=KNOWN), lambda tracking: tracking.emit(event))
    assert recorder.requests == []
    assert recorder.set_aside_reasons == [("raptor", event.finding), ("yoochoose", event.finding)]


@pytest.mark.parametrize("event", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_event_is_counted_as_failed(event: Event) -> None:
    site = a_site()
    respond(site, view(cookie=KNOWN), lambda tracking: tracking.emit(event))
    site.flush(10)
    stats = site.stats()
    site.close()
    assert (stats.accepted, stats.failed) == (2, 2)


@pytest.mark.parametrize("event", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("headers", [None, {"user-agent": "Googlebot"}], ids=["a person", "a bot"])
@pytest.mark.parametrize("said", Consent)
def test_a_strict_site_raises_at_emit_whoever_is_visiting(said: Consent, headers: Any, event: Event) -> None:
    site = a_site(strict=True, settings={"consent": lambda _: said})
    tracking = site.begin(view(cookie=KNOWN) if headers is None else view(headers=headers))
    with recording(site) as recorder, pytest.raises(EventError) as raised:
        tracking.emit(event)
    assert (str(raised.value), recorder.requests, recorder.refused) == (event.finding, [], [])


@pytest.mark.parametrize(
    ("said", "headers", "reason"),
    [
        (Consent.DENIED, None, "consent"),
        (Consent.UNKNOWN, None, "consent"),
        (Consent.GRANTED, {"user-agent": "Googlebot"}, "bot"),
    ],
)
def test_class_and_consent_are_asked_before_a_wrong_event_is_set_aside(
    said: Consent, headers: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = a_site(settings={"consent": lambda _: said})
    with recording(site) as recorder:
        request = view(cookie=KNOWN) if headers is None else view(headers=headers)
        respond(site, request, lambda tracking: tracking.emit(Click("")))
    assert (recorder.set_aside_reasons, [one for _, one in recorder.refused]) == ([], [reason, reason])
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_a_held_event_that_is_wrong_is_set_aside_once_consent_is_there() -> None:
    site = a_site(settings={"consent": own_cookie()})

    def do(tracking: Tracking) -> None:
        tracking.emit(Click(""))
        tracking.grant()

    with recording(site) as recorder:
        respond(site, view(cookie=KNOWN), do)
    assert [name for name, _ in recorder.set_aside_reasons] == ["raptor", "yoochoose"]


@pytest.mark.parametrize("event", [*WRONG.values(), "click", None, Click], ids=[*WRONG, "text", "None", "a class"])
def test_no_tracker_is_asked_about_a_wrong_event(event: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every way: emit, preview, a snapshot's visitor, the count of a refusal, the debug trace."""
    own = Own()
    site = a_site(own)
    token = site.begin(view(cookie=KNOWN)).snapshot()
    with recording(site):
        for debug in (False, True):
            tracking = site.begin(view(cookie=KNOWN), debug=debug)
            for way in (tracking.emit, tracking.preview, site.resume(token).emit, site.resume("x").emit):
                with suppress(EventError):
                    way(event)
        respond(site, view(headers={"user-agent": "Googlebot"}), lambda tracking: tracking.emit(event))
        with pytest.raises(EventError):
            ask(own, event, SOMEBODY)
        privacy_record(a_site(Raptor("1")))
    assert event not in own.asked


def test_a_tracker_is_checked_without_being_shown_a_wrong_event() -> None:
    own = Own()
    check_tracker(own, [Click("")])
    assert all(event.finding is None for event in own.asked)


def test_a_preview_of_a_wrong_event_raises_though_there_is_no_tracker() -> None:
    with pytest.raises(EventError, match=r"^item: is empty"):
        Site(Config(consent=always_granted, ruid_cookie="off"), delivery=Delivery("memory:")).begin(view()).preview(
            Click("")
        )


def test_the_debug_trace_says_that_an_event_is_wrong() -> None:
    site = a_site(strict=False)
    with recording(site):
        tracking = site.begin(view(cookie=KNOWN), debug=True)
        tracking.emit(Click(""))
        edit = tracking.finish(200, [])
    assert edit is not None
    assert 'events="click!raptor:wrong click!yoochoose:wrong"' in dict(edit.add)["Footfall-Trace"]


@dataclass(frozen=True)
class Favourite(Event):
    """An event of the site's own, with a check of its own."""

    kind: ClassVar[str] = "favourite"

    shelf: str

    def judge(self) -> str | None:
        return None if self.shelf else "shelf: is empty; name one"


def test_a_check_of_ones_own_refuses_at_emit() -> None:
    own = Own()
    site = a_site(own)
    with recording(site) as recorder:
        for shelf in ("summer", ""):
            respond(site, view(cookie=KNOWN), lambda tracking, shelf=shelf: tracking.emit(Favourite(shelf)))  # type: ignore[misc]
    assert (own.asked, recorder.set_aside_reasons) == ([Favourite("summer")], [("own", "shelf: is empty; name one")])


# What the log says


def wrong_by(number: int) -> Event:
    """A wrong event whose finding differs from number to number."""
    return Buy("1", price=Money("x" * number, "EUR"))


def test_a_thousand_wrong_events_make_a_handful_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    site = a_site()
    with caplog.at_level(logging.DEBUG, "footfall"), recording(site) as recorder:
        for number in range(1, 1001):
            tracking = site.begin(view(cookie=KNOWN))
            tracking.emit(wrong_by(number) if number % 2 else Rate("5", rating=100 + number))
    assert len(recorder.set_aside_reasons) == 2000
    assert [record.getMessage() for record in caplog.records] == [
        f"event set aside: buy for raptor, yoochoose: {wrong_by(1).finding}",
        "event set aside: rate for raptor, yoochoose: rating: is out of range; give a whole number of 0 to 100",
    ]


def test_a_thousand_events_that_one_tracker_does_not_take_make_one_line(caplog: pytest.LogCaptureFixture) -> None:
    site = a_site()
    with caplog.at_level(logging.DEBUG, "footfall"), recording(site) as recorder:
        for number in range(1, 1001):
            site.begin(view(cookie=KNOWN)).emit(Click("x" * number))
    assert len([name for name, _ in recorder.set_aside_reasons if name == "yoochoose"]) == 1000
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("event set aside: click for yoochoose: item: an id of 1 characters is not a number")


# What a tracker of the site's own returns


def sent(**parts: Any) -> list[WireRequest]:
    return [WireRequest(**{"tracker": "own", "kind": "click", "url": "https://tracker.example/", **parts})]


class Renamed(WireRequest):
    """A request that is not what it was at the second look."""


def fail_midway() -> Iterator[WireRequest]:
    yield from sent()
    raise RuntimeError(ANNA)


def fail(error: BaseException) -> Any:
    raise error


class Unspeakable(EventError):
    """An error that cannot be told."""

    def __str__(self) -> str:
        raise RuntimeError(ANNA)


ODD: dict[str, Callable[[], Any]] = {
    "no URL": lambda: sent(url=None),
    "a URL of bytes": lambda: sent(url=b"https://tracker.example/"),
    "a number for a URL": lambda: sent(url=float("nan")),
    "a UUID for a visitor": lambda: sent(visitor=UUID(int=1)),
    "None for a visitor": lambda: sent(visitor=None),
    "None for a kind": lambda: sent(kind=None),
    "a number for a tracker": lambda: sent(tracker=7),
    "a number for a key": lambda: sent(once=7),
    "None for a method": lambda: sent(method=None),
    "headers in a dict": lambda: sent(headers={"X": "a"}),
    "headers of three": lambda: sent(headers=(("X", "a", "b"),)),
    "headers of bytes": lambda: sent(headers=((b"X", b"a"),)),
    "headers that are None": lambda: sent(headers=None),
    "headers of single texts": lambda: sent(headers=("Xa",)),
    "a body of text": lambda: sent(body="x"),
    "no body at all": lambda: sent(body=None),
    "a word for an enum": lambda: sent(when_unanswered="repeat"),
    "a subclass": lambda: [Renamed(tracker="own", kind="click", url="https://tracker.example/")],
    "half a request": lambda: [object.__new__(WireRequest)],
    "texts": lambda: ["https://tracker.example/"],
    "a text": lambda: "https://tracker.example/",
    "a dict": lambda: {"url": "https://tracker.example/"},
    "None": lambda: None,
    "a number": lambda: float("nan"),
    "one request and no list": lambda: sent()[0],
    "a generator that raises": fail_midway,
    "no end of requests": lambda: repeat(sent()[0]),
    "a right one and a wrong one": lambda: [*sent(), *sent(url=None)],
    "a coroutine's place": lambda: lambda: None,
    "an error": lambda: fail(KeyError(ANNA)),
    "an error that cannot be told": lambda: fail(Unspeakable(ANNA)),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_a_tracker_that_returns_something_odd_fails_alone(odd: Any, caplog: pytest.LogCaptureFixture) -> None:
    """In real delivery: what is odd would raise where it is written down."""
    site = a_site(Own(lambda *_: odd()), Yoochoose("00000", base_url=NOWHERE))
    respond(site, view(cookie=KNOWN), lambda tracking: tracking.emit(CLICK))
    site.flush(0.2)
    stats = site.stats()
    site.close()
    assert (stats.trackers["own"].failed, stats.trackers["yoochoose"].accepted) == (1, 1)
    (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("event set aside")]
    assert line.startswith("event set aside: click for own: the tracker ")
    assert "check_tracker" in line or "raised Unspeakable" in line
    assert ANNA not in caplog.text


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_a_tracker_that_returns_something_odd_raises_where_a_developer_looks(odd: Any) -> None:
    site = a_site(Own(lambda *_: odd()), strict=True)
    with recording(site) as recorder, pytest.raises(EventError):
        site.begin(view(cookie=KNOWN)).emit(CLICK)
    assert recorder.requests == []


def repr_of_type(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize(
    "right", [sent(), (), tuple(sent()), iter(sent()), sent(headers=[("X", "a")])], ids=repr_of_type
)
def test_a_tracker_may_return_any_iterable_of_right_requests(right: Any) -> None:
    own = Own(lambda *_: right)
    assert all(type(one) is WireRequest for one in ask(own, CLICK, VISITOR))


def test_a_trackers_name_that_raises_later_fails_no_page() -> None:
    class Moody(Own):
        moods: ClassVar[list[str]] = ["moody"] * 50  # Pythons differ in how often a protocol looks

        @property
        def name(self) -> str:
            return self.moods.pop()

        @name.setter
        def name(self, name: str) -> None: ...

    site = a_site(Moody(lambda *_: None))
    with recording(site) as recorder:
        Moody.moods.clear()
        respond(site, view(cookie=KNOWN), lambda tracking: tracking.emit(CLICK))
    assert [name for name, _ in recorder.set_aside_reasons] == ["Moody"]


def test_a_price_whose_total_is_more_than_money_is_wrong_for_the_tracker_that_wants_it() -> None:
    event = Buy("1", quantity=2_000_000_000, price=Money("999999999999999999", "EUR"))
    assert event.finding is None
    with pytest.raises(EventError, match=r"^subtotal: "):
        ask(Raptor("1"), event, VISITOR)


@pytest.mark.parametrize("mapped", ["", Item(""), Item("1", type=0)])
def test_an_item_hook_that_returns_a_wrong_item_is_found(mapped: Any) -> None:
    with pytest.raises(EventError, match=r"^item_id: the hook returned a wrong item: "):
        ask(Raptor("1", item_id=lambda _: mapped), CLICK, VISITOR)


# What else a view may do wrong


@pytest.mark.parametrize("user", [None, "", 7.5, UUID(int=1)], ids=str)
def test_a_login_of_nobody_fails_no_page_and_logs_nobody_in(user: Any) -> None:
    site = a_site()
    with recording(site) as recorder:
        tracking = site.begin(view(cookie=KNOWN))
        tracking.login(user)
    assert (tracking.user_id, [name for name, _ in recorder.set_aside_reasons]) == (None, ["raptor", "yoochoose"])


def test_a_login_takes_a_primary_key() -> None:
    site = a_site()
    with recording(site) as recorder:
        tracking = site.begin(view(cookie=KNOWN))
        tracking.login(7)
    assert (tracking.user_id, recorder.events) == ("7", [Login("7")])


def test_identifying_by_what_is_no_text_is_set_aside_where_it_may_be_known(caplog: pytest.LogCaptureFixture) -> None:
    for said, expected in ((Consent.GRANTED, ["raptor", "yoochoose"]), (Consent.DENIED, [])):
        site = a_site(settings={"consent": lambda _, said=said: said})
        with recording(site) as recorder:
            respond(site, view(cookie=KNOWN), lambda tracking: tracking.identify(None))  # type: ignore[arg-type]
        assert [name for name, _ in recorder.set_aside_reasons] == expected
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "event set aside: identify for raptor, yoochoose: identify() takes text, not NoneType; write"
        " identify(user.email)"
    )


def test_a_snapshot_without_keys_fails_no_page_and_opens_nothing(caplog: pytest.LogCaptureFixture) -> None:
    site = a_site(settings={"secret_keys": (), "ruid_cookie": "off"})
    token = site.begin(view(cookie=KNOWN)).snapshot()
    with recording(site) as recorder:
        resumed = site.resume(token)
        resumed.emit(CLICK)
    assert (resumed.valid, {reason for _, reason in recorder.refused}) == (False, {"no snapshot"})
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "secret_keys" in line
    assert not a_site().resume(token).valid


def test_a_snapshot_without_keys_raises_where_a_developer_looks() -> None:
    site = a_site(strict=True, settings={"secret_keys": (), "ruid_cookie": "off"})
    with pytest.raises(ConfigError, match="secret_keys"):
        site.begin(view(cookie=KNOWN)).snapshot()


# After the end, and switched off


def test_what_comes_after_the_end_is_counted_as_refused() -> None:
    site = a_site()
    site.close(0)
    respond(site, view(cookie=KNOWN), lambda tracking: tracking.emit(CLICK))
    respond(site, view(cookie=KNOWN), lambda tracking: tracking.emit(Click("")))
    assert dict(site.stats().refused) == {"closed": 4}


def test_what_comes_after_the_end_raises_where_a_developer_looks_and_is_counted() -> None:
    site = a_site(strict=True)
    site.close(0)
    with pytest.raises(DeliveryError):
        site.begin(view(cookie=KNOWN)).emit(CLICK)
    assert dict(site.stats().refused) == {"closed": 2}


@pytest.mark.parametrize("switch", ["setting", "0", "false", "No", "OFF"])
def test_a_site_that_is_switched_off_sends_and_stores_nothing(
    switch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if switch != "setting":
        monkeypatch.setenv("FOOTFALL_SEND", switch)
    site = a_site(delivery=Delivery(f"sqlite:///{tmp_path}/spool.sqlite3"), send=switch != "setting")
    site.warm_up()

    def do(tracking: Tracking) -> None:
        tracking.emit(CLICK)
        tracking.emit(Click(""))
        tracking.forget()

    respond(site, view(cookie=KNOWN), do)
    assert (dict(site.stats().refused), site.flush(), site.close(), list(tmp_path.iterdir())) == (
        {"switched off": 4},
        0,
        0,
        [],
    )


def test_a_site_that_is_switched_off_takes_nothing_over_from_a_dead_process() -> None:
    roused: list[Delivery] = []

    class Roused(Delivery):
        def rouse(self) -> None:
            roused.append(self)

    for send in (False, True):
        respond(a_site(delivery=Roused("memory:"), send=send), view(cookie=KNOWN))
    assert len(roused) == 1


def test_a_site_that_is_switched_off_says_that_it_erases_nothing_of_what_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool.sqlite3").touch()
    site = a_site(delivery=Delivery(f"sqlite:///{tmp_path}/spool.sqlite3"), send=False)
    respond(site, view(cookie=KNOWN), lambda tracking: tracking.forget())
    assert ["not erased: the site is switched off" in record.getMessage() for record in caplog.records] == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["spool.sqlite3"]


@pytest.mark.parametrize("on", ["", "1", "true", "yes", "on"])
def test_a_site_sends_unless_it_is_switched_off(on: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_SEND", on)
    site = a_site()
    site.begin(view(cookie=KNOWN)).emit(CLICK)
    assert site.close() == 2


def test_a_switch_that_says_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_SEND", "maybe")
    with pytest.raises(
        ConfigError, match="FOOTFALL_SEND: is 'maybe', in the environment; write 0 to send nothing, or 1"
    ):
        a_site()


def test_a_strict_site_that_is_switched_off_still_raises() -> None:
    with pytest.raises(EventError):
        a_site(strict=True, send=False).begin(view(cookie=KNOWN)).emit(Click(""))


def test_a_page_view_of_no_tracker_is_nothing() -> None:
    assert ask(Yoochoose("1"), PageView(), VISITOR) == []


# What a shop's own objects do when they are looked at


class Raising(str):
    """Text that fails to be looked at."""

    __slots__ = ()

    def __len__(self) -> int:
        raise KeyError("anna@shop.example")

    def __eq__(self, other: object) -> bool:
        raise KeyError("anna@shop.example")

    __hash__ = str.__hash__


class RaisingKind(Event):
    @property
    def kind(self) -> str:  # type: ignore[override]
        raise KeyError("anna@shop.example")


class RaisingFinding(Event):
    kind: ClassVar[str] = "raising"

    @property
    def finding(self) -> str | None:
        raise KeyError("anna@shop.example")


class Speechless(EventError):
    def __str__(self) -> str:
        raise KeyError("anna@shop.example")


class RaisingJudge(Event):
    kind: ClassVar[str] = "raising"

    def judge(self) -> str | None:
        raise Speechless


def lazy() -> Any:
    """Give an object as Django's `request.user` is, whose database is down."""
    from django.utils.functional import SimpleLazyObject

    return SimpleLazyObject(lambda: 1 / 0)


RAISING: dict[str, Callable[[Tracking], object]] = {
    "a lazy event": lambda t: t.emit(lazy()),
    "a lazy person": lambda t: t.identify(lazy()),
    "text without a length": lambda t: t.identify(Raising("anna")),
    "a kind that raises": lambda t: t.emit(RaisingKind()),
    "a finding that raises": lambda t: t.emit(RaisingFinding()),
    "a judge's error without words": lambda t: t.emit(RaisingJudge()),
}


@pytest.mark.parametrize("do", RAISING.values(), ids=RAISING)
def test_an_odd_object_of_the_shops_own_fails_no_page(
    do: Callable[[Tracking], object], caplog: pytest.LogCaptureFixture
) -> None:
    site = a_site()
    with recording(site) as recorder:
        respond(site, view(cookie=KNOWN), do)
    assert recorder.events == []
    assert "anna" not in caplog.text


def test_a_user_that_cannot_be_compared_fails_no_page() -> None:
    site = a_site(user_id=lambda _: Raising("anna"))
    with recording(site) as recorder:
        respond(site, view(cookie=KNOWN), lambda t: t.emit(CLICK), framework=object)
    assert recorder.events == [CLICK]


def test_a_login_is_recorded_once_for_each_pair_of_device_and_user() -> None:
    site = a_site()
    with recording(site) as recorder:
        for name in ("anna", "anna", "bert"):
            respond(site, view(cookie=KNOWN), lambda t, name=name: t.login(name))  # type: ignore[misc]
    assert recorder.events == [Login("anna"), Login("bert")]
    assert {one.reason for one in recorder.refused_events} == {"repeated"}


def test_a_translation_made_when_asked_for_is_one_category() -> None:
    from django.utils.functional import lazystr

    assert Click("1", lazystr("Shoes/Children")) == Click("1", ["Shoes", "Children"])
    assert "is a single str" in str(Basket("1", content=lazystr("123")).finding)


def test_a_forgetting_that_nobody_awaits_is_said_and_not_done(caplog: pytest.LogCaptureFixture) -> None:
    async def forget(visitor: Visitor) -> None:
        raise AssertionError("nobody awaits it")

    class Forgetting:
        def __call__(self, visitor: Visitor) -> object:
            return forget(visitor)

    site = a_site(on_forget=Forgetting())
    assert site.reporter.erase(VISITOR) is False
    assert (
        "Site(on_forget=...) answered a coroutine, which nobody awaits: ask the trackers' vendors yourself"
        in caplog.text
    )
