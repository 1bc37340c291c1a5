"""`mixpanel-async export ...`."""

import asyncio
import contextlib
from typing import Annotated

import msgspec
import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.cli.commands.export_profiles import profiles
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, server_options
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import say
from mixpanel_async.cli.runner import add_group, run_call
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.events import ExportOptions, ExportReport
from mixpanel_async.jobs.sources.locations import STDIN


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


@with_options(days=day_options, server=server_options)
def events(
    *,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="File for JSON lines; a directory (existing, or with a trailing slash) gets one file per day; - is "
            "standard output.",
        ),
    ],
    days: Days,
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
    as_json: AsJson = False,
    server: ServerOptions,
) -> int:
    """Write raw events as JSON lines, as Mixpanel stores them.

    A file appears under its name only when the export is complete. In a directory, each day has its own file and
    request, and days whose file exists are skipped, so that the same command resumes an export that ended early. On
    standard output, the export is complete only if the exit status is 0.
    """

    async def write(client: AsyncMixpanel) -> ExportReport | None:
        options = ExportOptions(event=event, where=where, limit=limit, time_in_ms=time_in_ms or None, is_gzip=is_gzip)
        if path == STDIN:
            await _print_events(client, days, options)
            return None
        return await client.export.to_file(path, days.first, days.last, **options)

    report = run_call(server, write)
    if report is not None and as_json:
        stdout.write(msgspec.json.encode(report) + b"\n")
    elif report is not None:
        kept = f", {len(report.skipped)} skipped (already complete)" if report.skipped else ""
        say(
            f"{report.events:,} events, {report.written_bytes / 1e6:.1f} MB in {len(report.files)} files{kept}, "
            f"{report.duration_seconds:.1f} s"
        )
    return 0


async def _print_events(client: AsyncMixpanel, days: Days, options: ExportOptions) -> None:
    async with contextlib.aclosing(client.export.blocks(days.first, days.last, **options)) as blocks:
        async for block in blocks:
            await asyncio.to_thread(stdout.write, block)
    stdout.flush()


def add(app: typer.Typer) -> None:
    """Add the commands."""
    add_group(
        app, "export", "Export data from Mixpanel, completely or not at all.", {"events": events, "profiles": profiles}
    )
