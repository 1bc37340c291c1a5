"""Distinguishes a cell of several lines from a stray quote, which puts whole rows into one cell."""

import csv
from collections.abc import Sequence
from typing import Final, Literal

from mixpanel_async.jobs.sources.csv.cells import Dialect

_FEW_COLUMNS: Final = 4  # prose often has as many commas as a narrow table
_MOST: Final = 0.8  # of the lines, so that one bad row among them does not hide the stray quote
_NUMBER_SIGNS: Final = frozenset("0123456789.:+-/TZ ")


def holds_rows(lines: Sequence[str], width: int, dialect: Dialect) -> bool:
    """Return whether the lines of one record look like several rows that a stray quote has joined.

    They have the table's columns, with numbers and times in the same columns as the first one.

    Args:
        lines: The lines of the record.
        width: Number of columns of the table.
        dialect: How the table is written.
    """
    wide = sum(line.count(dialect.delimiter) >= width - 1 for line in lines[1:])
    if width == 1 or wide < _MOST * (len(lines) - 1):  # the cheap check, which ordinary cells do not pass
        return False
    first = _literal_row(lines[0], dialect)
    if len(first) != width:
        first = row_of(lines[0], dialect)
        first[-1:] = [""]  # the stray quote ends it too early
    if len(first) != width:
        return False
    kinds = [_is_number(cell, dialect) for cell in first]
    alike = sum(_is_alike(kinds, row_of(line, dialect), dialect) for line in lines[1:])
    return alike >= _MOST * (len(lines) - 1)


def row_of(line: str, dialect: Dialect) -> list[str]:
    """Return the cells of one line, even if its quotes are wrong; [] if there are none."""
    quoting: Literal[0, 3] = csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL
    try:
        reader = csv.reader([line], delimiter=dialect.delimiter, quotechar=dialect.quote or '"', quoting=quoting)
        return next(reader, [])
    except csv.Error:
        return []


def _literal_row(line: str, dialect: Dialect) -> list[str]:
    return line.rstrip("\r\n").split(dialect.delimiter)


def _is_alike(kinds: Sequence[bool | None], row: Sequence[str], dialect: Dialect) -> bool:
    if len(row) != len(kinds):
        return False
    pairs = list(zip(kinds, [_is_number(cell, dialect) for cell in row], strict=True))
    if not any(old and new for old, new in pairs) and len(kinds) < _FEW_COLUMNS:
        return False
    return all(old is None or new is None or old == new for old, new in pairs)


def _is_number(cell: str, dialect: Dialect) -> bool | None:
    """Return whether a cell is a number or a time; None if it can be both."""
    if not cell or (dialect.quote is not None and dialect.quote in cell):
        return None
    return any(map(str.isdigit, cell)) and _NUMBER_SIGNS.issuperset(cell)
