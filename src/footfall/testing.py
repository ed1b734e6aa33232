"""For your own tests: what your views reported, a visitor to ask them, ids by number, a clock you set.

The pytest fixture ``tracked``, which records a site until the test ends, is there by itself. To have a site send
nothing at all, in a whole test run, set ``FOOTFALL_SEND=0`` or write ``Site(send=False)``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from footfall.consent import always_granted
from footfall.delivery import Stats
from footfall.errors import ConfigError, EventError, NoIdentity
from footfall.events import (
    Basket,
    Blacklist,
    Buy,
    Click,
    ClickRecommended,
    Consume,
    Custom,
    Event,
    Item,
    Login,
    Money,
    PageView,
    Rate,
    RecommendationLink,
    RemoveFromBasket,
    Rendered,
)
from footfall.identity.visitor import Visitor
from footfall.reporter import Outcome, TrackerError, ask
from footfall.request import Consent, RequestView
from footfall.site import Site
from footfall.trackers.protocol import Tracker
from footfall.tracking import Tracking
from footfall.wire import WireRequest

if TYPE_CHECKING:
    from footfall.delivery import Delivery

__all__ = [
    "BROWSER_HEADERS",
    "Apart",
    "Clock",
    "Person",
    "Recorder",
    "a_person",
    "check_tracker",
    "numbered_ids",
    "recording",
    "track",
]

# RFC 3986, sections 2 and 3: what a finished URL may consist of, every percent followed by two upper-case digits.
URL = re.compile(r"https?://(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-F]{2})+")


def numbered_ids() -> Callable[[], str]:
    """Make a source of ids for ``Site(new_id=...)``: ``00000000-0000-4000-8000-000000000001`` and so on."""
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"


class Clock:
    """A clock for ``Site(now=...)`` that stands until you set it."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        """Begin at *now*, in Unix seconds."""
        self.now = now

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += seconds


class Apart(NamedTuple):
    """An event that one tracker is not told."""

    event: Event
    tracker: str
    reason: str


class Recorder:
    """Stands in for a site's delivery: keeps what would have been sent, and sends nothing."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.events: list[Event] = []
        """What would have been accepted, in order, once each however many trackers take it. (A site without trackers
        has every event that it may report here.)"""
        self.visitors: list[Visitor] = []  #: whose, one for each of `events`
        self.requests: list[WireRequest] = []  #: what would have been sent
        self.ignored: list[Event] = []  #: of which no tracker makes a request: none has such a kind
        self.refused_events: list[Apart] = []  #: for consent, a bot, the lack of an id
        self.set_aside_events: list[Apart] = []  #: wrong, or wrong for that tracker
        self.refused: list[tuple[str, str]] = []  #: tracker and reason, one for each request
        self.set_aside_reasons: list[tuple[str, str]] = []  #: tracker and reason
        self.erased: list[str] = []  #: the ids of visitors who withdrew or were forgotten

    # What a Delivery does

    def accept(self, requests: Sequence[WireRequest]) -> bool:
        """Keep requests."""
        self.requests += requests
        return True

    def accept_within(self, requests: Sequence[WireRequest], connection: object) -> str | None:  # noqa: ARG002
        """Keep requests, whatever becomes of the transaction: nothing is written."""
        self.accept(requests)
        return None

    def refuse(self, tracker: str, reason: str, count: int = 1) -> None:
        """Keep a refusal."""
        self.refused += [(tracker, reason)] * count

    def set_aside(self, tracker: str, kind: str, visitor: str, reason: str) -> None:  # noqa: ARG002
        """Keep a failure."""
        self.set_aside_reasons.append((tracker, reason))

    def erase(self, visitor: str) -> None:
        """Keep an erasure."""
        self.erased.append(visitor)

    def flush(self, timeout: float = 5.0) -> int:  # noqa: ARG002
        """Return at once: nothing is ever pending."""
        return 0

    def close(self, timeout: float = 5.0) -> int:  # noqa: ARG002
        """Return at once: nothing is ever pending."""
        return 0

    def warm_up(self) -> None:
        """Open nothing."""

    def rouse(self) -> None:
        """Open nothing."""

    def stats(self) -> Stats:
        """Count nothing: look at the lists."""
        return Stats()


class _Listener:
    """Sorts what a site reports into a recorder's lists."""

    def __init__(self, recorder: Recorder, site: Site) -> None:
        self._recorder = recorder
        self._site = site
        self._had: set[tuple[str, str]] = set()

    def hear(self, outcome: Outcome) -> None:
        """Sort one event, once."""
        recorder, event = self._recorder, outcome.event
        recorder.set_aside_events += [Apart(event, tracker, reason) for tracker, reason in outcome.wrong]
        recorder.refused_events += [Apart(event, tracker, "no id") for tracker in outcome.unidentified]
        requests = [one for one in outcome.requests if not one.once or (one.once, one.visitor) not in self._had]
        self._had.update((one.once, one.visitor) for one in requests if one.once)
        if outcome.requests and not requests:  # delivery drops it: it has had it
            recorder.refused_events += [Apart(event, one.tracker, "repeated") for one in outcome.requests]
        elif requests or not self._site.trackers:
            recorder.events.append(event)
            recorder.visitors.append(outcome.visitor)
        elif not outcome.wrong and not outcome.unidentified:
            recorder.ignored.append(event)

    def hear_refusal(self, event: Event, tracker: str, reason: str) -> None:
        """Sort one event that a tracker is not even asked about."""
        self._recorder.refused_events.append(Apart(event, tracker, reason))


@contextmanager
def recording(site: Site) -> Generator[Recorder]:
    """Record what a site's views report while the context lasts, instead of sending it.

    Its trackers still check every event and write every request. A site that is switched off is recorded too.
    """
    recorder = Recorder()
    reporter = site.reporter
    before = reporter.delivery, reporter.listener, reporter.send
    reporter.delivery = cast("Delivery", recorder)
    reporter.listener, reporter.send = _Listener(recorder, site), True
    try:
        yield recorder
    finally:
        reporter.delivery, reporter.listener, reporter.send = before


#: What a browser says of a page that a person opens. Test clients' own user agents are bots', whose events are refused.
BROWSER_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
        "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "sec-fetch-site": "none",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A visitor for your tests, with a browser that says so. Made by `a_person`."""

    cookies: dict[str, str]  #: what the jar begins with

    @property
    def browser(self) -> dict[str, str]:
        """Its headers without cookies, for a client with a cookie jar of its own. New each time: clients add theirs."""
        return dict(BROWSER_HEADERS)

    @property
    def headers(self) -> dict[str, str]:
        """All headers, the cookies' too: for a request factory, or a single request."""
        if not self.cookies:
            return self.browser
        return {**self.browser, "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}


def a_person(
    site: Site,
    *,
    consent: Consent = Consent.GRANTED,
    returning: bool = True,
    cookies: Mapping[str, str] | None = None,
) -> Person:
    """Make a visitor of a site: no bot, who has chosen, with device and session cookies.

    ::

        TestClient(app, headers=person.browser, cookies=person.cookies)  # Starlette, FastAPI, httpx
        RequestFactory().get("/", headers=person.headers)  # Django; its Client: client.cookies.load(person.cookies)
        app.test_request_context("/", headers=person.headers)  # Flask; its client: client.set_cookie(name, value)

    Args:
        site: Whose visitor it is: its cookies' names, its consent cookie.
        consent: What they chose, for both purposes. `Consent.UNKNOWN`: nothing yet.
        returning: False: they have no cookie of ours yet, but for their choice.
        cookies: What else their browser sends.

    Raises:
        ConfigError: The site's own reader finds another choice: it reads a platform's cookies, say, and *cookies*
            has none of them.
    """
    names = site.config.cookie_names
    sent: dict[str, str] = {}
    if returning:
        sent[names.device], sent[names.session], sent[names.session_open] = (
            "00000000-0000-4000-8000-0000000000d1",
            "00000000-0000-4000-8000-0000000000e1",
            "1",
        )
    own = site.policy.own_consent
    if consent is not Consent.UNKNOWN and own is not None:
        sent[own.name] = own.format(consent, consent, site.now())
    person = Person(cookies={**sent, **(cookies or {})})
    if not site.policy.reads_consent_async:
        view = RequestView(
            method="GET", scheme="https", host="shop.example", path="/", query="", header=person.headers.get
        )
        view.time, view.finder = site.now(), site.policy.find_cookies
        found, _ = site.policy.read_consents(view)
        if found is not consent and site.policy.reader is not always_granted:
            raise ConfigError(
                f"consent: this site's reader finds it {found.value}, not {consent.value}; give its platform's cookie, "
                "as in a_person(site, cookies={'OptanonConsent': '...'})"
            )
    return person


def track(site: Site, request: Any) -> Tracking:
    """Put a tracking on a request that went through no middleware, and return it.

    For views that a test calls by itself: with a request of Django's ``RequestFactory``, inside Flask's
    ``test_request_context`` (``track(site, flask.request)``), with Starlette's ``Request(scope)``, an environ or a
    scope. The view finds it where it always does.
    """
    if hasattr(request, "META"):
        return _track_django(site, request)
    parts = _parts_of(request)
    if "wsgi.url_scheme" in parts:
        from footfall import wsgi

        tracking = parts[wsgi.KEY] = site.begin(wsgi.EnvironView(parts), request=lambda: request)
    else:
        from footfall import asgi

        tracking = site.begin(asgi.ScopeView(parts), request=lambda: request)
        parts[asgi.KEY] = parts.setdefault("state", {})["tracking"] = tracking
    return tracking


def _parts_of(request: Any) -> dict[str, Any]:
    for found in (request, getattr(request, "scope", None), getattr(request, "environ", None)):
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
    raise TypeError(f"request is a {type(request).__name__}; give a framework's request, an environ or a scope")


def _track_django(site: Site, request: Any) -> Tracking:
    from footfall.django.middleware import read_request
    from footfall.starlette import TrackedState
    from footfall.wsgi import KEY

    tracking = request.META[KEY] = site.begin(read_request(request), request=lambda: request)
    if not hasattr(request, "state"):
        request.state = TrackedState()
    request.state.tracking = tracking
    return tracking


SAMPLES: tuple[Event, ...] = (
    PageView(),
    Click("3298", category_path=["Shoes & Boots", "Børn"]),
    Consume("3298", percentage=0),
    Basket("3298", content=["3298", "3299"]),
    RemoveFromBasket("3298"),
    Buy("3298", quantity=2, price=Money("19.99", "EUR"), order_id="A-1"),
    Rate("3298", rating=0),
    ClickRecommended("3298", scenario="also_bought", module="GetSimilarItems"),
    Blacklist("3298"),
    Rendered(["3298", Item("3298", type=3)]),
    RecommendationLink("//event.yoochoose.net/rendered/johndoe/1/3298"),
    Login("a/b@shop.example é&?#"),
    Custom("search"),
)
VISITORS = (
    Visitor(),
    Visitor(device_id="00000000-0000-4000-8000-000000000001", session_id="00000000-0000-4000-8000-000000000002"),
    Visitor(
        device_id="00000000-0000-4000-8000-000000000001",
        session_id="00000000-0000-4000-8000-000000000002",
        anonymous_id="00000000-0000-4000-8000-000000000001",
        ruid="søren o'hara+1@shop.example/%0d%0a ",
        reaid="A=b/c%2F",
        user_id="a/b@shop.example é&?#",
    ),
)


def check_tracker(tracker: Tracker, events: Sequence[Event] = ()) -> None:
    """Run a tracker of your own through what every tracker must keep to.

    Every kind of event, and each of *events*, of a visitor without ids, of an anonymous one and of one whose ids are
    no plain letters: the tracker raises nothing but `EventError` and `NoIdentity`, gives the same requests for the
    same event, under its own name, each URL finished to the last byte; and what ends up in logs names no visitor.

    Raises:
        AssertionError: It does not; the message says what to mend.
    """
    assert isinstance(tracker, Tracker), f"{type(tracker).__name__} lacks name or requests(event, visitor)"
    assert isinstance(tracker.name, str), "name is no text"
    assert tracker.name, "name is empty"
    for event, visitor in itertools.product((*SAMPLES, *events), VISITORS):
        what = f"{tracker.name}, {type(event).__name__}"
        requests = _ask(tracker, event, visitor, what)
        assert requests == _ask(tracker, event, visitor, what), f"{what}: two calls differ; ask no clock, no chance"
        for request in requests or ():
            _check_request(tracker, request, visitor, what)


def _ask(tracker: Tracker, event: Event, visitor: Visitor, what: str) -> Sequence[WireRequest] | None:
    """Return its requests; ``None`` where it refuses."""
    try:
        return ask(tracker, event, visitor)
    except TrackerError as error:
        finding = str(error).removeprefix("the tracker ")
        remedy = "" if ";" in finding else "; raise EventError or NoIdentity"
        raise AssertionError(f"{what}: {finding}{remedy}") from error
    except (EventError, NoIdentity) as error:
        said = str(error)
    assert not _names(visitor, said), f"{what}: an error quotes the visitor, and errors are logged"
    return None


def _check_request(tracker: Tracker, request: WireRequest, visitor: Visitor, what: str) -> None:
    assert request.tracker == tracker.name, f"{what}: the request names tracker {request.tracker!r}"
    assert URL.fullmatch(request.url), f"{what}: the URL is not finished: percent-encode every value (RFC 3986)"
    assert not _names(visitor, request.kind), f"{what}: kind names the visitor, and it is logged; give the event's"
    for name, value in request.headers:
        text = name + value
        assert re.fullmatch(r"[\x20-\x7e]+", text), f"{what}: header {name!r} is not printable ASCII"
    device = visitor.device_id
    told = device is not None and (device in request.url or device.encode() in request.body)
    assert request.visitor or not told, f"{what}: names the device and is nobody's; forget() misses it: give visitor="


def _names(visitor: Visitor, text: str) -> bool:
    ids = (visitor.device_id, visitor.session_id, visitor.anonymous_id, visitor.ruid, visitor.reaid, visitor.user_id)
    return any(one is not None and one in text for one in ids)


def track_until_done() -> Iterator[Callable[[Site], Recorder]]:
    """Give a function that records what a site's views report until this goes on, as the fixture ``tracked`` does."""
    with ExitStack() as stack:
        yield lambda site: stack.enter_context(recording(site))


with suppress(ImportError):  # the helpers above need no pytest
    import pytest

    # For whoever names this module as the plug-in: -p footfall.testing
    tracked = pytest.fixture(name="tracked")(track_until_done)
