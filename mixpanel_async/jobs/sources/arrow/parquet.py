"""Parquet reader; needs the extra `arrow`."""

import contextlib
import io
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import msgspec

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.chunks import Chunk, FlatRecord, Position
from mixpanel_async.jobs.model.exported_tables import check_layout
from mixpanel_async.jobs.sources.arrow.rows import ArrowRows, OnNaN, arrow_module
from mixpanel_async.jobs.sources.base import CheckColumns
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.sources.tail import check_mark, mark_of
from mixpanel_async.jobs.worker_thread import WorkerThread


class ParquetRows(msgspec.Struct):
    """A group of rows.

    Attributes:
        rows: The rows, by column name; null is None.
        first: Number of the first row, from 1.
        share: Share of the file that was read, from 0 to 1.
        mark: What differs where the row group of the last row differs.
    """

    rows: list[FlatRecord]
    first: int
    share: float
    mark: str


class ParquetParser:
    """Parses a Parquet file. Blocks, so it runs on a thread.

    Args:
        name: Name of the source, for errors.
        file: Path of the file, or an open seekable file, which `close` closes.
        nan: What becomes of cells that are NaN.

    Raises:
        MissingExtraError: pyarrow is not installed.
        SourceError: The file is not a Parquet file, or in a layout of a newer version.
    """

    def __init__(self, name: str, file: str | io.BufferedReader, nan: OnNaN) -> None:
        arrow, parquet = (arrow_module(one, "reading Parquet") for one in ("pyarrow", "pyarrow.parquet"))
        self._name = name
        self._broken: tuple[type[Exception], ...] = (arrow.ArrowException, OSError, ValueError)
        try:
            self._file = parquet.ParquetFile(file)
        except self._broken as error:
            raise SourceError(f"{name}: not a Parquet file: {error}") from None
        check_layout(name, self._file.schema_arrow.metadata)
        self._total = self._file.metadata.num_rows
        # Columns in columns count as well.
        self._rows = ArrowRows(self._file.schema_arrow, nan, self._file.metadata.num_columns)
        self._batches: Iterator[Any] = iter(())
        self._number = 0
        self._skipped = 0
        self._group = (-1, 0, "")  # index, number of its last row and mark of the last row group that was looked at

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self._rows.columns

    def skip(self, number: int) -> None:
        """Start after row `number`; whole row groups before it are not read."""
        groups = self._file.metadata.num_row_groups
        first = 0
        while first < groups and self._number + self._file.metadata.row_group(first).num_rows <= number:
            self._number += self._file.metadata.row_group(first).num_rows
            first += 1
        self._skipped = number - self._number
        self._batches = self._file.iter_batches(batch_size=self._rows.chunk_rows, row_groups=list(range(first, groups)))

    def read(self) -> ParquetRows | None:
        """Return the next rows, or None at the end.

        Raises:
            SourceError: The file is damaged.
        """
        try:
            batch = next(self._batches, None)
        except self._broken as error:
            raise SourceError(f"{self._name}: damaged after row {self._number:,}: {error}") from None
        if batch is None:
            return None
        found = self._rows.rows(batch)
        dropped = min(self._skipped, len(found))
        self._skipped -= dropped
        first = self._number + dropped + 1
        self._number += len(found)
        share = self._number / self._total if self._total else 1.0
        return ParquetRows(found[dropped:], first, share, self.mark_at(self._number))

    def mark_at(self, number: int) -> str:
        """Return what differs where the row group that holds a row differs: sizes, positions and statistics of it."""
        index, last, mark = self._group
        metadata = self._file.metadata
        while number > last and index + 1 < metadata.num_row_groups:
            index += 1
            last += metadata.row_group(index).num_rows
            mark = ""
        if not mark and index >= 0:
            mark = mark_of(repr(_layout_of(metadata.row_group(index), metadata.schema, self._broken)).encode())
        self._group = (index, last, mark)
        return mark

    def close(self) -> None:
        """Close the file."""
        self._file.close(force=True)


def _layout_of(
    group: Any,  # noqa: ANN401 - pyarrow has no types
    schema: Any,  # noqa: ANN401
    unreadable: tuple[type[Exception], ...],
) -> list[object]:
    """Return sizes, positions and statistics of the columns of a row group.

    The statistics are those of the stored numbers: a date that Python does not have would raise. Statistics that cannot
    be read, such as text that was cut inside a character, are left out: the rows do not need them.
    """
    layout: list[object] = [group.num_rows]
    for index in range(group.num_columns):
        with contextlib.suppress(*unreadable):
            column = group.column(index)
            layout += [column.path_in_schema, column.data_page_offset, column.total_compressed_size, column.num_values]
            if column.physical_type != schema.column(index).physical_type:
                continue  # damaged; pyarrow would end the process
            found = column.statistics
            if found is not None and found.has_min_max:
                layout += [found.null_count, found.min_raw, found.max_raw]
    return layout


class ParquetReader:
    """Reads Parquet.

    Args:
        file: An open file; it is opened a second time for random access.
        thread: Runs blocking calls.
        nan: What becomes of cells that are NaN.
        check_columns: Called with the names of the columns.
    """

    def __init__(self, file: ReadAheadFile, thread: WorkerThread, nan: OnNaN, check_columns: CheckColumns) -> None:
        self._file = file
        self._thread = thread
        self._nan: OnNaN = nan
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
        if start.mark:
            check_mark(self._file.name, await self._thread.submit(lambda: reader.mark_at(start.number)), start.mark)
        await self._thread.submit(lambda: reader.skip(start.number))

    def _open_again(self) -> ParquetParser:
        return ParquetParser(self._file.name, self._file.location.open_again(), self._nan)

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the rows."""
        reader = self._reader
        if reader is None:
            raise SourceError(f"{self._file.name}: the file is not open")
        try:
            while (found := await self._thread.submit(reader.read)) is not None:
                last = found.first + len(found.rows) - 1
                end = Position(self._start.file, last, mark=found.mark)
                yield Chunk(self._file.name, range(found.first, last + 1), rows=found.rows, end=end, is_table=True)
                self._file.note_share(found.share)
        finally:
            self._thread.submit(reader.close)
