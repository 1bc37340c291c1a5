"""Options of a comparison of a source with Mixpanel."""

import math
import os
from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

import msgspec

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.jobs.options import PathLike
from mixpanel_async.jobs.sources.arrow.rows import OnNaN
from mixpanel_async.jobs.sources.detection import Format
from mixpanel_async.jobs.sources.options import FileOptions


class ReconcileProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a comparison.

    Attributes:
        stage: `reading`, `exporting`, `comparing` or `waiting`.
        source_events: Events read of the source.
        export_events: Events exported so far.
        read_bytes: Bytes read of the source, as stored.
        total_bytes: Size of the source in bytes, as stored, or None if unknown.
        seconds: Seconds since the start.
    """

    stage: str
    source_events: int
    export_events: int
    read_bytes: int
    total_bytes: int | None
    seconds: float


class ReconcileOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of `AsyncMixpanel.reconcile`.

    Attributes:
        events: Names of the only events to compare, on both sides; empty: all.
        where: Segmentation expression that selects the events of the export; empty: none.
        ignore: Names of properties that are not compared.
        project_timezone: IANA time zone of a project created before 2023, whose days and exported times are local
            (default: UTC).
        allow_unexpected: Whether the project may have other events than the source.
        wait_seconds: How long to wait for events that Mixpanel has accepted but not yet made available: what differs is
            exported again until it is equal, or the time is over.
        output: Write every difference to this file, as JSON lines.
        temp_dir: Directory for temporary files, about as large as the events of both sides, compressed (default: the
            system's).
        on_progress: Called at the beginning of each stage, and several times a second.

    Raises:
        InvalidArgumentError: An option is invalid.

    Example:
        ```python
        report = await mp.reconcile("events.ndjson", "2023-11-14", "2023-11-14", allow_unexpected=True)
        ```
    """

    events: Sequence[str] = ()
    where: AnyExpression | None = None
    ignore: Sequence[str] = ()
    project_timezone: str | None = None
    allow_unexpected: bool = False
    wait_seconds: float = 0.0
    output: PathLike | None = None
    temp_dir: PathLike | None = None
    on_progress: Callable[[ReconcileProgress], None] | None = None

    def __post_init__(self) -> None:
        for name in ("events", "ignore"):
            if isinstance(getattr(self, name), str):
                raise InvalidArgumentError(f"{name} is invalid: it is text; give a list of names")
        seconds: object = self.wait_seconds
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise InvalidArgumentError(f"wait_seconds is invalid: {seconds!r} is not a number of seconds from 0 on")
        for name in ("output", "temp_dir"):
            given = getattr(self, name)
            if given is not None and os.fspath(given) == "":
                raise InvalidArgumentError(f"{name} is invalid: the path is empty; name one, or omit it")


class _Format(TypedDict):
    format: Format | None
    delimiter: str | None


class ReconcileArguments(TypedDict, total=False):
    """The fields of `ReconcileOptions` and of `FileOptions` as keyword arguments."""

    events: Sequence[str]
    where: AnyExpression | None
    ignore: Sequence[str]
    project_timezone: str | None
    allow_unexpected: bool
    wait_seconds: float
    output: PathLike | None
    temp_dir: PathLike | None
    on_progress: Callable[[ReconcileProgress], None] | None
    quote: str | None
    escape: str | None
    encoding: str | None
    null: Sequence[str]
    columns: Sequence[str]
    repair_text: bool
    records_path: str | None
    nan: OnNaN


def split_options(given: ReconcileArguments, **files: Unpack[_Format]) -> tuple[FileOptions, ReconcileOptions]:
    """Return keyword arguments of a comparison as its two kinds of options.

    Raises:
        InvalidArgumentError: An option is unknown or invalid.
    """
    own = {name: value for name, value in given.items() if name in FileOptions.__struct_fields__}
    others = {name: value for name, value in given.items() if name not in own}
    unknown = others.keys() - set(ReconcileOptions.__struct_fields__)
    if unknown:
        raise InvalidArgumentError(f"reconcile: unknown option {', '.join(sorted(unknown))}; see ReconcileOptions")
    return FileOptions(**files, **own), ReconcileOptions(**others)  # type: ignore[arg-type]
