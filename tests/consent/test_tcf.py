"""The Transparency and Consent Framework's string: documented ones, ones written here, and rubbish."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
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


Ranges = Sequence[tuple[int, int]]
EVERYBODY: Ranges = ((1, 65535),)


def write(
    purposes: set[int],
    *,
    version: int = 2,
    language: tuple[int, int] = (4, 13),
    ranges: Ranges | None = None,
    claimed: int | None = None,
    restrictions: Sequence[tuple[int, int, Ranges]] = (),
    disclosed: Ranges | None = EVERYBODY,
) -> str:
    """Write a core segment and, with vendors, who was disclosed; vendors as ranges (equal ids as a single one)."""
    bits = f"{version:06b}" + "0" * 102 + f"{language[0]:06b}{language[1]:06b}" + "0" * 32
    bits += "".join("01"[purpose in purposes] for purpose in range(1, 25)) + "0" * 25 + f"{3:06b}{10:06b}"
    if ranges is not None:
        bits += f"{65535:016b}1{write_ranges(ranges, claimed)}"
        bits += f"{9:016b}0{'0' * 9}{len(restrictions):012b}"  # nobody claims a legitimate interest
        bits += "".join(f"{purpose:06b}{kind:02b}{write_ranges(whom)}" for purpose, kind, whom in restrictions)
    core = to_base64(bits)
    if ranges is None or disclosed is None:
        return core
    allowed = to_base64(f"{2:03b}{65535:016b}1{write_ranges([])}")
    return f"{core}.{allowed}.{to_base64(f'{1:03b}{65535:016b}1{write_ranges(disclosed)}')}"


def write_ranges(ranges: Ranges, claimed: int | None = None) -> str:
    count = len(ranges) if claimed is None else claimed
    return f"{count:012b}" + "".join(f"0{a:016b}" if a == b else f"1{a:016b}{b:016b}" for a, b in ranges)


def to_base64(bits: str) -> str:
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


VENDOR = 7
ITS: Ranges = ((VENDOR, VENDOR),)
OTHERS: Ranges = ((1, 6), (8, 65535))


@pytest.mark.parametrize(
    ("restrictions", "expected"),
    [
        ([(5, 0, ITS)], D),  # flatly not allowed
        ([(5, 1, ITS)], G),  # require consent, which there is
        ([(5, 2, ITS)], D),  # require legitimate interest, for which nobody asked
        ([(5, 0, ((1, 100),))], D),
        ([(5, 0, OTHERS)], G),
        ([(2, 0, ITS)], G),  # another purpose
        ([(2, 0, ITS), (5, 1, ITS), (6, 2, OTHERS), (1, 2, ((3, 3), (5, 9)))], D),
        ([(2, 0, ITS), (5, 1, ITS), (6, 2, OTHERS)], G),
    ],
)
def test_a_publisher_s_restriction_binds_its_vendor(
    visit: Visit, restrictions: list[tuple[int, int, Ranges]], expected: Consent
) -> None:
    text = write({1, 5, 6}, ranges=ITS, restrictions=restrictions)
    assert tcf({1, 5, 6}, VENDOR)(visit(f"euconsent-v2={text}")) is expected
    assert tcf({1, 5, 6})(visit(f"euconsent-v2={text}")) is G  # nobody's in particular


@pytest.mark.parametrize(("disclosed", "expected"), [(ITS, G), (EVERYBODY, G), (OTHERS, D), ((), D), (None, U)])
def test_a_vendor_must_have_been_disclosed(visit: Visit, disclosed: Ranges | None, expected: Consent) -> None:
    """TCF 2.3: who asks for a vendor needs the segment."""
    text = write({1}, ranges=ITS, disclosed=disclosed)
    assert tcf({1}, VENDOR)(visit(f"euconsent-v2={text}")) is expected
    assert tcf({1})(visit(f"euconsent-v2={text}")) is G


@pytest.mark.parametrize("rubbish", ["", "I", "é", "I" * 5, "I" * 9000])
def test_a_damaged_disclosure_is_unknown(visit: Visit, rubbish: str) -> None:
    core = write({1}, ranges=ITS, disclosed=None)
    assert tcf({1}, VENDOR)(visit(f"euconsent-v2={core}.{rubbish}")) is U


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


RANGES = st.lists(st.tuples(st.integers(1, 65535), st.integers(1, 65535)), max_size=20)


@given(
    purposes=st.sets(st.integers(1, 24)),
    asked=st.sets(st.integers(1, 24), min_size=1),
    ranges=RANGES,
    disclosed=RANGES,
    restrictions=st.lists(st.tuples(st.integers(1, 24), st.integers(0, 2), RANGES), max_size=5),
    vendor=st.integers(1, 65535),
)
def test_what_was_written_is_read(
    visit: Visit,
    purposes: set[int],
    asked: set[int],
    ranges: Ranges,
    disclosed: Ranges,
    restrictions: list[tuple[int, int, Ranges]],
    vendor: int,
) -> None:
    def is_in(ranges: Ranges) -> bool:
        return any(first <= vendor <= last for first, last in ranges)

    forbidden = {purpose for purpose, kind, whom in restrictions if kind != 1 and is_in(whom)}
    allowed = asked <= purposes and is_in(ranges) and is_in(disclosed) and not asked & forbidden
    text = write(purposes, ranges=ranges, disclosed=disclosed, restrictions=restrictions)
    assert tcf(asked, vendor)(visit(f"euconsent-v2={text}")) is (G if allowed else D)


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
