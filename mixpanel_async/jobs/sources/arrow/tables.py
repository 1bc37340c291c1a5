"""Tables in memory as a source: of Arrow, pandas, Polars and DuckDB."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.jobs.model.chunks import Chunk, FlatRecord, Position
from mixpanel_async.jobs.model.source_group import Identities
from mixpanel_async.jobs.sources.arrow.rows import ArrowRows, OnNaN, arrow_module
from mixpanel_async.jobs.sources.base import CheckColumns
from mixpanel_async.jobs.worker_thread import WorkerThread


@runtime_checkable
class ArrowStream(Protocol):
    """A table, a reader of batches, a data frame or a relation that exports itself as a stream of Arrow."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the stream."""


@runtime_checkable
class ArrowBatch(Protocol):
    """A record batch of Arrow."""

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        """Return the batch."""


ArrowTable: TypeAlias = ArrowStream | ArrowBatch


def is_table(source: object) -> bool:
    """Return whether a source is a table in memory."""
    return isinstance(source, ArrowStream | ArrowBatch) or _is_of_pandas(source)


def _is_of_pandas(source: object) -> bool:
    return type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "to_dict")


class TableSource:
    """The rows of a table. It is read on a thread, batch by batch, without a copy of the table.

    Args:
        table: The table.
        nan: What becomes of cells that are NaN.
        check_columns: Called with the names of the columns.
    """

    name = "row"
    names: tuple[str, ...] = ("row",)
    read_bytes = 0
    total_bytes: int | None = None

    def __init__(self, table: object, nan: OnNaN, check_columns: CheckColumns) -> None:
        self._table = table
        self._nan = nan
        self._check_columns = check_columns
        self._thread = WorkerThread("mixpanel_async-read")
        self._rows: ArrowRows | None = None
        self._batches: Iterator[Any] = iter(())
        self._broken: tuple[type[Exception], ...] = ()

    async def is_reading(self, path: str) -> bool:  # noqa: ARG002 - required by the protocol
        """Return False: the rows are not read from a file."""
        return False

    async def identify(self) -> Identities:
        """Refuse a checkpoint.

        Raises:
            InvalidArgumentError: Always, because a later process does not have the table.
        """
        raise InvalidArgumentError(
            "checkpoint is invalid: a table in memory cannot be read again by a later run; import from files"
        )

    async def open(self, start: Position) -> None:  # noqa: ARG002 - a table has no position to resume from
        """Check the columns.

        Raises:
            SourceError: The table cannot be read as Arrow.
            InvalidSettingError: A required column is missing.
        """
        rows = await self._thread.submit(self._open)
        self._check_columns(rows.columns)

    def _open(self) -> ArrowRows:
        arrow = arrow_module("pyarrow", "reading tables in memory")
        self._broken = (arrow.ArrowException, ValueError, TypeError)
        table = self._table
        try:
            if _is_of_pandas(table):
                table = arrow.Table.from_pandas(table, preserve_index=False)
            elif not isinstance(table, ArrowStream):
                batch = arrow.record_batch(table)
                table = arrow.Table.from_batches([batch])
            reader = arrow.RecordBatchReader.from_stream(table)
        except self._broken as error:
            raise SourceError(f"cannot read rows from a {type(self._table).__name__}: {error}") from None
        self._rows = rows = ArrowRows(reader.schema, self._nan)
        self._batches = (
            batch.slice(start, rows.chunk_rows)
            for batch in reader
            for start in range(0, batch.num_rows, rows.chunk_rows)
        )
        return rows

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the rows."""
        number = 0
        while found := await self._thread.submit(self._read):
            numbers = range(number + 1, number + len(found) + 1)
            number += len(found)
            yield Chunk(self.name, numbers, rows=found, end=Position(number=number), is_table=True)

    def _read(self) -> Sequence[FlatRecord]:
        if self._rows is None:
            raise SourceError("the table is not open")
        try:
            batch = next(self._batches, None)
        except self._broken as error:
            raise SourceError(f"the table cannot be read to its end: {error}") from None
        return () if batch is None else self._rows.rows(batch)

    def take(self) -> Sequence[Chunk]:
        """Return nothing: rows are yielded as soon as they are read."""
        return ()

    async def aclose(self) -> None:
        """End the thread."""
        self._thread.close()
