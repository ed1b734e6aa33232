"""What consent, denial and forgetting do to cookies and events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from tests.identity.asking import (
    DEVICE,
    FIREFOX,
    KNOWN,
    PAGE,
    PAYMENT_RETURN,
    SCRIPT,
    SESSION,
    View,
    cookies,
    emit,
    guid,
    identify,
    in_turn,
    make_site,
    raptor,
    reported,
    respond,
    set_cookies,
    view,
    yoochoose,
)

from footfall import Consent, CookieNames, Site, Tracking
from footfall.consent import all_of, cookiebot, first_of, own_cookie
from footfall.request import RequestView
from footfall.testing import Clock, recording


@pytest.mark.parametrize("request_of", [view(), view(cookie=KNOWN), view("https://www.shop.example/?reaid=X")])
def test_while_consent_is_unknown_nothing_is_read_set_or_sent(request_of: RequestView) -> None:
    """D-05, T-10: not even a header changes."""
    site = make_site(consent=lambda _: Consent.UNKNOWN)
    with recording(site) as recorder:
        headers = respond(site, request_of, in_turn(lambda t: t.device_id, identify, emit), headers=[("X", "y")])
    assert (headers, recorder.requests, recorder.refused) == (
        [("X", "y")],
        [],
        [("raptor", "consent"), ("yoochoose", "consent")],
    )


@pytest.mark.parametrize("name", ["device_id", "session_id", "ruid", "reaid", "xuid"])
@pytest.mark.parametrize("said", [Consent.UNKNOWN, Consent.DENIED])
def test_without_consent_no_id_is_known(name: str, said: Consent) -> None:
    """D-05."""
    request = view("https://www.shop.example/?reaid=X&xuid=X", cookie=f"{KNOWN}; rsaReaId=X; rsaXuid=X")
    assert getattr(make_site(consent=lambda _: said).begin(request), name) is None


def test_a_denial_expires_what_the_browser_still_has() -> None:
    """D-05: in both scopes, with the same Path."""
    site = make_site(consent=lambda _: Consent.DENIED)
    lines = set_cookies(respond(site, view(cookie=f"{KNOWN}; rsaReaId=X; other=1")))
    assert [line.replace("; Secure; HttpOnly; SameSite=Lax", "") for line in lines] == [
        line
        for name in ("rsa", "rsaSession", "rsaSessionOpen", "rsaReaId")
        for line in (f"{name}=; Max-Age=0; Path=/", f"{name}=; Max-Age=0; Domain=shop.example; Path=/")
    ]


def test_a_denial_of_somebody_unknown_says_nothing() -> None:
    """D-05."""
    assert respond(make_site(consent=lambda _: Consent.DENIED), view()) == []


def test_a_denial_sends_nothing() -> None:
    """D-05."""
    recorder = reported(make_site(consent=lambda _: Consent.DENIED), view(cookie=KNOWN), in_turn(identify, emit))
    assert (recorder.requests, recorder.refused) == ([], [("raptor", "consent"), ("yoochoose", "consent")])


@pytest.mark.parametrize(
    ("method", "headers"),
    [("POST", SCRIPT), ("POST", {**PAGE, "sec-fetch-site": "same-origin"}), ("POST", {"user-agent": FIREFOX})],
    ids=["by script", "by form", "by an old browser"],
)
def test_a_grant_is_on_its_own_response(method: str, headers: Mapping[str, str]) -> None:
    """D-05: the choice, the ids, and the event that waited for it."""
    site = make_site(consent=own_cookie())
    with recording(site) as recorder:
        kept = cookies(site, view(method=method, headers=headers), in_turn(emit, lambda t: t.grant()))
    assert (set(kept), raptor(recorder)[0]["coid"]) == (
        {"rsa", "rsaSession", "rsaSessionOpen", "footfallConsent"},
        [kept["rsa"]],
    )


def test_what_was_held_goes_before_what_follows_the_grant() -> None:
    """D-07, Y-05."""
    recorder = reported(
        make_site(consent=own_cookie()), view(), in_turn(lambda t: t.login("johndoe"), lambda t: t.grant(), emit)
    )
    assert yoochoose(recorder) == [f"/login/{guid(1)}/johndoe", "/click/johndoe/1/1"]


def test_a_grant_counts_on_the_next_page() -> None:
    site = make_site(consent=own_cookie())
    site.now = Clock()
    kept = cookies(site, view(headers=SCRIPT, method="POST"), lambda t: t.grant())
    assert (
        site.begin(view(cookie=f"footfallConsent={kept['footfallConsent']}; rsa={kept['rsa']}")).device_id
        == kept["rsa"]
    )


def test_a_denial_counts_on_its_own_response() -> None:
    """D-05: withdrawal deletes the cookies; the last word wins."""
    site = make_site()
    assert cookies(site, view(cookie=KNOWN), in_turn(lambda t: t.device_id, lambda t: t.deny())) == {
        "rsa": "",
        "rsaSession": "",
        "rsaSessionOpen": "",
    }


def test_a_denial_of_the_person_keeps_the_device() -> None:
    """D-05: two purposes."""
    site = make_site(consent={"device": lambda _: Consent.GRANTED, "person": lambda _: Consent.DENIED})
    request = view("https://www.shop.example/?reaid=X", cookie=f"{KNOWN}; rsaReaId=X")
    with recording(site) as recorder:
        kept = cookies(site, request, in_turn(identify, lambda t: t.login("johndoe"), emit))
    assert (kept["rsa"], kept["rsaReaId"], yoochoose(recorder), set(raptor(recorder)[0])) == (
        DEVICE,
        "",
        [f"/click/{DEVICE}/1/1"],
        set(raptor(recorder)[0]) - {"p7", "ruid", "reaid"},
    )


def test_a_person_who_is_unknown_is_left_alone() -> None:
    site = make_site(consent={"device": lambda _: Consent.GRANTED, "person": lambda _: Consent.UNKNOWN})
    request = view("https://www.shop.example/?reaid=Y", cookie=f"{KNOWN}; rsaReaId=X")
    assert "rsaReaId" not in cookies(site, request)


def test_gpc_outweighs_a_grant(caplog: pytest.LogCaptureFixture) -> None:
    """D-05: and a site can show that it does."""
    site = make_site(consent=own_cookie())
    tracking = site.begin(view(headers={**PAGE, "sec-gpc": "1"}))
    tracking.grant()
    assert (tracking.gpc, tracking.consent, tracking.device_id, len(caplog.records)) == (True, Consent.DENIED, None, 1)


def test_gpc_counts_for_nothing_where_a_site_says_so() -> None:
    tracking = make_site(honour_gpc=False).begin(view(headers={**PAGE, "sec-gpc": "1"}))
    assert (tracking.gpc, tracking.consent) == (False, Consent.GRANTED)


GPC = {**PAGE, "sec-gpc": "1"}
NOW = 1_764_000_000


def own_site() -> Site:
    site = make_site(consent=own_cookie(), honour_gpc="unless-consented")
    site.now = Clock(NOW)
    return site


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("1.g.g.1764000000.gpc", (Consent.GRANTED, Consent.GRANTED, False)),
        ("1.g.d.1764000000.gpc", (Consent.GRANTED, Consent.DENIED, False)),
        ("1.g.g.1764000000", (Consent.DENIED, Consent.DENIED, True)),  # before the browser sent it
        ("1.d.d.1764000000.gpc", (Consent.DENIED, Consent.DENIED, True)),
        ("2.g.g.1764000000.gpc", (Consent.DENIED, Consent.DENIED, True)),  # of another wording
        ("1.g.g.1700000000.gpc", (Consent.DENIED, Consent.DENIED, True)),  # of long ago
        ("1.g.g.1764000000.gpc; footfallConsent=1.g.g.1764000001", (Consent.DENIED, Consent.DENIED, True)),
        ("", (Consent.DENIED, Consent.DENIED, True)),
    ],
)
def test_a_grant_under_gpc_outweighs_it_where_a_site_says_so(
    choice: str, expected: tuple[Consent, Consent, bool]
) -> None:
    """11 CCR 7025(c)(3)."""
    tracking = own_site().begin(view(headers=GPC, cookie=f"footfallConsent={choice}"))
    assert (tracking.consent, tracking.person_consent, tracking.gpc) == expected


def test_without_the_signal_a_marked_grant_is_a_grant() -> None:
    tracking = own_site().begin(view(cookie="footfallConsent=1.g.g.1764000000.gpc"))
    assert (tracking.consent, tracking.person_consent, tracking.gpc) == (Consent.GRANTED, Consent.GRANTED, False)


@pytest.mark.parametrize(("headers", "kept"), [(GPC, "1.g.d.1764000000.gpc"), (PAGE, "1.g.d.1764000000")])
def test_a_grant_under_gpc_is_marked_and_counts_at_once(headers: dict[str, str], kept: str) -> None:
    site = own_site()
    seen: list[tuple[bool, bool, Consent, Consent]] = []

    def grant(tracking: Tracking) -> None:
        before = tracking.gpc
        tracking.grant(person=False)
        seen.append((before, tracking.gpc, tracking.consent, tracking.person_consent))

    written = cookies(site, view(headers=headers), grant)
    assert (written["footfallConsent"], set(written)) == (
        kept,
        {"rsa", "rsaSession", "rsaSessionOpen", "footfallConsent"},
    )
    assert seen == [(headers is GPC, False, Consent.GRANTED, Consent.DENIED)]


def test_a_denial_under_gpc_needs_no_mark() -> None:
    written = cookies(own_site(), view(headers=GPC), lambda tracking: tracking.deny())
    assert written == {"footfallConsent": "1.d.d.1764000000"}


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("-1", (Consent.GRANTED, Consent.DENIED)),
        ("0", (Consent.DENIED, Consent.DENIED)),
        ("", (Consent.GRANTED, Consent.DENIED)),
    ],
)
def test_under_gpc_a_platform_grants_no_more_than_was_granted_under_it(
    platform: str, expected: tuple[Consent, Consent]
) -> None:
    site = make_site(consent=first_of(cookiebot("marketing"), own_cookie()), honour_gpc="unless-consented")
    site.now = Clock(NOW)
    sent = f"CookieConsent={platform}; footfallConsent=1.g.d.1764000000.gpc"
    tracking = site.begin(view(headers=GPC, cookie=sent))
    assert (tracking.consent, tracking.person_consent) == expected


def test_a_reader_that_waits_is_under_the_same_rule() -> None:
    async def grant(view: RequestView) -> Consent:
        return Consent.GRANTED

    site = make_site(consent=all_of(grant, own_cookie()), honour_gpc="unless-consented")
    site.now = Clock(NOW)

    def said(choice: str) -> tuple[Consent, Consent]:
        tracking = site.begin(view(headers=GPC, cookie=f"footfallConsent={choice}"))
        asyncio.run(tracking.read_consent_async())
        return tracking.consent, tracking.person_consent

    assert said("1.g.d.1764000000.gpc") == (Consent.GRANTED, Consent.DENIED)
    assert said("1.g.g.1764000000") == (Consent.DENIED, Consent.DENIED)


# Forgetting


def erased(site: Site, request: RequestView, do: View = id) -> list[str | None]:
    """The devices that a request has erased."""
    seen: list[str | None] = []
    site.on_forget = lambda visitor: seen.append(visitor.device_id)
    with recording(site) as recorder:
        respond(site, request, do)
    assert set(recorder.erased) == set(seen) - {None}
    return seen


def test_forgetting_expires_everything_and_marks_the_device() -> None:
    """T-32, D-05."""
    kept = cookies(make_site(), view(cookie=KNOWN), lambda t: t.forget())
    mark = kept.pop("rsaGone")
    assert (set(kept), set(kept.values()), DEVICE in mark, len(mark)) == (
        {"rsa", "rsaSession", "rsaSessionOpen", "rsaRuid", "rsaReaId", "rsaXuid"},
        {""},
        False,
        16,
    )


def test_a_slow_response_does_not_undo_a_forget() -> None:
    """T-32: its cookies come back beside the mark, and count for nothing."""
    site = make_site()
    mark = cookies(site, view(cookie=KNOWN), lambda t: t.forget())["rsaGone"]
    kept = cookies(site, view(cookie=f"{KNOWN}; rsaReaId=X; rsaGone={mark}"))
    assert (kept["rsa"], kept["rsaSession"], kept["rsaReaId"]) == (guid(1), guid(2), "")


def test_a_mark_of_another_device_counts_for_nothing() -> None:
    site = make_site()
    mark = cookies(site, view(cookie=f"rsa={SESSION}"), lambda t: t.forget())["rsaGone"]
    assert site.begin(view(cookie=f"{KNOWN}; rsaGone={mark}")).device_id == DEVICE


@pytest.mark.parametrize(
    "do", [in_turn(identify, lambda t: t.forget()), in_turn(lambda t: t.forget(), identify, lambda t: t.device_id)]
)
def test_forgetting_is_the_last_word(do: View) -> None:
    kept = cookies(make_site(), view(cookie=KNOWN), do)
    assert {value for name, value in kept.items() if name != "rsaGone"} == {""}


def test_after_a_forget_an_event_is_nobodys() -> None:
    """T-10, T-32: neither device nor account."""
    recorder = reported(
        make_site(), view(cookie=KNOWN), in_turn(lambda t: t.login("johndoe"), lambda t: t.forget(), emit)
    )
    assert yoochoose(recorder) == [f"/login/{DEVICE}/johndoe", "/click/not_defined/1/1"]


def test_forgetting_reaches_the_names_of_before() -> None:
    site = make_site(former_cookie_names=CookieNames(device="coid"))
    assert cookies(site, view(cookie=f"coid={DEVICE}"), lambda t: t.forget())["coid"] == ""


@pytest.mark.parametrize("do", [lambda t: t.forget(), lambda t: t.deny()], ids=["forget", "deny"])
def test_whoever_goes_is_erased_once(do: View) -> None:
    """D-05: undelivered events too."""
    assert erased(make_site(), view(cookie=KNOWN), do) == [DEVICE]


def test_whoever_withdrew_elsewhere_is_erased_once() -> None:
    """D-05: the next page brings back no cookie."""
    site = make_site(consent=lambda _: Consent.DENIED)
    assert (erased(site, view(cookie=KNOWN)), erased(site, view())) == ([DEVICE], [])


def test_whoever_turns_gpc_on_is_erased_once() -> None:
    """D-05."""
    assert erased(make_site(), view(headers={**PAGE, "sec-gpc": "1"}, cookie=KNOWN)) == [DEVICE]


def test_nobody_unknown_is_erased() -> None:
    assert erased(make_site(), view(method="POST", headers=PAYMENT_RETURN), lambda t: t.forget()) == []
