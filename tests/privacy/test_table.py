"""What a visitor's choice means, row by row and state by state: one table, and a test for each of its cells."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from tests.identity.asking import (
    DEVICE,
    KNOWN,
    PAGE,
    SESSION,
    View,
    all_of,
    emit,
    guid,
    identify,
    in_turn,
    make_site,
    respond,
    set_cookies,
    view,
)

from footfall import Consent, Site, Tracking
from footfall.consent import OwnCookie, always_granted, cookie, onetrust, own_cookie
from footfall.identity.visitor import Visitor
from footfall.request import RequestView
from footfall.testing import Clock, Recorder, recording

ANNA, BO = "anna@shop.example", "bo@shop.example"
LANDING = "https://www.shop.example/shirt?reaid=new"
STATES = ("unknown", "granted", "denied", "withdrawn")
#: What the platform's cookie says in each state; who withdraws had granted before the view heard otherwise.
SAID = {"unknown": Consent.UNKNOWN, "granted": Consent.GRANTED, "denied": Consent.DENIED, "withdrawn": Consent.GRANTED}
#: The cookies of a visitor whom the site once knew well.
OURS = {"rsa", "rsaSession", "rsaSessionOpen", "rsaRuid", "rsaReaId"}


@dataclass(kw_only=True)
class Outcome:
    """What became of one request."""

    seen: str | None = None  #: the device id that the view was told
    kept: dict[str, str]  #: what the browser was made to keep; ``""``: expired
    lines: list[str]  #: the same, as it was written
    cache_control: list[str]
    reported: Recorder
    told: list[Visitor]  #: what the erasure callback was given

    def parameter(self, name: str) -> set[str]:
        """The values of a parameter in what Raptor would be sent."""
        queries = [parse_qs(urlsplit(one.url).query) for one in self.reported.requests if one.tracker == "raptor"]
        return {value for query in queries for value in query.get(name, [])}


def known_cookies(site: Site) -> str:
    """The cookies of somebody known by device, session, address and newsletter."""
    return f"{KNOWN}; rsaRuid={site.policy.seal(BO, 'rsaRuid', 'shop.example')}; rsaReaId=old"


def play(state: str, *, known: bool, url: str = "https://www.shop.example/shirt", do: View = emit) -> Outcome:
    """Serve one page to a visitor in that state."""
    told: list[Visitor] = []
    site = make_site(consent=lambda _: SAID[state])
    site.on_forget = told.append
    seen: list[str | None] = []

    def look(tracking: Tracking) -> None:
        if state == "withdrawn":
            tracking.deny()
        seen.append(tracking.device_id)
        do(tracking)

    with recording(site) as recorder:
        headers = respond(site, view(url, cookie=known_cookies(site) if known else None), look)
    lines = set_cookies(headers)
    pairs = [line.partition(";")[0].partition("=") for line in lines]
    return Outcome(
        seen=seen[0],
        kept={name: value for name, _, value in pairs},
        lines=lines,
        cache_control=all_of(headers, "cache-control"),
        reported=recorder,
        told=told,
    )


def read(state: str) -> object:
    """Read our cookies: what does the view learn."""
    return play(state, known=True).seen


def mint(state: str) -> object:
    """Mint: what is a newcomer given."""
    return {name: value for name, value in play(state, known=False).kept.items() if value}


def renew(state: str) -> object:
    """Renew, leave or expire the cookies that are there."""
    kept = play(state, known=True).kept
    return {name: {"": "expired"}.get(value, "renewed") for name, value in kept.items()}


def both_scopes(state: str) -> object:
    """Expire in which scopes."""
    lines = [line for line in play(state, known=True).lines if "Max-Age=0" in line]
    return {(line.partition("=")[0], "Domain=shop.example" in line) for line in lines}


def capture(state: str) -> object:
    """Capture a ``reaid`` of the query: in the cookie, and in the event."""
    outcome = play(state, known=False, url=LANDING)
    return outcome.kept.get("rsaReaId"), outcome.parameter("reaid")


def identify_row(state: str) -> object:
    """Identify somebody: their cookie, and their event."""
    outcome = play(state, known=False, do=in_turn(identify, emit))
    return bool(outcome.kept.get("rsaRuid")), outcome.parameter("ruid")


def send(state: str) -> object:
    """Send events, or count them as refused."""
    reported = play(state, known=True).reported
    return len(reported.requests), reported.refused


def erase(state: str) -> object:
    """Erase what waits, and tell the site whose it was, once."""
    outcome = play(state, known=True)
    ids = [(one.device_id, one.session_id, one.ruid, one.reaid) for one in outcome.told]
    return outcome.reported.erased, ids


def privacy(state: str) -> object:
    """Say to shared caches."""
    return play(state, known=True).cache_control


REFUSED = (0, [("raptor", "consent"), ("yoochoose", "consent")])
EXPIRED = dict.fromkeys(OURS, "expired")
EXPIRIES = {(name, everywhere) for name in OURS for everywhere in (False, True)}
ERASED = [DEVICE], [(DEVICE, SESSION, BO, "old")]

Row = Callable[[str], object]
#: From a row to what unknown, granted, denied and withdrawn mean for it.
TABLE: dict[Row, tuple[Any, Any, Any, Any]] = {
    read: (None, DEVICE, None, None),
    mint: ({}, {"rsa": guid(1), "rsaSession": guid(2), "rsaSessionOpen": "1"}, {}, {}),
    renew: ({}, dict.fromkeys(("rsa", "rsaSession", "rsaSessionOpen"), "renewed"), EXPIRED, EXPIRED),
    both_scopes: (set(), set(), EXPIRIES, EXPIRIES),
    capture: ((None, set()), ("new", {"new"}), (None, set()), (None, set())),
    identify_row: ((False, set()), (True, {"YW5uYUBzaG9wLmV4YW1wbGU="}), (False, set()), (False, set())),
    send: (REFUSED, (2, []), REFUSED, REFUSED),
    # Our cookies are there, so the visitor had once granted: a denial in a platform's banner is a withdrawal too.
    erase: (([], []), ([], []), ERASED, ERASED),
    privacy: ([], ["private"], ["private"], ["private"]),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.__name__)
def test_the_table(row: Row, state: str) -> None:
    """D-05."""
    assert row(state) == TABLE[row][STATES.index(state)]


def test_what_was_identified_before_the_grant_counts_once_it_is_given() -> None:
    """R-29, D-05: kept in memory for this request only, then in a cookie and in the event."""
    outcome = play("unknown", known=False, do=in_turn(identify, emit, lambda t: t.grant()))
    assert (bool(outcome.kept["rsaRuid"]), outcome.parameter("ruid")) == (True, {"YW5uYUBzaG9wLmV4YW1wbGU="})


@pytest.mark.parametrize("choose", [lambda t: t.deny(), lambda t: t.grant(person=False)], ids=["deny", "device only"])
def test_what_was_identified_before_a_denial_is_told_to_nobody(choose: View) -> None:
    """D-05."""
    outcome = play("unknown", known=False, do=in_turn(identify, emit, choose))
    assert ("rsaRuid" in outcome.kept, outcome.parameter("ruid"), outcome.told) == (False, set(), [])


def test_what_was_identified_under_a_denial_is_gone_though_a_grant_follows() -> None:
    """D-05."""
    outcome = play("denied", known=False, do=in_turn(identify, lambda t: t.grant(), emit))
    assert ("rsaRuid" in outcome.kept, outcome.parameter("ruid"), bool(outcome.kept["rsa"])) == (False, set(), True)


@pytest.mark.parametrize(("do", "sent"), [(emit, 2), (lambda _: None, 0)], ids=["a page that reports", "one that not"])
def test_who_withdraws_as_a_person_is_erased_as_a_person_and_stays_a_device(do: View, sent: int) -> None:
    """D-05: what waits under their ids goes first; this page's event is the device's and stays."""
    told: list[Visitor] = []
    site = make_site(consent={"device": always_granted, "person": lambda _: Consent.DENIED})
    site.on_forget = told.append
    with recording(site) as recorder:
        respond(site, view(cookie=known_cookies(site)), do)
    assert [(one.device_id, one.ruid, one.reaid) for one in told] == [(None, BO, "old")]
    assert (recorder.erased, len(recorder.requests)) == ([DEVICE], sent)


def test_what_was_held_of_somebody_who_is_then_forgotten_is_refused_as_theirs() -> None:
    site = make_site(consent=own_cookie())
    with recording(site) as recorder:
        respond(site, view(cookie=KNOWN), in_turn(emit, lambda t: t.forget(), lambda t: t.grant()))
    assert (recorder.requests, recorder.refused) == ([], [("raptor", "forgotten"), ("yoochoose", "forgotten")])


def test_without_a_choice_what_comes_after_the_response_is_refused_as_well() -> None:
    """D-05: a background task's event, which no later grant could cover, even where a tracker takes nobody's."""
    site = make_site(consent=own_cookie(), anonymous_user="dummy")
    tracking = site.begin(view(cookie=KNOWN))
    with recording(site) as recorder:
        tracking.finish(200, [])
        emit(tracking)
    assert (recorder.requests, recorder.refused) == ([], [("raptor", "consent"), ("yoochoose", "consent")])


# Global Privacy Control


@pytest.mark.parametrize("reader", [always_granted, own_cookie(), onetrust("C0004")], ids=["always", "own", "platform"])
def test_gpc_outweighs_every_grant(reader: Any) -> None:
    """D-05, 11 CCR 7025: and templates can show that it does."""
    site = make_site(consent=reader)
    site.now = Clock()
    said = f"footfallConsent=1.g.g.{int(site.now())}; OptanonConsent=groups=C0004:1; OptanonAlertBoxClosed=1"
    tracking = site.begin(view(headers={**PAGE, "sec-gpc": "1"}, cookie=f"{said}; {KNOWN}"))
    assert (tracking.gpc, tracking.consent, tracking.person_consent, tracking.device_id) == (
        True,
        Consent.DENIED,
        Consent.DENIED,
        None,
    )


@pytest.mark.parametrize("value", ["0", "", "true", "11", "1;1"])
def test_gpc_has_the_one_value_1(value: str) -> None:
    tracking = make_site().begin(view(headers={**PAGE, "sec-gpc": value}))
    assert (tracking.gpc, tracking.consent) == (False, Consent.GRANTED)


def test_a_page_that_shows_a_denial_is_for_nobody_elses_cache() -> None:
    """11 CCR 7025: the page says that the signal was honoured, which is not true of the next visitor."""
    headers = respond(make_site(), view(headers={**PAGE, "sec-gpc": "1"}), lambda t: t.gpc)
    assert headers == [("Cache-Control", "private")]


# Readers


def test_two_readers_answer_for_one_purpose_each() -> None:
    site = make_site(consent={"device": cookie("a", lambda _: True), "person": cookie("b", lambda _: False)})
    tracking = site.begin(view(cookie="a=1; b=1"))
    assert (tracking.consent, tracking.person_consent) == (Consent.GRANTED, Consent.DENIED)


def raising(_: RequestView) -> Consent:
    raise ValueError(f"cannot read {ANNA}")


RUBBISH: dict[str, Any] = {
    "raises": raising,
    "none": lambda _: None,
    "text": lambda view: view.cookie("rsa"),
    "true": lambda _: True,
    "a pair": lambda _: (Consent.GRANTED, Consent.GRANTED),
}


@pytest.mark.parametrize("reader", RUBBISH.values(), ids=RUBBISH)
def test_a_reader_that_fails_leaves_the_visitor_unknown_and_one_line_without_values(
    reader: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site(consent=reader)
    outcomes = [respond(site, view(cookie=f"{KNOWN}; name={ANNA}"), emit) for _ in range(3)]
    assert outcomes == [[], [], []]
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert not any(secret in lines[0] for secret in (DEVICE, SESSION, ANNA, "shop.example"))


async def silent(_: RequestView) -> Consent:
    await anyio.sleep_forever()
    return Consent.GRANTED


def test_a_reader_that_never_answers_keeps_no_page_and_leaves_the_visitor_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind ASGI it is awaited, for a second at most."""
    monkeypatch.setattr("footfall.tracking.tracking.CONSENT_WAIT", 0.05)
    tracking = make_site(consent=silent).begin(view(cookie=KNOWN))
    anyio.run(tracking.read_consent_async)
    assert (tracking.consent, tracking.device_id) == (Consent.UNKNOWN, None)


# The own cookie


@pytest.mark.parametrize(
    ("choose", "letters"),
    [
        (lambda t: t.grant(), "g.g"),
        (lambda t: t.grant(person=False), "g.d"),
        (lambda t: t.deny(), "d.d"),
        (in_turn(lambda t: t.grant(), lambda t: t.deny()), "d.d"),
        (in_turn(lambda t: t.deny(), lambda t: t.grant()), "g.g"),
    ],
    ids=["grant", "device only", "deny", "changed to deny", "changed to grant"],
)
def test_a_choice_is_written_with_its_version_and_time_and_ages(choose: View, letters: str) -> None:
    """D-05: the last word wins, and no choice outlives its wording or half a year."""
    site = make_site(consent=own_cookie())
    site.now = clock = Clock()
    line = next(one for one in set_cookies(respond(site, view(), choose)) if one.startswith("footfallConsent="))
    written = line.partition(";")[0]
    assert written == f"footfallConsent=1.{letters}.{int(clock())}"
    assert "; Max-Age=15552000; Domain=shop.example; Path=/; Secure; SameSite=Lax" in line

    def heard(reader: OwnCookie) -> list[str]:
        tracking = make_site(consent=reader, secret_keys=("a key of thirty-two letters, say",))
        tracking.now = clock
        one = tracking.begin(view(cookie=written))
        return [one.consent.value[0], one.person_consent.value[0]]

    assert ".".join(heard(own_cookie())) == letters
    assert heard(own_cookie(version=2)) == ["u", "u"]
    clock.advance(15_552_001)
    assert heard(own_cookie()) == ["u", "u"]


def test_where_a_platform_keeps_the_choice_none_is_written() -> None:
    site = make_site(consent=onetrust("C0004"))
    lines = set_cookies(respond(site, view(), lambda t: t.grant()))
    assert {line.partition("=")[0] for line in lines} == {"rsa", "rsaSession", "rsaSessionOpen"}
