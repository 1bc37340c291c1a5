"""The directory of a lake: a folder for each day, and days that get other columns without being exported again."""

import contextlib
import datetime as dt
import hashlib
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.atomic_write import naming
from mixpanel_async.jobs.exports.directory import DayOptions, DirectoryExport
from mixpanel_async.jobs.exports.fetch import Fetcher
from mixpanel_async.jobs.exports.manifest import MANIFEST_NAME, Contents, DayEntry, Manifest
from mixpanel_async.jobs.exports.outputs.columns import Column
from mixpanel_async.jobs.exports.outputs.files import DiskFolder, OutputFile
from mixpanel_async.jobs.exports.outputs.parquet_output import event_schema
from mixpanel_async.jobs.exports.outputs.writer import CountedFile, OutputPlan
from mixpanel_async.jobs.exports.progress import ExportMeter
from mixpanel_async.jobs.model.exported_tables import TABLE_COLUMNS, event_line
from mixpanel_async.jobs.sources.arrow.rows import arrow_module
from mixpanel_async.time_slice import ThreadTurns

# Not that of any other directory: a plain export must not write its files between those of a lake.
LAKE_FORMAT: Final = "parquet in a folder for each day"
_PREFIX: Final = "date="
_FILE: Final = "events.parquet"
_RESERVED: Final = frozenset({*TABLE_COLUMNS, "date"})
_BATCH_ROWS: Final = 1024
_HASHED_BYTES: Final = 1024 * 1024


def lake_file(day: dt.date) -> str:
    """Return the name of the file of a day, as programs that read partitions of Hive expect it."""
    return f"{_PREFIX}{day}/{_FILE}"


def check_lake_columns(columns: Sequence[Column]) -> None:
    """Check that SQL can tell the columns of a lake apart: it knows no case.

    Raises:
        InvalidArgumentError: Two columns have the same name, or one has that of a column of every lake.
    """
    known = set(_RESERVED)
    for column in columns:
        if column.name.lower() in known:
            raise InvalidArgumentError(
                f"columns is invalid: a lake has a column {column.name.lower()!r} already, and SQL knows no case; "
                "omit it: every property is in the column properties"
            )
        known.add(column.name.lower())


class LakeFolder(DiskFolder):
    """A directory with a folder for each day.

    Args:
        path: Path of the directory.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.root = pathlib.Path(path)

    def sizes(self) -> Mapping[str, int]:
        """Return the sizes of its files in bytes, by name; those of the days have their folder in it."""
        found = dict(super().sizes())
        with naming(self.name, "read"):
            for path in self.root.glob(f"{_PREFIX}*/{_FILE}"):
                found[f"{path.parent.name}/{path.name}"] = path.stat().st_size
        return found

    def open(self, name: str, *, overwrite: bool = True) -> OutputFile:
        """Begin the next content of a file."""
        with naming(self.name):
            (self.root / name).parent.mkdir(exist_ok=True)
        return super().open(name, overwrite=overwrite)


class LakeDirectory(DirectoryExport):
    """Exports days into a lake.

    Args:
        folder: The directory.
        contents: What the days are exports of.
        options: How they are exported.
        fetcher: Fetches a day.
        meter: Counts the progress.
        plan: How events are written.

    Attributes:
        rewritten: Files that got other columns, from the properties that they have.
    """

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        folder: LakeFolder,
        contents: Contents,
        options: DayOptions,
        fetcher: Fetcher,
        meter: ExportMeter,
        plan: OutputPlan,
    ) -> None:
        super().__init__(folder, contents, options, fetcher, meter)
        self._root = folder.root
        self._plan_of_output = plan
        self.rewritten: Sequence[str] = ()

    def name_of(self, day: dt.date) -> str:
        """Return the name of the file of a day."""
        return lake_file(day)

    def read_manifest(self, sizes: dict[str, int]) -> Manifest:
        """Return the manifest of the lake, after its files got the columns that are wanted now. Blocks."""
        wanted = self._contents
        text = self._folder.read(MANIFEST_NAME)
        found = _columns_of(text)
        if found is None or found == wanted.columns:
            return super().read_manifest(sizes)
        self._contents = msgspec.structs.replace(wanted, columns=found)
        try:
            self._manifest = super().read_manifest(sizes)  # refuses everything else that differs
            self.rewritten = list(self._rewrite(sizes))
        finally:
            self._contents = wanted
        self._save(msgspec.structs.replace(self._manifest, contents=wanted))
        return self._manifest

    def _rewrite(self, sizes: dict[str, int]) -> Iterator[str]:
        """Give the files of all days the columns of the plan; yield the paths of those that had others."""
        for day, entry in sorted(self._manifest.days.items()):
            if entry.file not in sizes:
                continue
            path = self._root / entry.file
            if has_columns(path, self._plan_of_output):
                # Killed between the file and its entry, an earlier run left an entry of the old file.
                if sizes[entry.file] != entry.bytes:
                    self._save(self._manifest.with_day(day, _entry_of(path, entry)))
                continue
            output = self._folder.open(entry.file)
            try:
                counted = CountedFile(output)
                rewrite(path, self._plan_of_output, counted, entry.rows)
                output.commit()
            except BaseException:
                output.discard()
                raise
            changed = msgspec.structs.replace(entry, bytes=counted.size, sha256=counted.sha256)
            self._save(self._manifest.with_day(day, changed))
            sizes[entry.file] = counted.size
            yield str(path)


class _Columns(msgspec.Struct):
    columns: tuple[str, ...] = ()


class _Head(msgspec.Struct):
    contents: _Columns


def _columns_of(text: bytes | None) -> tuple[str, ...] | None:
    """Return the columns that a manifest names; None if there is none, or it is damaged, which is told elsewhere."""
    try:
        return None if text is None else msgspec.json.decode(text, type=_Head).contents.columns
    except msgspec.MsgspecError:
        return None


def has_columns(path: pathlib.Path, plan: OutputPlan) -> bool:
    """Return whether a file has the columns of a plan.

    Raises:
        OutputError: It is damaged.
    """
    with _opened(path) as file:
        return bool(file.schema_arrow.equals(event_schema(plan.columns)))


def rewrite(path: pathlib.Path, plan: OutputPlan, file: CountedFile, expected: int) -> None:
    """Write the events of a file to another one, with the columns of a plan.

    Args:
        path: The file.
        plan: How events are written.
        file: The other file.
        expected: Number of events.

    Raises:
        OutputError: The file is damaged, or the other one cannot be written.
    """
    turns, decoder = ThreadTurns(), plan.decoder()
    rows = 0
    output = plan.open(file)
    try:
        with _opened(path) as source:
            for batch in source.iter_batches(batch_size=_BATCH_ROWS, columns=["event", "properties"]):
                lines = b"".join(event_line(row) + b"\n" for row in batch.to_pylist())
                output.add(lines, None if decoder is None else decoder(lines))
                rows += batch.num_rows
                turns.give_way()
        output.end()
    except BaseException:
        output.abandon()
        raise
    if rows != expected:
        raise OutputError(
            f"cannot rewrite {path}: it has {rows:,} events and not {expected:,}; remove it and sync again"
        )


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[Any]:
    """Open a Parquet file; name it in errors."""
    arrow, parquet = (arrow_module(one, "writing Parquet") for one in ("pyarrow", "pyarrow.parquet"))
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (arrow.ArrowException, OSError) as error:
        raise OutputError(f"cannot read {path}: {error}; remove it and sync again") from None


def _entry_of(path: pathlib.Path, entry: DayEntry) -> DayEntry:
    """Return the entry of a file that was rewritten."""
    found, size = hashlib.sha256(), 0
    with naming(str(path), "read"), path.open("rb") as file:
        while block := file.read(_HASHED_BYTES):
            found.update(block)
            size += len(block)
    return msgspec.structs.replace(entry, bytes=size, sha256=found.hexdigest())
