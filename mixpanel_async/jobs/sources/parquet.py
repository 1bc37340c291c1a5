"""Parquet, batch by batch; needs the extra `arrow`."""

import importlib
import io
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from mixpanel_async.errors import MissingExtraError, SourceError
from mixpanel_async.jobs.model.chunks import Chunk, Position
from mixpanel_async.jobs.sources.base import CheckColumns
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.worker_thread import WorkerThread

_ROWS: Final = 1000


class ParquetRows(msgspec.Struct):
    """Some rows.

    Attributes:
        rows: Column name to value; what is null is None.
        first: Number of the first row, from 1.
        share: How much of the file has been read, from 0 to 1.
    """

    rows: list[Mapping[str, object]]
    first: int
    share: float


class ParquetParser:
    """Reads a Parquet file; blocks, so it belongs on a thread.

    Args:
        name: Of the source, for errors.
        file: Its path, or the file, open to be read from any place; it is closed at the end.

    Raises:
        MissingExtraError: pyarrow is not installed.
        SourceError: The file is no Parquet.
    """

    def __init__(self, name: str, file: str | io.BufferedReader) -> None:
        try:
            arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
        except ImportError:
            raise MissingExtraError("arrow", "reading Parquet") from None
        self._name = name
        self._broken: tuple[type[Exception], ...] = (arrow.ArrowException, OSError, ValueError)
        try:
            self._file = parquet.ParquetFile(file)
        except self._broken as error:
            raise SourceError(f"{name}: no Parquet file: {error}") from None
        self._total = self._file.metadata.num_rows
        self._batches: Iterator[Any] = iter(())
        self._number = 0
        self._skipped = 0

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._file.schema_arrow.names)

    def skip(self, number: int) -> None:
        """Begin behind row `number`; whole row groups before it are not even read."""
        groups = self._file.metadata.num_row_groups
        first = 0
        while first < groups and self._number + self._file.metadata.row_group(first).num_rows <= number:
            self._number += self._file.metadata.row_group(first).num_rows
            first += 1
        self._skipped = number - self._number
        self._batches = self._file.iter_batches(batch_size=_ROWS, row_groups=list(range(first, groups)))

    def read(self) -> ParquetRows | None:
        """Return the next rows, or None at the end.

        Raises:
            SourceError: The file is broken.
        """
        try:
            batch = next(self._batches, None)
            found = [] if batch is None else cast("list[Mapping[str, object]]", batch.to_pylist())
        except self._broken as error:
            raise SourceError(f"{self._name}: broken behind row {self._number}: {error}") from None
        if batch is None:
            return None
        dropped = min(self._skipped, len(found))
        self._skipped -= dropped
        first = self._number + dropped + 1
        self._number += len(found)
        return ParquetRows(found[dropped:], first, self._number / self._total if self._total else 1.0)

    def close(self) -> None:
        """Close the file."""
        self._file.close(force=True)


class ParquetReader:
    """Parquet.

    Args:
        file: Open already; it is opened once more.
        thread: Runs what blocks.
        check_columns: Called with the names of the columns.
    """

    def __init__(self, file: ReadAheadFile, thread: WorkerThread, check_columns: CheckColumns) -> None:
        self._file = file
        self._thread = thread
        self._check_columns = check_columns
        self._reader: ParquetParser | None = None
        self._start = Position()

    async def open(self, start: Position) -> None:
        """Open the file once more, as Parquet wants it, and go to where reading begins."""
        if self._file.compression:
            raise SourceError(f"{self._file.name}: Parquet is compressed in itself; unpack the file first")
        self._start = start
        self._reader = reader = await self._thread.submit(self._open_again)
        self._check_columns(reader.columns)
        await self._thread.submit(lambda: reader.skip(start.number))

    def _open_again(self) -> ParquetParser:
        return ParquetParser(self._file.name, self._file.location.open_again())

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the rows."""
        reader = self._reader
        if reader is None:
            raise SourceError(f"{self._file.name}: is not open")
        try:
            while (found := await self._thread.submit(reader.read)) is not None:
                last = found.first + len(found.rows) - 1
                place = Position(self._start.file, last)
                yield Chunk(self._file.name, range(found.first, last + 1), rows=found.rows, end=place, is_table=True)
                self._file.note_share(found.share)
        finally:
            self._thread.submit(reader.close)
