"""The formats of files: each reads a file as chunks, from a place on."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final, Protocol

from mixpanel_async.actions.json_array import ArraySplitter
from mixpanel_async.errors import SourceError, TruncatedReply
from mixpanel_async.jobs.blocking import BlockingThread
from mixpanel_async.jobs.blocks import BlockFile
from mixpanel_async.jobs.csv_rows import RowReader, Rows
from mixpanel_async.jobs.event_rules import malformed
from mixpanel_async.jobs.formats import Format
from mixpanel_async.jobs.parquet_rows import ParquetReader
from mixpanel_async.jobs.pieces import Chunk, Misfit, Place
from mixpanel_async.jobs.splitter import MAX_LINE_BYTES, Lines, LineSplitter

_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}
_BOM: Final = b"\xef\xbb\xbf"
CheckColumns = Callable[[Sequence[str]], None]


class Reader(Protocol):
    """Reads one file of one format."""

    async def open(self, start: Place) -> None:
        """Go to where reading begins.

        Raises:
            SourceError: The file is broken.
            InvalidSetting: The table's columns will not do.
        """

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records.

        Raises:
            SourceError: The file is broken; what was read before counts.
        """


def make_reader(
    form: Format, file: BlockFile, thread: BlockingThread, delimiter: str | None, check_columns: CheckColumns
) -> Reader:
    """Return the reader of a format.

    Args:
        form: The format.
        file: Open already.
        thread: Runs what blocks.
        delimiter: What stands between cells of a table, or None for the format's own.
        check_columns: Called with the header of a table.
    """
    if form in _DELIMITERS:
        return TableReader(file, thread, delimiter or _DELIMITERS[form], check_columns)
    if form == "json":
        return ArrayReader(file)
    if form == "parquet":
        return ParquetTableReader(file, thread, check_columns)
    return LineReader(file)


class LineReader:
    """NDJSON.

    Args:
        file: Open already.
    """

    def __init__(self, file: BlockFile) -> None:
        self._file = file
        self._start = Place()

    async def open(self, start: Place) -> None:
        """Go to where reading begins."""
        self._start = start
        await self._file.skip(start.offset)

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the lines."""
        splitter = LineSplitter(self._start.number)
        offset = self._start.offset
        while block := await self._file.read():
            offset += len(block)
            found = splitter.feed(block)
            if found.lines or found.too_long:
                yield self._chunk(found, offset - splitter.held_bytes)
        found = splitter.close()
        if found.lines or found.too_long:
            yield self._chunk(found, offset)

    def _chunk(self, found: Lines, offset: int) -> Chunk:
        last = found.first + len(found.lines)
        misfits = [
            Misfit(number, malformed(f"the line is {size:,} bytes long; is this NDJSON?"))
            for number, size in found.too_long
        ]
        place = Place(self._start.file, last - 1, offset)
        return Chunk(self._file.name, range(found.first, last), lines=found.lines, misfits=misfits, end=place)


class ArrayReader:
    """One JSON array of records, element by element; their numbers count from 1.

    Args:
        file: Open already.
    """

    def __init__(self, file: BlockFile) -> None:
        self._file = file
        self._start = Place()

    async def open(self, start: Place) -> None:
        """There is no way to an element but over those before it."""
        self._start = start

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the elements."""
        splitter = ArraySplitter(MAX_LINE_BYTES)
        number, is_first = 0, True
        while block := await self._file.read():
            if is_first:
                block, is_first = block.removeprefix(_BOM), False
            try:
                found = splitter.feed(block)
            except ValueError as error:
                raise self._broken(number, str(error)) from None
            gone = max(0, min(len(found), self._start.number - number))
            first = number + gone + 1
            number += len(found)
            if gone < len(found):
                place = Place(self._start.file, number)
                yield Chunk(self._file.name, range(first, number + 1), lines=found[gone:], end=place)
        try:
            splitter.close()
        except TruncatedReply:
            raise self._broken(number, "it ends before it is closed") from None

    def _broken(self, number: int, problem: str) -> SourceError:
        problem = problem.replace("the reply's", "the").replace("the reply", "it")
        return SourceError(f"{self._file.name}: the JSON array is broken behind element {number:,}: {problem}")


class TableReader:
    """CSV and TSV.

    Args:
        file: Open already.
        thread: Runs what blocks.
        delimiter: What stands between cells.
        check_columns: Called with the header.
    """

    def __init__(self, file: BlockFile, thread: BlockingThread, delimiter: str, check_columns: CheckColumns) -> None:
        self._file = file
        self._thread = thread
        self._rows = RowReader(file.name, file.text(), delimiter)
        self._check_columns = check_columns
        self._start = Place()

    async def open(self, start: Place) -> None:
        """Read the header, and go to where reading begins."""
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
            place = Place(self._start.file, found.number)
            yield Chunk(
                self._file.name, found.numbers, rows=found.rows, misfits=found.misfits, end=place, is_table=True
            )
            if found.is_end:
                await self._thread.submit(self._file.check_end)
                return

    def _read_rows(self) -> Rows:
        with self._file.translated():
            rows = self._rows.read()
        self._file.note_position()
        return rows


class ParquetTableReader:
    """Parquet.

    Args:
        file: Open already; it is opened once more.
        thread: Runs what blocks.
        check_columns: Called with the names of the columns.
    """

    def __init__(self, file: BlockFile, thread: BlockingThread, check_columns: CheckColumns) -> None:
        self._file = file
        self._thread = thread
        self._check_columns = check_columns
        self._reader: ParquetReader | None = None
        self._start = Place()

    async def open(self, start: Place) -> None:
        """Open the file once more, as Parquet wants it, and go to where reading begins."""
        if self._file.compression:
            raise SourceError(f"{self._file.name}: Parquet is compressed in itself; unpack the file first")
        self._start = start
        self._reader = reader = await self._thread.submit(self._open_again)
        self._check_columns(reader.columns)
        await self._thread.submit(lambda: reader.skip(start.number))

    def _open_again(self) -> ParquetReader:
        return ParquetReader(self._file.name, self._file.origin.open_again())

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the rows."""
        reader = self._reader
        if reader is None:
            raise SourceError(f"{self._file.name}: is not open")
        try:
            while (found := await self._thread.submit(reader.read)) is not None:
                last = found.first + len(found.rows) - 1
                place = Place(self._start.file, last)
                yield Chunk(self._file.name, range(found.first, last + 1), rows=found.rows, end=place, is_table=True)
                self._file.note_share(found.share)
        finally:
            self._thread.submit(reader.close)
