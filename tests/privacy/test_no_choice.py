"""As long as the visitor has not chosen, the page is the page that the shop would have given without us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.doors.exchange import KEY, PAGE, Reply, Request
from tests.doors.rows import ALICE, KNOWN, VISIT
from tests.privacy.shops import SHOPS, who_is_logged_in

from footfall import Config, Consent, Site, Tracking
from footfall.consent import all_of, any_of, cookiebot, onetrust, own_cookie, tcf
from footfall.delivery import Delivery
from footfall.events import Basket, Click, Login, PageView
from footfall.testing import Clock
from footfall.trackers import Raptor, Yoochoose

PURPOSES = {"device": own_cookie(), "person": onetrust("C0004")}
READERS: dict[str, Any] = {
    "own cookie": None,
    "platform": any_of(onetrust("C0004"), cookiebot("marketing"), tcf()),
    "both": all_of(own_cookie(), onetrust("C0004")),
    "two": PURPOSES,
}
SHOP = "https://www.shop.example/shirt"
EVERY_COOKIE = (
    f"{KNOWN}; rsaRuid=YW5uYUBzaG9wLmV4YW1wbGU=; rsaReaId=r1; rsaXuid=x1; rsaGone=0123456789abcdef; theme=dark"
)
REQUESTS = {
    "newcomer": Request(),
    "known before": Request(cookies=(EVERY_COOKIE,)),
    "newsletter": Request(url=f"{SHOP}?reaid=secret-of-a-visitor&xuid=secret-of-a-visitor&page=2"),
    "post": Request(method="POST", headers=[*PAGE, ("origin", "https://www.shop.example")]),
    "head": Request(method="HEAD", cookies=(EVERY_COOKIE,)),
    "banner undecided": Request(cookies=("OptanonConsent=groups=C0004%3A1; CookieConsent=; euconsent-v2=C",)),
}
REPLIES = {
    "page": Reply(headers=[("Content-Type", "text/html")]),
    "cookies": Reply(headers=[("Set-Cookie", "theme=dark; Path=/"), ("Content-Type", "text/html")]),
    "public": Reply(headers=[("Cache-Control", "public, max-age=60"), ("Vary", "Accept-Language")]),
    "not modified": Reply(status=304, headers=[("ETag", '"1"')], body=b""),
    "redirect": Reply(status=303, headers=[("Location", "/basket")], body=b""),
    "error": Reply(status=500),
}


def do_everything(tracking: Tracking) -> None:
    """Try all that a view may try short of taking the visitor's choice."""
    assert (tracking.device_id, tracking.session_id, tracking.ruid, tracking.reaid, tracking.xuid) == (None,) * 5
    assert (tracking.consent, tracking.person_consent, tracking.gpc) == (Consent.UNKNOWN, Consent.UNKNOWN, False)
    assert (tracking.is_new_device, tracking.is_new_session, tracking.is_confirmed) == (False, False, False)
    tracking.emit(PageView())
    tracking.identify("anna@shop.example")
    tracking.emit(Click("3298", category_path=["Shoes"]))
    tracking.emit(Basket("3298"))
    tracking.login("johndoe")
    tracking.emit(Login("johndoe"))
    tracking.logout()
    tracking.emit(Click("3299"))
    for request in tracking.preview(Click("3300")):
        assert not any(secret in request.url for secret in (ALICE, VISIT, "secret", "YW5uYUBz"))
    tracking.snapshot()
    assert "anna" not in repr(tracking)


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    reader = getattr(request, "param", "own cookie")
    site = Site(
        Config(secret_keys=(KEY,), consent=READERS[reader], strip_query_ids=True),
        [Raptor("12345"), Yoochoose("00000")],
        delivery=Delivery(f"sqlite:///{tmp_path}/footfall.sqlite3"),
        user_id=who_is_logged_in,
        consent_endpoint="/consent",
        now=Clock(),
    )
    yield site
    assert site.close() == 0


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("door", SHOPS)
def test_without_a_choice_the_response_is_the_applications_to_the_byte(
    door: str, request_of: Request, reply: Reply, site: Site, tmp_path: Path
) -> None:
    """D-05: and nothing is written anywhere, not even a file to write to."""
    bare = SHOPS[door](None, request_of, do_everything, reply)
    assert SHOPS[door](site, request_of, do_everything, reply) == bare
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("site", READERS, indirect=True)
@pytest.mark.parametrize("door", SHOPS)
def test_whoever_is_asked_for_the_choice_none_is_none(door: str, site: Site, tmp_path: Path) -> None:
    """D-05."""
    request = REQUESTS["known before"]
    bare = SHOPS[door](None, request, do_everything, REPLIES["cookies"])
    assert SHOPS[door](site, request, do_everything, REPLIES["cookies"]) == bare
    assert list(tmp_path.iterdir()) == []


def test_what_was_tried_without_a_choice_is_counted_as_refused_and_nothing_else(site: Site) -> None:
    """D-05: the counters are of requests, by tracker and reason; they name nobody."""
    SHOPS["asgi"](site, REQUESTS["newcomer"], do_everything, REPLIES["page"])
    stats = site.stats()
    assert (stats.accepted, stats.pending, set(stats.refused)) == (0, 0, {"consent"})
