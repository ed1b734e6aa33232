"""Rows out of files as people have them: quotes, line ends, other encodings, and what is no row at all."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.commands.replay.source import Format, Source, guess_format
from footfall.errors import ConfigError

HEADER = b"item,price\n"


def open_csv(content: bytes, **options: str) -> Source:
    return Source(io.BytesIO(content), format="csv", **options)


def values(content: bytes, **options: str) -> list[dict[str, object]]:
    return [dict(row.values) for row in open_csv(content, **options)]


def json_values(content: bytes) -> list[dict[str, object]]:
    return [dict(row.values) for row in Source(io.BytesIO(content), format="jsonl")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        (b"a,b\r\n1,2\r\n", [{"a": "1", "b": "2"}]),
        (b"a,b\n1,2", [{"a": "1", "b": "2"}]),
        (b"\xef\xbb\xbfa,b\n1,2\n", [{"a": "1", "b": "2"}]),
        (b'a,b\n"x, ""y""\nz",2\n', [{"a": 'x, "y"\nz', "b": "2"}]),
        (b"a,b\n\n1,2\n\n", [{"a": "1", "b": "2"}]),
        (b"a,b\n", []),
    ],
    ids=[
        "plain",
        "Windows",
        "without its last line end",
        "with a byte order mark",
        "quoted",
        "with blank lines",
        "empty",
    ],
)
def test_csv_is_read(content: bytes, expected: list[dict[str, object]]) -> None:
    assert values(content) == expected


def test_columns_may_be_named_by_hand() -> None:
    source = Source(io.BytesIO(b"1;2\n"), format="csv", delimiter=";", columns=["a", "b"])
    assert [row.values for row in source] == [{"a": "1", "b": "2"}]


def test_another_encoding_is_read() -> None:
    assert values("a,b\nblå,1\n".encode("latin-1"), encoding="latin-1") == [{"a": "blå", "b": "1"}]


def test_a_byte_that_is_no_text_spoils_its_field_alone() -> None:
    (row,) = values(b"a,b\nbl\xe5,1\n")
    assert (row["b"], str(row["a"]).isprintable()) == ("1", False)


def test_a_row_knows_its_lines() -> None:
    rows = list(open_csv(b'a,b\n1,2\n"x\ny",2\n3,4\n'))
    assert [(row.line, row.last) for row in rows] == [(2, 2), (3, 4), (5, 5)]


@pytest.mark.parametrize("broken", [b"1\n", b"1,2,3\n", b'"1"x,2\n'], ids=["too few", "too many", "a stray quote"])
def test_a_broken_row_is_said_to_be_and_does_not_end_the_file(broken: bytes) -> None:
    rows = list(open_csv(b"a,b\n" + broken + b"3,4\n"))
    assert [bool(row.problem) for row in rows] == [True, False]


def test_a_quote_that_is_never_closed_swallows_nothing_silently() -> None:
    rows = list(open_csv(b'a,b\n1,2\n3,"4\n5,6\n7,8\n'))
    assert [(row.line, row.last, bool(row.problem)) for row in rows] == [(2, 2, False), (3, 5, True)]


def test_json_lines_are_read_without_losing_a_digit() -> None:
    assert json_values(b'{"price": 0.1, "id": 12345678901234567890}\n\n{"price": "2"}\n') == [
        {"price": Decimal("0.1"), "id": 12345678901234567890},
        {"price": "2"},
    ]


@pytest.mark.parametrize("line", [b"[1]", b"{", b"1", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_a_line_that_is_no_object_is_said_to_be(line: bytes) -> None:
    rows = list(Source(io.BytesIO(line + b'\n{"a": 1}\n'), format="jsonl"))
    assert [bool(row.problem) for row in rows] == [True, False]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"", {}),
        (b"\n1,2\n", {}),
        (b"a,a\n1,2\n", {}),
        (b'"a,b\n1,2\n', {}),
        (HEADER, {"delimiter": ""}),
        (HEADER, {"delimiter": ",,"}),
        (HEADER, {"encoding": "utf-16"}),
        (HEADER, {"encoding": "no such"}),
        (b"a" * 2_000_000, {}),
    ],
    ids=[
        "an empty file",
        "a first line without names",
        "a name twice",
        "an open quote",
        "no delimiter",
        "a long delimiter",
        "an encoding with other line ends",
        "an unknown encoding",
        "a line without an end",
    ],
)
def test_a_file_is_refused_for(content: bytes, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"^(file|delimiter|encoding): "):
        open_csv(content, **options)


def test_reading_goes_on_where_it_stopped() -> None:
    content = b'a,b\n1,2\n"x\ny",4\n5,6\n'
    first = open_csv(content)
    rows = iter(first)
    read = [next(rows), next(rows)]
    second = open_csv(content)
    second.skip(first.position, first.line, first.digest)
    assert [*read, *second] == list(open_csv(content))


def stopped_at(content: bytes) -> tuple[int, int, str]:
    source = open_csv(content)
    list(source)
    return source.position, source.line, source.digest


def test_a_file_that_has_grown_is_gone_on_with() -> None:
    grown = open_csv(HEADER + b"1,2\n3,4\n")
    grown.skip(*stopped_at(HEADER + b"1,2\n"))
    assert [row.values for row in grown] == [{"item": "3", "price": "4"}]


def test_a_file_and_what_it_has_grown_to_have_one_fingerprint() -> None:
    few, many = open_csv(HEADER + b"1,2\n"), open_csv(HEADER + b"1,2\n3,4\n")
    assert few.fingerprint == many.fingerprint


@pytest.mark.parametrize(
    "content",
    [HEADER, HEADER + b"9,2\n3,4\n", HEADER + b"1,2\n3"],
    ids=["is shorter now", "was changed", "had no end of its last line"],
)
def test_a_file_is_not_gone_on_with_if_it(content: bytes) -> None:
    stopped = stopped_at(HEADER + b"1,2\n") if content[-1:] == b"\n" else stopped_at(HEADER + b"1,2")
    content = content if content[-1:] == b"\n" else HEADER + b"1,2345\n"
    with pytest.raises(ConfigError, match="--restart"):
        open_csv(content).skip(*stopped)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("orders.CSV", "csv"), ("a.b.tsv", "csv"), ("x.jsonl", "jsonl"), ("x.ndjson", "jsonl"), ("-", None)],
)
def test_a_name_tells_the_format(name: str, expected: Format | None) -> None:
    assert guess_format(name) == expected


@given(content=st.binary(max_size=300), form=st.sampled_from(["csv", "jsonl"]))
def test_no_file_breaks_the_reading(content: bytes, form: Format) -> None:
    try:
        source = Source(io.BytesIO(content), format=form)
    except ConfigError:
        return
    list(source)
    assert source.position == len(content)
