"""The question itself: both purposes, the browser's own signal, and readers that do not do as they should."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.consent import (
    all_of,
    always_granted,
    any_of,
    cookiebot,
    has_gpc,
    is_async,
    onetrust,
    own_cookie,
    read_consent,
    read_consent_async,
    tcf,
)
from footfall.request import Consent, RequestView

Visit = Callable[..., RequestView]
Ask = Callable[..., tuple[Consent, Consent]]

NOW = 1_764_000_000
U, G, D = Consent.UNKNOWN, Consent.GRANTED, Consent.DENIED


def ask_async(reader: Any, view: RequestView, **options: Any) -> tuple[Consent, Consent]:
    return asyncio.run(read_consent_async(reader, view, **options))


either_way = pytest.mark.parametrize("ask", [read_consent, ask_async])


def always(answer: Any) -> Callable[[RequestView], Any]:
    return lambda view: answer


async def granted_later(view: RequestView) -> Consent:
    await asyncio.sleep(0)
    return Consent.GRANTED


class CalledLater:
    async def __call__(self, view: RequestView) -> Consent:
        return Consent.GRANTED


def fail(view: RequestView) -> Consent:
    raise LookupError(view.header("cookie"))


@either_way
def test_a_single_reader_gates_both_purposes(visit: Visit, ask: Ask) -> None:
    assert ask(always_granted, visit(), honour_gpc=True) == (G, G)


@either_way
@pytest.mark.parametrize("make", [own_cookie, lambda: None, lambda: all_of(own_cookie(), always_granted)])
def test_an_own_cookie_gates_each_purpose_by_its_own(visit: Visit, ask: Ask, make: Callable[[], Any]) -> None:
    assert ask(make(), visit(f"footfallConsent=1.g.d.{NOW}"), honour_gpc=True) == (G, D)


@either_way
def test_a_mapping_gates_each_purpose_by_its_reader(visit: Visit, ask: Ask) -> None:
    assert ask({"device": always(G), "person": always(D)}, visit(), honour_gpc=True) == (G, D)


@either_way
def test_an_own_cookie_under_person_answers_for_the_person(visit: Visit, ask: Ask) -> None:
    reader = {"device": always_granted, "person": own_cookie()}
    assert ask(reader, visit(f"footfallConsent=1.g.d.{NOW}"), honour_gpc=True) == (G, D)


@either_way
@pytest.mark.parametrize(("device", "person"), list(product(Consent, repeat=2)))
def test_the_person_is_never_known_better_than_the_device(
    visit: Visit, ask: Ask, device: Consent, person: Consent
) -> None:
    # At most what the device may; a denial stands by itself.
    rank = [D, U, G].index
    answer = ask({"device": always(device), "person": always(person)}, visit(), honour_gpc=True)
    assert answer == (device, min(device, person, key=rank))


def test_a_single_reader_is_asked_once(visit: Visit) -> None:
    asked: list[RequestView] = []

    def reader(view: RequestView) -> Consent:
        asked.append(view)
        return Consent.GRANTED

    read_consent(reader, visit(), honour_gpc=True)
    assert len(asked) == 1


@either_way
@pytest.mark.parametrize("reader", [always_granted, own_cookie(), None])
def test_gpc_denies_both_purposes_whatever_a_reader_says(visit: Visit, ask: Ask, reader: Any) -> None:
    assert ask(reader, visit(f"footfallConsent=1.g.g.{NOW}", gpc="1"), honour_gpc=True) == (D, D)


@either_way
def test_gpc_is_passed_over_where_a_site_does_not_honour_it(visit: Visit, ask: Ask) -> None:
    assert ask(always_granted, visit(gpc="1"), honour_gpc=False) == (G, G)


@pytest.mark.parametrize(
    ("header", "expected"),
    [("1", True), (" 1 ", True), ("1, 1", True), (None, False), ("", False), ("0", False), ("11", False)],
)
def test_gpc_has_one_value(visit: Visit, header: str | None, expected: bool) -> None:
    assert has_gpc(visit(gpc=header)) is expected


@either_way
@pytest.mark.parametrize("reader", [fail, any_of(always_granted, fail)])
def test_a_reader_that_raises_is_unknown_and_reported(visit: Visit, ask: Ask, reader: Any) -> None:
    errors: list[Exception] = []
    answer = ask(reader, visit(), honour_gpc=True, on_error=errors.append)
    assert (answer, list(map(type, errors))) == ((U, U), [LookupError])


@either_way
@pytest.mark.parametrize("rubbish", [None, True, 1, "granted", (G, G), {"device": G}])
def test_an_answer_that_is_no_consent_is_unknown_and_reported_by_its_type(
    visit: Visit, ask: Ask, rubbish: object
) -> None:
    errors: list[Exception] = []
    answer = ask(always(rubbish), visit(), honour_gpc=True, on_error=errors.append)
    expected = f"a consent reader answered {type(rubbish).__name__}; it must return a Consent"
    assert (answer, list(map(str, errors))) == ((U, U), [expected])


@either_way
def test_nobody_needs_to_listen_to_errors(visit: Visit, ask: Ask) -> None:
    assert ask(fail, visit(), honour_gpc=True) == (U, U)


@either_way
def test_one_purposes_failure_leaves_the_other_its_answer(visit: Visit, ask: Ask) -> None:
    assert ask({"device": always_granted, "person": fail}, visit(), honour_gpc=True) == (G, U)


# An answer that nobody awaited would warn when it is collected, and every warning fails a test.
@pytest.mark.parametrize("reader", [granted_later, all_of(always_granted, granted_later), any_of(granted_later)])
def test_where_nothing_can_await_an_async_reader_is_unknown_and_reported(visit: Visit, reader: Any) -> None:
    errors: list[Exception] = []
    answer = read_consent(reader, visit(), honour_gpc=True, on_error=errors.append)
    assert answer == (U, U)
    assert "write a plain function" in str(errors[0])


@pytest.mark.parametrize(
    "reader",
    [
        granted_later,
        CalledLater(),
        all_of(always_granted, granted_later),
        any_of(granted_later, all_of(granted_later)),
        {"device": granted_later, "person": always_granted},
    ],
)
def test_where_something_can_await_an_async_reader_is_asked(visit: Visit, reader: Any) -> None:
    assert ask_async(reader, visit(), honour_gpc=True) == (G, G)


def test_an_async_reader_that_raises_is_unknown_and_reported(visit: Visit) -> None:
    async def fail_later(view: RequestView) -> Consent:
        raise LookupError

    errors: list[Exception] = []
    reader = any_of(granted_later, fail_later, granted_later)
    answer = ask_async(reader, visit(), honour_gpc=True, on_error=errors.append)
    assert (answer, list(map(type, errors))) == ((U, U), [LookupError])


def test_a_request_that_is_cancelled_while_it_waits_is_cancelled(visit: Visit) -> None:
    async def never(view: RequestView) -> Consent:
        await asyncio.Event().wait()
        return Consent.GRANTED

    async def cancel() -> None:
        reader = any_of(never, granted_later)
        task = asyncio.create_task(read_consent_async(reader, visit(), honour_gpc=True))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (granted_later, True),
        (CalledLater(), True),
        (partial(granted_later), True),
        (all_of(always_granted, any_of(granted_later)), True),
        ({"device": always_granted, "person": granted_later}, True),
        (None, False),
        (own_cookie(), False),
        (own_cookie().person, False),
        (all_of(always_granted, tcf()), False),
        ({"device": always_granted, "person": own_cookie()}, False),
    ],
)
def test_it_is_known_beforehand_who_must_be_awaited(reader: Any, expected: bool) -> None:
    assert is_async(reader) is expected


READERS: list[Callable[[RequestView], Consent | Awaitable[Consent]]] = [
    own_cookie(),
    onetrust("C0004"),
    cookiebot("marketing"),
    tcf({1}),
    all_of(own_cookie(), onetrust("C0004"), cookiebot("marketing"), tcf({1})),
    any_of(own_cookie(), onetrust("C0004"), cookiebot("marketing"), tcf({1})),
]
NAMES = ["footfallConsent=", "OptanonConsent=", "OptanonAlertBoxClosed=", "CookieConsent=", "euconsent-v2=", "; ", ","]


@pytest.mark.parametrize("reader", READERS)
@given(parts=st.lists(st.sampled_from(NAMES) | st.text(st.characters(max_codepoint=255)), max_size=12))
def test_no_cookie_header_makes_a_reader_fail(visit: Visit, reader: Any, parts: list[str]) -> None:
    errors: list[Exception] = []
    read_consent(reader, visit("".join(parts)), honour_gpc=True, on_error=errors.append)
    assert errors == []
