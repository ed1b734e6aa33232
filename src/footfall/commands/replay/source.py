"""Reads rows of a CSV file or of JSON lines, each with its line number, and counts the bytes read."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import BinaryIO, Literal, NamedTuple, cast

from footfall.errors import ConfigError

__all__ = ["Format", "Row", "Source", "guess_format"]

Format = Literal["csv", "jsonl"]

_LONGEST_LINE = 1024 * 1024  # bytes
_BLOCK = 64 * 1024


class Row(NamedTuple):
    """One row, or what is wrong with it."""

    line: int  #: the file's line in which it begins, from 1
    last: int  #: the line in which it ends: a quoted field may span several
    values: Mapping[str, object]
    problem: str = ""  #: why there are no values; quotes nothing of the row


class Source:
    """Reads a stream from beginning to end and never seeks, so that it may be a pipe.

    Between two rows, `position`, `line` and `digest` tell how far the reading came.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        format: Format,  # noqa: A002
        encoding: str = "utf-8",
        delimiter: str = ",",
        columns: Sequence[str] = (),
    ) -> None:
        """Read the header, if there is one.

        Args:
            stream: What to read, from where it stands.
            format: ``"csv"``, or ``"jsonl"``: one JSON object a line.
            encoding: Any in which a line ends with the byte 10. Text in another encoding spoils only the fields that
                hold it.
            delimiter: For CSV: one character.
            columns: For CSV: the names of its columns, if its first line does not have them.

        Raises:
            ConfigError: The encoding, the delimiter or the header is unusable.
        """
        self._stream = stream
        self._format = format
        self._encoding = _check_encoding(encoding)
        self._hash = hashlib.sha256()
        self.position = 0  #: bytes read
        self.line = 0  #: lines read
        self.columns = tuple(columns)  #: of CSV: their names
        self._ends_line = True
        self._ahead = deque(line for _ in range(2) if (line := stream.readline(_LONGEST_LINE)))
        #: SHA-256 of the first two lines: the same for a file and for one that it has grown to
        self.fingerprint = hashlib.sha256(b"".join(self._ahead)).hexdigest()
        if format == "csv":
            if len(delimiter) != 1 or delimiter in '\r\n"':
                raise ConfigError(f'delimiter: is {delimiter!r}; write one character, such as ";", or "tab"')
            # Strict: else a quote that is never closed would silently swallow all rows after it.
            self._csv = csv.reader(self._lines(), delimiter=delimiter, strict=True)
            if not columns:
                self.columns = self._read_header()

    @property
    def digest(self) -> str:
        """SHA-256 of all that was read."""
        return self._hash.hexdigest()

    def skip(self, position: int, line: int, digest: str) -> None:
        """Continue where an earlier reading stopped.

        Raises:
            ConfigError: What was read then has changed.
        """
        while self.position < position:
            block = self._ahead.popleft() if self._ahead else self._stream.read(min(position - self.position, _BLOCK))
            if not block:
                break
            self._count(block)
        if self.position != position or self.digest != digest:
            raise ConfigError(
                "file: has changed in what was replayed already, so where to go on is unknown; "
                "give the file as it was, or --restart to send all of it again"
            )
        self.line = line
        if not self._ends_line and (following := self._readline()):
            self._ahead.appendleft(following)
            if following.strip():
                raise ConfigError(
                    "file: its last line was not complete when it was replayed; "
                    "end files with a line end, and use --restart once to send all of this one again"
                )

    def __iter__(self) -> Iterator[Row]:
        """Read row by row. A wrong row does not end it."""
        return self._csv_rows() if self._format == "csv" else self._json_rows()

    def _csv_rows(self) -> Iterator[Row]:
        width = len(self.columns)
        while True:
            line = self.line + 1
            try:
                fields = next(self._csv, None)
            except csv.Error as error:
                yield Row(line, self.line, {}, f"row: is no CSV ({error}); is every quote closed?")
                continue
            if fields is None:
                return
            if len(fields) == width:
                yield Row(line, self.line, dict(zip(self.columns, fields, strict=True)))
            elif fields:
                yield Row(line, self.line, {}, f"row: has {len(fields)} fields where the header has {width}")

    def _json_rows(self) -> Iterator[Row]:
        for text in self._lines():
            if not text.strip():
                continue
            try:
                found: object = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                yield Row(self.line, self.line, cast("dict[str, object]", found))
            else:
                yield Row(self.line, self.line, {}, "row: is no JSON object; write one to a line")

    def _read_header(self) -> tuple[str, ...]:
        try:
            header = next(self._csv, None)
        except csv.Error as error:
            raise ConfigError(f"file: its first line is no CSV ({error}); see --delimiter and --format") from None
        if not header:
            raise ConfigError("file: has no first line with the names of its columns; give them with --columns")
        if len(set(header)) != len(header):
            raise ConfigError("file: names a column twice in its first line; name them yourself with --columns")
        return tuple(header)

    def _lines(self) -> Iterator[str]:
        while line := self._readline():
            if len(line) == _LONGEST_LINE:
                raise ConfigError(
                    f"file: line {self.line + 1} is longer than 1 MiB; is it CSV, or one JSON object a line?"
                )
            text = line if self.position else line.removeprefix(b"\xef\xbb\xbf")
            self._count(line)
            self.line += 1
            yield text.decode(self._encoding, "surrogateescape")

    def _readline(self) -> bytes:
        return self._ahead.popleft() if self._ahead else self._stream.readline(_LONGEST_LINE)

    def _count(self, octets: bytes) -> None:
        self.position += len(octets)
        self._hash.update(octets)
        self._ends_line = octets.endswith(b"\n")


def guess_format(name: str) -> Format | None:
    """Return a file's format if its name says so."""
    ending = name.lower().rpartition(".")[2]
    if ending in {"csv", "tsv", "txt"}:
        return "csv"
    return "jsonl" if ending in {"jsonl", "ndjson", "json"} else None


def _check_encoding(encoding: str) -> str:
    try:
        plain = "\n,".encode(encoding) == b"\n,"
    except (LookupError, UnicodeError):
        plain = False
    if not plain:
        raise ConfigError(f'encoding: {encoding!r} is unknown, or has other line ends; convert the file to "utf-8"')
    return encoding


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
