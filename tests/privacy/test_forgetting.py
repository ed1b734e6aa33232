"""Forgotten means deleted: in the browser, in the spool, and told to the site once."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.identity.asking import DEVICE, KEY, KNOWN, PAGE, SESSION, View, cookies, emit, guid, in_turn, view

from footfall import Config, Site
from footfall.consent import always_granted, own_cookie
from footfall.delivery import Delivery
from footfall.events import Click
from footfall.identity.visitor import Visitor
from footfall.testing import Clock, numbered_ids
from footfall.trackers import Raptor, Yoochoose

NOW = 1_700_000_000
GRANTED = f"footfallConsent=1.g.g.{NOW}"
ANNA = f"{GRANTED}; {KNOWN}; rsaReaId=r1"
BO = f"{GRANTED}; rsa={SESSION}; rsaSession={DEVICE}; rsaSessionOpen=1"


@dataclass
class Shop:
    """A shop whose events wait in a spool that nobody delivers from."""

    site: Site
    folder: Path
    told: list[Visitor] = field(default_factory=list)

    def page(self, cookie: str, do: View = emit, **request: Any) -> dict[str, str]:
        return cookies(self.site, view(cookie=cookie, **request), do)

    def on_disk(self, text: str) -> bool:
        """Is it anywhere in the spool's files."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        assert files != []
        return any(text.encode() in path.read_bytes() for path in files)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    told: list[Visitor] = []
    site = Site(
        Config(consent=own_cookie(), secret_keys=(KEY,)),
        [Raptor("12345"), Yoochoose("00000")],
        delivery=Delivery(f"sqlite:///{tmp_path}/footfall.sqlite3", deliver_here=False),
        user_id=lambda request: "johndoe",
        on_forget=told.append,
        now=Clock(NOW),
        new_id=numbered_ids(),
    )
    yield Shop(site, tmp_path, told)
    site.close()


GOING: dict[str, View] = {"forget": lambda t: t.forget(), "deny": lambda t: t.deny()}
gone = pytest.mark.parametrize("go", GOING.values(), ids=GOING)


@gone
def test_whoever_goes_is_erased_from_the_spool_and_others_are_not(shop: Shop, go: View) -> None:
    """D-05, GDPR Art. 17."""
    for visitor in (ANNA, BO, ANNA):
        shop.page(visitor)
    shop.page(ANNA, go)
    shop.site.flush()
    stats = shop.site.stats()
    assert (stats.accepted, stats.erased, stats.pending) == (6, 4, 2)


@gone
def test_whoever_goes_before_the_spool_has_their_events_leaves_none(shop: Shop, go: View) -> None:
    """D-05: what is still in the journal is theirs too."""
    shop.page(ANNA, in_turn(emit, emit, go))
    shop.site.flush()
    stats = shop.site.stats()
    assert (stats.accepted, stats.erased, stats.pending) == (4, 4, 0)


@gone
def test_the_site_is_told_once_and_of_every_id(shop: Shop, go: View) -> None:
    """D-05: it asks the trackers' vendors to forget them too."""
    shop.page(ANNA, in_turn(go, lambda t: t.forget(), lambda t: t.deny()))
    ids = [(one.device_id, one.session_id, one.reaid, one.anonymous_id) for one in shop.told]
    assert ids == [(DEVICE, SESSION, "r1", DEVICE)]


@gone
def test_what_waits_under_the_sites_own_anonymous_id_goes_too(tmp_path: Path, go: View) -> None:
    """D-05, D-08."""
    site = Site(
        Config(consent=always_granted, anonymous_id=lambda _: "basket-7", secret_keys=(KEY,)),
        [Raptor("12345"), Yoochoose("00000")],
        delivery=Delivery(f"sqlite:///{tmp_path}/footfall.sqlite3", deliver_here=False),
    )
    by_script = {**PAGE, "accept": "*/*", "sec-fetch-site": "same-site", "sec-fetch-dest": "empty"}
    cookies(site, view(headers=by_script), emit)  # too early for a device
    cookies(site, view(cookie=KNOWN), go)
    site.flush()
    stats = site.stats()
    site.close()
    assert (stats.accepted, stats.erased) == (1, 1)


@gone
def test_whoever_goes_where_no_cookie_can_tell_of_it_is_erased_all_the_same(shop: Shop, go: View) -> None:
    """D-05: over a WebSocket, with the name that they are logged in by."""
    tracking = shop.site.begin(view("wss://www.shop.example/chat", cookie=ANNA), request=object)
    tracking.emit(Click("1"))
    go(tracking)
    tracking.release()
    shop.site.flush()
    assert ([(one.device_id, one.user_id) for one in shop.told], shop.site.stats().erased) == ([(DEVICE, "johndoe")], 2)


def test_a_slow_answer_beside_a_forget_brings_nobody_back(shop: Shop) -> None:
    """T-32, D-05: a page asked for before the forget and answered after it renews what was expired."""
    slow = shop.site.begin(view(cookie=ANNA))
    slow.emit(Click("1"))
    jar = shop.page(ANNA, lambda t: t.forget())
    assert set(jar.values()) - {jar["rsaGone"]} == {""}
    slow.finish(200, [])
    again = shop.page(f"{ANNA}; rsaGone={jar['rsaGone']}", lambda t: t.device_id)
    assert (again["rsa"], again["rsaSession"], again["rsaReaId"]) == (guid(1), guid(2), "")


def test_a_slow_answer_beside_a_denial_is_undone_by_the_next_page(shop: Shop) -> None:
    """D-05."""
    denied = shop.page(ANNA, lambda t: t.deny())["footfallConsent"]
    assert denied == f"1.d.d.{NOW}"
    again = shop.page(f"footfallConsent={denied}; {KNOWN}; rsaReaId=r1")
    assert again == dict.fromkeys(("rsa", "rsaSession", "rsaSessionOpen", "rsaReaId"), "")


def test_nothing_is_marked_in_the_browser_of_somebody_without_consent(shop: Shop) -> None:
    assert "rsaGone" not in shop.page(KNOWN, lambda t: t.forget())


def test_a_mark_goes_with_the_consent_it_was_kept_under(shop: Shop) -> None:
    assert shop.page(f"{GRANTED}; rsaGone=0123456789abcdef", lambda t: t.deny())["rsaGone"] == ""


def test_a_callback_that_fails_is_one_line_without_what_it_says(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    def fail(visitor: Visitor) -> None:
        raise RuntimeError(f"the vendor knows nobody called {visitor.device_id}")

    shop.site.on_forget = fail
    assert shop.page(ANNA, lambda t: t.forget())["rsa"] == ""
    assert [record.getMessage() for record in caplog.records] == [
        "Site(on_forget=...) raised RuntimeError: ask the trackers' vendors yourself"
    ]


def test_the_spools_files_are_their_owners_alone(shop: Shop) -> None:
    shop.page(ANNA)
    shop.site.flush()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in shop.folder.rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in shop.folder.rglob("*") if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_nothing_of_a_forgotten_visitor_is_left_on_disk(shop: Shop) -> None:
    """D-05, GDPR Art. 17: deleted, not only marked as free."""
    for _ in range(20):
        shop.page(ANNA)
    shop.site.flush()
    assert shop.on_disk(DEVICE)
    shop.page(ANNA, lambda t: t.forget())
    shop.site.flush()
    shop.site.close()
    assert not shop.on_disk(DEVICE)
