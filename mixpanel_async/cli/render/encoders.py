"""Encodes rows as JSON, NDJSON or CSV; each call returns the bytes to write."""

import re
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from mixpanel_async.actions._core.tabular import TableRow
from mixpanel_async.json_types import JSONValue

Form: TypeAlias = Literal["table", "json", "csv", "ndjson"]
TextForm: TypeAlias = Literal["json", "csv", "ndjson"]

# csv.writer leaves a lone carriage return bare where lines end in a line feed alone, before Python 3.13.
_QUOTED: Final = re.compile('[,"\r\n]|^\\s|\\s$')


class RowEncoder(Protocol):
    """Encodes rows one at a time."""

    def begin(self) -> bytes:
        """Return the bytes before the first row."""

    def row(self, row: TableRow) -> bytes:
        """Return a row encoded."""

    def end(self) -> bytes:
        """Return the bytes after the last row."""


def row_encoder(form: TextForm, columns: tuple[str, ...], *, has_header: bool = True) -> RowEncoder:
    """Return the encoder of a format.

    Args:
        form: json: an array of objects; ndjson: an object per line; csv: UTF-8 with a header.
        columns: Names of the columns.
        has_header: Whether CSV has a header.
    """
    return (
        CsvRowEncoder(columns, has_header=has_header)
        if form == "csv"
        else JsonRowEncoder(columns, is_array=form == "json")
    )


class JsonValues:
    """Encodes values as one JSON array with a value per line, or as NDJSON.

    Args:
        is_array: Whether the values form one array.
    """

    def __init__(self, *, is_array: bool) -> None:
        self._is_array = is_array
        self._is_first = True

    def begin(self) -> bytes:
        """Return the bytes before the first row."""
        return b"[" if self._is_array else b""

    def value(self, value: JSONValue) -> bytes:
        """Return a value encoded."""
        encoded = msgspec.json.encode(value)
        if not self._is_array:
            return encoded + b"\n"
        before = b"\n" if self._is_first else b",\n"
        self._is_first = False
        return before + encoded

    def end(self) -> bytes:
        """Return the bytes after the last row."""
        if not self._is_array:
            return b""
        return b"]\n" if self._is_first else b"\n]\n"


class JsonRowEncoder(JsonValues):
    """Encodes rows as JSON objects.

    Args:
        columns: Names of the fields.
        is_array: Whether the objects form one array.
    """

    def __init__(self, columns: tuple[str, ...], *, is_array: bool) -> None:
        super().__init__(is_array=is_array)
        self._columns = columns

    def row(self, row: TableRow) -> bytes:
        """Return a row encoded."""
        return self.value(dict(zip(self._columns, row, strict=True)))


class CsvRowEncoder:
    """Encodes rows as CSV: None is empty; values other than text and numbers are JSON.

    Args:
        columns: Names of the columns.
        has_header: Whether the CSV has a header.
    """

    def __init__(self, columns: tuple[str, ...], *, has_header: bool = True) -> None:
        self._columns = columns
        self._has_header = has_header

    def begin(self) -> bytes:
        """Return the header."""
        return self.row(self._columns) if self._has_header else b""

    def row(self, row: TableRow) -> bytes:
        """Return a row encoded."""
        cells = ",".join(_quoted(as_text(value)) for value in row)
        return (cells or '""').encode() + b"\n"  # an empty line would not be a row

    def end(self) -> bytes:
        """Return nothing: CSV has no trailer."""
        return b""


def as_text(value: JSONValue) -> str:
    """Return a value as the text of a cell: "" for None, JSON for values other than text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
