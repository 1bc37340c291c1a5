"""Splits one record of a table into cells, if the csv module cannot read it or must not join its lines."""

import csv
import re
from typing import Final

import msgspec

_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_NULL: Final = "N"  # after an escape character, as MySQL and PostgreSQL write a null


class BrokenRecordError(csv.Error):
    """The text is not a record."""


class Dialect(msgspec.Struct, frozen=True):
    """How a table is written.

    Attributes:
        delimiter: Column delimiter.
        quote: Character around cells that hold a delimiter or line end, or None.
        escape: Character that makes the next one literal, or None.
    """

    delimiter: str
    quote: str | None
    escape: str | None = None


class CellPattern:
    """Splits records of a dialect.

    Args:
        dialect: The dialect.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote or "")
        escape = re.escape(dialect.escape or "")
        escaped = f"|{escape}(?:\r\n|.)" if escape else ""
        self._bare = re.compile(f"(?:[^{delimiter}{escape}\r\n]++{escaped})*+", re.DOTALL)
        quoted = f"{quote}((?:[^{quote}{escape}]++{escaped}|{quote}{quote})*+){quote}"
        self._quoted = re.compile(quoted, re.DOTALL) if quote else None
        self._end = re.compile(f"{delimiter}|\r\n|\r|\n|\\Z")
        special = [f"{escape}(\r\n|.)"] * bool(escape) + [f"({quote}){quote}"] * bool(quote)
        self._special = re.compile("|".join(special), re.DOTALL) if special else None

    def split(self, text: str, *, is_whole: bool) -> tuple[list[str], int] | None:
        """Return the cells of the first record of a text and where it ends, or None if it continues after the text.

        Args:
            text: Text that begins with a record.
            is_whole: Whether nothing follows the text.

        Raises:
            BrokenRecordError: The text does not begin with a record.
        """
        cells: list[str] = []
        position = 0
        while True:
            found = self._cell(text, position)
            if found is None:
                return None
            cell, position = found
            cells.append(cell)
            end = self._end.match(text, position)
            if end is None or (not end[0] and not is_whole):
                # A lone escape character, or an escaped line end, at the end of the text: the record may continue.
                if position >= len(text) - 1 and not is_whole:
                    return None
                raise BrokenRecordError("there is text after the closing quote of a cell")
            position = end.end()
            if end[0] != self._dialect.delimiter:
                return ([] if end.start() == 0 else cells), position

    def _cell(self, text: str, position: int) -> tuple[str, int] | None:
        quote = self._dialect.quote
        if self._quoted is not None and quote is not None and text.startswith(quote, position):
            match = self._quoted.match(text, position)
            if match is None:
                return None
            return self._unescaped(match[1], quote), match.end()
        bare = self._bare.match(text, position)
        end = position if bare is None else bare.end()
        if text[end : end + 1] == self._dialect.escape and end + 1 == len(text):
            end += 1  # nothing follows that it could escape
        return self._unescaped(text[position:end], self._dialect.escape), end

    def _unescaped(self, cell: str, sign: str | None) -> str:
        """Return the content of a cell.

        Args:
            cell: The cell without its quotes.
            sign: A character without which a cell of its kind is its content.
        """
        escape = self._dialect.escape
        if self._special is None or not sign or not (sign in cell or (escape and escape in cell)):
            return cell
        if escape is not None and cell == escape + _NULL:
            return ""
        return self._special.sub(self._meaning, cell)

    def _meaning(self, match: re.Match[str]) -> str:
        dialect, character = self._dialect, match[match.lastindex or 0]
        if character in {dialect.quote, dialect.escape, dialect.delimiter, "\r", "\n", "\r\n"}:
            return character
        # Without quotes, line ends and tabs are written as letters; in quoted cells, a letter after the escape
        # character is nothing special, as in C:\new.
        return _CONTROLS.get(character, match[0]) if dialect.quote is None else match[0]
