"""`mixpanel-async export ...`."""

import asyncio
import contextlib
import pathlib
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
from mixpanel_async.jobs.exports.events import ExportOptions, ExportReport
from mixpanel_async.jobs.exports.line_check import count_events
from mixpanel_async.jobs.sources.locations import STDIN


@with_options(server=server_options)
def events(
    *,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="File for JSON lines; a directory that exists gets a file a day; - is standard output.",
        ),
    ],
    from_date: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day, inclusive.")],
    to_date: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day, inclusive.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="NAME", help="Only this event; repeatable.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="EXPRESSION", help="Segmentation expression to filter by.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, max=100_000, help="Most events in a request.")
    ] = None,
    time_in_ms: Annotated[bool, typer.Option("--time-in-ms", help="Give time in milliseconds, not seconds.")] = False,
    as_json: AsJson = False,
    server: ServerOptions,
) -> int:
    """Write raw events, as Mixpanel stored them, as JSON lines.

    A file has its name only when the export is complete: until then it ends in .partial. Into a directory, each day is
    a file and a request of its own, and days whose file is there are skipped, so that the same command goes on where an
    earlier one ended. On standard output, only exit status 0 says that what came is the whole.
    """

    async def write(client: AsyncMixpanel) -> ExportReport | None:
        options = ExportOptions(event=event, where=where, limit=limit, time_in_ms=time_in_ms or None)
        if path == STDIN:
            await _print_events(client, from_date, to_date, options)
            return None
        return await client.export.to_file(pathlib.Path(path), from_date, to_date, **options)

    report = run_call(server, write)
    if report is not None and as_json:
        stdout.write(msgspec.json.encode(report) + b"\n")
    elif report is not None:
        kept = f", {len(report.skipped)} there already" if report.skipped else ""
        say(
            f"{report.events:,} events, {report.written_bytes / 1e6:.1f} MB in {len(report.files)} files{kept}, "
            f"{report.duration_seconds:.1f} s"
        )
    return 0


async def _print_events(client: AsyncMixpanel, from_date: str, to_date: str, options: ExportOptions) -> None:
    async with contextlib.aclosing(client.export.blocks(from_date, to_date, **options)) as blocks:
        async for block in blocks:
            count_events(block)  # raises where the export was given up
            await asyncio.to_thread(stdout.write, block)
    stdout.flush()


def add(app: typer.Typer) -> None:
    """Add the commands."""
    add_group(
        app, "export", "Take data out of Mixpanel, complete or not at all.", {"events": events, "profiles": profiles}
    )
