"""CSV and TSV reader; an invalid row is reported, and reading continues after it."""

import contextlib
import csv
import io
from collections.abc import AsyncGenerator, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
import orjson

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.chunks import Chunk, FlatRecord, Position, RejectedRecord
from mixpanel_async.jobs.sources.base import CheckColumns
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.records.rejection import malformed

_ROWS: Final = 1000


class CsvRows(msgspec.Struct):
    """A group of rows.

    Attributes:
        rows: The valid rows, by column name.
        numbers: Number of the line on which each row begins, from 1; the header is line 1.
        rejects: The invalid rows.
        number: Number of the last line that was read.
        is_end: Whether the table has ended.
    """

    rows: Sequence[FlatRecord]
    numbers: Sequence[int]
    rejects: Sequence[RejectedRecord]
    number: int
    is_end: bool


class CsvParser:
    """Parses a table. Blocks, so it runs on a thread.

    Args:
        name: Name of the source, for errors.
        text: The table.
        delimiter: Column delimiter.
    """

    def __init__(self, name: str, text: io.TextIOBase, delimiter: str) -> None:
        self._name = name
        # A misplaced quote is an error instead of a guess.
        self._reader = csv.reader(text, delimiter=delimiter, strict=True)
        self._broken: Exception | None = None
        self.header: list[str] = []

    def read_header(self) -> list[str]:
        """Read the column names; [] if the table is empty.

        Raises:
            SourceError: The header is invalid.
        """
        try:
            self.header = next(self._reader, [])
        except csv.Error as error:
            raise SourceError(f"{self._name}: the header cannot be read: {error}") from None
        if any(_is_broken(name) for name in self.header):
            raise SourceError(f"{self._name}: the header is not valid UTF-8; convert the file to UTF-8")
        return self.header

    def skip(self, number: int) -> None:
        """Skip lines up to a number.

        Raises:
            SourceError: The table has fewer lines.
        """
        while self._reader.line_num < number:
            with contextlib.suppress(csv.Error):
                if next(self._reader, None) is None:
                    raise SourceError(f"{self._name}: the file has become shorter")

    def read(self) -> CsvRows:
        """Read up to 1,000 rows, valid or not; an error of the file is raised after the rows before it."""
        if self._broken is not None:
            raise self._broken
        rows: list[FlatRecord] = []
        numbers: list[int] = []
        rejects: list[RejectedRecord] = []
        width = len(self.header)
        found = list(islice(self._rows(rejects), _ROWS))
        for number, cells in found:
            if cells is None:
                continue
            if len(cells) != width:
                verdict = malformed(f"{len(cells)} cells, but {width} columns; quote cells that hold a delimiter")
                rejects.append(RejectedRecord(number, verdict, orjson.dumps([_mended(cell) for cell in cells])))
            elif not "".join(cells).isascii() and any(_is_broken(cell) for cell in cells):
                verdict = malformed("a cell is not valid UTF-8; convert the file to UTF-8")
                rejects.append(RejectedRecord(number, verdict, orjson.dumps([_mended(cell) for cell in cells])))
            else:
                rows.append(dict(zip(self.header, cells, strict=True)))
                numbers.append(number)
        return CsvRows(rows, numbers, rejects, self._reader.line_num, len(found) < _ROWS and not self._broken)

    def _rows(self, rejects: list[RejectedRecord]) -> Iterator[tuple[int, list[str] | None]]:
        """Yield rows with their line numbers, without blank rows; None for a row that was rejected."""
        while True:
            number = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                last = self._reader.line_num
                lines = f"lines {number} to {last}: " if last > number else ""
                rejects.append(RejectedRecord(number, malformed(f"{lines}not valid CSV: {error}; check the quotes")))
                yield number, None
                continue
            except Exception as error:
                self._broken = error
                return
            if cells:
                yield number, cells


def _is_broken(cell: str) -> bool:
    """Return whether a cell has bytes that are not UTF-8; they were decoded to lone surrogates."""
    return any("\udc80" <= character <= "\udcff" for character in cell)


def _mended(cell: str) -> str:
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class CsvReader:
    """Reads CSV and TSV.

    Args:
        file: An open file.
        thread: Runs blocking calls.
        delimiter: Column delimiter.
        check_columns: Called with the header.
    """

    def __init__(self, file: ReadAheadFile, thread: WorkerThread, delimiter: str, check_columns: CheckColumns) -> None:
        self._file = file
        self._thread = thread
        self._rows = CsvParser(file.name, file.text(), delimiter)
        self._check_columns = check_columns
        self._start = Position()

    async def open(self, start: Position) -> None:
        """Read the header and move to the position where reading begins."""
        self._start = start
        columns = await self._thread.submit(self._read_header)
        if columns:
            self._check_columns(columns)

    def _read_header(self) -> list[str]:
        with self._file.translated():
            columns = self._rows.read_header()
            self._rows.skip(self._start.number)
            return columns

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the rows."""
        while True:
            found = await self._thread.submit(self._read_rows)
            end = Position(self._start.file, found.number)
            yield Chunk(self._file.name, found.numbers, rows=found.rows, rejects=found.rejects, end=end, is_table=True)
            if found.is_end:
                await self._thread.submit(self._file.check_end)
                return

    def _read_rows(self) -> CsvRows:
        with self._file.translated():
            rows = self._rows.read()
        self._file.note_position()
        return rows
