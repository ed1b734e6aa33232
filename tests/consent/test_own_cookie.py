"""The site's own consent cookie: what it says, for how long, and which of two counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.consent import OwnCookie, own_cookie
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView

Visit = Callable[..., RequestView]

NOW = 1_764_000_000
U, G, D = Consent.UNKNOWN, Consent.GRANTED, Consent.DENIED
HALF_A_YEAR = 180 * 86400


@pytest.mark.parametrize("device", Consent)
@pytest.mark.parametrize("person", Consent)
def test_it_reads_back_what_it_wrote(visit: Visit, device: Consent, person: Consent) -> None:
    own = own_cookie()
    assert own.read(visit(f"footfallConsent={own.format(device, person, NOW)}")) == (device, person)


def test_it_writes_version_purposes_and_time() -> None:
    assert own_cookie(version=3).format(G, D, NOW + 0.9) == "3.g.d.1764000000"


def test_called_it_answers_for_the_device(visit: Visit) -> None:
    assert own_cookie()(visit(f"footfallConsent=1.g.d.{NOW}")) is G


def test_its_person_reader_answers_for_the_person(visit: Visit) -> None:
    assert own_cookie().person(visit(f"footfallConsent=1.g.d.{NOW}")) is D


def test_it_reads_a_cookie_of_another_name(visit: Visit) -> None:
    assert own_cookie("c").read(visit(f"a=1; c=1.g.g.{NOW}")) == (G, G)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "1.g.g",
        f"1.g.g.{NOW}.",
        f" 1 .g.g.{NOW}",
        f"1.G.g.{NOW}",
        f"1.x.g.{NOW}",
        f"1.g.g.-{NOW}",
        f"1.g.g.{NOW}.0",
        f"01.g.g.{NOW}",
        f'"1.g.g.{NOW}',
        "1.g.g.99999999999999999999",
        "1.g.g.١٧٦٤٠٠٠٠٠٠",
        f"1%2Eg%2Eg%2E{NOW}",
    ],
)
def test_a_malformed_value_is_unknown(visit: Visit, value: str) -> None:
    assert own_cookie().read(visit(f"footfallConsent={value}")) == (U, U)


@pytest.mark.parametrize("version", [1, 3, 12])
def test_a_choice_on_another_wording_is_unknown(visit: Visit, version: int) -> None:
    assert own_cookie(version=2).read(visit(f"footfallConsent={version}.g.g.{NOW}")) == (U, U)


@pytest.mark.parametrize(("age", "expected"), [(HALF_A_YEAR, G), (HALF_A_YEAR + 1, U)])
def test_a_choice_counts_until_its_age_limit(visit: Visit, age: int, expected: Consent) -> None:
    assert own_cookie()(visit(f"footfallConsent=1.g.g.{NOW - age}")) is expected


@pytest.mark.parametrize(("ahead", "expected"), [(300, G), (301, U)])
def test_a_choice_from_the_future_counts_within_five_minutes(visit: Visit, ahead: int, expected: Consent) -> None:
    assert own_cookie()(visit(f"footfallConsent=1.g.g.{NOW + ahead}")) is expected


def test_a_request_without_a_time_finds_no_choice(visit: Visit) -> None:
    assert own_cookie()(visit(f"footfallConsent=1.g.g.{NOW}", at=0.0)) is U


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((f"1.g.g.{NOW - 9}", f"1.d.d.{NOW - 5}"), (D, D)),
        ((f"1.d.d.{NOW - 9}", f"1.g.g.{NOW - 5}"), (G, G)),
        ((f"1.g.g.{NOW}", "rubbish", f"2.d.d.{NOW}"), (G, G)),
        ((f"1.g.g.{NOW}", f"1.d.d.{NOW + 301}"), (G, G)),
        ((f"1.g.g.{NOW}", f"1.g.d.{NOW}"), (G, U)),
        ((f"1.g.g.{NOW}", f"1.g.g.{NOW}"), (G, G)),
    ],
)
def test_of_several_values_the_latest_choice_counts_in_any_order(
    visit: Visit, values: tuple[str, ...], expected: tuple[Consent, Consent]
) -> None:
    headers = ["; ".join(f"footfallConsent={value}" for value in order) for order in permutations(values)]
    assert {own_cookie().read(visit(header)) for header in headers} == {expected}


@given(value=st.text(st.characters(max_codepoint=255)) | st.from_regex(r"[0-9]{0,3}\.?[a-z]\.[gdu]\.[0-9]{0,12}"))
def test_whatever_is_sent_it_reads_only_what_it_could_have_written(visit: Visit, value: str) -> None:
    own = own_cookie()
    view = visit(f"footfallConsent={value}")
    device, person = own.read(view)
    if (device, person) != (U, U):
        assert own.format(device, person, int(view.cookies(own.name)[0].rpartition(".")[2])) in value


@pytest.mark.parametrize(
    ("settings", "finding"),
    [
        ({"name": "a b"}, "name: is 'a b'"),
        ({"name": ""}, "name: is ''"),
        ({"name": None}, "name: is None"),
        ({"version": 0}, "version: is 0"),
        ({"version": True}, "version: is True"),
        ({"version": "1"}, "version: is '1'"),
        ({"max_age": 180}, "max_age: is 180"),
        ({"max_age": timedelta(0)}, "max_age: is 0:00:00"),
        ({"max_age": timedelta(days=401)}, "max_age: is 401 days"),
        ({"max_age": timedelta(days=1, microseconds=1)}, "max_age: is 1 day"),
    ],
)
def test_a_wrong_setting_is_refused_at_start_up(settings: dict[str, Any], finding: str) -> None:
    with pytest.raises(ConfigError, match=rf"own_cookie's {next(iter(settings))}: is .*; ") as caught:
        own_cookie(**settings)
    assert finding in str(caught.value)


def test_two_of_the_same_settings_are_equal() -> None:
    assert own_cookie() == OwnCookie(name="footfallConsent", version=1, max_age=timedelta(days=180))
