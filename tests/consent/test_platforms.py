"""Consent platforms' cookies, as their scripts write them, and any cookie by a predicate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.consent import cookie, cookiebot, onetrust
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView

Visit = Callable[..., RequestView]

U, G, D = Consent.UNKNOWN, Consent.GRANTED, Consent.DENIED
TEXT = st.text(st.characters(max_codepoint=255))

OPTANON = (
    "isGpcEnabled=0&datestamp=Tue+Nov+24+2026+10%3A00%3A00+GMT%2B0100&version=202501.1.0&consentId=5f2c"
    "&interactionCount=1&groups=C0001%3A1%2CC0002%3A0%2CC0004%3A1&AwaitingReconsent=false"
)
COOKIEBOT = (
    "{stamp:%27Abc/d+e==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:true%2Cmarketing:false"
    "%2Cmethod:%27explicit%27%2Cver:1%2Cutc:1764000000000%2Cregion:%27dk%27}"
)


@pytest.mark.parametrize(("group", "expected"), [("C0001", G), ("C0002", D), ("C0004", G), ("C0003", U), ("C000", U)])
def test_onetrust_reads_each_group_of_its_documented_cookie(visit: Visit, group: str, expected: Consent) -> None:
    assert onetrust(group)(visit(f"OptanonConsent={OPTANON}")) is expected


def test_onetrust_is_unknown_before_the_banner_is_answered(visit: Visit) -> None:
    undecided = OPTANON.replace("interactionCount=1", "interactionCount=0")
    assert onetrust("C0004")(visit(f"OptanonConsent={undecided}")) is U


def test_onetrust_counts_a_closed_banner_as_answered(visit: Visit) -> None:
    undecided = OPTANON.replace("interactionCount=1", "interactionCount=0")
    closed = "OptanonAlertBoxClosed=2026-11-24T09:00:00.000Z"
    assert onetrust("C0004")(visit(f"OptanonConsent={undecided}; {closed}")) is G


def test_onetrust_is_unknown_while_a_new_wording_awaits_its_answer(visit: Visit) -> None:
    awaiting = OPTANON.replace("AwaitingReconsent=false", "AwaitingReconsent=true")
    closed = "OptanonAlertBoxClosed=2026-11-24T09:00:00.000Z"
    assert onetrust("C0004")(visit(f"OptanonConsent={awaiting}; {closed}")) is U


@pytest.mark.parametrize(
    "groups",
    ["", "C0004", "C0004%3A", "C0004%3A2", "C0004%3Atrue", "C0004%3A1%2CC0004%3A0", "XC0004%3A1", "c0004%3A1", "%"],
)
def test_onetrust_does_not_know_rubbish_in_its_groups(visit: Visit, groups: str) -> None:
    assert onetrust("C0004")(visit(f"OptanonConsent=interactionCount=1&groups={groups}")) is U


def test_onetrust_does_not_know_a_field_that_says_two_things(visit: Visit) -> None:
    twice = f"{OPTANON}&groups=C0004%3A0"
    assert onetrust("C0004")(visit(f"OptanonConsent={twice}")) is U


@pytest.mark.parametrize(("category", "expected"), [("preferences", D), ("statistics", G), ("marketing", D)])
def test_cookiebot_reads_each_category_of_its_documented_cookie(visit: Visit, category: str, expected: Consent) -> None:
    assert cookiebot(category)(visit(f"CookieConsent={COOKIEBOT}")) is expected


@pytest.mark.parametrize(("value", "expected"), [("0", D), ("-1", G)])
def test_cookiebot_reads_its_short_answers(visit: Visit, value: str, expected: Consent) -> None:
    assert cookiebot("marketing")(visit(f"CookieConsent={value}")) is expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "true",
        "marketing:true",
        "{marketing:true",
        "{xmarketing:true}",
        "{marketing:trueish}",
        "{marketing:'true'}",
        "{stamp:%27%2Cmarketing:true%2C%27}",
        "{marketing:true%2Cmarketing:false}",
        "{necessary:true}",
    ],
)
def test_cookiebot_does_not_know_rubbish(visit: Visit, value: str) -> None:
    assert cookiebot("marketing")(visit(f"CookieConsent={value}")) is U


@pytest.mark.parametrize(("answer", "expected"), [(True, G), (False, D), (None, U), (G, G), (D, D), (U, U)])
def test_a_predicate_says_what_a_cookie_means(visit: Visit, answer: Any, expected: Consent) -> None:
    assert cookie("c", lambda _: answer)(visit("c=1")) is expected


def test_a_predicate_is_given_the_raw_value(visit: Visit) -> None:
    assert cookie("c", lambda value: value == "optional=-1|social=2013%2B")(visit("c=optional=-1|social=2013%2B")) is G


def test_a_predicate_is_not_asked_about_an_absent_cookie(visit: Visit) -> None:
    assert cookie("c", lambda _: True)(visit("d=1")) is U


@pytest.mark.parametrize("answer", [1, "yes", object()])
def test_a_predicate_that_answers_something_else_is_an_error(visit: Visit, answer: Any) -> None:
    with pytest.raises(TypeError, match=f"answered {type(answer).__name__}; return True, False or None"):
        cookie("c", lambda _: answer)(visit("c=1"))


@pytest.mark.parametrize("reader", [onetrust("C0004"), cookiebot("marketing"), cookie("c", bool)])
def test_no_cookie_is_no_choice(visit: Visit, reader: Callable[[RequestView], Consent]) -> None:
    assert reader(visit()) is U


@pytest.mark.parametrize("order", [1, -1])
def test_twins_that_differ_are_unknown_in_any_order(visit: Visit, order: int) -> None:
    assert cookiebot("marketing")(visit("; ".join(["CookieConsent=-1", "CookieConsent=0"][::order]))) is U


def test_twins_that_agree_count(visit: Visit) -> None:
    assert cookiebot("statistics")(visit(f"CookieConsent=-1; CookieConsent={COOKIEBOT}")) is G


@given(value=TEXT)
def test_onetrust_makes_no_consent_of_a_text_without_its_answer(visit: Visit, value: str) -> None:
    answer = onetrust("C0004")(visit(f"OptanonConsent={value}; OptanonAlertBoxClosed=1"))
    assert answer is U or "C0004" in value


@given(value=TEXT)
def test_onetrust_survives_any_groups(visit: Visit, value: str) -> None:
    answer = onetrust("C0004")(visit(f"OptanonConsent=interactionCount=1&groups={value}"))
    assert answer is U or "C0004" in value


@given(value=TEXT)
def test_cookiebot_makes_no_consent_of_a_text_without_its_answer(visit: Visit, value: str) -> None:
    answer = cookiebot("marketing")(visit(f"CookieConsent={value}"))
    assert answer is U or "marketing" in value or value.strip(" \t").startswith(("0", "-1"))


@given(members=st.lists(st.sampled_from(["{", "}", ",", " ", "'", "marketing", ":", "true", "false", "%27", "%2C"])))
def test_cookiebot_survives_any_object(visit: Visit, members: list[str]) -> None:
    assert cookiebot("marketing")(visit("CookieConsent={" + "".join(members) + "}")) in Consent


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: onetrust(""), "onetrust's group: is ''; write"),
        (lambda: onetrust("C0004:1"), "onetrust's group: is 'C0004:1'; write"),
        (lambda: onetrust(4), "onetrust's group: is 4; write"),  # type: ignore[arg-type]
        (lambda: cookiebot("Marketing"), "cookiebot's category: is 'Marketing'; write 'preferences' or"),
        (lambda: cookiebot(None), "cookiebot's category: is None; write"),  # type: ignore[arg-type]
        (lambda: cookie("a=b", bool), "cookie's cookie: is 'a=b'; write"),
        (lambda: cookie("a", "yes"), "cookie's predicate: is 'yes'; write"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_argument_is_refused_at_start_up(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).startswith(message)
