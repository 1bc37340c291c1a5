"""Rows as JSON, lines of JSON and CSV. Pure: each call returns the bytes to write."""

import re
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from mixpanel_async.actions._core.tabular import TableRow
from mixpanel_async.models import JSONValue

Form: TypeAlias = Literal["table", "json", "csv", "ndjson"]
TextForm: TypeAlias = Literal["json", "csv", "ndjson"]

# csv.writer leaves a lone carriage return bare where lines end in a line feed alone, before Python 3.13.
_QUOTED: Final = re.compile('[,"\r\n]|^\\s|\\s$')


class RowEncoder(Protocol):
    """Turns rows into bytes, one at a time."""

    def begin(self) -> bytes:
        """Return what comes first."""

    def row(self, row: TableRow) -> bytes:
        """Return a row."""

    def end(self) -> bytes:
        """Return what comes last."""


def row_encoder(form: TextForm, columns: tuple[str, ...], *, has_header: bool = True) -> RowEncoder:
    """Return what encodes rows.

    Args:
        form: json: one array of objects; ndjson: an object on each line; csv: with a header, in UTF-8.
        columns: Names of the columns.
        has_header: Begin CSV with them.
    """
    return (
        CsvRowEncoder(columns, has_header=has_header)
        if form == "csv"
        else JsonRowEncoder(columns, is_array=form == "json")
    )


class JsonValues:
    """Values as one JSON array, a value on each line, or as lines of JSON.

    Args:
        is_array: Make them one array.
    """

    def __init__(self, *, is_array: bool) -> None:
        self._is_array = is_array
        self._is_first = True

    def begin(self) -> bytes:
        """Return what comes first."""
        return b"[" if self._is_array else b""

    def value(self, value: JSONValue) -> bytes:
        """Return a value."""
        encoded = msgspec.json.encode(value)
        if not self._is_array:
            return encoded + b"\n"
        before = b"\n" if self._is_first else b",\n"
        self._is_first = False
        return before + encoded

    def end(self) -> bytes:
        """Return what comes last."""
        if not self._is_array:
            return b""
        return b"]\n" if self._is_first else b"\n]\n"


class JsonRowEncoder(JsonValues):
    """Rows as objects.

    Args:
        columns: Names of the objects' fields.
        is_array: Make them one array.
    """

    def __init__(self, columns: tuple[str, ...], *, is_array: bool) -> None:
        super().__init__(is_array=is_array)
        self._columns = columns

    def row(self, row: TableRow) -> bytes:
        """Return a row."""
        return self.value(dict(zip(self._columns, row, strict=True)))


class CsvRowEncoder:
    """Rows as CSV: nothing for None, JSON for what is neither text nor a number.

    Args:
        columns: Names of the columns.
        has_header: Begin with them.
    """

    def __init__(self, columns: tuple[str, ...], *, has_header: bool = True) -> None:
        self._columns = columns
        self._has_header = has_header

    def begin(self) -> bytes:
        """Return the header."""
        return self.row(self._columns) if self._has_header else b""

    def row(self, row: TableRow) -> bytes:
        """Return a row."""
        cells = ",".join(_quoted(as_text(value)) for value in row)
        return (cells or '""').encode() + b"\n"  # an empty line would be no row

    def end(self) -> bytes:
        """Return nothing: CSV ends with its last row."""
        return b""


def as_text(value: JSONValue) -> str:
    """Return a value as the text of a cell: nothing for None, JSON for what is no text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
