"""Which text is an id."""

from __future__ import annotations

import base64
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import make_site, view

from footfall import Site
from footfall.identity import format_guid, parse_guid, parse_token
from footfall.identity.ids import decode_ruid, encode_ruid, query_token

GUIDS = [
    ("minted here", "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11"),
    ("the vendor's: upper case, no version 4", "8F14E45F-CEEA-167A-5A36-DEDD4BEA2543"),
    ("mixed case", "8F14e45f-ceea-167a-5a36-dedd4bea2543"),
    ("version 1", "72d76fde-8bb3-1e00-8c23-a032dfed738c"),
    ("nil", "00000000-0000-0000-0000-000000000000"),
]


@pytest.mark.parametrize("text", [row[1] for row in GUIDS], ids=[row[0] for row in GUIDS])
def test_any_guid_is_kept_as_it_is(text: str) -> None:
    """T-31, D-04: GUID-shaped is enough; its case stays."""
    assert parse_guid(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11}",
        "urn:uuid:0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11",
        "0e2d9a2c6a1c4f0e9d534b6a0f6f5d11",
        "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d1",
        "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d111",
        "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d1g",
        "\uff10e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11",
        "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11\n",
        "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11\r\nSet-Cookie: a=b",
        " 0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11",
        '"0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11"',
        "0e2d9a2c_6a1c_4f0e_9d53_4b6a0f6f5d11",
        "x" * 4096,
    ],
)
def test_other_text_is_no_guid(text: str) -> None:
    """D-04, T-31: braces, a urn, full-width digits, a line break."""
    assert parse_guid(text) is None


def test_nothing_is_no_id() -> None:
    assert (parse_guid(None), parse_token(None)) == (None, None)


@given(st.binary(min_size=16, max_size=16))
def test_a_minted_id_is_a_lower_case_uuid_of_version_4(entropy: bytes) -> None:
    """R-20, R-22, T-31."""
    text = format_guid(entropy)
    assert text == str(uuid.UUID(bytes=entropy, version=4))


def test_two_visitors_never_share_an_id() -> None:
    """R-20."""
    ids = {Site().policy.new_id() for _ in range(500)}
    assert len(ids) == 500


TOKENS = [
    ("letters and digits", "AbC123"),
    ("base64, standard", "YW5u+YQ/aA=="),
    ("base64 for URLs", "YW5u-YQ_aA"),
    ("marks", "-._~+/=:@!$*&()[]{}|^`<>?'#%"),
    ("one character", "x"),
    ("512 characters", "x" * 512),
]


@pytest.mark.parametrize("text", [row[1] for row in TOKENS], ids=[row[0] for row in TOKENS])
def test_cookie_octets_are_a_token(text: str) -> None:
    """R-35: opaque, case kept."""
    assert parse_token(text) == text


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "a;b", "a,b", 'a"b', "a\\b", "a\r\nb", "a\x00b", "a\x7f", "\xe9", "\u20ac", "x" * 513]
)
def test_other_text_is_no_token(text: str) -> None:
    """T-06, D-04: the query is the visitor's to write."""
    assert parse_token(text) is None


QUERIES = [
    ("reaid=X", "X"),
    ("a=1&reaid=X&b=2", "X"),
    ("reaid=AbC", "AbC"),
    ("reaid=YW5u%2BYQ%3D%3D", "YW5u+YQ=="),
    ("reaid=YW5uYQ==", "YW5uYQ=="),
    ("reaid=%41%42", "AB"),
    ("reaid=" + "%41" * 512, "A" * 512),
    # The same twice is one; two different ones are none.
    ("reaid=X&reaid=X", "X"),
    ("reaid=A&reaid=%41", "A"),
    ("reaid=X&reaid=Y", None),
    ("reaid=X&reaid=", None),
    ("reaid=X&reaid=%0d%0a", None),
    # Not one.
    ("", None),
    ("reaid", None),
    ("reaid=", None),
    ("xreaid=X", None),
    ("Reaid=X", None),
    ("reaid[]=X", None),
    ("reaid=a+b", None),
    ("reaid=a%20b", None),
    ("reaid=%0d%0aSet-Cookie:%20a=b", None),
    ("reaid=X\r\nSet-Cookie: a=b", None),
    ("reaid=a%3Bb", None),
    ("reaid=X;reaid=Y", None),
    ("reaid=%00", None),
    ("reaid=%E9", None),
    ("reaid=%C3%A9", None),
    ("reaid=\xe9", None),
    ("reaid=\udce9", None),
    ("reaid=" + "x" * 513, None),
    ("reaid=" + "x" * 100_000, None),
]


@pytest.mark.parametrize(("query", "token"), QUERIES, ids=[ascii(query[:40]) for query, _ in QUERIES])
def test_a_query_holds_a_token_or_none(query: str, token: str | None) -> None:
    """R-33, R-36, T-06: unquoted once, octets only, never repaired; duplicates decide nothing."""
    assert query_token(query, "reaid") == token


@given(st.text(), st.sampled_from(["reaid", "xuid"]))
def test_no_query_makes_it_raise(query: str, name: str) -> None:
    found = query_token(f"{name}={query}", name)
    assert found is None or re.fullmatch(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,512}", found)


@pytest.mark.parametrize(
    ("person", "text"),
    [
        ("anna@shop.dk", "YW5uYUBzaG9wLmRr"),
        ("john.doe@example.com", "am9obi5kb2VAZXhhbXBsZS5jb20="),
        ("kunde~?@shop.example", "a3VuZGV+P0BzaG9wLmV4YW1wbGU="),
        ("søren.ø@shop.dk", "c8O4cmVuLsO4QHNob3AuZGs="),
    ],
)
def test_a_ruid_is_standard_base64_with_padding(person: str, text: str) -> None:
    """T-30, R-08: of the UTF-8 bytes."""
    assert (encode_ruid(person), decode_ruid(text)) == (text, person)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=512))
def test_a_ruid_comes_back_as_it_went(person: str) -> None:
    """R-32: any text."""
    assert decode_ruid(encode_ruid(person)) == person


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "YW5uYQ=",
        "YW5u YQ==",
        "YW5u\nYQ==",
        "YW5u-YQ_",
        "\xe9",
        "/w==",
        "anna@shop.dk",
        base64.b64encode(b"x" * 513).decode(),
    ],
)
def test_other_text_is_no_ruid(text: str) -> None:
    assert decode_ruid(text) is None


def test_a_site_names_its_visitor_by_the_query_of_a_page() -> None:
    """R-33, R-35: as it stands there."""
    assert make_site().begin(view("https://www.shop.example/?reaid=AbC%2B%3D")).reaid == "AbC+="
