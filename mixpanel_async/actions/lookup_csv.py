"""The CSV of a lookup table: built from rows, and checked before it is sent. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.models import JSONValue


def encode_rows(rows: Iterable[Mapping[str, JSONValue] | Sequence[JSONValue]]) -> bytes:
    """Return rows as CSV.

    Args:
        rows: Mappings (the first one gives the header) or sequences (the first one is the header). None becomes an
            empty field.

    Raises:
        InvalidRecordError: A row is neither, or has a key that the first row does not have.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # ends lines with \r\n, because it only quotes line breaks that it knows
    header: list[str] | None = None
    for number, row in enumerate(rows, 1):
        if isinstance(row, Mapping):
            if header is None:
                header = list(row)
                writer.writerow(header)
            unknown = row.keys() - set(header)
            if unknown:
                raise InvalidRecordError(
                    f"row {number} has {', '.join(map(repr, sorted(unknown)))}, which the first has not"
                )
            writer.writerow([row.get(name) for name in header])
        elif not isinstance(row, str | bytes) and header is None:
            writer.writerow(row)
        else:
            raise InvalidRecordError(f"row {number} is a {type(row).__name__}; rows are all mappings or all sequences")
    return text.getvalue().encode()


def check_csv(data: bytes) -> int:
    """Check that Mixpanel accepts a table, and return its number of rows.

    Args:
        data: CSV with a header; the first column is the key.

    Raises:
        InvalidRecordError: The table is not UTF-8, has no header, a duplicate column, a row of another width or an
            empty key; the message names the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidRecordError(f"line {line}: not UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line, count, width = 1, -1, 0
    try:
        for row in reader:
            if count < 0:
                width = _check_header(row)
            else:
                _check_row(row, width, line)
            count += 1
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidRecordError(f"line {line}: not CSV: {error}") from None
    if count < 0:
        raise InvalidRecordError("line 1: the table is empty; its first line must name the columns")
    return count


def _check_header(header: Sequence[str]) -> int:
    if not any(name.strip() for name in header):
        raise InvalidRecordError("line 1: the header is empty; it must name the columns")
    for place, name in enumerate(header):
        if not name.strip():
            raise InvalidRecordError(f"line 1: column {place + 1} has no name")
        if name in header[:place]:
            raise InvalidRecordError(f"line 1: the column {name!r} is there twice")
    return len(header)


def _check_row(row: Sequence[str], width: int, line: int) -> None:
    if len(row) != width:
        raise InvalidRecordError(f"line {line}: {len(row)} fields; the header has {width}")
    if not row[0].strip():
        raise InvalidRecordError(f"line {line}: the key, in the first column, is empty")
