"""Keeps a lake of exported events up to date."""

import asyncio
import datetime as dt
import os
from collections.abc import Sequence
from typing import Final, Unpack, cast

import msgspec

from mixpanel_async.actions._core.params import Date, date_range
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.lake_directory import LAKE_FORMAT, LakeDirectory, LakeFolder, check_lake_columns
from mixpanel_async.jobs.exports.options import ExportOptions, FileExportOptions, OnExportProgress
from mixpanel_async.jobs.exports.progress import ExportMeter
from mixpanel_async.jobs.exports.ranges import days_between
from mixpanel_async.jobs.exports.report import ExportReport
from mixpanel_async.jobs.exports.run import Exported, ExportRun, day_options, output_plan
from mixpanel_async.jobs.exports.to_file import FileExport
from mixpanel_async.redaction import is_remote, shown

# When Mixpanel received an event: of two copies, the later one counts as a rule.
ARRIVAL_COLUMN: Final = "mp_processing_time_ms:integer"
_DAY: Final = dt.timedelta(days=1)


class SyncOptions(ExportOptions, total=False):
    """Options of `export.sync`; all are optional. Those of `ExportOptions` apply, apart from `limit` and `time_in_ms`.

    Attributes:
        columns: Properties that become columns, as in `FileExportOptions`; the names must differ by more than case.
        overwrite: Whether all days are exported again.
        lookback_days: Number of days in which late events may arrive (default: 5): a day is exported again unless it
            was exported this long after its end.
        timezone: Time zone of the project, such as `Europe/Berlin`, which says when a day is over (default: when it is
            over everywhere).
        concurrency: Number of days that are exported at once (default: 4).
        on_progress: Called several times a second, when a wait for a rate limit begins, and at the end.
    """

    columns: Sequence[str]
    overwrite: bool
    lookback_days: int
    timezone: str | None
    concurrency: int
    on_progress: OnExportProgress | None


class SyncReport(ExportReport, frozen=True, kw_only=True):
    """Result of `export.sync`: that of the export, and files that got other columns.

    Attributes:
        rewritten: Files of earlier exports that got other columns, from the properties that they have.
    """

    rewritten: Sequence[str] = ()


class LakeExport(FileExport):
    """Exports events into a lake."""

    async def sync(
        self,
        directory: str | os.PathLike[str],
        from_date: Date,
        to_date: Date | None = None,
        **options: Unpack[SyncOptions],
    ) -> SyncReport:
        """Keep a lake up to date: a directory with a Parquet file for each day, for SQL and other programs.

        `open_lake` and the command `sql` query it. Exports the days that are missing, and those that were exported
        before late events can have arrived (`lookback_days`), as `to_file` does for a directory, with the same
        manifest. The file of a day is `date=2026-01-31/events.parquet`. Run it as often as you like. If other columns
        are wanted than before, the days that are there get them from their properties; they are not exported again.

        Args:
            directory: The lake; it is created if it is missing.
            from_date: First day, inclusive: in UTC, or in the project's time zone for projects created before 2023.
            to_date: Last day, inclusive; None: yesterday in UTC.
            **options: See `SyncOptions`: event, where, is_gzip, on_bad_line, idle_timeout_seconds,
                min_bytes_per_second, timeout_seconds, project_id, columns, overwrite, lookback_days, timezone,
                concurrency, on_progress.

        Raises:
            TruncatedReplyError: The export of a day ended early in every attempt; the days before it stay.
            UnreadableEventError: A line in the middle is not an event, and `on_bad_line` is `"raise"`.
            OutputError: A file cannot be written, or a Parquet file cannot hold an event.
            MissingExtraError: pyarrow is not installed.
            ApiError: Mixpanel refused the request.
            TransportError: The reply did not start, or the connection broke, in every attempt.
            InvalidArgumentError: An option is invalid, or the directory holds another export.

        Example:
            ```python
            report = await mp.export.sync("lake", "2023-11-14", "2023-11-15", columns=["plan", "amount:number"])
            print(report.events, report.files)
            ```

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        path = os.fspath(directory)
        wanted = _checked(path, options)
        first, last = date_range(from_date, to_date or self._yesterday(from_date))
        plan = output_plan(path, wanted, is_directory=True)
        check_lake_columns(plan.columns)
        meter = ExportMeter(self._clock, options.get("on_progress"))
        run = ExportRun(plan, day_options(wanted), None, meter)
        contents = msgspec.structs.replace(self._contents(first, last, wanted, plan), format=LAKE_FORMAT)
        await asyncio.to_thread(plan.check)
        folder = LakeFolder(path)
        export = LakeDirectory(folder, contents, run.days, self._fetcher(wanted, run), meter, plan)
        files = await export.run(days_between(first, last))
        report = run.report(
            [Exported(file.day.isoformat(), file.day, file.fetched) for file in files if file.fetched is not None],
            files=[folder.path(file.name) for file in files if not file.is_kept],
            skipped=[folder.path(file.name) for file in files if file.is_kept],
            refetched=[folder.path(file.name) for file in files if file.is_known and not file.is_kept],
        )
        return SyncReport(**msgspec.structs.asdict(report), rewritten=export.rewritten)

    def _yesterday(self, from_date: Date) -> str:
        day = dt.datetime.fromtimestamp(self._clock.time(), dt.UTC).date() - _DAY
        first, _ = date_range(from_date, from_date)
        if first > day.isoformat():
            raise InvalidArgumentError(
                f"from_date is invalid: {first} is not over yet; give an earlier day, or to_date"
            )
        return day.isoformat()


def _checked(path: str, options: SyncOptions) -> FileExportOptions:
    """Return the options of the export.

    Raises:
        InvalidArgumentError: An option is unknown or does not apply.
    """
    others = {"limit", "time_in_ms"}
    unknown = options.keys() - (SyncOptions.__annotations__.keys() - others)
    if unknown:
        raise InvalidArgumentError(f"sync: unknown option {', '.join(sorted(unknown))}; see SyncOptions")
    if not path:
        raise InvalidArgumentError("directory is invalid: the path is empty; name a directory")
    if is_remote(path):
        raise InvalidArgumentError(
            f"directory is invalid: {shown(path)} is not on this machine; name a local directory"
        )
    given = options.get("columns", ())
    columns = [given] if isinstance(given, str) else list(given)  # text is refused where columns are read
    has_arrival = any(column.partition(":")[0] == ARRIVAL_COLUMN.partition(":")[0] for column in columns)
    own = {
        **options,
        "format": "parquet",
        "time_in_ms": True,
        "columns": given if isinstance(given, str) or has_arrival else [ARRIVAL_COLUMN, *columns],
    }
    return cast("FileExportOptions", own)
