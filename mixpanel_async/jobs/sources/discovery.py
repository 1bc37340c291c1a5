"""Which files a path means. Everything here blocks."""

import glob
import pathlib

from mixpanel_async import remote
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.sources.detection import format_by_name
from mixpanel_async.jobs.sources.locations import (
    STDIN,
    AddressedFile,
    DiskFile,
    Location,
    OpenFile,
    ReadableFile,
    StandardInput,
)
from mixpanel_async.redaction import is_remote, shown


def find_locations(source: str | ReadableFile) -> list[Location]:
    """Return the files that a path means: itself, those of a directory, or those that fit a pattern, in their order.

    Raises:
        SourceError: There is none in the directory, or none that fits.
    """
    if not isinstance(source, str):
        return [OpenFile(source, shown(str(getattr(source, "name", "file"))))]
    if source == STDIN:
        return [StandardInput()]
    if not is_remote(source):
        return [DiskFile(path) for path in _expanded(source)]
    files = remote.find(source, lambda name: format_by_name(name) is not None)
    if not files:
        raise _nothing_in(source)
    return [AddressedFile(file) for file in files]


def _expanded(path: str) -> list[str]:
    if pathlib.Path(path).is_file():
        return [path]
    if pathlib.Path(path).is_dir():
        inside = sorted(str(each) for each in pathlib.Path(path).iterdir() if each.is_file())
        found = [each for each in inside if format_by_name(each) is not None]
        if not found:
            raise _nothing_in(path)
        return found
    if glob.has_magic(path):
        found = sorted(each for each in glob.glob(path, recursive=True) if pathlib.Path(each).is_file())  # noqa: PTH207
        if not found:
            raise SourceError(f"{shown(path)}: no file fits this pattern")
        return found
    return [path]


def _nothing_in(name: str) -> SourceError:
    return SourceError(f"{shown(name)}: the directory holds no NDJSON, JSON, CSV, TSV or Parquet file")
