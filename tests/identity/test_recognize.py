"""Who a request comes from: duplicates, rubbish, former names."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import DEVICE, KNOWN, PAGE, SESSION, guid, make_site, respond, set_cookies, view

from footfall import CookieNames, Site

OTHER = "1111111a-6a1c-4f0e-9d53-4b6a0f6f5d11"
FORMER = CookieNames(device="coid", session="sid", ruid="who", reaid="rid", xuid="xid")


def ids(site: Site, cookie: str) -> tuple[str | None, str | None]:
    tracking = site.begin(view(cookie=cookie))
    return tracking.device_id, tracking.session_id


def names_and_values(lines: list[str]) -> list[str]:
    return [line.partition(";")[0] for line in lines]


def test_a_browser_is_known_by_its_cookies() -> None:
    assert ids(make_site(), KNOWN) == (DEVICE, SESSION)


@pytest.mark.parametrize(
    "rubbish",
    ["rubbish", "", "x" * 4096, "a\r\nSet-Cookie: b=c", "\xe9", f'"{DEVICE}', f"{{{DEVICE}}}", DEVICE[:-1], "%0d%0a"],
)
def test_a_value_of_the_wrong_shape_is_replaced_and_never_echoed(rubbish: str) -> None:
    """D-04."""
    headers = respond(make_site(), view(cookie=f"rsa={rubbish}; rsaSession={rubbish}; rsaReaId=a b"))
    assert names_and_values(set_cookies(headers)) == [f"rsa={guid(1)}", f"rsaSession={guid(2)}", "rsaSessionOpen=1"]


@pytest.mark.parametrize("order", [*itertools.permutations([f"rsa={OTHER}", f"rsa={DEVICE}", "rsa=rubbish"])])
def test_the_choice_among_duplicates_does_not_depend_on_their_order(order: tuple[str, ...]) -> None:
    assert ids(make_site(), "; ".join(order))[0] == min(OTHER, DEVICE)


@given(
    st.lists(
        st.sampled_from(
            [f"rsa={DEVICE}", f"rsa={OTHER}", f"rsa={DEVICE.upper()}", f"rsaSession={SESSION}", f"rsaSession={OTHER}",
             "rsaSessionOpen=1", "rsaSessionOpen=2", "rsaReaId=A", "rsaReaId=B", "rsaRuid=x", "x={}", "y"]
        ), max_size=9
    ).flatmap(lambda cookies: st.tuples(st.just(cookies), st.permutations(cookies)))
)  # fmt: skip
def test_no_permutation_of_cookies_is_another_visitor(orders: tuple[list[str], list[str]]) -> None:
    one, other = (respond(make_site(), view(cookie="; ".join(order))) for order in orders)
    assert one == other


def test_the_host_only_twin_is_expired_and_the_domains_is_set() -> None:
    """D-03: the one case of two lines of one name, in two scopes."""
    lines = set_cookies(respond(make_site(), view(cookie=f"{KNOWN}; rsa={OTHER}")))
    assert [line for line in lines if line.startswith("rsa=")] == [
        "rsa=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax",
        f"rsa={min(DEVICE, OTHER)}; Max-Age=31536000; Domain=shop.example; Path=/; Secure; HttpOnly; SameSite=Lax",
    ]


def test_equal_twins_are_healed_too() -> None:
    lines = set_cookies(respond(make_site(), view(cookie=f"{KNOWN}; rsa={DEVICE}")))
    assert names_and_values(lines)[:2] == ["rsa=", f"rsa={DEVICE}"]


def test_a_twin_of_a_token_is_healed() -> None:
    lines = set_cookies(respond(make_site(), view(cookie=f"{KNOWN}; rsaReaId=B; rsaReaId=A")))
    assert names_and_values(lines)[3:] == ["rsaReaId=", "rsaReaId=A"]


def test_a_host_only_site_has_no_twins_to_expire() -> None:
    site = make_site(cookie_domain=None)
    lines = set_cookies(respond(site, view(cookie=f"{KNOWN}; rsa={OTHER}")))
    assert names_and_values(lines)[0] == f"rsa={min(DEVICE, OTHER)}"


@pytest.mark.parametrize(
    "cookie",
    [
        f"rsaSession={SESSION}",
        "rsaSessionOpen=1",
        f"rsaSession={SESSION}; rsaSessionOpen=0",
        "rsaSessionOpen=1; rsaSession=x",
    ],
)
def test_a_session_lives_while_both_its_cookies_are_there(cookie: str) -> None:
    """T-01: 20 minutes, and the browser's end."""
    assert ids(make_site(), f"rsa={DEVICE}; {cookie}") == (DEVICE, guid(1))


def test_a_site_can_do_without_the_companion() -> None:
    """T-01: then a session outlives its browser."""
    site = make_site(session_ends_with_browser=False)
    assert ids(site, f"rsa={DEVICE}; rsaSession={SESSION}") == (DEVICE, SESSION)


def test_a_site_without_the_companion_sets_none() -> None:
    site = make_site(session_ends_with_browser=False)
    assert names_and_values(set_cookies(respond(site, view()))) == [f"rsa={guid(1)}", f"rsaSession={guid(2)}"]


def test_cookies_have_the_sites_own_names() -> None:
    """D-09."""
    names = CookieNames(device="coid", session="sid")
    lines = set_cookies(respond(make_site(cookie_names=names), view()))
    assert names_and_values(lines) == [f"coid={guid(1)}", f"sid={guid(2)}", "sidOpen=1"]


def test_cookies_have_the_vendors_names_by_default() -> None:
    """D-09."""
    names = CookieNames()
    assert (names.device, names.session, names.ruid, names.reaid, names.xuid) == (
        "rsa",
        "rsaSession",
        "rsaRuid",
        "rsaReaId",
        "rsaXuid",
    )


def test_former_names_are_read() -> None:
    site = make_site(former_cookie_names=FORMER)
    tracking = site.begin(view(cookie=f"coid={DEVICE}; sid={SESSION}; sidOpen=1; rid=A"))
    assert (tracking.device_id, tracking.session_id, tracking.reaid) == (DEVICE, SESSION, "A")


def test_former_names_are_expired_and_the_new_ones_set() -> None:
    site = make_site(former_cookie_names=FORMER)
    lines = set_cookies(respond(site, view(cookie=f"coid={DEVICE}; sid={SESSION}; sidOpen=1; rid=A")))
    assert names_and_values(lines) == [
        f"rsa={DEVICE}",
        *["coid="] * 2,
        f"rsaSession={SESSION}",
        *["sid="] * 2,
        "rsaSessionOpen=1",
        *["sidOpen="] * 2,
        "rsaReaId=A",
        *["rid="] * 2,
    ]


def test_former_names_count_for_nothing_beside_the_new_ones() -> None:
    site = make_site(former_cookie_names=FORMER)
    assert ids(site, f"coid={OTHER}; sid={OTHER}; sidOpen=1; {KNOWN}") == (DEVICE, SESSION)


def test_a_former_name_that_is_still_in_use_is_not_expired() -> None:
    site = make_site(former_cookie_names=CookieNames(device="coid"))
    lines = set_cookies(respond(site, view(cookie=f"coid={DEVICE}; rsaSession={SESSION}; rsaSessionOpen=1")))
    assert names_and_values(lines) == [f"rsa={DEVICE}", *["coid="] * 2, f"rsaSession={SESSION}", "rsaSessionOpen=1"]


def test_a_former_ruid_is_sealed_for_its_new_name() -> None:
    was = make_site(cookie_names=FORMER)
    (sealed,) = [
        line.partition(";")[0]
        for line in set_cookies(respond(was, view(), lambda tracking: tracking.identify("anna@shop.example")))
        if line.startswith("who=")
    ]
    now = make_site(former_cookie_names=FORMER)
    assert now.begin(view(cookie=sealed)).ruid == "anna@shop.example"


def test_a_prefix_of_a_name_is_another_name() -> None:
    assert ids(make_site(), f"xrsa={OTHER}; rsaX={OTHER}; {KNOWN}") == (DEVICE, SESSION)


def test_an_old_browsers_page_is_recognized() -> None:
    """T-37: without Sec-Fetch-* too."""
    headers = {"user-agent": PAGE["user-agent"], "accept": PAGE["accept"]}
    assert make_site().begin(view(headers=headers, cookie=KNOWN)).device_id == DEVICE
