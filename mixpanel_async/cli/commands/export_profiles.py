"""`mixpanel-async export profiles`."""

import asyncio
import contextlib
import pathlib
from typing import Annotated, cast

import msgspec
import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.cli.commands.query.profiles import Selection, selection_options
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, server_options
from mixpanel_async.cli.options.inputs import STDIN
from mixpanel_async.cli.options.query import WorkspaceId
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import say
from mixpanel_async.cli.runner import run_call
from mixpanel_async.jobs.exports.profiles import ProfileExportOptions, ProfileExportReport


@with_options(selection=selection_options, server=server_options)
def profiles(
    *,
    path: Annotated[str, typer.Argument(metavar="PATH", help="File for JSON lines; - is standard output.")],
    selection: Selection,
    group_key: Annotated[
        str | None,
        typer.Option(
            "--group-key",
            metavar="NAME",
            help="With --data-group-id: the groups' kind, such as company, for lines that import groups takes.",
        ),
    ] = None,
    workspace_id: WorkspaceId = None,
    as_json: AsJson = False,
    server: ServerOptions,
) -> int:
    """Write all profiles that fit, as JSON lines that import profiles takes.

    A file has its name only when the export is complete: until then it ends in .partial. On standard output, only exit
    status 0 says that what came is the whole. Each page counts as one of the 60 queries an hour; where they are used
    up, the export waits and goes on.
    """
    named = {**selection.options, "workspace_id": workspace_id, "group_key": group_key}
    options = cast("ProfileExportOptions", named)

    async def write(client: AsyncMixpanel) -> ProfileExportReport | None:
        if path == STDIN:
            await _print_profiles(client, options)
            return None
        return await client.export.profiles_to_file(pathlib.Path(path), **options)

    report = run_call(server, write)
    if report is not None and as_json:
        stdout.write(msgspec.json.encode(report) + b"\n")
    elif report is not None:
        size = report.written_bytes / 1e6
        say(f"{report.profiles:,} profiles, {size:.1f} MB in {path}, {report.duration_seconds:.1f} s")
    return 0


async def _print_profiles(client: AsyncMixpanel, options: ProfileExportOptions) -> None:
    async with contextlib.aclosing(client.export.profile_blocks(**options)) as blocks:
        async for block in blocks:
            await asyncio.to_thread(stdout.write, block)
    stdout.flush()
