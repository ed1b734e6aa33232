"""Readers made of readers, and the own cookie that a grant is written to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations, product
from typing import Any

import pytest

from footfall.config import ConsentReader
from footfall.consent import all_of, always_granted, any_of, cookiebot, first_of, onetrust, own_cookie, own_cookie_of
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView

Visit = Callable[..., RequestView]

NOW = 1_764_000_000
U, G, D = Consent.UNKNOWN, Consent.GRANTED, Consent.DENIED


def always(answer: Consent) -> Callable[[RequestView], Consent]:
    return lambda view: answer


def later(answer: Any) -> Callable[[RequestView], Awaitable[Any]]:
    async def read(view: RequestView) -> Any:
        await asyncio.sleep(0)
        return answer

    return read


async def wait_for(answer: Consent | Awaitable[Consent]) -> Consent:
    assert not isinstance(answer, Consent)
    return await answer


@pytest.mark.parametrize(
    ("answers", "expected"),
    [((G, G, G), G), ((G, G, U), U), ((G, G, D), D), ((G, U, D), D), ((U, U, U), U), ((D, D, D), D), ((U, U, D), D)],
)
def test_all_of_grants_what_all_grant_in_any_order(
    visit: Visit, answers: tuple[Consent, ...], expected: Consent
) -> None:
    assert {all_of(*map(always, order))(visit()) for order in permutations(answers)} == {expected}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [((G, G, G), G), ((G, U, U), G), ((G, D, D), G), ((G, U, D), G), ((U, U, U), U), ((D, D, D), D), ((U, U, D), D)],
)
def test_any_of_grants_what_any_grants_and_else_denies_what_any_denies(
    visit: Visit, answers: tuple[Consent, ...], expected: Consent
) -> None:
    assert {any_of(*map(always, order))(visit()) for order in permutations(answers)} == {expected}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [((G, D, D), G), ((D, G, G), D), ((U, G, D), G), ((U, U, D), D), ((U, D, G), D), ((U, U, U), U)],
)
def test_first_of_answers_as_the_first_that_knows(
    visit: Visit, answers: tuple[Consent, ...], expected: Consent
) -> None:
    assert first_of(*map(always, answers))(visit()) is expected


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ("CookieConsent=0; footfallConsent=1.g.g.1764000000", D),
        ("CookieConsent=-1; footfallConsent=1.d.d.1764000000", G),
        ("footfallConsent=1.g.g.1764000000", G),
        ("footfallConsent=1.d.d.1764000000", D),
        ("CookieConsent=rubbish; footfallConsent=1.g.g.1764000000", G),
        ("x=1", U),
    ],
)
def test_a_platform_counts_where_it_speaks_and_the_own_cookie_where_it_is_absent(
    visit: Visit, cookies: str, expected: Consent
) -> None:
    assert first_of(cookiebot("marketing"), own_cookie())(visit(cookies)) is expected


@pytest.mark.parametrize("combine", [all_of, any_of, first_of])
@pytest.mark.parametrize("answers", list(product(Consent, repeat=2)))
def test_readers_that_must_be_awaited_combine_as_the_others_do(
    visit: Visit, combine: Callable[..., ConsentReader], answers: tuple[Consent, Consent]
) -> None:
    awaited = asyncio.run(wait_for(combine(always(answers[0]), later(answers[1]))(visit())))
    assert awaited is combine(*map(always, answers))(visit())


def test_a_reader_inside_that_raises_is_not_passed_over(visit: Visit) -> None:
    def fail(view: RequestView) -> Consent:
        raise LookupError

    with pytest.raises(LookupError):
        any_of(later(G), always_granted, fail)(visit())


def test_rubbish_inside_is_not_passed_over(visit: Visit) -> None:
    rubbish: Any = always_granted, lambda view: "granted"
    with pytest.raises(TypeError, match="answered str; it must return a Consent"):
        any_of(*rubbish)(visit())


def test_awaited_rubbish_inside_is_not_passed_over(visit: Visit) -> None:
    with pytest.raises(TypeError, match="answered bool; it must return a Consent"):
        asyncio.run(wait_for(any_of(later(True), later(G))(visit())))


@pytest.mark.parametrize(
    ("combine", "value", "expected"),
    [
        (all_of, "g.d", (G, D)),
        (all_of, "g.g", (G, G)),
        (any_of, "d.d", (G, G)),
    ],
)
def test_an_own_cookie_inside_gates_each_purpose_by_its_own(
    visit: Visit, combine: Callable[..., Any], value: str, expected: tuple[Consent, Consent]
) -> None:
    reader = combine(always_granted, own_cookie())
    view = visit(f"footfallConsent=1.{value}.{NOW}")
    assert (reader(view), reader.person(view)) == expected


def test_an_own_cookie_deeper_inside_gates_each_purpose_by_its_own(visit: Visit) -> None:
    reader = all_of(always_granted, any_of(own_cookie(), cookiebot("marketing")))
    assert reader.person(visit(f"footfallConsent=1.g.d.{NOW}")) is D


OWN = own_cookie("c", version=2)


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (None, own_cookie()),
        (OWN, OWN),
        (OWN.person, OWN),
        (all_of(onetrust("C0004"), OWN), OWN),
        (any_of(all_of(OWN, always_granted), OWN), OWN),
        ({"device": onetrust("C0004"), "person": OWN}, OWN),
        ({"device": OWN, "person": OWN.person}, OWN),
        (onetrust("C0004"), None),
        (all_of(onetrust("C0004")), None),
        (always_granted, None),
    ],
)
def test_the_own_cookie_is_found_wherever_it_stands(reader: Any, expected: object) -> None:
    assert own_cookie_of(reader) == expected


def test_a_combined_reader_shows_its_own_cookie() -> None:
    assert all_of(onetrust("C0004"), OWN).own is OWN


@pytest.mark.parametrize("combine", [all_of, any_of, first_of])
def test_it_is_shown_as_it_was_written(combine: Callable[..., object]) -> None:
    assert repr(combine(onetrust("C0004"))) == f"{combine.__name__}(onetrust('C0004'))"


@pytest.mark.parametrize("combine", [all_of, any_of])
@pytest.mark.parametrize(
    ("readers", "message"),
    [
        ((), ": has no readers; give it two or more"),
        ((always_granted, G), "'s reader 1: is .*GRANTED.*; write a reader such as own_cookie"),
        (({"device": OWN},), "'s reader 0: is .*; write a reader"),
        ((OWN, own_cookie("d")), ": has different own cookies, .*'c'.* and .*'d'.*; give it the same one"),
    ],
)
def test_wrong_readers_are_refused_at_start_up(
    combine: Callable[..., object], readers: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{combine.__name__}{message}"):
        combine(*readers)


def test_a_mapping_with_two_own_cookies_is_refused() -> None:
    with pytest.raises(ConfigError, match="consent: has different own cookies"):
        own_cookie_of({"device": OWN, "person": own_cookie("d")})
