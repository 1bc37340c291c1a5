"""Files as sources: one after another, each as chunks that say where they stood."""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from mixpanel_async.errors import InvalidSetting, SourceError
from mixpanel_async.jobs.blocking import BlockingThread
from mixpanel_async.jobs.blocks import STDIN, BlockFile, ReadableFile
from mixpanel_async.jobs.checkpoint import SourceIdentity
from mixpanel_async.jobs.csv_rows import RowReader, Rows
from mixpanel_async.jobs.event_rules import malformed
from mixpanel_async.jobs.formats import Format, format_of
from mixpanel_async.jobs.pieces import Chunk, Misfit, Place
from mixpanel_async.jobs.splitter import Lines, LineSplitter

_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}


class FileOptions:
    """How files are read.

    Args:
        told: Their format, or None to find out.
        delimiter: What stands between cells of a table, or None for the format's own.
        check_columns: Called with the header of each table; raises InvalidSetting where it will not do.
    """

    def __init__(
        self, told: Format | None, delimiter: str | None, check_columns: Callable[[Sequence[str]], None]
    ) -> None:
        self.told = told
        self.delimiter = delimiter
        self.check_columns = check_columns


class FileSource:
    """One file, or standard input.

    Args:
        file: Opened by this.
        thread: Runs what blocks.
        options: How it is read.
        index: Which of several files it is, from 0.
    """

    def __init__(self, file: BlockFile, thread: BlockingThread, options: FileOptions, index: int = 0) -> None:
        self._file = file
        self._thread = thread
        self._options = options
        self._index = index
        self._rows: RowReader | None = None
        self._start = Place(index)

    @property
    def read_bytes(self) -> int:
        """Bytes read, as they are stored."""
        return self._file.read_bytes

    async def open(self, start: Place) -> None:
        """Open the file, find out its format, read a table's header, and go to where reading begins.

        Raises:
            SourceError: It cannot be read, or has a format that cannot be found out or is not supported.
            InvalidSetting: The table's columns will not do.
        """
        self._start = start
        await self._file.open()
        form = format_of(self._file.name, self._file.head, self._options.told)
        if form in _DELIMITERS:
            delimiter = self._options.delimiter or _DELIMITERS[form]
            self._rows = reader = RowReader(self._file.name, self._file.text(), delimiter)
            columns = await self._thread.submit(reader.read_header)
            if columns:
                self._options.check_columns(columns)
            await self._thread.submit(lambda: reader.skip(start.number))
        elif form == "ndjson":
            await self._file.skip(start.offset)
        else:
            raise SourceError(f"{self._file.name}: {form} is not supported yet; convert it to NDJSON")

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records."""
        return self._line_chunks() if self._rows is None else self._row_chunks(self._rows)

    async def _line_chunks(self) -> AsyncGenerator[Chunk]:
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
        place = Place(self._index, last - 1, offset)
        return Chunk(self._file.name, range(found.first, last), lines=found.lines, misfits=misfits, end=place)

    async def _row_chunks(self, reader: RowReader) -> AsyncGenerator[Chunk]:
        while True:
            found = await self._thread.submit(lambda: self._read_rows(reader))
            place = Place(self._index, found.number)
            yield Chunk(
                self._file.name, found.numbers, rows=found.rows, misfits=found.misfits, end=place, is_table=True
            )
            if found.is_end:
                return

    def _read_rows(self, reader: RowReader) -> Rows:
        with self._file.translated():
            rows = reader.read()
        self._file.note_position()
        return rows

    async def aclose(self) -> None:
        """Close the file."""
        await self._file.aclose()


class FilesSource:
    """Files, one after another.

    Args:
        paths: Where they are; "-" is standard input; or files that are open already.
        options: How they are read.
    """

    def __init__(self, paths: Sequence[str | ReadableFile], options: FileOptions) -> None:
        self._thread = BlockingThread("mixpanel_async-read")
        self._files = [BlockFile(path, self._thread) for path in paths]
        self._options = options
        self._current: FileSource | None = None
        self._start = Place()
        self._done_bytes = 0
        self.names = tuple(file.name for file in self._files)
        self.name = self.names[0] if len(paths) == 1 else f"{self.names[0]} and {len(paths) - 1} more"
        self.total_bytes: int | None = None

    @property
    def read_bytes(self) -> int:
        """Bytes read, as they are stored."""
        return self._done_bytes + (self._current.read_bytes if self._current is not None else 0)

    async def identify(self) -> tuple[SourceIdentity, ...]:
        """Return what tells the files from others.

        Raises:
            InvalidSetting: One is no file that can be read again.
            SourceError: One cannot be read.
        """
        found = []
        for file in self._files:
            if file.path is None or file.path == STDIN:
                raise InvalidSetting(f"a checkpoint needs files that can be read again; {file.name} cannot")
            found.append(await self._thread.submit(file.identify))
        return tuple(found)

    async def open(self, start: Place) -> None:
        """Open the first file to be read, at the place where reading begins.

        Raises:
            SourceError: It cannot be read.
            InvalidSetting: Its columns will not do.
        """
        sizes = [await self._thread.submit(file.stored_bytes) for file in self._files]
        if None not in sizes:
            self.total_bytes = sum(size or 0 for size in sizes)
        self._done_bytes = sum(size or 0 for size in sizes[: start.file])
        self._start = start
        self._current = await self._opened(start)

    async def _opened(self, start: Place) -> FileSource:
        source = FileSource(self._files[start.file], self._thread, self._options, start.file)
        self._current = source
        await source.open(start)
        return source

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records of all files."""
        for index in range(self._start.file, len(self._files)):
            if index != self._start.file:
                try:
                    await self._opened(Place(index))
                except InvalidSetting as error:
                    raise SourceError(f"{self.names[index]}: {error}") from None
            source = self._current
            if source is None:
                raise SourceError(f"{self.name}: is not open")
            async for chunk in source.chunks():
                yield chunk
            await source.aclose()
            self._done_bytes += source.read_bytes
            self._current = None

    def take(self) -> Sequence[Chunk]:
        """Return nothing: what is read of a file is yielded at once."""
        return ()

    async def aclose(self) -> None:
        """Close the file that is open, and end the thread."""
        if self._current is not None:
            await self._current.aclose()
        self._thread.close()


def path_text(path: str | os.PathLike[str]) -> str:
    """Return a path as text."""
    return os.fspath(path)
