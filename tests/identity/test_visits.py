"""Who is minted, who is renewed, and under whose ids events go."""

from __future__ import annotations

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
    in_turn,
    make_site,
    raptor,
    reported,
    respond,
    set_cookies,
    view,
    yoochoose,
)

from footfall.testing import recording


@pytest.mark.parametrize(
    ("headers", "do"), [(PAGE, emit), (SCRIPT, emit), (PAGE, in_turn(lambda tracking: tracking.device_id, emit))]
)
def test_a_first_request_is_consistent(headers: Mapping[str, str], do: View) -> None:
    """D-02, R-06, R-07: the ids in the event are those in that response's cookies."""
    site = make_site()
    with recording(site) as recorder:
        kept = cookies(site, view(headers=headers), do)
    (query,) = raptor(recorder)
    assert (query["coid"], query["sid"]) == ([kept["rsa"]], [kept["rsaSession"]])


def test_one_cookie_serves_both_trackers() -> None:
    """D-08: Raptor's coid is YOOCHOOSE's anonymous id."""
    recorder = reported(make_site(), view(cookie=KNOWN))
    assert (raptor(recorder)[0]["coid"], yoochoose(recorder)) == ([DEVICE], [f"/click/{DEVICE}/1/1"])


def test_a_visit_renews_the_same_ids() -> None:
    """R-21, R-23, Y-03, Y-34: the same values, a year and 20 minutes again."""
    lines = set_cookies(respond(make_site(), view(cookie=KNOWN)))
    assert [line.partition("; Domain")[0] for line in lines[:2]] == [
        f"rsa={DEVICE}; Max-Age=31536000",
        f"rsaSession={SESSION}; Max-Age=1200",
    ]


def test_a_page_without_an_event_is_a_visit() -> None:
    """T-28: cookies are renewed on every page; an event is the view's to report."""
    site = make_site()
    with recording(site) as recorder:
        kept = cookies(site, view(cookie=KNOWN))
    assert (kept["rsa"], recorder.requests) == (DEVICE, [])


def test_the_vendors_own_ids_stay_as_they_are() -> None:
    """T-31: upper case, no version."""
    vendor = "8F14E45F-CEEA-167A-5A36-DEDD4BEA2543"
    assert cookies(make_site(), view(cookie=f"rsa={vendor}"))["rsa"] == vendor


def test_a_new_device_and_session_are_told() -> None:
    tracking = make_site().begin(view())
    assert (tracking.is_new_device, tracking.is_new_session, tracking.is_confirmed) == (True, True, False)


def test_a_known_device_and_session_are_told() -> None:
    tracking = make_site().begin(view(cookie=KNOWN))
    assert (tracking.is_new_device, tracking.is_new_session, tracking.is_confirmed) == (False, False, True)


def test_a_new_session_of_a_known_device_is_told() -> None:
    tracking = make_site().begin(view(cookie=f"rsa={DEVICE}"))
    assert (tracking.is_new_device, tracking.is_new_session) == (False, True)


def test_reading_an_id_twice_gives_the_same() -> None:
    tracking = make_site().begin(view())
    assert (tracking.device_id, tracking.session_id) == (tracking.device_id, tracking.session_id)


# Where nothing is minted


@pytest.mark.parametrize(
    ("what", "method", "headers"),
    [
        ("a payment's return", "POST", PAYMENT_RETURN),
        ("an old browser's POST", "POST", {"user-agent": FIREFOX, "accept": "text/html"}),
        ("another site's picture", "GET", {**SCRIPT, "sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}),
        ("a frame", "GET", {**SCRIPT, "sec-fetch-dest": "iframe"}),
        ("a picture", "GET", {**SCRIPT, "sec-fetch-dest": "image"}),
        ("a prefetch", "GET", {**PAGE, "sec-purpose": "prefetch;prerender"}),
        ("HEAD", "HEAD", PAGE),
        ("a bot", "GET", {**PAGE, "user-agent": "Googlebot"}),
        ("no user agent", "GET", {"accept": "text/html"}),
        ("a preflight", "OPTIONS", {**SCRIPT, "access-control-request-method": "POST"}),
    ],
)
def test_nobody_is_minted_where_no_person_is_or_no_cookie_is_kept(
    what: str, method: str, headers: Mapping[str, str]
) -> None:
    """T-37, R-20: not though the view reports and identifies."""
    site = make_site()
    with recording(site):
        kept = cookies(site, view(method=method, headers=headers), in_turn(emit, lambda tracking: tracking.device_id))
    assert kept == {}, what


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", PAYMENT_RETURN),
        ("GET", {**PAGE, "sec-purpose": "prefetch"}),
        ("GET", {**SCRIPT, "sec-fetch-dest": "image"}),
        ("HEAD", PAGE),
        ("GET", {**PAGE, "user-agent": "Googlebot"}),
    ],
)
def test_what_is_no_visit_renews_nothing(method: str, headers: Mapping[str, str]) -> None:
    """R-21, R-23, T-37."""
    assert cookies(make_site(), view(method=method, headers=headers, cookie=KNOWN)) == {}


@pytest.mark.parametrize(
    ("method", "headers", "reason"),
    [
        ("GET", {**PAGE, "sec-purpose": "prefetch"}, "speculative"),
        ("HEAD", PAGE, "no page"),
        ("GET", {**PAGE, "user-agent": "Googlebot"}, "bot"),
        ("OPTIONS", {**SCRIPT, "access-control-request-method": "POST"}, "preflight"),
    ],
)
def test_what_is_no_visit_reports_nothing(method: str, headers: Mapping[str, str], reason: str) -> None:
    """T-37: and it is counted, with its reason."""
    recorder = reported(make_site(), view(method=method, headers=headers, cookie=KNOWN))
    assert (recorder.requests, recorder.refused) == ([], [("raptor", reason), ("yoochoose", reason)])


def test_a_script_call_that_uses_nothing_mints_nothing() -> None:
    """Six at once would be six visitors."""
    assert cookies(make_site(), view(headers=SCRIPT)) == {}


def test_reading_in_a_script_call_mints_nothing() -> None:
    assert make_site().begin(view(headers=SCRIPT)).device_id is None


def test_an_event_without_an_id_goes_under_the_anonymous_user_alone() -> None:
    """Y-04, T-10, T-36: no random id that nobody holds."""
    recorder = reported(make_site(), view(method="POST", headers=PAYMENT_RETURN))
    assert (yoochoose(recorder), raptor(recorder), recorder.refused) == (
        ["/click/not_defined/1/1"],
        [],
        [("raptor", "no id")],
    )


def test_the_anonymous_user_has_the_sites_name_for_it() -> None:
    """T-36."""
    recorder = reported(make_site(anonymous_user="nobody"), view(method="POST", headers=PAYMENT_RETURN))
    assert yoochoose(recorder) == ["/click/nobody/1/1"]


def test_a_login_without_an_id_of_its_own_merges_nobody() -> None:
    """T-10: the one anonymous user is no source of a login."""
    recorder = reported(make_site(), view(method="POST", headers=PAYMENT_RETURN), lambda t: t.login("johndoe"))
    assert yoochoose(recorder) == []


@pytest.mark.parametrize(
    ("setting", "paths", "refused"),
    [
        ("send", [f"/click/{guid(1)}/1/1"], []),
        ("anonymous", ["/click/not_defined/1/1"], [("raptor", "no id")]),
        ("refuse", [], [("raptor", "unconfirmed"), ("yoochoose", "unconfirmed")]),
    ],
)
def test_events_of_an_id_that_never_came_back_go_as_the_site_says(
    setting: str, paths: list[str], refused: list[tuple[str, str]]
) -> None:
    """Y-04: a browser that keeps no cookie is a new visitor on every page."""
    recorder = reported(make_site(unconfirmed_events=setting), view())
    assert (yoochoose(recorder), recorder.refused) == (paths, refused)


def test_an_id_that_came_back_is_reported_as_any() -> None:
    assert yoochoose(reported(make_site(unconfirmed_events="refuse"), view(cookie=KNOWN))) == [f"/click/{DEVICE}/1/1"]
