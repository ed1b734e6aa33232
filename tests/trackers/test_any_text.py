"""Whatever text stands in whatever field: a URL of RFC 3986 that decodes to it, or an error that does not quote it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footfall.errors import EventError, NoIdentity
from footfall.events import (
    Basket,
    Buy,
    Click,
    ClickRecommended,
    Custom,
    Event,
    Item,
    Login,
    PageView,
    RecommendationLink,
    Rendered,
)
from footfall.identity.visitor import Visitor
from footfall.trackers import Raptor, Tracker, Yoochoose

RAPTOR = Raptor("12345", parameters={**Raptor.DEFAULT_PARAMETERS, "free": 999}, page_url=True, offline_orders=True)
YOOCHOOSE = Yoochoose("00000", text_item_ids=True, max_item_type=2**31 - 1, remove_from_basket=True)
KNOWN = Visitor(device_id="d", session_id="s", anonymous_id="a")

# Section 2 of RFC 3986, with the upper-case hexadecimal digits that its section 6.2.2.1 asks for.
is_url = re.compile(
    r"https://[a-z.]+/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})+(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*)?"
).fullmatch

# Half a surrogate pair is no text, but a str may hold one.
anything = st.text() | st.text(st.characters(), max_size=20) | st.text(st.sampled_from("ab./\\%+& #;,=é\u2028\x00"))

FIELDS: dict[str, tuple[Tracker, Callable[[str], tuple[Event, Visitor]]]] = {
    "raptor product": (RAPTOR, lambda text: (Click(text), KNOWN)),
    "raptor category": (RAPTOR, lambda text: (Click("1", category_path=[f"1#{text}"]), KNOWN)),
    "raptor basket": (RAPTOR, lambda text: (Basket("1", content=[text]), KNOWN)),
    "raptor order": (RAPTOR, lambda text: (Buy("1", price=None, order_id=text), KNOWN)),
    "raptor module": (RAPTOR, lambda text: (ClickRecommended("1", module=text), KNOWN)),
    "raptor field": (RAPTOR, lambda text: (PageView(fields={"free": text}), KNOWN)),
    "raptor parameter": (RAPTOR, lambda text: (Custom("search", {"free": text}), KNOWN)),
    "raptor device": (RAPTOR, lambda text: (PageView(), Visitor(device_id=text, session_id="s"))),
    "raptor session": (RAPTOR, lambda text: (PageView(), Visitor(device_id="d", session_id=text))),
    "raptor reaid": (RAPTOR, lambda text: (PageView(), Visitor(device_id="d", session_id="s", reaid=text))),
    "raptor xuid": (RAPTOR, lambda text: (PageView(), Visitor(device_id="d", session_id="s", xuid=text))),
    "raptor user": (RAPTOR, lambda text: (PageView(), Visitor(device_id="d", session_id="s", user_id=text))),
    "raptor offline": (RAPTOR, lambda text: (Buy("1", price=None), Visitor(ruid=text))),
    "yoochoose item": (YOOCHOOSE, lambda text: (Click(text), KNOWN)),
    "yoochoose rendered": (YOOCHOOSE, lambda text: (Rendered([text]), KNOWN)),
    "yoochoose category": (YOOCHOOSE, lambda text: (Click("1", category_path=[text]), KNOWN)),
    "yoochoose scenario": (YOOCHOOSE, lambda text: (ClickRecommended("1", scenario=text), KNOWN)),
    "yoochoose user": (YOOCHOOSE, lambda text: (Click("1"), Visitor(user_id=text))),
    "yoochoose anonymous": (YOOCHOOSE, lambda text: (Click("1"), Visitor(anonymous_id=text))),
    "yoochoose target": (YOOCHOOSE, lambda text: (Login(text), KNOWN)),
    "yoochoose source": (YOOCHOOSE, lambda text: (Login("johndoe"), Visitor(anonymous_id=text))),
}


@pytest.mark.parametrize(("tracker", "build"), FIELDS.values(), ids=FIELDS.keys())
@given(text=anything)
@example(text="..")
@example(text="\ud800")
@example(text="a/b@x.dk é")
def test_a_field_round_trips_or_is_refused(
    tracker: Tracker, build: Callable[[str], tuple[Event, Visitor]], text: str
) -> None:
    """R-09, R-42, Y-11."""
    refused = ""
    urls: list[str] = []
    try:
        urls = [request.url for request in tracker.requests(*build(text))]
    except EventError as error:
        refused = str(error)
    assert len(text) < 6 or text not in refused
    for url in urls:
        assert is_url(url)
        assert text == "" or any(text in unquote(part) for part in re.split("[/?&=]", url))


@given(text=anything)
def test_ruid_round_trips_or_is_refused(text: str) -> None:
    """R-08, R-09, T-30."""
    try:
        (request,) = RAPTOR.requests(PageView(), Visitor(device_id="d", session_id="s", ruid=text))
    except EventError:
        return
    assert is_url(request.url)


@given(text=anything)
@example(text="//event.yoochoose.net/rendered/a/1/1?")
def test_any_link_is_a_url_of_the_tracker_or_is_refused(text: str) -> None:
    """Y-49, T-15."""
    for link in (text, f"//event.yoochoose.net/rendered/{text}"):
        try:
            (request,) = YOOCHOOSE.requests(RecommendationLink(link), KNOWN)
        except EventError:
            continue
        assert request.url == f"https:{link}"
        assert request.url.isascii()


@given(address=anything)
def test_any_page_address_is_a_url_or_is_refused(address: str) -> None:
    try:
        (request,) = RAPTOR.requests(PageView(), Visitor(device_id="d", session_id="s", page_url=address))
    except EventError:
        return
    assert is_url(request.url)


@given(ids=st.lists(st.integers(1, 2**31 - 1)), types=st.lists(st.integers(1, 3), min_size=1))
def test_no_rendered_item_is_lost_and_no_url_is_too_long(ids: list[int], types: list[int]) -> None:
    """Y-53, T-16."""
    items = [Item(one, type=types[n % len(types)]) for n, one in enumerate(ids)]
    urls = [request.url for request in YOOCHOOSE.requests(Rendered(items), KNOWN)]
    shown = [Item(one, type=int(url.split("/")[-2])) for url in urls for one in url.rpartition("/")[2].split(",")]
    assert sorted(map(repr, shown)) == sorted(map(repr, items))
    assert all(len(url) <= 2000 for url in urls)


@given(visitor=st.builds(Visitor, device_id=st.none() | anything, session_id=st.none() | anything))
def test_a_tracker_raises_only_what_it_promises(visitor: Visitor) -> None:
    for tracker in (RAPTOR, YOOCHOOSE):
        with contextlib.suppress(EventError, NoIdentity):
            tracker.requests(Click("1"), visitor)
