"""Who the visitor is as a person: what they said, what a newsletter says, who is logged in."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping

import pytest
from tests.identity.asking import (
    ANNA,
    DEVICE,
    FIREFOX,
    KNOWN,
    PAGE,
    PAYMENT_RETURN,
    SCRIPT,
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

from footfall.errors import EventError
from footfall.request import RequestView
from footfall.testing import recording

# ruid: who they said they are


def test_identifying_sets_the_cookie_on_that_very_response() -> None:
    """R-26, R-31: no login needed."""
    assert "rsaRuid" in cookies(make_site(), view(cookie=KNOWN), identify)


def test_identifying_again_sets_it_again() -> None:
    """R-26: each time, though nothing changed."""
    site = make_site()
    sealed = cookies(site, view(cookie=KNOWN), identify)["rsaRuid"]
    assert "rsaRuid" in cookies(site, view(cookie=f"{KNOWN}; rsaRuid={sealed}"), identify)


def test_identifying_somebody_else_replaces_the_first() -> None:
    """R-27, T-32."""
    site = make_site()
    sealed = cookies(site, view(cookie=KNOWN), identify)["rsaRuid"]
    again = cookies(site, view(cookie=f"{KNOWN}; rsaRuid={sealed}"), lambda t: t.identify("bo@shop.example"))["rsaRuid"]
    assert site.begin(view(cookie=f"rsaRuid={again}")).ruid == "bo@shop.example"


def test_the_last_of_two_identifications_counts() -> None:
    """R-27."""
    tracking = make_site().begin(view())
    tracking.identify("first")
    tracking.identify("second")
    assert tracking.ruid == "second"


@pytest.mark.parametrize("do", [in_turn(identify, emit), in_turn(lambda t: t.device_id, identify, emit)])
def test_a_ruid_is_in_the_event_of_its_own_request(do: View) -> None:
    """R-29, R-08."""
    assert raptor(reported(make_site(), view(cookie=KNOWN), do))[0]["ruid"] == ["YW5uYUBzaG9wLmV4YW1wbGU="]


def test_a_ruid_is_in_every_later_event() -> None:
    """R-29."""
    site = make_site()
    sealed = cookies(site, view(cookie=KNOWN), identify)["rsaRuid"]
    recorder = reported(site, view(cookie=f"{KNOWN}; rsaRuid={sealed}"))
    assert raptor(recorder)[0]["ruid"] == ["YW5uYUBzaG9wLmV4YW1wbGU="]


def test_a_ruid_is_in_the_event_of_a_websocket() -> None:
    """R-29: though no cookie can keep it there."""
    headers = {"user-agent": FIREFOX}
    request = view("wss://www.shop.example/live", headers=headers, cookie=KNOWN)
    recorder = reported(make_site(), request, in_turn(identify, emit))
    assert (raptor(recorder)[0]["coid"], raptor(recorder)[0]["ruid"]) == ([DEVICE], ["YW5uYUBzaG9wLmV4YW1wbGU="])


@pytest.mark.parametrize("person", ["customer 12345", "søren", "\U0001f6cd", "x" * 512, "a\r\nb"])
def test_any_text_may_identify(person: str) -> None:
    """R-32, R-31."""
    tracking = make_site().begin(view())
    tracking.identify(person)
    assert tracking.ruid == person


@pytest.mark.parametrize("person", ["", "x" * 513, "\ud800"])
def test_unusable_text_identifies_nobody_and_breaks_nothing(person: str) -> None:
    tracking = make_site().begin(view())
    tracking.identify(person)
    assert tracking.ruid is None


def test_identifying_by_no_text_is_the_developers_mistake() -> None:
    with pytest.raises(EventError, match=r"identify\(\) takes text, not int"):
        make_site().begin(view(), debug=True).identify(7)  # type: ignore[arg-type]


def test_identifying_mints_in_a_script_call() -> None:
    assert set(cookies(make_site(), view(headers=SCRIPT), identify)) == {
        "rsa",
        "rsaSession",
        "rsaSessionOpen",
        "rsaRuid",
    }


def test_identifying_at_a_payments_return_keeps_the_person_and_mints_no_device() -> None:
    assert set(cookies(make_site(), view(method="POST", headers=PAYMENT_RETURN), identify)) == {"rsaRuid"}


def test_a_logout_leaves_the_person_known() -> None:
    """T-32: the document never removes it."""
    site = make_site()
    sealed = cookies(site, view(cookie=KNOWN), identify)["rsaRuid"]
    tracking = site.begin(view(cookie=f"{KNOWN}; rsaRuid={sealed}"))
    tracking.logout()
    assert tracking.ruid == ANNA


@pytest.mark.parametrize("ruid_cookie", ["sealed", "base64"])
def test_an_address_is_in_no_repr_and_no_log_line(ruid_cookie: str, caplog: pytest.LogCaptureFixture) -> None:
    """R-30."""
    site = make_site(ruid_cookie=ruid_cookie)
    with caplog.at_level(logging.DEBUG), recording(site) as recorder:
        tracking = site.begin(view())
        in_turn(identify, emit)(tracking)
        shown = repr([tracking, site, recorder.visitors, recorder.requests, tracking.finish(200, []) is None])
    assert "anna" not in shown + caplog.text


# reaid and xuid: who the newsletter knows


def test_a_newsletters_id_is_kept() -> None:
    """R-33, R-34."""
    lines = set_cookies(respond(make_site(), view("https://www.shop.example/?reaid=AbC", cookie=KNOWN)))
    assert lines[-1].startswith("rsaReaId=AbC; Max-Age=31536000; Domain=shop.example; Path=/")


@pytest.mark.parametrize("known", ["Old", "New"])
def test_a_newsletters_id_is_set_each_time_and_the_new_one_wins(known: str) -> None:
    """R-33."""
    request = view("https://www.shop.example/?reaid=New", cookie=f"{KNOWN}; rsaReaId={known}")
    assert cookies(make_site(), request)["rsaReaId"] == "New"


@pytest.mark.parametrize(
    "request_of",
    [
        view("https://www.shop.example/?reaid=A%2Fb%3D", cookie=KNOWN),
        view(cookie=f"{KNOWN}; rsaReaId=A/b="),
    ],
    ids=["landing", "later"],
)
def test_a_newsletters_id_is_in_every_event(request_of: RequestView) -> None:
    """R-10, R-36, T-04, T-06: unchanged but for URL-encoding."""
    recorder = reported(make_site(), request_of)
    assert (raptor(recorder)[0]["reaid"], "reaid=A%2Fb%3D" in recorder.requests[0].url) == (["A/b="], True)


def test_both_person_ids_are_in_one_event() -> None:
    """R-37."""
    request = view("https://www.shop.example/?reaid=X", cookie=KNOWN)
    query = raptor(reported(make_site(), request, in_turn(identify, emit)))[0]
    assert (query["ruid"], query["reaid"]) == (["YW5uYUBzaG9wLmV4YW1wbGU="], ["X"])


def test_an_id_is_not_written_again_while_no_link_brings_it() -> None:
    """T-05: only what changed; a slow old response must undo nothing."""
    assert "rsaReaId" not in cookies(make_site(), view(cookie=f"{KNOWN}; rsaReaId=X"))


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", SCRIPT),
        ("GET", {**PAGE, "sec-purpose": "prefetch"}),
        ("GET", {**SCRIPT, "sec-fetch-dest": "image"}),
        ("POST", PAYMENT_RETURN),
        ("HEAD", PAGE),
    ],
)
def test_an_id_is_captured_on_pages_alone(method: str, headers: Mapping[str, str]) -> None:
    """R-33, T-37."""
    request = view("https://www.shop.example/?reaid=X", method=method, headers=headers, cookie=KNOWN)
    assert "rsaReaId" not in cookies(make_site(), request)


@pytest.mark.parametrize("query", ["reaid=%0d%0aSet-Cookie:%20a=b", "reaid=A&reaid=B", "reaid=a%20b", "reaid=%E9"])
def test_a_forged_query_sets_nothing(query: str) -> None:
    """D-04, T-06."""
    assert "rsaReaId" not in cookies(make_site(), view(f"https://www.shop.example/?{query}", cookie=KNOWN))


def test_an_xuid_is_kept_and_reported_where_the_site_uses_it() -> None:
    """R-38, R-11, T-04: each time, a year."""
    site = make_site(person_ids="xuid")
    request = view("https://www.shop.example/?xuid=New", cookie=f"{KNOWN}; rsaXuid=Old")
    with recording(site) as recorder:
        lines = set_cookies(respond(site, request, emit))
    assert (lines[-1].partition("; Domain")[0], raptor(recorder)[0]["xuid"]) == (
        "rsaXuid=New; Max-Age=31536000",
        ["New"],
    )


def test_an_xuid_is_never_beside_the_other_two() -> None:
    """R-39, T-08: no reaid or ruid cookie, no such parameter, though the link has one and the view identifies."""
    site = make_site(person_ids="xuid")
    request = view("https://www.shop.example/?xuid=X&reaid=Y", cookie=f"{KNOWN}; rsaReaId=Y; rsaRuid=z")
    with recording(site) as recorder:
        kept = cookies(site, request, in_turn(identify, emit))
    assert (set(kept) & {"rsaReaId", "rsaRuid"}, {"reaid", "ruid", "xuid"} & set(raptor(recorder)[0])) == (
        set(),
        {"xuid"},
    )


def test_an_xuid_is_ignored_where_the_site_does_not_use_it() -> None:
    """R-39, T-08."""
    site = make_site()
    request = view("https://www.shop.example/?xuid=X", cookie=f"{KNOWN}; rsaXuid=X")
    with recording(site) as recorder:
        kept = cookies(site, request, emit)
    assert ("rsaXuid" in kept, "xuid" in raptor(recorder)[0]) == (False, False)


def test_identifying_where_the_person_id_is_xuid_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """R-39."""
    site = make_site(person_ids="xuid")
    for _ in range(2):
        respond(site, view(), identify)
    assert [record.message for record in caplog.records] == [
        "identify() does nothing: this site's person id is xuid, never beside ruid"
    ]


# Who is logged in


def test_a_login_is_reported_before_what_follows_it() -> None:
    """Y-05, Y-06, D-07: and what follows is the account's, in the same request."""
    recorder = reported(make_site(), view(cookie=KNOWN), in_turn(lambda t: t.login("johndoe"), emit))
    assert yoochoose(recorder) == [f"/login/{DEVICE}/johndoe", "/click/johndoe/1/1"]


def test_a_login_sets_no_cookie() -> None:
    """R-41, R-12: and is p7 of the events."""
    site = make_site()
    with recording(site) as recorder:
        kept = cookies(site, view(cookie=KNOWN), in_turn(lambda t: t.login("johndoe"), emit))
    assert (set(kept), raptor(recorder)[0]["p7"]) == ({"rsa", "rsaSession", "rsaSessionOpen"}, ["johndoe"])


def test_a_login_that_is_reported_again_is_sent_once() -> None:
    """Y-05, T-14: the spool has had this pair of device and user."""
    recorder = reported(make_site(), view(cookie=KNOWN), in_turn(*[lambda t: t.login("johndoe")] * 3))
    keys = {request.once for request in recorder.requests}
    assert (len(keys), "" in keys) == (1, False)


def test_the_login_of_a_first_visit_is_from_its_new_id() -> None:
    """Y-05, D-02."""
    assert yoochoose(reported(make_site(), view(), lambda t: t.login("johndoe"))) == [f"/login/{guid(1)}/johndoe"]


@pytest.mark.parametrize("user", ["JohnDoe", "johndoe"])
def test_a_user_id_is_case_sensitive(user: str) -> None:
    """Y-08."""
    recorder = reported(make_site(), view(cookie=KNOWN), in_turn(lambda t: t.login(user), emit))
    assert yoochoose(recorder)[1] == f"/click/{user}/1/1"


def test_after_a_logout_the_anonymous_id_is_used_again() -> None:
    """Y-07: the same one, and a logout is no event."""
    recorder = reported(
        make_site(), view(cookie=KNOWN), in_turn(lambda t: t.login("johndoe"), lambda t: t.logout(), emit)
    )
    assert yoochoose(recorder) == [f"/login/{DEVICE}/johndoe", f"/click/{DEVICE}/1/1"]


def test_an_anonymous_id_survives_the_login() -> None:
    """Y-07."""
    site = make_site()
    with recording(site):
        assert cookies(site, view(cookie=KNOWN), lambda t: t.login("johndoe"))["rsa"] == DEVICE


def test_a_login_as_oneself_is_no_event() -> None:
    """T-14: source and target are equal."""
    assert yoochoose(reported(make_site(), view(cookie=KNOWN), lambda t: t.login(DEVICE))) == []


@pytest.mark.parametrize("ycid", ["Js79009234YU7", "a session of ours"])
def test_a_site_may_have_an_anonymous_id_of_its_own(ycid: str) -> None:
    """Y-02."""
    site = make_site(anonymous_id=lambda _: ycid)
    assert yoochoose(reported(site, view(cookie=KNOWN))) == [f"/click/{ycid.replace(' ', '%20')}/1/1"]


@pytest.mark.parametrize("ycid", [None, "", ".", "..", "a\\b", "a\r\nb", "x" * 513, 7])
def test_an_anonymous_id_that_no_tracker_takes_is_none(ycid: object) -> None:
    """Y-01, Y-12, T-12: its visitor may have written it; the event goes under the device id."""
    site = make_site(anonymous_id=lambda _: ycid)
    assert yoochoose(reported(site, view(cookie=KNOWN))) == [f"/click/{DEVICE}/1/1"]


def test_no_event_has_an_empty_user(caplog: pytest.LogCaptureFixture) -> None:
    """Y-01."""
    for cookie, user in itertools.product([KNOWN, "rsa=", ""], ["", "johndoe"]):
        recorder = reported(make_site(), view(cookie=cookie), in_turn(lambda t, u=user: t.login(u), emit))  # type: ignore[misc]
        assert "//" not in "".join(yoochoose(recorder))
