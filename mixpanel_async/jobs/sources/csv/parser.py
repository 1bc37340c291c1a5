"""Parses a table: an invalid row is rejected alone, and reading continues at the line after its first one."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.chunks import FlatRecord, Notice, RejectedRecord
from mixpanel_async.jobs.model.exported_tables import is_event_table, is_profile_table
from mixpanel_async.jobs.sources.csv.cells import BrokenRecordError, Dialect
from mixpanel_async.jobs.sources.csv.dialect import SAMPLE_LINES, find_delimiter, separator_line
from mixpanel_async.jobs.sources.csv.records import ROWS, Draft, RecordSplitter, raw
from mixpanel_async.jobs.sources.csv.row_tokens import RowTokens
from mixpanel_async.jobs.sources.csv.stray_quotes import row_of
from mixpanel_async.jobs.sources.csv.text_lines import TextLines
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.jobs.sources.text_repair import repaired_text
from mixpanel_async.records.rejection import malformed

_CELLS: Final = 16_384  # of a chunk
_find_invalid: Final = re.compile("[\udc80-\udcff]").search  # what invalid UTF-8 decodes to
_NOT_UTF8: Final = "a cell is not valid UTF-8; set the encoding of the file, such as cp1252, or convert it to UTF-8"


class CsvRows(msgspec.Struct):
    """A group of rows.

    Attributes:
        rows: The valid rows, by column name.
        numbers: Number of the line on which each row begins, from 1; the header is line 1.
        rejects: The invalid rows.
        notices: What is unusual about valid rows.
        number: Number of the last line that was read.
        is_end: Whether the table has ended.
        mark: What differs where the lines before the next one differ.
        repaired: Number of rows whose text was repaired.
    """

    rows: list[FlatRecord] = []
    numbers: Sequence[int] = []
    rejects: list[RejectedRecord] = []
    notices: list[Notice] = []
    number: int = 0
    is_end: bool = False
    mark: str = ""
    repaired: int = 0


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _repaired(cell: str) -> str:
    return repaired_text(cell.encode("utf-8", "surrogateescape")).decode()


class CsvParser:
    """Parses a table. Blocks, so it runs on a thread.

    Args:
        name: Name of the source, for errors.
        lines: The table.
        options: Delimiter, quote and escape character as far as they are declared, and words for null.
        default: What is not declared and not detected; without a delimiter, the delimiter is detected.
    """

    def __init__(self, name: str, lines: TextLines, options: FileOptions, default: Dialect | None = None) -> None:
        self._name = name
        self._lines = lines
        self._nulls = frozenset(options.null)
        self._columns = list(options.columns)
        self._is_repairing = options.repair_text
        self._delimiter = options.delimiter or (default.delimiter if default is not None else None)
        self._quote = options.quote_character(default.quote if default is not None else '"')
        self._escape = options.escape_character
        # With a declared quote character, a cell may have any number of lines.
        self._allows_rows_in_cells = options.quote is not None
        self._splitter = self._make_splitter(Dialect(self._delimiter or ",", self._quote, self._escape))
        self._has_unnamed = False
        self._tokens = RowTokens((), ",")
        self.header: list[str] = []

    def _make_splitter(self, dialect: Dialect) -> RecordSplitter:
        return RecordSplitter(self._lines, dialect, allows_rows_in_cells=self._allows_rows_in_cells)

    def read_header(self) -> list[str]:
        """Read the column names; [] if the table is empty. "" is among them if a column without a name has values.

        Raises:
            SourceError: The header is invalid.
        """
        sample = self._lines.peek_all(SAMPLE_LINES)
        if sample and (separator := separator_line(sample[0])):
            self._lines.take(1)
            self._delimiter = self._delimiter or separator
            sample = self._lines.peek_all(SAMPLE_LINES)
        if self._delimiter is None:
            self._delimiter = find_delimiter(sample, self._quote)
        dialect = Dialect(self._delimiter, self._quote, self._escape)
        self._splitter = self._make_splitter(dialect)
        self._raise_failure(sample)
        try:
            found = self._splitter.split_one(sample, 0)
        except BrokenRecordError as error:
            raise SourceError(f"{self._name}: the header cannot be read: {error}") from None
        if found is None:
            raise SourceError(f"{self._name}: the header is invalid: a quote is not closed; check it")
        self.header, count = found
        if self._columns and sample and set(self._columns).isdisjoint(self.header):
            self.header, count = self._columns, 0  # the first line is a row
        if any(map(_find_invalid, self.header)):
            raise SourceError(
                f"{self._name}: the header is not valid UTF-8; set the encoding of the file, such as cp1252, or "
                "convert the file to UTF-8"
            )
        if any("\0" in name for name in self.header):
            raise SourceError(
                f"{self._name}: the header is invalid: it contains NUL characters; set the encoding, such as utf-16-le"
            )
        if self._quote is None and not self._allows_rows_in_cells and self.header and all(map(_is_quoted, self.header)):
            raise SourceError(f"{self._name}: the names of the columns are in quotes; set quote to {self.header[0][0]}")
        self._lines.take(count)
        is_exported = is_event_table(self.header) or is_profile_table(self.header)
        if is_exported:  # quoted as it must be, whatever the cells look like
            self._splitter = RecordSplitter(self._lines, dialect, allows_rows_in_cells=True)
        self._splitter.width = len(self.header)
        self._tokens = RowTokens(self.header, self._delimiter)
        self._has_unnamed = "" in self.header
        named = list(filter(None, self.header))
        return [*named, ""] if self._has_unnamed and self._are_unnamed_used(sample[count:], dialect) else named

    def _are_unnamed_used(self, lines: Sequence[str], dialect: Dialect) -> bool:
        rows = [row_of(line, dialect) for line in lines]
        return any(name == "" and cell for row in rows for name, cell in zip(self.header, row, strict=False))

    @property
    def mark(self) -> str:
        """What differs where the lines before the next one differ."""
        return self._lines.mark

    def skip(self, number: int) -> None:
        """Skip lines up to a number; a record begins after it.

        Raises:
            SourceError: The table has fewer lines.
        """
        if not self._lines.skip(number):
            self._raise_failure(())
            raise SourceError(f"{self._name}: the file has become shorter")

    def read(self) -> CsvRows:
        """Read up to 1,000 rows, valid or not; an error of the file is raised after the rows before it.

        Fewer rows are read if they have many columns: freeing 250,000 cells at once would hold the event loop.
        """
        lines = self._lines.peek(max(1, min(ROWS, _CELLS // max(1, len(self.header)))))
        first = self._lines.number + 1
        if not lines:
            return self._read_rest(first)
        draft = self._splitter.split(lines)
        found = self._rows(draft, first)
        self._lines.take(len(draft.lines))
        found.rejects = self._tokens.hide(found.rows, found.rejects)
        found.number, found.mark = self._lines.number, self._lines.mark
        return found

    def _read_rest(self, first: int) -> CsvRows:
        """Read a line that is too long, or the end."""
        too_long = self._lines.take_too_long()
        if too_long is None:
            self._raise_failure(())
            return CsvRows(number=self._lines.number, is_end=True, mark=self._lines.mark)
        size, head = too_long
        verdict = malformed(f"the line has {size:,} characters; check that the file is a table")
        reject = RejectedRecord(first, verdict, raw([head]), is_text=True)
        return CsvRows(rejects=self._tokens.hide((), [reject]), number=self._lines.number, mark=self._lines.mark)

    def _raise_failure(self, lines: Sequence[str]) -> None:
        if not lines and self._lines.failure is not None:
            raise self._lines.failure

    def _is_plain(self, together: str) -> bool:
        """Return whether the cells of a group are the values of its rows as they are."""
        return not self._has_unnamed and not self._nulls and (together.isascii() or not _find_invalid(together))

    def _rows(self, draft: Draft, first: int) -> CsvRows:
        """Return the rows of records, and reject what is not a row."""
        found = CsvRows(rejects=draft.rejects, notices=draft.notices)
        header, width = self.header, len(self.header)
        if set(map(len, draft.records)) == {width} and self._is_plain("".join(draft.lines)):
            found.rows = [dict(zip(header, cells, strict=True)) for cells in draft.records]
            found.numbers = [first + start for start in draft.starts]
            return found
        numbers: list[int] = []
        for cells, start in zip(draft.records, draft.starts, strict=True):
            if len(cells) != width:
                if cells:
                    found.rejects.append(self._splitter.reject(draft.lines, start, self._splitter.ragged(cells)))
            elif self._is_repairing and _find_invalid("".join(cells)):
                found.repaired += 1
                found.rows.append(self._row([_repaired(cell) for cell in cells]))
                numbers.append(first + start)
            elif _find_invalid("".join(cells)):
                found.rejects.append(self._splitter.reject(draft.lines, start, _NOT_UTF8))
            else:
                found.rows.append(self._row(cells))
                numbers.append(first + start)
        found.numbers = numbers
        return found

    def _row(self, cells: Sequence[str]) -> dict[str, object]:
        row: dict[str, object] = {}
        for name, cell in zip(self.header, cells, strict=True):
            value = "" if cell in self._nulls else cell
            if name or value:  # an empty column without a name is ignored
                row[name] = value
        return row
