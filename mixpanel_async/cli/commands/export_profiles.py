"""`mixpanel-async export profiles`."""

# ruff: noqa: A002 - `format` is the name of the option

import asyncio
import contextlib
from typing import Annotated, cast

import msgspec
import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.cli.commands.query.profiles import Selection, selection_options
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, server_options
from mixpanel_async.cli.options.query import WorkspaceId
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.bad_lines import BadLineFile
from mixpanel_async.cli.render.output import say
from mixpanel_async.cli.runner import resumable, run_call
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat
from mixpanel_async.jobs.exports.profile_options import ProfileExportOptions, ProfileExportReport
from mixpanel_async.jobs.sources.locations import STDIN


@with_options(selection=selection_options, server=server_options)
def profiles(
    *,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="File (.ndjson, .jsonl or .csv, also with .gz or .zst after it, or .parquet), URL such as "
            "s3://bucket/profiles.csv, or - for JSON lines on standard output.",
        ),
    ],
    selection: Selection,
    group_key: Annotated[
        str | None,
        typer.Option(
            "--group-key",
            metavar="NAME",
            help="With --data-group-id: group key, such as company, to write lines that import groups reads.",
        ),
    ] = None,
    format: Annotated[
        OutputFormat | None, typer.Option("--format", help="Format (default: what the suffix says).")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--force", "--overwrite", help="Replace an existing file.")] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on where the same command ended early; if Mixpanel forgot the session, begin again."
        ),
    ] = False,
    bad_lines: Annotated[
        str | None,
        typer.Option(
            "--bad-lines",
            metavar="FILE",
            help="Leave profiles that cannot be read out, and write them to this new file, with page, position and "
            "reason.",
        ),
    ] = None,
    keep_bad_lines: Annotated[
        bool,
        typer.Option(
            "--keep-bad-lines",
            help="Keep profiles that cannot be read, such as one with NaN, as they are (NDJSON only); by default, the "
            "export fails.",
        ),
    ] = False,
    workspace_id: WorkspaceId = None,
    as_json: AsJson = False,
    server: ServerOptions,
) -> int:
    """Write all matching profiles to a file that import profiles reads as it is.

    A file appears under its name only when the export is complete; an existing one is not replaced without --force. If
    the export ends early, what was read is kept, and the same command with --resume goes on there. On standard output,
    the export is complete only if the exit status is 0. Each page counts as one of the 60 queries per hour; when they
    are used up, the export waits and then resumes.
    """
    if path == STDIN and (resume or format not in {None, "ndjson"}):
        raise InvalidArgumentError("standard output gets JSON lines, and nothing is resumed there; name a file")
    if bad_lines is not None and keep_bad_lines:
        raise InvalidArgumentError("--bad-lines and --keep-bad-lines exclude each other; choose one")
    named = {**selection.options, "workspace_id": workspace_id, "group_key": group_key}
    options = cast("ProfileExportOptions", named)
    if keep_bad_lines:
        options["on_bad_line"] = "keep"

    async def write(client: AsyncMixpanel) -> ProfileExportReport | None:
        if path == STDIN:
            await _print_profiles(client, options)
            return None
        return await client.export.profiles_to_file(path, format=format, overwrite=overwrite, resume=resume, **options)

    kept = "" if path == STDIN else "what was read is kept: add --resume to go on after it"
    with resumable(kept), BadLineFile(bad_lines) as bad_file:
        if bad_lines is not None:
            options["on_bad_line"] = bad_file.write
        report = run_call(server, write)
    if report is not None and as_json:
        stdout.write(msgspec.json.encode(report) + b"\n")
    elif report is not None:
        say(_summary(report))
    if found := bad_file.count if report is None else report.bad_lines:
        say(f"{found:,} profiles cannot be read")
    return 0


def _summary(report: ProfileExportReport) -> str:
    size = report.written_bytes / 1e6
    resumed = f" ({report.resumed:,} of an earlier run)" if report.resumed else ""
    again = ", begun again: Mixpanel forgot the session" if report.restarts else ""
    place = f"{size:.1f} MB in {report.files[0]}"
    return f"{report.profiles:,} profiles{resumed}, {place}{again}, {report.duration_seconds:.1f} s"


async def _print_profiles(client: AsyncMixpanel, options: ProfileExportOptions) -> None:
    async with contextlib.aclosing(client.export.profile_blocks(**options)) as blocks:
        async for block in blocks:
            await asyncio.to_thread(stdout.write, block)
    stdout.flush()
