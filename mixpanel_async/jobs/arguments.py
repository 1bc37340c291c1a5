"""The keyword arguments of the imports: options of the job, and of the files that it reads."""

from collections.abc import Sequence
from typing import TypedDict, Unpack

from mixpanel_async.jobs.options import JobArguments, JobOptions
from mixpanel_async.jobs.sources.arrow.rows import OnNaN
from mixpanel_async.jobs.sources.detection import Format
from mixpanel_async.jobs.sources.options import FileOptions


class _Format(TypedDict):
    format: Format | None
    delimiter: str | None


class ImportArguments(JobArguments, total=False):
    """The fields of `JobOptions` and of `FileOptions` as keyword arguments."""

    quote: str | None
    escape: str | None
    encoding: str | None
    null: Sequence[str]
    columns: Sequence[str]
    repair_text: bool
    records_path: str | None
    nan: OnNaN


def split_arguments(given: ImportArguments, **files: Unpack[_Format]) -> tuple[FileOptions, JobOptions]:
    """Return keyword arguments of an import as its two kinds of options.

    Raises:
        InvalidArgumentError: An option is invalid or contradicts another one.
    """
    own = {name: value for name, value in given.items() if name in FileOptions.__struct_fields__}
    others = {name: value for name, value in given.items() if name not in own}
    return FileOptions(**files, **own), JobOptions(**others)  # type: ignore[arg-type]
