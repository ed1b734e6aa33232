"""The Transparency and Consent Framework's string: documented ones, ones written here, and rubbish."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.consent import tcf
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView

Visit = Callable[..., RequestView]

U, G, D = Consent.UNKNOWN, Consent.GRANTED, Consent.DENIED

# IAB Tech Lab, "Consent string and vendor list formats v2": purposes 1, 2, 3; vendors 2, 6, 8 as bits.
DOCUMENTED = (
    "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBA"
    "AgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw"
)
# The CPAN distribution GDPR-IAB-TCFv2: purposes 1, 3, 9, 10; vendors up to 115, as bits.
PUBLISHED = "CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA.argAC0gAAAAAAAAAAAA"


def write(
    purposes: set[int],
    *,
    version: int = 2,
    language: tuple[int, int] = (4, 13),
    ranges: list[tuple[int, int]] | None = None,
    claimed: int | None = None,
) -> str:
    """Write a core segment, its vendors as ranges (a pair of equal ids as a single one)."""
    bits = f"{version:06b}" + "0" * 102 + f"{language[0]:06b}{language[1]:06b}" + "0" * 32
    bits += "".join("01"[purpose in purposes] for purpose in range(1, 25)) + "0" * 25 + f"{3:06b}{10:06b}"
    if ranges is not None:
        bits += f"{65535:016b}1{len(ranges) if claimed is None else claimed:012b}"
        bits += "".join(f"0{a:016b}" if a == b else f"1{a:016b}{b:016b}" for a, b in ranges)
    bits += "0" * (-len(bits) % 8)
    return urlsafe_b64encode(int(bits, 2).to_bytes(len(bits) // 8)).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "purposes", "vendor", "expected"),
    [
        (DOCUMENTED, {1, 2, 3}, None, G),
        (DOCUMENTED, {1}, None, G),
        (DOCUMENTED, {1, 5, 6}, None, D),
        (DOCUMENTED, {24}, None, D),
        (DOCUMENTED, {1, 2, 3}, 2, G),
        (DOCUMENTED, {1, 2, 3}, 8, G),
        (DOCUMENTED, {1, 2, 3}, 7, D),
        (DOCUMENTED, {1, 2, 3}, 9, D),
        (DOCUMENTED, {1, 2, 3}, 65535, D),
        (PUBLISHED, {1, 3, 9, 10}, None, G),
        (PUBLISHED, {1, 3, 9, 10}, 116, D),
        (PUBLISHED, {1, 2}, None, D),
    ],
)
def test_a_published_string_says_what_its_document_says(
    visit: Visit, text: str, purposes: set[int], vendor: int | None, expected: Consent
) -> None:
    assert tcf(purposes, vendor)(visit(f"euconsent-v2={text}")) is expected


def test_it_asks_for_personalised_content_unless_told_otherwise(visit: Visit) -> None:
    assert tcf()(visit(f"euconsent-v2={write({1, 5, 6})}")) is G


@pytest.mark.parametrize("missing", [1, 5, 6])
def test_one_purpose_less_is_a_denial(visit: Visit, missing: int) -> None:
    assert tcf({1, 5, 6})(visit(f"euconsent-v2={write({1, 5, 6} - {missing})}")) is D


def test_it_reads_a_cookie_of_another_name(visit: Visit) -> None:
    assert tcf({1}, cookie="tc")(visit(f"tc={write({1})}")) is G


@pytest.mark.parametrize(("vendor", "expected"), [(6, D), (7, G), (8, D), (100, G), (150, G), (200, G), (201, D)])
def test_vendors_are_found_in_ranges(visit: Visit, vendor: int, expected: Consent) -> None:
    text = write({1}, ranges=[(7, 7), (100, 200)])
    assert tcf({1}, vendor)(visit(f"euconsent-v2={text}")) is expected


@pytest.mark.parametrize(
    "text",
    [
        write({1}),  # no vendors at all
        write({1}, ranges=[(7, 7)], claimed=4095),
        DOCUMENTED.partition(".")[0][:39],
    ],
)
def test_a_string_that_ends_before_its_vendors_do_is_unknown(visit: Visit, text: str) -> None:
    assert tcf({1}, 7)(visit(f"euconsent-v2={text}")) is U


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CPXX",
        "CPXXxxxx",
        write({1}, version=1),
        write({1}, version=3),
        write({1}, language=(26, 0)),
        write({1})[:35],
        write({1}) + "A",  # a length that base64 cannot have
        "." + write({1}),
        write({1}).replace("A", "+", 1),
        write({1}).replace("A", "é", 1),
        write({1}) + "=",
        write({1}) + "A" * 8000,
        "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA",  # version 1.1
    ],
)
def test_what_is_no_whole_version_2_string_is_unknown(visit: Visit, text: str) -> None:
    assert tcf({1})(visit(f"euconsent-v2={text}")) is U


def test_no_cookie_is_no_choice(visit: Visit) -> None:
    assert tcf()(visit()) is U


def test_twins_that_differ_are_unknown(visit: Visit) -> None:
    assert tcf({1})(visit(f"euconsent-v2={write({1})}; euconsent-v2={write({2})}")) is U


@given(text=st.text(st.characters(max_codepoint=255)))
def test_no_text_makes_it_raise_or_consent(visit: Visit, text: str) -> None:
    assert tcf({1}, 7)(visit(f"euconsent-v2={text}")) is not G


@given(octets=st.binary(min_size=20, max_size=120), vendor=st.none() | st.integers(1, 65535))
def test_no_octets_make_it_raise(visit: Visit, octets: bytes, vendor: int | None) -> None:
    text = urlsafe_b64encode(b"\x08" + octets).decode().rstrip("=")  # six bits that say version 2
    assert tcf({1}, vendor)(visit(f"euconsent-v2={text}")) in Consent


@given(cut=st.integers(0, 46), flip=st.integers(0, 275))
def test_a_damaged_string_never_consents_to_what_the_whole_one_denied(visit: Visit, cut: int, flip: int) -> None:
    core = DOCUMENTED.partition(".")[0]
    octets = bytearray(urlsafe_b64decode(core + "="))
    if not 152 <= flip < 176:
        octets[flip // 8] ^= 128 >> flip % 8
    text = urlsafe_b64encode(octets).decode().rstrip("=")[:cut]
    assert tcf({1, 5, 6})(visit(f"euconsent-v2={text}")) is not G


@given(
    purposes=st.sets(st.integers(1, 24)),
    asked=st.sets(st.integers(1, 24), min_size=1),
    ranges=st.lists(st.tuples(st.integers(1, 65535), st.integers(1, 65535)), max_size=20),
    vendor=st.integers(1, 65535),
)
def test_what_was_written_is_read(
    visit: Visit, purposes: set[int], asked: set[int], ranges: list[tuple[int, int]], vendor: int
) -> None:
    allowed = asked <= purposes and any(first <= vendor <= last for first, last in ranges)
    assert tcf(asked, vendor)(visit(f"euconsent-v2={write(purposes, ranges=ranges)}")) is (G if allowed else D)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((),), r"tcf's purposes: is \[\]; write"),
        (({0, 1},), r"tcf's purposes: is \[0, 1\]; write"),
        (({25},), r"tcf's purposes: is \[25\]; write"),
        (({"1"},), r"tcf's purposes: is \['1'\]; write"),
        (({True},), r"tcf's purposes: is \[True\]; write"),
        (("156",), "tcf's purposes: is '156'; write"),
        ((1,), "tcf's purposes: is 1; write"),
        (({1}, 0), "tcf's vendor: is 0; write"),
        (({1}, "7"), "tcf's vendor: is '7'; write"),
        (({1}, 65536), "tcf's vendor: is 65536; write"),
    ],
)
def test_a_wrong_argument_is_refused_at_start_up(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tcf(*arguments)


def test_a_wrong_cookie_name_is_refused_at_start_up() -> None:
    with pytest.raises(ConfigError, match="tcf's cookie: is 'a b'; write"):
        tcf({1}, cookie="a b")
