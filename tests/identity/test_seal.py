"""The sealed ruid, and snapshots: what a visitor cannot read, and cannot write."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hiding import hide
from tests.identity.asking import DEVICE, KEY, KNOWN, PAYMENT_RETURN, guid, make_site, respond, set_cookies, view

from footfall import Config, Consent, Site, Tracking
from footfall.errors import ConfigError, MissingExtra
from footfall.events import Buy, Click
from footfall.identity import Visitor
from footfall.identity.seal import Sealer
from footfall.identity.snapshot import format_snapshot, parse_snapshot
from footfall.testing import Clock, recording

OLD = "an older key of thirty-two letters"
ANNA = "anna@shop.example"


def sealer(*keys: str) -> Sealer:
    numbers = iter(range(256))
    return Sealer(keys or (KEY,), lambda size: bytes([next(numbers)] * size))


def identify(tracking: Tracking) -> None:
    tracking.identify(ANNA)


def ruid_line(headers: list[tuple[str, str]]) -> str:
    (line,) = [line for line in set_cookies(headers) if line.startswith("rsaRuid=") and "Max-Age=0" not in line]
    return line.partition(";")[0]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_opens(text: str) -> None:
    one = sealer()
    opened = one.open(one.seal(text, "rsaRuid", "shop.example"), "rsaRuid", "shop.example")
    assert opened is not None
    assert (opened.text, opened.newest) == (text, True)


def test_a_seal_is_cookie_octets_and_shows_nothing() -> None:
    """R-30, T-03."""
    sealed = sealer().seal(ANNA, "rsaRuid", "shop.example")
    assert re.fullmatch(r"1\.[A-Za-z0-9_-]{60,100}", sealed)
    assert "anna" not in sealed


def test_one_text_is_sealed_differently_each_time() -> None:
    one = sealer()
    assert one.seal(ANNA, "rsaRuid", "shop.example") != one.seal(ANNA, "rsaRuid", "shop.example")


@pytest.mark.parametrize(("name", "scope"), [("rsa", "shop.example"), ("rsaRuid", "other.example"), ("", "")])
def test_a_seal_opens_under_its_own_name_and_in_its_own_scope_alone(name: str, scope: str) -> None:
    one = sealer()
    assert one.open(one.seal(ANNA, "rsaRuid", "shop.example"), name, scope) is None


def test_a_seal_of_another_key_does_not_open() -> None:
    assert sealer(KEY).open(sealer(OLD).seal(ANNA, "rsaRuid", "s"), "rsaRuid", "s") is None


def test_an_older_key_still_opens_and_is_told_apart() -> None:
    opened = sealer(KEY, OLD).open(sealer(OLD).seal(ANNA, "rsaRuid", "s"), "rsaRuid", "s")
    assert opened is not None
    assert (opened.text, opened.newest) == (ANNA, False)


def test_a_seal_cut_anywhere_does_not_open() -> None:
    one = sealer()
    sealed = one.seal(ANNA, "rsaRuid", "s")
    assert [cut for cut in range(len(sealed)) if one.open(sealed[:cut], "rsaRuid", "s")] == []


def test_a_seal_changed_anywhere_does_not_open() -> None:
    one = sealer()
    sealed = one.seal(ANNA + ".", "rsaRuid", "s")  # 4 bytes or not: no unused bits in the last letter
    changed = [sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :] for at in range(len(sealed) - 1)]
    assert [text for text in changed if one.open(text, "rsaRuid", "s")] == []


@given(st.text() | st.from_regex(r"1\.[A-Za-z0-9_=-]*", fullmatch=True))
def test_nothing_else_opens(text: str) -> None:
    assert sealer().open(text, "rsaRuid", "s") is None


def test_sealing_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    hide("cryptography", monkeypatch)
    with pytest.raises(MissingExtra, match=r"footfall\[seal\]"):
        make_site()


def test_a_frameworks_secret_needs_no_package_where_nothing_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    hide("cryptography", monkeypatch)
    site = make_site(secret_keys=(), ruid_cookie="off")
    site.start(secret_key=KEY)
    assert site.policy.sealer is None


# The cookie


def test_an_identified_visitor_is_known_on_the_next_page() -> None:
    """R-26, R-29."""
    site = make_site()
    assert site.begin(view(cookie=ruid_line(respond(site, view(), identify)))).ruid == ANNA


@pytest.mark.parametrize("ruid_cookie", ["sealed", "base64"])
def test_an_address_is_in_no_header(ruid_cookie: str) -> None:
    """R-30: nor its local part."""
    assert "anna" not in str(respond(make_site(ruid_cookie=ruid_cookie), view(), identify)).lower()


@pytest.mark.parametrize("forged", ["1.", "1." + "A" * 90, "YW5uYUBzaG9wLmV4YW1wbGU=", "2.AAAA", "\xe9", "", '"1.AA"'])
def test_a_forged_ruid_equals_none(forged: str) -> None:
    """D-04: and is neither echoed nor set."""
    headers = respond(make_site(), view(cookie=f"{KNOWN}; rsaRuid={forged}"))
    assert [line for line in set_cookies(headers) if line.startswith("rsaRuid")] == []


def test_a_ruid_copied_into_another_cookie_is_no_token_of_value() -> None:
    site = make_site()
    sealed = ruid_line(respond(site, view(), identify)).partition("=")[2]
    assert site.begin(view(cookie=f"rsaReaId={sealed}")).ruid is None


def test_a_ruid_brought_from_another_shop_is_none() -> None:
    site = make_site()
    line = ruid_line(respond(site, view("https://www.other.example/"), identify))
    assert site.begin(view("https://www.shop.example/", cookie=line)).ruid is None


def test_a_ruid_is_known_on_every_subdomain() -> None:
    """R-40."""
    site = make_site()
    line = ruid_line(respond(site, view("https://www.shop.example/"), identify))
    assert site.begin(view("https://basket.shop.example/", cookie=line)).ruid == ANNA


def test_a_page_seals_anew_what_an_older_key_sealed() -> None:
    line = ruid_line(respond(make_site(secret_keys=(OLD,)), view(), identify))
    again = ruid_line(respond(make_site(secret_keys=(KEY, OLD)), view(cookie=line)))
    assert make_site(secret_keys=(KEY,)).begin(view(cookie=again)).ruid == ANNA


def test_a_ruid_is_not_written_again_while_nothing_changes() -> None:
    """A slow old response must not undo a login or a forget."""
    site = make_site()
    line = ruid_line(respond(site, view(), identify))
    assert "rsaRuid" not in str(respond(site, view(cookie=f"{KNOWN}; {line}")))


def test_a_ruid_moves_with_the_sites_domain() -> None:
    line = ruid_line(respond(make_site(cookie_domain="www.shop.example"), view(), identify))
    site = make_site(cookie_domain="shop.example", former_cookie_domain="www.shop.example")
    again = ruid_line(respond(site, view(cookie=line)))
    assert make_site(cookie_domain="shop.example").begin(view(cookie=again)).ruid == ANNA


def test_two_sealed_people_are_one_whatever_their_order() -> None:
    site = make_site()
    lines = [ruid_line(respond(site, view(), lambda tracking, who=who: tracking.identify(who))) for who in ("b", "a")]  # type: ignore[misc]
    seen = {site.begin(view(cookie="; ".join(order))).ruid for order in (lines, lines[::-1])}
    assert seen == {"a"}


def test_base64_can_be_read_by_anyone() -> None:
    """T-03, T-30: the vendor's own way, where a site asks for it."""
    line = ruid_line(respond(make_site(ruid_cookie="base64", secret_keys=()), view(), identify))
    assert line == "rsaRuid=YW5uYUBzaG9wLmV4YW1wbGU="


def test_a_base64_ruid_comes_back() -> None:
    site = make_site(ruid_cookie="base64", secret_keys=())
    assert site.begin(view(cookie="rsaRuid=YW5uYUBzaG9wLmV4YW1wbGU=")).ruid == ANNA


def test_off_keeps_a_ruid_for_its_request_alone() -> None:
    """T-03: an off switch."""
    site = make_site(ruid_cookie="off", secret_keys=())
    tracking = site.begin(view())
    tracking.identify(ANNA)
    edit = tracking.finish(200, [])
    assert (tracking.ruid, "rsaRuid" in str(edit)) == (ANNA, False)


def test_off_reads_no_ruid() -> None:
    site = make_site(ruid_cookie="off")
    line = ruid_line(respond(make_site(), view(), identify))
    assert site.begin(view(cookie=line)).ruid is None


# Snapshots

WIDE = "\U0001f6cd" * 512
EVERYTHING = Visitor(
    device_id=guid(1),
    session_id=guid(2),
    ruid=ANNA,
    reaid="A=b",
    user_id="johndoe",
    anonymous_id="an old id",
)


@pytest.mark.parametrize(
    "visitor",
    [
        Visitor(),
        Visitor(device_id=guid(1), session_id=guid(2)),
        EVERYTHING,
        Visitor(xuid="X", user_id="søren"),
        Visitor(ruid=WIDE, user_id=WIDE, anonymous_id=WIDE, reaid="'" * 512),
    ],
)
def test_a_snapshot_brings_every_id_back(visitor: Visitor) -> None:
    one = sealer()
    assert parse_snapshot(format_snapshot(visitor, one, now=0), one, anonymous_user="nobody") == replace(
        visitor, anonymous_user="nobody"
    )


def test_a_snapshot_shows_nothing() -> None:
    assert re.fullmatch(r"1\.[A-Za-z0-9_-]+", format_snapshot(EVERYTHING, sealer(), now=0))


@given(st.text())
def test_nothing_else_is_a_snapshot(token: str) -> None:
    assert parse_snapshot(token, sealer(), anonymous_user="x") is None


@pytest.mark.parametrize("text", ["null", "[]", "1", "{", '"x"'])
def test_a_sealed_text_of_another_shape_is_no_snapshot(text: str) -> None:
    one = sealer()
    assert parse_snapshot(one.seal(text, "footfall snapshot", ""), one, anonymous_user="x") is None


def test_an_id_of_another_shape_is_none_in_a_snapshot() -> None:
    one = sealer()
    text = '{"device_id": 1, "session_id": "x", "reaid": "a b", "ruid": null, "more": "y"}'
    found = parse_snapshot(one.seal(text, "footfall snapshot", ""), one, anonymous_user="x")
    assert found == Visitor(anonymous_user="x")


@pytest.mark.parametrize(("age", "valid"), [(0, True), (86399, True), (86400, True), (86401, False)])
def test_a_snapshot_that_is_too_old_is_as_good_as_none(age: int, valid: bool) -> None:
    site = make_site()
    clock = Clock(1_764_000_000)
    site.now = clock
    token = site.begin(view(cookie=KNOWN)).snapshot()
    clock.advance(age)
    assert (site.resume(token, max_age=timedelta(days=1)).valid, site.resume(token).valid) == (valid, True)


def test_a_snapshot_that_does_not_say_when_it_was_made_is_of_any_age_alone() -> None:
    """One of a release before this: kept with an order, it is still paid for."""
    site = make_site()
    assert site.policy.sealer is not None
    token = site.policy.sealer.seal(f'{{"device_id":"{DEVICE}"}}', "footfall snapshot", "")
    assert (site.resume(token).valid, site.resume(token, max_age=timedelta(days=9)).valid) == (True, False)


def test_an_age_that_is_no_timedelta_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_age: is a int; write resume"):
        make_site().resume("x", max_age=30)  # type: ignore[arg-type]


def test_a_ruid_cookie_is_no_snapshot() -> None:
    site = make_site()
    assert not site.resume(ruid_line(respond(site, view(), identify)).partition("=")[2]).valid


def test_a_resumed_visitor_is_the_one_of_the_checkout() -> None:
    """The payment's return is nobody's request; its event is the shopper's."""
    site = make_site()
    token = site.begin(view(cookie=KNOWN)).snapshot()
    with recording(site) as recorder:
        site.begin(view(method="POST", headers=PAYMENT_RETURN))
        site.resume(token).emit(Buy("9", price=None))
    (visitor,) = recorder.visitors
    assert f"rsa={visitor.device_id}; rsaSession={visitor.session_id}; rsaSessionOpen=1" == KNOWN


def test_a_snapshot_of_a_new_visitor_is_of_the_ids_that_the_response_sets() -> None:
    """D-02."""
    site = make_site()
    tracking = site.begin(view())
    token = tracking.snapshot()
    edit = tracking.finish(200, [])
    with recording(site) as recorder:
        site.resume(token).emit(Click("1"))
    assert str(recorder.visitors[0].device_id) in str(edit and edit.add)


@pytest.mark.parametrize("said", [Consent.UNKNOWN, Consent.DENIED])
def test_a_snapshot_of_a_visitor_without_consent_reports_nothing(said: Consent) -> None:
    """T-10: not even under the one anonymous user."""
    site = make_site(consent=lambda _: said)
    token = site.begin(view(cookie=KNOWN)).snapshot()
    with recording(site) as recorder:
        site.resume(token).emit(Click("1"))
    assert (recorder.requests, recorder.refused) == (
        [],
        [("raptor", "no snapshot"), ("yoochoose", "no snapshot")],
    )


@pytest.mark.parametrize("token", ["", "rubbish", "1.AAAA", None, 7])
def test_a_token_that_is_none_raises_nothing_and_reports_nothing(token: str) -> None:
    resumed = make_site().resume(token)
    assert (resumed.valid, repr(resumed)) == (False, "<Resumed, invalid>")


def test_a_snapshot_without_keys_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match="secret_keys"):
        make_site(secret_keys=()).begin(view(), debug=True).snapshot()


def test_resuming_without_keys_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match="secret_keys"):
        Site(Config()).resume("x")


def test_a_resumed_visitor_is_not_shown() -> None:
    site = make_site()
    assert repr(site.resume(site.begin(view(cookie=KNOWN)).snapshot())) == "<Resumed, valid>"
