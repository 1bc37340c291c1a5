"""Splits the lines of a table into records: of an invalid record only the first line is rejected."""

import csv
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from mixpanel_async.codecs.lines import MAX_LINE_BYTES
from mixpanel_async.jobs.model.chunks import Notice, RejectedRecord
from mixpanel_async.jobs.sources.csv.cells import BrokenRecordError, CellPattern, Dialect
from mixpanel_async.jobs.sources.csv.stray_quotes import holds_rows, row_of
from mixpanel_async.jobs.sources.csv.text_lines import TextLines
from mixpanel_async.records.rejection import malformed

if TYPE_CHECKING:
    from _csv import Reader

ROWS: Final = 1000
_MANY_LINES: Final = 10
_LONG_CELL: Final = "cell of many lines"


class _StoppedError(Exception):
    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class Draft(msgspec.Struct):
    """Lines that were split into records.

    Attributes:
        lines: The lines; after splitting, those that were used.
        records: The cells of each record; [] for a blank line.
        starts: Index of the first line of each record.
        rejects: Lines that are not records.
        notices: What is unusual about some records.
    """

    lines: list[str]
    records: list[list[str]] = []
    starts: list[int] = []
    rejects: list[RejectedRecord] = []
    notices: list[Notice] = []


class RecordSplitter:
    """Splits lines into records.

    Args:
        lines: The lines of the table.
        dialect: How the table is written.
        allows_rows_in_cells: Whether a cell may hold lines that look like rows.

    Attributes:
        width: Number of columns.
    """

    def __init__(self, lines: TextLines, dialect: Dialect, *, allows_rows_in_cells: bool) -> None:
        self._lines = lines
        self._dialect = dialect
        self._allows_rows_in_cells = allows_rows_in_cells
        self._pattern = CellPattern(dialect)
        self._has_long_records = False
        self.width = 0

    def split(self, lines: list[str]) -> Draft:
        """Return lines as records, up to 1,000; more lines are read if the last record continues in them.

        Args:
            lines: The next lines of the table.

        Raises:
            SourceError: The file is damaged, and nothing before the damage is left.
        """
        records = self._split_at_once(lines)
        if records is None:
            return self._split_carefully(lines)
        return Draft(lines, records, list(range(len(records))))

    def _split_at_once(self, lines: Sequence[str]) -> list[list[str]] | None:
        """Return the cells of lines that are records of their own, or None if they are not all."""
        together = "".join(lines)
        if self._dialect.escape is not None and self._dialect.escape in together:
            return None
        if max(map(len, lines)) > csv.field_size_limit():
            return None
        has_quotes = self._dialect.quote is not None and self._dialect.quote in together
        if has_quotes and self._has_long_records:  # it would most likely fail
            return None
        try:
            records = list(self._reader(lines, has_quotes=has_quotes))
        except csv.Error:
            return None
        return records if len(records) == len(lines) else None

    def _reader(self, lines: Sequence[str], *, has_quotes: bool) -> "Reader":
        return csv.reader(
            lines,
            delimiter=self._dialect.delimiter,
            quotechar=self._dialect.quote or '"',
            quoting=csv.QUOTE_MINIMAL if has_quotes else csv.QUOTE_NONE,
            strict=True,
        )

    def _split_carefully(self, lines: list[str]) -> Draft:
        """Split lines record by record."""
        draft = Draft(lines)
        start: int | None = 0
        self._has_long_records = False
        while start is not None and start < len(draft.lines) and len(draft.records) + len(draft.rejects) < ROWS:
            try:
                start = self._split_run(draft, start)
            except _StoppedError as stopped:
                start = self._split_slowly(draft, stopped.start)
        if start is not None:
            draft.lines = draft.lines[:start]
        return draft

    def _split_run(self, draft: Draft, start: int) -> int:
        """Split records one after another; return the index of the line where reading continues.

        Raises:
            _StoppedError: A record cannot be read so.
        """
        try:
            for cells, end in self._records(draft.lines, start):
                if end == start + 1:
                    draft.records.append(cells)
                    draft.starts.append(start)
                else:
                    self._has_long_records = True
                    accepted = self._accept(draft, start, end, cells)
                    if accepted != end:
                        return accepted
                start = end
                if len(draft.records) >= ROWS:
                    break
        except csv.Error:
            raise _StoppedError(start) from None
        return start

    def _split_slowly(self, draft: Draft, start: int) -> int | None:
        """Handle a broken record, a cell that is too long for the csv module, or the end of the buffered lines.

        Returns:
            The index of the line where reading continues, or None to end the lines before this record.

        Raises:
            SourceError: The file is damaged, and nothing before the damage is left.
        """
        try:
            found = self.split_one(draft.lines, start)
        except BrokenRecordError as error:
            return self._reject_line(draft, start, f"not valid CSV: {error}; check the quotes")
        if found is not None:
            return self._accept(draft, start, found[1], found[0])
        if longer := self._longer(draft.lines, start):
            draft.lines = longer
            return start
        if self._lines.failure is None:
            problem = "a quote or an escape character has no end"
            return self._reject_line(draft, start, f"not valid CSV: {problem}; check the quotes")
        if not start:
            raise self._lines.failure
        # The damage of the file may be the damage of the record: it is read again when the job resumes.
        draft.lines = draft.lines[:start]
        return None

    def _records(self, lines: Sequence[str], start: int) -> Iterator[tuple[list[str], int]]:
        """Yield the cells of records and the index of the line after each.

        Raises:
            csv.Error: The next record cannot be read.
        """
        if self._dialect.escape is None:
            reader = self._reader(lines[start:], has_quotes=self._dialect.quote is not None)
            for cells in reader:
                yield cells, start + reader.line_num
            return
        while start < len(lines):
            found = self.split_one(lines, start)
            if found is None:
                raise BrokenRecordError("the record continues after the buffered lines")
            yield found
            start = found[1]

    def split_one(self, lines: Sequence[str], start: int) -> tuple[list[str], int] | None:
        """Return the cells of a record and the index of the line after it, or None if more lines are needed.

        Raises:
            BrokenRecordError: It is not a record.
        """
        count = 1
        while True:
            text = "".join(lines[start : start + count])
            found = self._pattern.split(text, is_whole=not text.endswith(("\r", "\n")))
            if found is not None:
                cells, size = found
                end = start
                while size > 0:
                    size -= len(lines[end])
                    end += 1
                return cells, max(end, start + 1)
            if start + count >= len(lines) or len(text) > MAX_LINE_BYTES:
                return None
            count *= 2

    def _longer(self, lines: Sequence[str], start: int) -> list[str] | None:
        """Return the buffered lines and more, or None if there are no more or the record is too long already."""
        if sum(map(len, lines[start:])) > MAX_LINE_BYTES:
            return None
        longer = self._lines.peek_all(2 * len(lines))
        return longer if len(longer) > len(lines) else None

    def _accept(self, draft: Draft, start: int, end: int, cells: list[str]) -> int:
        """Take a record, or reject it; return the index of the line where reading continues."""
        own = draft.lines[start:end]
        if len(own) > 1:
            is_ragged = len(cells) != self.width
            if is_ragged and any(len(row_of(line, self._dialect)) == self.width for line in own[1:]):
                return self._reject_line(draft, start, self.ragged(cells))
            if not is_ragged and not self._allows_rows_in_cells and holds_rows(own, self.width, self._dialect):
                return self._reject_line(
                    draft,
                    start,
                    f"a quote would put {len(own):,} lines into one cell, and they look like rows; double the quote, "
                    "or set quote",
                )
            if len(own) > _MANY_LINES:
                first = self._lines.number + 1 + start
                message = f"the row has {len(own):,} lines; if that is wrong, look for a stray quote"
                draft.notices.append(Notice(first, _LONG_CELL, message))
        draft.records.append(cells)
        draft.starts.append(start)
        return end

    def _reject_line(self, draft: Draft, index: int, message: str) -> int:
        """Reject one line; return the index of the next one."""
        number = self._lines.number + 1 + index
        draft.rejects.append(
            RejectedRecord(number, malformed(message), raw(draft.lines[index : index + 1]), is_text=True)
        )
        return index + 1

    def reject(self, lines: Sequence[str], start: int, message: str) -> RejectedRecord:
        """Return the record that begins on a line as rejected."""
        found = None if self._is_line(lines[start]) else self.split_one(lines, start)
        end = start + 1 if found is None else found[1]
        return RejectedRecord(self._lines.number + 1 + start, malformed(message), raw(lines[start:end]), is_text=True)

    def _is_line(self, line: str) -> bool:
        """Return whether a record that begins on a line can only end there."""
        return all(sign is None or sign not in line for sign in (self._dialect.quote, self._dialect.escape))

    def ragged(self, cells: Sequence[str]) -> str:
        """Return what is wrong with a record that has too few or too many cells."""
        hint = "quote cells that hold a delimiter" if len(cells) > self.width else "add the missing cells"
        return f"{len(cells)} cells, but {self.width} columns; {hint}"


def raw(lines: Sequence[str]) -> bytes:
    """Return lines as the bytes of the file, without their last line end."""
    return "".join(lines).encode("utf-8", "surrogateescape").rstrip(b"\r\n")
