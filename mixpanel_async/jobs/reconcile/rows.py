"""Compares two sets of events on disk: Parquet files, joined by DuckDB within a bound of memory. Blocks."""

import importlib
import pathlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from mixpanel_async.errors import MissingExtraError, OutputError
from mixpanel_async.jobs.reconcile.record import Digests

_GROUP_BYTES: Final = 8 * 1024 * 1024
_GROUP_ROWS: Final = 50_000
_COLUMNS: Final = ("k1", "k2", "near", "content", "other", "day", "event", "place", "number", "line")


def lake_module(name: str, what: str) -> Any:  # noqa: ANN401 - DuckDB and pyarrow have no types
    """Return a module of the extra `lake`.

    Args:
        name: Its full name.
        what: What it is needed for.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError("lake", what) from None


class ComparedRow(msgspec.Struct, frozen=True, gc=False):
    """An event as it is kept for the comparison.

    Attributes:
        digests: What it is compared by.
        day: Days since 1970.
        event: Its name.
        place: Name of the source that it is from.
        number: Its line, row or record number.
        line: The event as JSON.
    """

    digests: Digests
    day: int
    event: str
    place: str
    number: int
    line: bytes


class RowFile:
    """Writes the rows of one side, or of a part of it, to a Parquet file.

    Args:
        path: Path of the file.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OutputError: The file cannot be written.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._arrow = arrow = lake_module("pyarrow", "reconcile")
        parquet = lake_module("pyarrow.parquet", "reconcile")
        number, text = arrow.uint64(), arrow.string()
        kinds = (number, number, number, number, number, arrow.int32(), text, text, arrow.int64(), arrow.binary())
        self._schema = arrow.schema(list(zip(_COLUMNS, kinds, strict=True)))
        self._path = path
        try:
            self._writer = parquet.ParquetWriter(
                path, self._schema, compression="zstd", compression_level=1, use_dictionary=["event", "place"]
            )
        except OSError as error:
            raise self._failed(error) from None
        self._rows: list[ComparedRow] = []
        self._bytes = 0
        self.count = 0

    def add(self, rows: Sequence[ComparedRow]) -> None:
        """Write rows.

        Raises:
            OutputError: The file cannot be written.
        """
        self._rows += rows
        self.count += len(rows)
        self._bytes += sum(len(row.line) for row in rows)
        if self._bytes >= _GROUP_BYTES or len(self._rows) >= _GROUP_ROWS:
            self._write()

    def close(self) -> None:
        """Write the end of the file.

        Raises:
            OutputError: The file cannot be written.
        """
        try:
            self._write()
        finally:
            try:
                self._writer.close()
            except OSError as error:
                raise self._failed(error) from None

    def _write(self) -> None:
        rows, self._rows, self._bytes = self._rows, [], 0
        if not rows:
            return
        digests = [row.digests for row in rows]
        columns = (
            [one.key[0] for one in digests],
            [one.key[1] for one in digests],
            [one.near for one in digests],
            [one.content for one in digests],
            [one.other for one in digests],
            [row.day for row in rows],
            [row.event for row in rows],
            [row.place for row in rows],
            [row.number for row in rows],
            [row.line for row in rows],
        )
        arrays = [self._arrow.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)]
        try:
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"cannot write temporary files to {self._path.parent}: {error.strerror or error}")
