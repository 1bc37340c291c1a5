"""Parquet reader; needs the extra `arrow`."""

import importlib
import io
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Final, Protocol

import msgspec

from mixpanel_async.errors import MissingExtraError, SourceError
from mixpanel_async.jobs.model.chunks import Chunk, Position
from mixpanel_async.jobs.sources.base import CheckColumns
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.time_slice import ThreadTurns

_ROWS: Final = 1000
_CELLS: Final = 16_384  # of a chunk: freeing 250,000 cells at once would hold the loop
_STEP_CELLS: Final = 1024


class _Batch(Protocol):
    """Rows as pyarrow holds them."""

    num_rows: int

    def slice(self, offset: int, length: int) -> "_Batch":
        """Return some of the rows."""

    def to_pylist(self) -> list[Mapping[str, object]]:
        """Return the rows as dicts."""


class ParquetRows(msgspec.Struct):
    """A group of rows.

    Attributes:
        rows: The rows, by column name; null is None.
        first: Number of the first row, from 1.
        share: Share of the file that was read, from 0 to 1.
    """

    rows: list[Mapping[str, object]]
    first: int
    share: float


class ParquetParser:
    """Parses a Parquet file. Blocks, so it runs on a thread.

    Args:
        name: Name of the source, for errors.
        file: Path of the file, or an open seekable file, which `close` closes.

    Raises:
        MissingExtraError: pyarrow is not installed.
        SourceError: The file is not a Parquet file.
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
            raise SourceError(f"{name}: not a Parquet file: {error}") from None
        self._total = self._file.metadata.num_rows
        # Columns in columns count as well.
        width = max(1, self._file.metadata.num_columns)
        self._rows = max(1, min(_ROWS, _CELLS // width))
        self._step_rows = max(1, _STEP_CELLS // width)
        self._batches: Iterator[Any] = iter(())
        self._number = 0
        self._skipped = 0

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._file.schema_arrow.names)

    def skip(self, number: int) -> None:
        """Start after row `number`; whole row groups before it are not read."""
        groups = self._file.metadata.num_row_groups
        first = 0
        while first < groups and self._number + self._file.metadata.row_group(first).num_rows <= number:
            self._number += self._file.metadata.row_group(first).num_rows
            first += 1
        self._skipped = number - self._number
        self._batches = self._file.iter_batches(batch_size=self._rows, row_groups=list(range(first, groups)))

    def read(self) -> ParquetRows | None:
        """Return the next rows, or None at the end.

        Raises:
            SourceError: The file is damaged.
        """
        try:
            batch = next(self._batches, None)
            found = [] if batch is None else self._rows_of(batch)
        except self._broken as error:
            raise SourceError(f"{self._name}: damaged after row {self._number:,}: {error}") from None
        if batch is None:
            return None
        dropped = min(self._skipped, len(found))
        self._skipped -= dropped
        first = self._number + dropped + 1
        self._number += len(found)
        return ParquetRows(found[dropped:], first, self._number / self._total if self._total else 1.0)

    def _rows_of(self, batch: _Batch) -> list[Mapping[str, object]]:
        rows: list[Mapping[str, object]] = []
        turns = ThreadTurns()
        for start in range(0, batch.num_rows, self._step_rows):
            rows += batch.slice(start, self._step_rows).to_pylist()
            turns.give_way()
        return rows

    def close(self) -> None:
        """Close the file."""
        self._file.close(force=True)


class ParquetReader:
    """Reads Parquet.

    Args:
        file: An open file; it is opened a second time for random access.
        thread: Runs blocking calls.
        check_columns: Called with the names of the columns.
    """

    def __init__(self, file: ReadAheadFile, thread: WorkerThread, check_columns: CheckColumns) -> None:
        self._file = file
        self._thread = thread
        self._check_columns = check_columns
        self._reader: ParquetParser | None = None
        self._start = Position()

    async def open(self, start: Position) -> None:
        """Open the file a second time, for random access, and move to the position where reading begins."""
        if self._file.compression:
            raise SourceError(f"{self._file.name}: Parquet has its own compression; decompress the file first")
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
            raise SourceError(f"{self._file.name}: the file is not open")
        try:
            while (found := await self._thread.submit(reader.read)) is not None:
                last = found.first + len(found.rows) - 1
                end = Position(self._start.file, last)
                yield Chunk(self._file.name, range(found.first, last + 1), rows=found.rows, end=end, is_table=True)
                self._file.note_share(found.share)
        finally:
            self._thread.submit(reader.close)
