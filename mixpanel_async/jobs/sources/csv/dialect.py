"""Detects the dialect of a table from its first lines."""

import csv
import re
from collections.abc import Sequence
from typing import Final, Literal

_CANDIDATES: Final = (",", ";", "\t", "|")
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)  # Excel writes and reads it
SAMPLE_LINES: Final = 20


def separator_line(line: str) -> str | None:
    """Return the delimiter that a first line such as `sep=;` names, or None."""
    match = _SEPARATOR_LINE.fullmatch(line)
    return None if match is None else match[1]


def find_delimiter(lines: Sequence[str], quote: str | None) -> str:
    """Return the delimiter that splits the first lines into the most columns, and all of them into the same number.

    Args:
        lines: The header and some lines after it.
        quote: Quote character, or None.
    """
    header, *others = lines or [""]
    best, best_score = _CANDIDATES[0], (False, 1)
    for delimiter in _CANDIDATES:
        width = _width(header, delimiter, quote)
        is_even = width > 1 and all(_width(line, delimiter, quote) in {width, 0} for line in others)
        # The comma is the first candidate and wins a tie.
        if width > 1 and (is_even, width) > best_score:
            best, best_score = delimiter, (is_even, width)
    return best


def _width(line: str, delimiter: str, quote: str | None) -> int:
    quoting: Literal[0, 3] = csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL
    try:
        return len(next(csv.reader([line], delimiter=delimiter, quotechar=quote or '"', quoting=quoting), []))
    except csv.Error:
        return 0
