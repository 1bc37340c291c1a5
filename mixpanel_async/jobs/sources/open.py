"""Where records come from."""

import os
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import TypeAlias, cast

from mixpanel_async.errors import InvalidSettingError, SourceError
from mixpanel_async.jobs.sources.files import FileOptions, FilesSource
from mixpanel_async.jobs.sources.iterables import Records, RecordSource
from mixpanel_async.jobs.sources.locations import ReadableFile

SourcePath: TypeAlias = str | os.PathLike[str]
EventSource: TypeAlias = SourcePath | Sequence[SourcePath] | ReadableFile | Records


def open_source(source: EventSource, options: FileOptions) -> FilesSource | RecordSource:
    """Return the source that a caller means.

    Raises:
        InvalidSettingError: A path is empty, or options for files were given for something else.
        SourceError: The source is none.
    """
    if isinstance(source, str | os.PathLike):
        return FilesSource(_named([source]), options)
    if isinstance(source, ReadableFile):
        return FilesSource([source], options)
    if isinstance(source, list | tuple) and source and all(isinstance(one, str | os.PathLike) for one in source):
        return FilesSource(_named(source), options)
    if options.format is not None or options.delimiter is not None:
        raise InvalidSettingError("format and delimiter are for files; an iterable yields records")
    if not isinstance(source, AsyncIterable | Iterable):
        raise SourceError(f"cannot read records from a {type(source).__name__}; give a path or an iterable")
    return RecordSource(cast("Records", source))


def _named(given: Sequence[SourcePath]) -> list[str]:
    paths = [os.fspath(one) for one in given]
    if "" in paths:  # as a variable that is not set makes it; it would mean the current directory
        raise InvalidSettingError("a path is empty; name a file, or . for the current directory")
    return paths
