"""Resolves paths, directories, globs and URLs to files. Blocks."""

import glob
import os
import pathlib
from collections.abc import Sequence

from mixpanel_async import remote
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.sources.archives import is_archive, members_of
from mixpanel_async.jobs.sources.detection import format_by_name
from mixpanel_async.jobs.sources.locations import (
    STDIN,
    DiskFile,
    Location,
    OpenFile,
    ReadableFile,
    StandardInput,
    UrlFile,
)
from mixpanel_async.redaction import is_remote, shown


def find_locations(source: str | ReadableFile) -> list[Location]:
    """Return the files for a path: the file itself, the files of a directory, or those that match a pattern, sorted.

    Raises:
        SourceError: The directory has no file of a known format, or no file matches the pattern.
    """
    if not isinstance(source, str):
        return [OpenFile(source, shown(str(getattr(source, "name", "file"))))]
    if source == STDIN:
        return [StandardInput()]
    if not is_remote(source):
        return [location for path in _expanded(source) for location in _files_at(path)]
    files = remote.find(source, lambda path: _is_data(path) and not is_archive(path))
    if not files:
        raise _no_file_in(source)
    return [UrlFile(file) for file in files]


def _is_data(path: str) -> bool:
    """Return whether a file of a directory holds records; a name that begins with _ or . is one of its writer's."""
    name = pathlib.PurePath(path).name
    return not name.startswith(("_", ".")) and (format_by_name(name) is not None or is_archive(name))


def _files_at(path: str) -> Sequence[Location]:
    return members_of(path) if is_archive(path) and pathlib.Path(path).is_file() else [DiskFile(path)]


def _expanded(path: str) -> list[str]:
    if pathlib.Path(path).is_file():
        return [path]
    if pathlib.Path(path).is_dir():
        inside = sorted(str(each) for each in pathlib.Path(path).iterdir() if each.is_file())
        files = [each for each in inside if _is_data(each)]
        if not files:
            raise _no_file_in(path)
        return files
    if glob.has_magic(path):
        files = sorted(each for each in glob.glob(path, recursive=True) if pathlib.Path(each).is_file())  # noqa: PTH207
        if not files:
            raise SourceError(f"{shown(path)}: no file matches this pattern")
        return _once(files) if "**" in path else files
    return [path]


def _once(paths: Sequence[str]) -> list[str]:
    """Return each file once, by its shortest path: a link to a folder above would lead to it again and again."""
    found: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: (path.count(os.sep), path)):
        found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())


def _no_file_in(name: str) -> SourceError:
    return SourceError(f"{shown(name)}: the directory has no NDJSON, JSON, CSV, TSV or Parquet file")
