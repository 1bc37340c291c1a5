"""Profiles as CSV and Parquet: their IDs, and the properties as JSON. Blocks."""

import csv
import io
from collections.abc import Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from mixpanel_async.jobs.exports.outputs.compression import TextStream
from mixpanel_async.jobs.exports.outputs.files import WritableFile
from mixpanel_async.jobs.exports.outputs.formats import OutputKind
from mixpanel_async.jobs.exports.outputs.parquet_output import GrowingStream
from mixpanel_async.jobs.exports.outputs.text_outputs import LineOutput
from mixpanel_async.jobs.model.exported_tables import GROUP_COLUMNS, LAYOUT_KEY, PROFILE_COLUMNS, PROFILE_LAYOUTS
from mixpanel_async.jobs.sources.arrow.rows import arrow_module

_GROUP_BYTES: Final = 32 * 1024 * 1024
Row: TypeAlias = Sequence[str | None]


class _Profile(msgspec.Struct, gc=False):
    properties: msgspec.Raw = msgspec.field(name="$properties")
    distinct_id: str | None = msgspec.field(name="$distinct_id", default=None)
    group_key: str | None = msgspec.field(name="$group_key", default=None)
    group_id: str | None = msgspec.field(name="$group_id", default=None)


_decode: Final = msgspec.json.Decoder(_Profile).decode


class ProfileOutput(Protocol):
    """Takes the lines of an export of profiles."""

    def add(self, lines: bytes) -> None:
        """Write whole lines."""

    def end(self) -> None:
        """Write the end."""

    def abandon(self) -> None:
        """Write nothing more; does nothing after `end`."""


def open_profile_output(kind: OutputKind, file: WritableFile, *, is_group: bool) -> ProfileOutput:
    """Return the output that writes profiles to a file.

    Args:
        kind: Format and compression.
        file: The file.
        is_group: Whether they are profiles of groups, with a group key.

    Raises:
        MissingExtraError: A package that the format needs is not installed.
    """
    columns = GROUP_COLUMNS if is_group else PROFILE_COLUMNS
    if kind.format == "parquet":
        return _ParquetProfiles(file, columns)
    stream = TextStream(file.write, kind.compression)
    return _CsvProfiles(stream, columns) if kind.format == "csv" else _ProfileLines(stream)


class _ProfileLines:
    def __init__(self, stream: TextStream) -> None:
        self._output = LineOutput(stream)

    def add(self, lines: bytes) -> None:
        self._output.add(lines, None)

    def end(self) -> None:
        self._output.end()

    def abandon(self) -> None:
        self._output.abandon()


class _CsvProfiles:
    def __init__(self, stream: TextStream, columns: Sequence[str]) -> None:
        self._stream = stream
        self._write([columns])

    def add(self, lines: bytes) -> None:
        self._write(_rows_of(lines))

    def end(self) -> None:
        self._stream.end()

    def abandon(self) -> None:
        """Do nothing: the text is not going to be used."""

    def _write(self, rows: Sequence[Row]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
        self._stream.write(text.getvalue().encode())


class _ParquetProfiles:
    def __init__(self, file: WritableFile, columns: tuple[str, ...]) -> None:
        self._arrow, parquet = (arrow_module(one, "writing Parquet") for one in ("pyarrow", "pyarrow.parquet"))
        text = self._arrow.string()
        metadata = {LAYOUT_KEY: PROFILE_LAYOUTS[columns]}
        self._schema = self._arrow.schema([(name, text) for name in columns], metadata=metadata)
        self._file = GrowingStream(file)
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")
        self._rows: list[Row] = []
        self._bytes = 0

    def add(self, lines: bytes) -> None:
        self._rows += _rows_of(lines)
        self._bytes += len(lines)
        if self._bytes >= _GROUP_BYTES:
            self._write_group()

    def end(self) -> None:
        self._write_group()
        self._writer.close()

    def abandon(self) -> None:
        self._file.is_abandoned = True
        self._writer.close()

    def _write_group(self) -> None:
        if self._rows:
            arrays = [self._arrow.array(cells, self._arrow.string()) for cells in zip(*self._rows, strict=True)]
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows, self._bytes = [], 0


def _rows_of(lines: bytes) -> list[Row]:
    """Return lines of profiles as rows, in the order of the columns."""
    rows: list[Row] = []
    for line in lines.split(b"\n")[:-1]:
        profile = _decode(line)
        text = bytes(profile.properties).decode()
        if profile.group_key is None:
            rows.append((profile.distinct_id, text))
        else:
            rows.append((profile.group_key, profile.group_id, text))
    return rows
