"""Options of exports of events."""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypedDict

from mixpanel_async.actions._core.params import Id
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat
from mixpanel_async.jobs.exports.reader import OnBadLine
from mixpanel_async.jobs.exports.report import ExportProgress

OnExportProgress: TypeAlias = Callable[[ExportProgress], None]


class ExportOptions(TypedDict, total=False):
    """Options of an export of events; all are optional.

    Attributes:
        event: Name or names of the only events to export, also as the text of a JSON array; empty: all.
        where: Segmentation expression to filter by; empty: none.
        limit: Maximum number of events per request, at most 100,000.
        time_in_ms: Return `time` in milliseconds instead of seconds.
        is_gzip: Whether the reply may be compressed (default: True); it is decompressed in any case.
        on_bad_line: What to do with a line in the middle of an export that is not an event, such as one with NaN:
            `"raise"` (the default) raises UnreadableEventError; `"keep"` passes it on to outputs of lines; a function
            is called with each `BadLine`, and the line is left out. Text in place of the last line is a truncated
            export in any case.
        idle_timeout_seconds: Longest wait for the next bytes of a reply (default: 300). A reply may take as long as it
            arrives, and a slow consumer does not count.
        min_bytes_per_second: Least speed of a reply on average over a minute of waiting for it (default: 100); 0: none.
        timeout_seconds: Timeout of each whole reply (default: none).
        project_id: Project ID (default: the client's).
    """

    event: str | Sequence[str] | None
    where: AnyExpression | None
    limit: int | None
    time_in_ms: bool | None
    is_gzip: bool
    on_bad_line: OnBadLine
    idle_timeout_seconds: float
    min_bytes_per_second: float
    timeout_seconds: float
    project_id: Id | None


class FileExportOptions(ExportOptions, total=False):
    """Options of an export of events to files; all are optional.

    Attributes:
        format: `ndjson`, `csv` or `parquet`, the first two also with `.gz` or `.zst` after them; default: what the
            suffix of the file says; in a directory, what it has already, or NDJSON.
        columns: Properties that become columns of CSV or Parquet, as NAME or NAME:TYPE with the types `string` (the
            default), `number`, `integer`, `boolean` and `time`. A value that does not fit is null there. Default: none;
            in a directory, those that it has already.
        overwrite: Whether an existing file is replaced, or the days of a directory are all exported again.
        lookback_days: Number of days in which late events may arrive (default: 5): a directory exports a day again
            unless it was exported this long after its end.
        timezone: Time zone of the project, such as `Europe/Berlin`, which says when a day is over (default: when it is
            over everywhere).
        concurrency: Number of days of a directory that are exported at once (default: 4).
        on_progress: Called several times a second, when a wait for a rate limit begins, and at the end.
    """

    format: OutputFormat | None
    columns: Sequence[str]
    overwrite: bool
    lookback_days: int
    timezone: str | None
    concurrency: int
    on_progress: OnExportProgress | None
