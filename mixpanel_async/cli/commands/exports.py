"""`mixpanel-async export ...`."""

# ruff: noqa: A002 - `format` is the name of the option

from typing import Annotated, Final

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, ExportReport
from mixpanel_async.cli.commands.export_profiles import profiles
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, server_options
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.bad_lines import BadLineFile
from mixpanel_async.cli.render.export_report import print_export_report
from mixpanel_async.cli.render.progress import ExportBar
from mixpanel_async.cli.runner import add_group, resumable, run_call
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.options import ExportOptions, FileExportOptions
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat
from mixpanel_async.jobs.exports.outputs.place import is_folder
from mixpanel_async.jobs.sources.locations import STDIN
from mixpanel_async.redaction import shown

_OUTPUT: Final = "Output"
_DIRECTORY: Final = "Directories"


class Days(msgspec.Struct, frozen=True):
    """The days to export, both inclusive."""

    first: str
    last: str


def day_options(
    *,
    from_date: Annotated[
        str | None, typer.Option("--from-date", metavar="YYYY-MM-DD", help="First day, inclusive.")
    ] = None,
    to_date: Annotated[str | None, typer.Option("--to-date", metavar="YYYY-MM-DD", help="Last day, inclusive.")] = None,
    old_from_date: Annotated[str | None, typer.Option("--from", hidden=True, help="Same as --from-date.")] = None,
    old_to_date: Annotated[str | None, typer.Option("--to", hidden=True, help="Same as --to-date.")] = None,
) -> Days:
    """Return the days; the old names of the options still work.

    Raises:
        InvalidArgumentError: A day is missing.
    """
    first, last = from_date or old_from_date, to_date or old_to_date
    if first is None or last is None:
        missing = "--from-date" if first is None else "--to-date"
        raise InvalidArgumentError(f"{missing} is missing; give a day such as 2026-08-31")
    return Days(first, last)


def selection_options(
    *,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="NAME", help="Export only this event; repeatable.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="EXPRESSION", help="Filter by this segmentation expression.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, max=100_000, help="Maximum number of events per request."),
    ] = None,
    time_in_ms: Annotated[
        bool, typer.Option("--time-in-ms", help="Return time in milliseconds instead of seconds.")
    ] = False,
    is_gzip: Annotated[bool, typer.Option("--gzip/--no-gzip", help="Whether Mixpanel may compress the reply.")] = True,
) -> ExportOptions:
    """Return which events to export, and how Mixpanel sends them."""
    return ExportOptions(event=event, where=where, limit=limit, time_in_ms=time_in_ms or None, is_gzip=is_gzip)


def output_options(
    *,
    format: Annotated[
        OutputFormat | None,
        typer.Option(
            "--format",
            help="Format (default: what the suffix says; in a directory, what it has already, or ndjson).",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="NAME[:TYPE]",
            help="Property that becomes a column of CSV or Parquet, such as plan or price:number; types are string, "
            "number, integer, boolean and time; repeatable.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--force",
            "--overwrite",
            help="Replace an existing file; export all days of a directory again.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    keep_bad_lines: Annotated[
        bool,
        typer.Option(
            "--keep-bad-lines",
            help="Keep lines that are not events, such as one with NaN, as they are (NDJSON only); by default, the "
            "export fails.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
) -> FileExportOptions:
    """Return how events are written."""
    if keep_bad_lines:
        return FileExportOptions(format=format, columns=column or (), overwrite=overwrite, on_bad_line="keep")
    return FileExportOptions(format=format, columns=column or (), overwrite=overwrite)


def directory_options(
    *,
    lookback: Annotated[
        int,
        typer.Option(
            "--lookback",
            metavar="N",
            min=0,
            help="Days in which late events may arrive: a day exported earlier after its end is exported again.",
            rich_help_panel=_DIRECTORY,
        ),
    ] = 5,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="Time zone of the project, such as Europe/Berlin, which says when a day is over (default: when it is "
            "over everywhere).",
            rich_help_panel=_DIRECTORY,
        ),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            metavar="N",
            min=1,
            max=100,
            help="Number of days that are exported at once.",
            rich_help_panel=_DIRECTORY,
        ),
    ] = 4,
) -> FileExportOptions:
    """Return how the days of a directory are exported."""
    return FileExportOptions(lookback_days=lookback, timezone=timezone, concurrency=concurrency)


@with_options(
    days=day_options,
    selection=selection_options,
    output=output_options,
    directory=directory_options,
    server=server_options,
)
def events(
    *,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="File (.ndjson, .jsonl or .csv, also with .gz or .zst after it, or .parquet), directory (existing, or "
            "with a slash at its end), URL such as s3://bucket/events.parquet, or - for standard output.",
        ),
    ],
    days: Days,
    selection: ExportOptions,
    output: FileExportOptions,
    directory: FileExportOptions,
    bad_lines: Annotated[
        str | None,
        typer.Option(
            "--bad-lines",
            metavar="FILE",
            help="Leave lines that are not events out, and write them to this new file, with number and reason.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    as_json: AsJson = False,
    server: ServerOptions,
) -> int:
    """Write raw events to a file, or to a directory with a file for each day.

    The suffix chooses the format. Each format holds all that Mixpanel sent, and import events reads it as it is. A file
    appears under its name only when the export is complete; an existing one is not replaced without --force. On
    standard output, the export is complete only if the exit status is 0.

    In a directory, the same command resumes an export that ended early, and exports those days again that were exported
    before late events can have arrived. Its _manifest.json says what the files are exports of. Each day is one of the
    60 requests an hour that Mixpanel allows; when they are used up, the export waits.
    """
    is_stdout = path == STDIN
    if bad_lines is not None and "on_bad_line" in output:
        raise InvalidArgumentError("--bad-lines and --keep-bad-lines exclude each other; choose one")

    kept = "the days that are complete are kept: the same command goes on" if is_folder(path) else ""
    with resumable(kept), ExportBar("stdout" if is_stdout else shown(path)) as bar, BadLineFile(bad_lines) as bad_file:

        async def write(client: AsyncMixpanel) -> ExportReport:
            options = FileExportOptions(**selection, **output, **directory, on_progress=bar.show)
            if bad_lines is not None:
                options["on_bad_line"] = bad_file.write
            return await client.export.to_file(
                stdout.StandardOutput() if is_stdout else path, days.first, days.last, **options
            )

        report = run_call(server, write)
    if is_stdout:
        stdout.flush()
    elif as_json:
        stdout.write(msgspec.json.encode(report) + b"\n")
    has_timezone = directory.get("timezone") is not None
    print_export_report(report, is_brief=is_stdout or as_json, has_timezone=has_timezone)
    return 0


def add(app: typer.Typer) -> None:
    """Add the commands."""
    add_group(
        app, "export", "Export data from Mixpanel, completely or not at all.", {"events": events, "profiles": profiles}
    )
