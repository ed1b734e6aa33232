"""What an answer means (requirements, section F)."""

from __future__ import annotations

import pytest

from footfall.delivery.sending.verdict import Delivered, NoReply, Refused, TryAgain, escape, judge, parse_retry_after
from footfall.wire import WhenUnanswered, WireReply

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def verdict(status: int, body: bytes = b"", **headers: str) -> Delivered | TryAgain | Refused:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(WireReply(status=status, headers=names, body=body), WhenUnanswered.REPEAT, now=NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
def test_success_is_delivered(status: int) -> None:
    """Y-60."""
    assert verdict(status) == Delivered()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 414, 422, 451])
def test_what_the_tracker_will_never_take_is_refused_at_once(status: int) -> None:
    """Y-61, Y-62, Y-63, Y-64."""
    refused = verdict(status)
    assert isinstance(refused, Refused)
    assert refused.status == status
    assert refused.healthy


@pytest.mark.parametrize(
    ("status", "word"), [(401, "licence key"), (404, "base URL"), (414, "too long"), (301, "redirect")]
)
def test_the_reason_says_where_to_look(status: int, word: str) -> None:
    """Y-62, Y-64."""
    refused = verdict(status)
    assert isinstance(refused, Refused)
    assert word in refused.reason


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 429, 408, 425])
def test_what_may_pass_is_tried_again(status: int) -> None:
    """Y-65, Y-67."""
    assert isinstance(verdict(status), TryAgain)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_a_redirect_is_refused(status: int) -> None:
    """Y-67: no request goes to another host."""
    assert isinstance(verdict(status, location="https://elsewhere.example/"), Refused)


def test_the_words_of_an_answer_change_nothing() -> None:
    """Y-66."""
    assert verdict(200, b"ERROR: event discarded") == Delivered()


def test_an_answer_is_kept_escaped_and_cut() -> None:
    """Y-66."""
    assert escape(b"<b>no\r\n\x1b[31m \xff caf\xc3\xa9" + b"x" * 5000).startswith(
        "<b>no\\r\\n\\x1b[31m \\\\xff caf\\xe9xxx"
    )
    assert len(escape(b"x" * 5000)) == 1024


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:12:20 GMT", 0.0),
        ("Tuesday, 14-Nov-23 22:14:20 GMT", 60.0),
        ("86400", 3600.0),
        ("9" * 400, 3600.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("Tue, 99 Nov 2023 22:14:20 GMT", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, now=NOW) == seconds


def test_retry_after_pauses_the_tracker() -> None:
    assert verdict(503, retry_after="30") == TryAgain("answered 503", 30.0)


@pytest.mark.parametrize("when", WhenUnanswered)
def test_what_was_certainly_not_sent_is_tried_again(when: WhenUnanswered) -> None:
    assert judge(NoReply(sent=False, what="no connection"), when, now=NOW) == TryAgain("no connection", unreached=True)


def test_what_was_sent_and_not_answered_is_repeated_or_set_aside_as_its_kind_says() -> None:
    outcome = NoReply(sent=True, what="timed out")
    assert judge(outcome, WhenUnanswered.REPEAT, now=NOW) == TryAgain("timed out")
    aside = judge(outcome, WhenUnanswered.SET_ASIDE, now=NOW)
    assert aside == Refused("unanswered: timed out after it was sent", healthy=False)


def test_a_set_aside_request_that_was_answered_503_is_tried_again() -> None:
    reply = WireReply(status=503)
    assert isinstance(judge(reply, WhenUnanswered.SET_ASIDE, now=NOW), TryAgain)
