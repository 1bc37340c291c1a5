"""Builds and checks the CSV of a lookup table."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.json_types import JSONValue


def encode_rows(rows: Iterable[Mapping[str, JSONValue] | Sequence[JSONValue]]) -> bytes:
    """Return rows as CSV.

    Args:
        rows: Mappings (the first one gives the header) or sequences (the first one is the header). None becomes an
            empty field.

    Raises:
        InvalidRecordError: A row is neither, or has a key that the first row does not have.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # with \r\n line ends, because it quotes only the line breaks that it writes
    header: list[str] | None = None
    for number, row in enumerate(rows, 1):
        if isinstance(row, Mapping):
            if header is None:
                header = list(row)
                writer.writerow(header)
            unknown = row.keys() - set(header)
            if unknown:
                raise InvalidRecordError(
                    f"row {number} has {', '.join(map(repr, sorted(unknown)))}, which the first row does not have; "
                    "give all rows the keys of the first"
                )
            writer.writerow([row.get(name) for name in header])
        elif not isinstance(row, str | bytes) and header is None:
            writer.writerow(row)
        else:
            raise InvalidRecordError(f"row {number} is a {type(row).__name__}; give only mappings, or only sequences")
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
        raise InvalidRecordError(f"line {line}: the table is not UTF-8; convert it") from None
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
        raise InvalidRecordError(f"line {line}: invalid CSV: {error}") from None
    if count < 0:
        raise InvalidRecordError("line 1: the table is empty; name the columns in its first line")
    return count


def _check_header(header: Sequence[str]) -> int:
    if not any(name.strip() for name in header):
        raise InvalidRecordError("line 1: the header is empty; name the columns in it")
    for place, name in enumerate(header):
        if not name.strip():
            raise InvalidRecordError(f"line 1: column {place + 1} has no name; name it, or remove it")
        if name in header[:place]:
            raise InvalidRecordError(f"line 1: duplicate column {name!r}; rename or remove one")
    return len(header)


def _check_row(row: Sequence[str], width: int, line: int) -> None:
    if len(row) != width:
        raise InvalidRecordError(
            f"line {line}: the row has {len(row)} fields, but the header has {width}; quote fields that contain commas"
        )
    if not row[0].strip():
        raise InvalidRecordError(f"line {line}: the key in the first column is empty; give each row a key")
