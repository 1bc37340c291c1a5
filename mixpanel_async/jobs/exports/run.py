"""The options of one export to files, checked, and its report."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.directory import DayOptions
from mixpanel_async.jobs.exports.fetch import Fetched
from mixpanel_async.jobs.exports.options import FileExportOptions
from mixpanel_async.jobs.exports.outputs.columns import read_columns
from mixpanel_async.jobs.exports.outputs.files import WritableFile
from mixpanel_async.jobs.exports.outputs.formats import OutputKind, kind_of, kind_of_file
from mixpanel_async.jobs.exports.outputs.writer import OutputPlan
from mixpanel_async.jobs.exports.progress import ExportMeter
from mixpanel_async.jobs.exports.ranges import is_over, read_timezone
from mixpanel_async.jobs.exports.reader import check_keeping
from mixpanel_async.jobs.exports.report import ExportReport

_LOOKBACK_DAYS: Final = 5  # /track takes events for five days
_CONCURRENCY: Final = 4
_MAX_CONCURRENCY: Final = 100


class Exported(msgspec.Struct, frozen=True):
    """A range that was exported.

    Attributes:
        name: The range, for the report.
        last: Its last day.
        fetched: What arrived.
    """

    name: str
    last: dt.date
    fetched: Fetched

    @classmethod
    def of(cls, first: str, last: str, fetched: Fetched) -> "Exported":
        """Return a range of days that was exported."""
        return cls(first if first == last else f"{first} to {last}", dt.date.fromisoformat(last), fetched)


class ExportRun(msgspec.Struct, frozen=True):
    """One export to files.

    Attributes:
        plan: How the events are written.
        days: How days are exported.
        limit: Maximum number of events per request, or None.
        meter: Counts the progress.
    """

    plan: OutputPlan
    days: DayOptions
    limit: int | None
    meter: ExportMeter

    def report(
        self,
        exported: Sequence[Exported],
        *,
        files: Sequence[str],
        skipped: Sequence[str] = (),
        refetched: Sequence[str] = (),
    ) -> ExportReport:
        """Return the report of the export.

        Args:
            exported: The ranges that arrived.
            files: Their files.
            skipped: Files of days that stayed as they were.
            refetched: Files that replaced an earlier export.
        """
        self.meter.report()
        written = [each.fetched.written for each in exported]
        limit, zone = self.limit, self.days.zone
        return ExportReport(
            events=sum(each.events for each in written),
            line_bytes=sum(each.line_bytes for each in written),
            written_bytes=sum(each.stored_bytes for each in written),
            files=files,
            skipped=skipped,
            refetched=refetched,
            unfinished=[
                each.last.isoformat()
                for each in exported
                if not is_over(each.last, dt.datetime.fromtimestamp(each.fetched.at, dt.UTC), zone)
            ],
            cut=[each.name for each in exported if limit is not None and each.fetched.written.events >= limit],
            bad_lines=sum(len(each.fetched.bad_lines) for each in exported),
            waited_seconds=self.meter.waited_seconds,
            duration_seconds=self.meter.seconds,
        )


def output_plan(target: str | WritableFile, options: FileExportOptions, *, is_directory: bool) -> OutputPlan:
    """Return how an export writes events.

    Args:
        target: Path of a file or directory, or an open file.
        options: Options of the export.
        is_directory: Whether the target is a directory.

    Raises:
        InvalidArgumentError: The format is not known, or contradicts other options.
    """
    kind = _kind(target, options.get("format"), is_directory=is_directory)
    columns = read_columns(options.get("columns", ()))
    if columns and kind.format == "ndjson":
        raise InvalidArgumentError(
            "columns is invalid: NDJSON has no columns, every line has all properties; choose CSV or Parquet"
        )
    check_keeping(options.get("on_bad_line"), kind.format)
    return OutputPlan(kind, columns, bool(options.get("time_in_ms")))


def _kind(target: str | WritableFile, declared: str | None, *, is_directory: bool) -> OutputKind:
    if isinstance(target, str) and not is_directory:
        return kind_of_file(target, declared)
    return kind_of("ndjson" if declared is None else declared)


def day_options(options: FileExportOptions) -> DayOptions:
    """Return how days are exported.

    Raises:
        InvalidArgumentError: A number is out of range, or there is no such time zone.
    """
    lookback, concurrency = options.get("lookback_days", _LOOKBACK_DAYS), options.get("concurrency", _CONCURRENCY)
    if type(lookback) is not int or lookback < 0:
        raise InvalidArgumentError(f"lookback_days is invalid: {lookback!r} is not a number of days; give 0 or more")
    if type(concurrency) is not int or not 1 <= concurrency <= _MAX_CONCURRENCY:
        raise InvalidArgumentError(f"concurrency is invalid: {concurrency!r} is not in 1-{_MAX_CONCURRENCY}")
    timezone = options.get("timezone")
    return DayOptions(
        timezone=timezone,
        zone=read_timezone(timezone),
        lookback_days=lookback,
        overwrite=bool(options.get("overwrite", False)),
        concurrency=concurrency,
    )
