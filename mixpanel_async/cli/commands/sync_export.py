"""`mixpanel-async sync-export`."""

from typing import Annotated

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, SyncReport
from mixpanel_async.cli.commands.exports import directory_options
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, server_options
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.export_report import print_export_report
from mixpanel_async.cli.render.output import say
from mixpanel_async.cli.render.progress import ExportBar
from mixpanel_async.cli.runner import add_command, resumable, run_call
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.options import FileExportOptions
from mixpanel_async.redaction import shown

_DAY = "YYYY-MM-DD"


@with_options(days=directory_options, server=server_options)
def sync_export(
    lake: Annotated[str, typer.Argument(metavar="DIR", help="Directory of the lake; created if it is missing.")],
    *,
    from_date: Annotated[str | None, typer.Option("--from-date", metavar=_DAY, help="First day, inclusive.")] = None,
    to_date: Annotated[
        str | None, typer.Option("--to-date", metavar=_DAY, help="Last day, inclusive (default: yesterday in UTC).")
    ] = None,
    old_from_date: Annotated[str | None, typer.Option("--from", hidden=True, help="Same as --from-date.")] = None,
    old_to_date: Annotated[str | None, typer.Option("--to", hidden=True, help="Same as --to-date.")] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="NAME", help="Export only this event; repeatable.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="EXPRESSION", help="Filter by this segmentation expression.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="NAME[:TYPE]",
            help="Property that becomes a column, such as plan or price:number; types are string, number, integer, "
            "boolean and time; repeatable. With other columns than before, the files that are there are rewritten.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--force", help="Export all days again.")] = False,
    days: FileExportOptions,
    as_json: AsJson = False,
    server: ServerOptions,
) -> int:
    """Keep a lake up to date: a directory with a Parquet file for each day, for the command sql and other programs.

    Exports the days that are missing, and those that were exported before late events can have arrived (--lookback).
    Run it as often as you like, and again after it was interrupted. Each day is one of the 60 requests an hour that
    Mixpanel allows; when they are used up, the command waits.
    """
    first, last = from_date or old_from_date, to_date or old_to_date
    if first is None:
        raise InvalidArgumentError("--from-date is missing; give a day such as 2026-08-31")
    kept = "the days that are complete are kept: the same command goes on"
    with resumable(kept), ExportBar(shown(lake)) as bar:

        async def write(client: AsyncMixpanel) -> SyncReport:
            return await client.export.sync(
                lake,
                first,
                last,
                event=event,
                where=where,
                columns=column or (),
                overwrite=overwrite,
                lookback_days=days["lookback_days"],
                timezone=days["timezone"],
                concurrency=days["concurrency"],
                on_progress=bar.show,
            )

        report = run_call(server, write)
    if as_json:
        stdout.write(msgspec.json.encode(report) + b"\n")
    elif report.rewritten:
        say(f"{len(report.rewritten):,} files of earlier exports got other columns, from the properties that they have")
    print_export_report(report, is_brief=as_json, has_timezone=days["timezone"] is not None)
    return 0


def add(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "sync-export", sync_export)
