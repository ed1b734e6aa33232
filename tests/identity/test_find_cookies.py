"""A cookie is found whatever its neighbours are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import view

from footfall.request import find_cookies

HEADERS = [
    ("alone", "rsa=A", ["A"]),
    ("first", "rsa=A; b=1", ["A"]),
    ("last", "b=1; rsa=A", ["A"]),
    ("without a blank", "b=1;rsa=A;c=2", ["A"]),
    ("with blanks and tabs about it", "b=1 ; \t rsa=A \t; c=2", ["A"]),
    ("after JSON", 'x={"a": "b, c"}; rsa=A', ["A"]),
    ("before JSON", 'rsa=B; x={"a":1}; s=S', ["B"]),
    ("after a name in brackets", "[bad]=1; rsa=A", ["A"]),
    ("after a flag", "flag; rsa=A", ["A"]),
    ("after a value without a name", "=v; rsa=A", ["A"]),
    ("after nothing", ";;; rsa=A;", ["A"]),
    ("after latin-1", "x=\xe9\xff; rsa=A", ["A"]),
    ("after a control character", "x=\x00\x01; rsa=A", ["A"]),
    ("behind a comma of gunicorn", "a=1,rsa=A", ["A"]),
    ("behind a comma of waitress", "a=1, rsa=A", ["A"]),
    ("before a comma that only a name of the site ends", "rsa=A,sid=B", ["A,sid=B"]),
    ("with commas in it", "rsa=id:1,consent:yes,ads:no; b=1", ["id:1,consent:yes,ads:no"]),
    ("with a comma at its end", "rsa=A,", ["A,"]),
    ("after commas in another", "b=id:1,consent:yes; rsa=A", ["A"]),
    ("twice", "rsa=A; rsa=B", ["A", "B"]),
    ("three times, joined both ways", "rsa=A,rsa=B; rsa=A", ["A", "B", "A"]),
    ("with an equals sign in it", "rsa=am9l==; b=1", ["am9l=="]),
    ("with nothing in it", "rsa=; b=1", [""]),
    ("in quotes, which are part of it", 'rsa="A"', ['"A"']),
    ("as a prefix of another", "rsaSession=A; rsaRuid=B", []),
    ("as the end of another", "xrsa=A; x-rsa=B; x_rsa=C", []),
    ("in another letter case", "RSA=A; Rsa=B", []),
    ("as a value", "x=rsa=A; y=rsa", []),
    ("in the text of another", "x=hello rsa=A; y=1", []),
    ("without a value", "rsa; b=1", []),
    ("in quotes of another", 'x="; rsa=A"', ['A"']),
    ("nowhere", "a=1; b=2", []),
]


@pytest.mark.parametrize(("header", "values"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_a_cookie_is_found(header: str, values: list[str]) -> None:
    assert find_cookies(header, "rsa") == values


def test_three_hundred_cookies_hide_none() -> None:
    many = "; ".join(f"c{number}=value{number}" for number in range(300))
    assert find_cookies(f"{many}; rsa=A; {many}", "rsa") == ["A"]


def test_a_header_of_blanks_is_read_in_time() -> None:
    assert find_cookies(" " * 60_000 + "rsa=A", "rsa") == ["A"]


NEIGHBOURS = st.text(st.characters(max_codepoint=255, exclude_characters=",;")).filter(
    lambda text: not text.strip(" \t").startswith("rsa=")
)


@given(before=st.lists(NEIGHBOURS), after=st.lists(NEIGHBOURS))
def test_no_neighbour_hides_it(before: list[str], after: list[str]) -> None:
    assert find_cookies("; ".join([*before, "rsa=A", *after]), "rsa") == ["A"]


@given(st.text(st.characters(max_codepoint=255)), st.sampled_from(["rsa", "rsaSession", "a.b"]))
def test_no_header_makes_it_raise(header: str, name: str) -> None:
    assert all(";" not in value for value in find_cookies(header, name))


def test_a_request_without_cookies_has_none() -> None:
    assert view().cookies("rsa") == []


@pytest.mark.parametrize(("header", "value"), [("rsa=A; rsa=A", "A"), ("rsa=A; rsa=B", None), ("b=1", None)])
def test_one_value_is_given_only_if_there_is_one(header: str, value: str | None) -> None:
    assert view(cookie=header).cookie("rsa") == value


def test_a_request_shows_nothing_of_its_visitor() -> None:
    assert repr(view("https://www.shop.example/anna?reaid=X", cookie="rsa=A")) == "<RequestView GET>"
