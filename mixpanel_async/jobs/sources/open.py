"""Turns the argument of an import into a source."""

import os
from collections.abc import AsyncIterable, Collection, Iterable, Sequence
from typing import TypeAlias, cast

import msgspec

from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.jobs.sources.arrow.tables import ArrowTable, TableSource, is_table
from mixpanel_async.jobs.sources.base import CheckColumns
from mixpanel_async.jobs.sources.files import FilesSource
from mixpanel_async.jobs.sources.iterables import Records, RecordSource
from mixpanel_async.jobs.sources.locations import ReadableFile
from mixpanel_async.jobs.sources.options import FileOptions

SourcePath: TypeAlias = str | os.PathLike[str]
EventSource: TypeAlias = SourcePath | Sequence[SourcePath] | ReadableFile | ArrowTable | Records


def open_source(
    source: EventSource, options: FileOptions, check_columns: CheckColumns, columns: Sequence[str] = ()
) -> FilesSource | TableSource | RecordSource:
    """Return the source for an argument of an import.

    Args:
        source: The argument.
        options: How files are read.
        check_columns: Called with the names of the columns of a table.
        columns: Names of the columns of files without a header, if the options have none.

    Raises:
        InvalidArgumentError: A path is empty, or options for files were given for an iterable.
        SourceError: The argument is not a source.
    """
    if columns and not options.columns and not is_table(source):
        options = msgspec.structs.replace(options, columns=columns)
    if isinstance(source, str | os.PathLike):
        return FilesSource(_named([source]), options, check_columns)
    if is_table(source):
        _check_none(set(options.given()) - {"nan"}, "a table in memory")
        return TableSource(source, options.nan, check_columns)
    if isinstance(source, ReadableFile):
        return FilesSource([source], options, check_columns)
    if isinstance(source, list | tuple) and source and all(isinstance(one, str | os.PathLike) for one in source):
        return FilesSource(_named(source), options, check_columns)
    if hasattr(source, "collect") and type(source).__module__.startswith("polars"):
        raise SourceError("cannot read records from a LazyFrame; give the data frame that its collect() returns")
    _check_none(set(options.given()) - ({"columns"} if columns else set()), "an iterable")
    if not isinstance(source, AsyncIterable | Iterable):
        raise SourceError(f"cannot read records from a {type(source).__name__}; give a path or an iterable")
    return RecordSource(cast("Records", source))


def _check_none(given: Collection[str], kind: str) -> None:
    if given:
        names = ", ".join(sorted(given))
        raise InvalidArgumentError(
            f"format and delimiter are invalid for {kind}, as are other options of files; omit {names}"
        )


def _named(given: Sequence[SourcePath]) -> list[str]:
    paths = [os.fspath(one) for one in given]
    if "" in paths:  # as from an unset environment variable; it would mean the current directory
        raise InvalidArgumentError("source is invalid: a path is empty; name a file, or . for the current directory")
    return paths
