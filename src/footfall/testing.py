"""For your own tests: what your views reported, ids by number, a clock you set; the pytest fixture ``tracked``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from footfall.delivery import Stats
from footfall.errors import EventError, NoIdentity
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
from footfall.site import Site
from footfall.trackers.protocol import Tracker
from footfall.wire import WireRequest

__all__ = ["Clock", "Recorder", "check_tracker", "numbered_ids", "recording"]

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


class Recorder:
    """Stands in for a site's delivery: keeps what would have been sent, and sends nothing."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.events: list[Event] = []  #: in the order of their emission, once each however many trackers
        self.visitors: list[Visitor] = []  #: whose, one for each of `events`
        self.requests: list[WireRequest] = []
        self.refused: list[tuple[str, str]] = []  #: tracker and reason
        self.set_aside_reasons: list[tuple[str, str]] = []  #: tracker and reason
        self.erased: list[str] = []

    # What a Delivery does

    def accept(self, requests: Sequence[WireRequest]) -> bool:
        """Keep requests."""
        self.requests += requests
        return True

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


class _Tap:
    """A tracker that overhears events and makes no request."""

    name = "footfall.testing"

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def requests(self, event: Event, visitor: Visitor) -> Sequence[WireRequest]:
        """Overhear one event."""
        self._recorder.events.append(event)
        self._recorder.visitors.append(visitor)
        return ()


@contextmanager
def recording(site: Site) -> Generator[Recorder]:
    """Record what a site's views report while the context lasts, instead of sending it.

    Its trackers still check every event and write every request.
    """
    recorder = Recorder()
    trackers, delivery = site.trackers, site.delivery
    site.trackers, site.delivery = (*trackers, _Tap(recorder)), recorder  # type: ignore[assignment]
    try:
        yield recorder
    finally:
        site.trackers, site.delivery = trackers, delivery


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
            assert isinstance(request, WireRequest), f"{what}: returned a {type(request).__name__}, no WireRequest"
            _check_request(tracker, request, visitor, what)


def _ask(tracker: Tracker, event: Event, visitor: Visitor, what: str) -> Sequence[object] | None:
    """Return its requests; ``None`` where it refuses."""
    try:
        return list(tracker.requests(event, visitor))
    except (EventError, NoIdentity) as error:
        said = str(error)
    except Exception as error:
        raise AssertionError(f"{what}: raised {type(error).__name__}; raise EventError or NoIdentity") from error
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


try:
    import pytest
except ImportError:  # the helpers above need no pytest
    pass
else:

    @pytest.fixture
    def tracked() -> Iterator[Callable[[Site], Recorder]]:
        """Give a function that records what a site's views report until the test ends."""
        with ExitStack() as stack:
            yield lambda site: stack.enter_context(recording(site))
