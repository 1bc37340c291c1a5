"""Parquet output; needs the extra `arrow`. Blocks."""

import itertools
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mixpanel_async.jobs.exports.outputs.columns import Column, ColumnType
from mixpanel_async.jobs.exports.outputs.files import WritableFile
from mixpanel_async.jobs.exports.outputs.rows import DecodedLine, EventColumns, RowReader
from mixpanel_async.jobs.model.exported_tables import LAYOUT, LAYOUT_KEY, TABLE_COLUMNS
from mixpanel_async.jobs.sources.arrow.rows import arrow_module

# A row group ends after this many rows or bytes, which is looked at every few rows, counted from its beginning, so that
# the same events give the same file however they arrived.
_GROUP_ROWS: Final = 65_536
_GROUP_BYTES: Final = 32 * 1024 * 1024
_STEP_ROWS: Final = 128
_ZSTD_LEVEL: Final = 1


class ParquetOutput:
    """Parquet with the columns of an event table, compressed with zstd.

    Args:
        file: Where it is written; it only grows.
        columns: Chosen properties.
        time_in_ms: Whether `time` is in milliseconds and not in seconds.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, file: WritableFile, columns: Sequence[Column], *, time_in_ms: bool) -> None:
        self._arrow, parquet = (arrow_module(one, "writing Parquet") for one in ("pyarrow", "pyarrow.parquet"))
        self._reader = RowReader(columns, time_in_ms=time_in_ms)
        self._schema = event_schema(columns)
        self._file = GrowingStream(file)
        self._writer = parquet.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
            # Two events hardly have equal properties or IDs, and looking for equal ones costs more than compressing.
            use_dictionary=["event", *(column.name for column in columns if column.type == "string")],
            write_statistics=[name for name in self._schema.names if name != "properties"],
        )
        self._group = EventColumns([], [], [], [], [], [[] for _ in columns])
        self._bytes = 0

    def add(self, lines: bytes, rows: Sequence[DecodedLine] | None) -> None:
        """Write the events of whole lines.

        Raises:
            OutputError: A table cannot hold a line, or the file cannot be written.
        """
        found = self._reader.read(lines, rows)
        ends = list(itertools.accumulate(map(len, found.properties), initial=0))
        start, count = 0, len(found.events)
        while start < count:
            held = len(self._group.events)
            end = min(count, start + _STEP_ROWS - held % _STEP_ROWS)
            self._group.extend(found, start, end)
            self._bytes += ends[end] - ends[start]
            held, start = held + end - start, end
            if not held % _STEP_ROWS and (held >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES):
                self._write_group()

    def _write_group(self) -> None:
        """Write the rows that are held as a row group.

        All at once: where the parts of a column end, pages of the file end, and parts end where the reply was cut.
        """
        arrow, group = self._arrow, self._group
        if not group.events:
            return
        ends = array("i", itertools.accumulate(map(len, group.properties), initial=0))
        text = arrow.py_buffer(b"".join(group.properties))
        properties = arrow.StringArray.from_buffers(len(group.events), arrow.py_buffer(ends), text)
        columns = [group.events, group.times, group.distinct_ids, group.insert_ids, properties, *group.chosen]
        arrays = [
            cells if cells is properties else arrow.array(cells, field.type)
            for cells, field in zip(columns, self._schema, strict=True)
        ]
        self._group = EventColumns([], [], [], [], [], [[] for _ in group.chosen])
        self._bytes = 0
        self._writer.write_table(arrow.Table.from_arrays(arrays, schema=self._schema), row_group_size=len(group.events))

    def end(self) -> None:
        """Write the rest and the end."""
        self._write_group()
        self._writer.close()

    def abandon(self) -> None:
        """Write nothing more: the file is not going to be used."""
        self._file.is_abandoned = True
        self._writer.close()


class GrowingStream:
    """What pyarrow writes to.

    Args:
        file: Takes the bytes.
    """

    closed = False

    def __init__(self, file: WritableFile) -> None:
        self._file = file
        self._position = 0
        self.is_abandoned = False  # pyarrow writes the end of the file even then

    def write(self, data: bytes) -> int:
        """Write bytes; pyarrow may reuse their memory afterwards."""
        if not self.is_abandoned:
            self._file.write(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._position

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: the file belongs to the caller."""


def event_schema(columns: Sequence[Column]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the schema of an event table.

    Args:
        columns: Chosen properties.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow = arrow_module("pyarrow", "writing Parquet")
    text, moment = arrow.string(), arrow.timestamp("ms", tz="UTC")
    types: Mapping[ColumnType, Any] = {
        "string": text,
        "number": arrow.float64(),
        "integer": arrow.int64(),
        "boolean": arrow.bool_(),
        "time": moment,
    }
    own = [(name, moment if name == "time" else text) for name in TABLE_COLUMNS]
    return arrow.schema([*own, *((one.name, types[one.type]) for one in columns)], metadata={LAYOUT_KEY: LAYOUT})
