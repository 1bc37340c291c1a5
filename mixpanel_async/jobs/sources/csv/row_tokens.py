"""Removes project tokens from the raw text of rows that could not be read, in a table with a column of tokens."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from mixpanel_async.jobs.model.chunks import FlatRecord, RejectedRecord
from mixpanel_async.redaction import REDACTED

_NAMES: Final = ("token", "$token")
_TOKEN: Final = re.compile(rb"(?<![0-9A-Fa-f])[0-9a-f]{32}(?![0-9A-Fa-f])")  # the form of Mixpanel's tokens
_MAX_KNOWN: Final = 1000
_MASK: Final = REDACTED.encode()


class RowTokens:
    """Hides the tokens of a table's invalid rows.

    In such a row it is not certain which cell is the token. Hidden is what has the form of a token, and what the column
    of tokens held in another row. If nothing in the row is known so, the cell in the place of the column is hidden,
    counted from the beginning of the row and from its end.

    Args:
        header: Names of the columns.
        delimiter: Column delimiter.
    """

    def __init__(self, header: Sequence[str], delimiter: str) -> None:
        self._columns = [name for name in _NAMES if name in header]
        self._places = [place for name in self._columns for place in _places(header, name)]
        self._delimiter = delimiter.encode()
        self._known: set[bytes] = set()

    def hide(self, rows: Iterable[FlatRecord], rejects: Sequence[RejectedRecord]) -> list[RejectedRecord]:
        """Return rejected rows without tokens.

        Args:
            rows: Valid rows from the same part of the table.
            rejects: The rejected rows.
        """
        if not self._columns:
            return list(rejects)
        for row in rows:
            for name in self._columns:
                token = row.get(name)
                if isinstance(token, str) and token and len(self._known) < _MAX_KNOWN:
                    self._known.add(token.encode("utf-8", "surrogateescape"))
        return [msgspec.structs.replace(reject, record=self._hidden(reject.record)) for reject in rejects]

    def _hidden(self, text: bytes) -> bytes:
        found = _TOKEN.sub(_MASK, text)
        cells = found.split(self._delimiter)
        for index, cell in enumerate(cells):
            if cell.strip(b" \"'\r\n") in self._known:
                cells[index] = _MASK
        if _MASK not in cells and _MASK not in found:
            for place in self._places:
                if -len(cells) <= place < len(cells) and cells[place]:
                    cells[place] = _MASK
        return self._delimiter.join(cells)


def _places(header: Sequence[str], name: str) -> tuple[int, int]:
    index = header.index(name)
    return index, index - len(header)
