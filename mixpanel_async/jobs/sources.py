"""Where records come from, each source as chunks that say where they stood."""

import asyncio
import itertools
import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import Final, Protocol, TypeAlias, cast

from mixpanel_async.errors import InvalidSetting, SourceError
from mixpanel_async.jobs.blocking import BlockingThread
from mixpanel_async.jobs.blocks import BlockFile
from mixpanel_async.jobs.csv_rows import RowReader, Rows
from mixpanel_async.jobs.event_rules import malformed
from mixpanel_async.jobs.formats import Format, format_of
from mixpanel_async.jobs.pieces import Chunk, Misfit, Place, Row
from mixpanel_async.jobs.splitter import Lines, LineSplitter

Record: TypeAlias = Row | bytes | str
Records: TypeAlias = Iterable[Record] | AsyncIterable[Record]
EventSource: TypeAlias = str | os.PathLike[str] | Records
_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}
_CHUNK_RECORDS: Final = 500


class Source(Protocol):
    """What a job reads.

    Attributes:
        name: For people.
        is_table: Whether its records are rows of text under a header.
        columns: The header of a table.
    """

    name: str
    is_table: bool
    columns: Sequence[str]

    @property
    def read_bytes(self) -> int:
        """Bytes read, as they are stored."""

    @property
    def total_bytes(self) -> int | None:
        """Bytes that there are, or None where nobody knows."""

    async def open(self) -> None:
        """Open it.

        Raises:
            SourceError: It cannot be read.
        """

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield its records.

        Raises:
            SourceError: It is broken; what was read before counts.
        """

    def take(self) -> Sequence[Chunk]:
        """Return records that were read and not yielded yet."""

    async def aclose(self) -> None:
        """Let go of it."""


class FileSource:
    """A file, or standard input.

    Args:
        path: Where; "-" is standard input.
        told: Its format, or None to find out.
        delimiter: What stands between cells of a table, or None for the format's own.
    """

    def __init__(self, path: str | os.PathLike[str], told: Format | None, delimiter: str | None = None) -> None:
        self._thread = BlockingThread("mixpanel_async-read")
        self._file = BlockFile(path, self._thread)
        self._told = told
        self._delimiter = delimiter
        self._rows: RowReader | None = None
        self.name = self._file.name
        self.is_table = False
        self.columns: Sequence[str] = ()

    @property
    def read_bytes(self) -> int:
        """Bytes read, as they are stored."""
        return self._file.read_bytes

    @property
    def total_bytes(self) -> int | None:
        """The file's size, or None for a pipe."""
        return self._file.total_bytes

    async def open(self) -> None:
        """Open the file, find out its format, and read a table's header.

        Raises:
            SourceError: It cannot be read, or has a format that cannot be found out or is not supported.
        """
        await self._file.open()
        form = format_of(self.name, self._file.head, self._told)
        if form in _DELIMITERS:
            self._rows = RowReader(self.name, self._file.text(), self._delimiter or _DELIMITERS[form])
            self.columns = await self._thread.submit(self._rows.read_header)
            self.is_table = True
        elif form != "ndjson":
            raise SourceError(f"{self.name}: {form} is not supported yet; convert it to NDJSON")

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records."""
        return self._line_chunks() if self._rows is None else self._row_chunks(self._rows)

    async def _line_chunks(self) -> AsyncGenerator[Chunk]:
        splitter = LineSplitter()
        offset = 0
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
        place = Place(number=last - 1, offset=offset)
        return Chunk(self.name, range(found.first, last), lines=found.lines, misfits=misfits, end=place)

    async def _row_chunks(self, reader: RowReader) -> AsyncGenerator[Chunk]:
        while True:
            found = await self._thread.submit(lambda: self._read_rows(reader))
            place = Place(number=found.number)
            yield Chunk(self.name, found.numbers, rows=found.rows, misfits=found.misfits, end=place)
            if found.is_end:
                return

    def _read_rows(self, reader: RowReader) -> Rows:
        with self._file.translated():
            rows = reader.read()
        self._file.tell()
        return rows

    def take(self) -> Sequence[Chunk]:
        """Return nothing: what is read of a file is yielded at once."""
        return ()

    async def aclose(self) -> None:
        """Close the file and end its thread."""
        await self._file.aclose()
        self._thread.close()


class RecordSource:
    """An iterable or async iterable of mappings, or of JSON as bytes or text.

    It runs in the event loop: what blocks there blocks everything.

    Args:
        records: The records.
    """

    name = "record"
    is_table = False
    columns: Sequence[str] = ()
    read_bytes = 0
    total_bytes = None

    def __init__(self, records: Records) -> None:
        self._records = records
        self._held: list[Record] = []
        self._number = 0

    async def open(self) -> None:
        """Check that the records can be iterated over.

        Raises:
            SourceError: They cannot.
        """
        if not isinstance(self._records, AsyncIterable | Iterable):
            raise SourceError(f"cannot read records from a {type(self._records).__name__}; give a path or an iterable")

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records, some hundreds at a time."""
        if isinstance(self._records, AsyncIterable):
            async for record in self._records:
                self._held.append(record)
                if len(self._held) >= _CHUNK_RECORDS:
                    for chunk in self.take():
                        yield chunk
        else:
            for record in self._records:
                self._held.append(record)
                if len(self._held) >= _CHUNK_RECORDS:
                    for chunk in self.take():
                        yield chunk
                    await asyncio.sleep(0)
        for chunk in self.take():
            yield chunk

    def take(self) -> Sequence[Chunk]:
        """Return what was read and not yielded yet: a source that pauses does not hold back what it gave before."""
        chunks = []
        held, self._held = self._held, []
        for is_text, group in itertools.groupby(held, key=lambda record: isinstance(record, bytes | str)):
            records = list(group)
            first = self._number + 1
            self._number += len(records)
            numbers = range(first, self._number + 1)
            end = Place(number=self._number)
            if is_text:
                lines = [record.encode() if isinstance(record, str) else cast("bytes", record) for record in records]
                chunks.append(Chunk(self.name, numbers, lines=lines, end=end))
            else:
                chunks.append(Chunk(self.name, numbers, rows=cast("list[Row]", records), end=end))
        return chunks

    async def aclose(self) -> None:
        """The records belong to the caller."""


def open_source(source: EventSource, told: Format | None, delimiter: str | None) -> FileSource | RecordSource:
    """Return the source that a caller means.

    Raises:
        InvalidSetting: Options for files were given for something else.
    """
    if isinstance(source, str | os.PathLike):
        return FileSource(source, told, delimiter)
    if told is not None or delimiter is not None:
        raise InvalidSetting("format and delimiter are for files; an iterable yields records")
    return RecordSource(source)
