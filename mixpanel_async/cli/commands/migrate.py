"""`mixpanel-async migrate`."""

import os
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.cli.job_runner import opened
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, server_options
from mixpanel_async.cli.options.query import FromDate, ToDate
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import say
from mixpanel_async.cli.runner import add_command, resumable, run_call
from mixpanel_async.config import read_region
from mixpanel_async.env import read_environment
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.model.report import ExitStatus
from mixpanel_async.migration import PARTS, MigrationOptions, MigrationReport, Part, migrate

_PREFIX: Final = "MIXPANEL_TO_"
_TARGET: Final = "Target"


def target_options(
    *,
    to_base_url: Annotated[
        str | None, typer.Option("--to-base-url", help="URL of the target's server.", rich_help_panel=_TARGET)
    ] = None,
    to_region: Annotated[
        str | None,
        typer.Option("--to-region", help="Region of the target: us, eu or in.", rich_help_panel=_TARGET),
    ] = None,
    to_project_id: Annotated[
        int | None, typer.Option("--to-project-id", help="Project ID of the target.", rich_help_panel=_TARGET)
    ] = None,
) -> AsyncMixpanel:
    """Return a client of the target; its token and credentials come from the environment.

    Raises:
        MissingCredentialsError: No variable names a token or credentials.
    """
    found = read_environment(_own_names(os.environ))
    found.check(_PREFIX)
    return AsyncMixpanel(
        found.token,
        credentials=found.credentials,
        project_id=found.project_id if to_project_id is None else to_project_id,
        workspace_id=found.workspace_id,
        region=found.region if to_region is None else read_region(to_region),
        base_url=to_base_url or found.base_url,
    )


def _own_names(environ: Mapping[str, str]) -> Mapping[str, str]:
    return {f"MIXPANEL_{name.removeprefix(_PREFIX)}": environ[name] for name in environ if name.startswith(_PREFIX)}


def _read_groups(given: list[str]) -> Mapping[str, str]:
    pairs = [text.rpartition("=") for text in given]
    if any(not name or not number for name, _, number in pairs):
        raise InvalidArgumentError("--group is invalid: give NAME=ID, such as company=42")
    return {name: number for name, _, number in pairs}


@with_options(target=target_options, server=server_options)
def run_migration(
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="Directory for exports, checkpoints and rejected records.")
    ],
    *,
    from_date: FromDate,
    to_date: ToDate,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PART", help=f"Migrate only this part ({', '.join(PARTS)}); repeatable."),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="PART", help="Do not migrate this part; repeatable.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="NAME=ID", help="Group key and its ID in the source project; repeatable."),
    ] = None,
    simplify_ids: Annotated[
        bool,
        typer.Option("--simplify-ids", help="From a project with Original ID Merge to one with Simplified ID Merge."),
    ] = False,
    source_timezone: Annotated[
        str | None,
        typer.Option("--source-timezone", metavar="ZONE", help="Time zone of a source project made before 2023."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Export and check everything; write nothing to the target.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", help="How long to wait for the target to show its events.")
    ] = 300.0,
    as_json: AsJson = False,
    target: AsyncMixpanel,
    server: ServerOptions,
) -> int:
    """Copy events, profiles, groups, schemas and annotations to another project or region.

    The source is the project of the usual variables and options. The target has its own: MIXPANEL_TO_TOKEN,
    MIXPANEL_TO_PROJECT_ID, MIXPANEL_TO_SERVICE_ACCOUNT_USERNAME, MIXPANEL_TO_SERVICE_ACCOUNT_SECRET, MIXPANEL_TO_REGION
    and so on. Everything is exported to the directory first. The same command goes on where an earlier one ended. At
    the end the events of both projects are compared; the exit status is 0 only if they are equal and all records
    arrived. Lookup tables cannot be read over the API; upload their files with lookup-tables replace.
    """
    options = MigrationOptions(
        parts=_parts(only or [], skip or [], has_groups=bool(group)),
        groups=_read_groups(group or []),
        simplify_ids=simplify_ids,
        source_timezone=source_timezone,
        dry_run=dry_run,
        wait_seconds=wait,
        on_progress=say,
    )

    async def work(source: AsyncMixpanel) -> MigrationReport:
        async with opened(target):
            return await migrate(source, target, directory, from_date, to_date, options=options)

    with resumable("what was done is kept: the same command goes on from there"):
        report = run_call(server, work)
    status = ExitStatus.OK if report.is_complete else ExitStatus.INCOMPLETE
    if as_json:
        fields = {**msgspec.to_builtins(report, enc_hook=str), "is_complete": report.is_complete}
        fields["exit_status"] = int(status)
        stdout.write(msgspec.json.encode(fields, enc_hook=str) + b"\n")
    else:
        _print(report)
    return status


def _parts(only: list[str], skip: list[str], *, has_groups: bool) -> list[Part]:
    if unknown := sorted({*only, *skip}.difference(PARTS)):
        raise InvalidArgumentError(f"there is no part {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    known = [part for part in PARTS if has_groups or part != "groups" or part in only]
    chosen = [part for part in known if (not only or part in only) and part not in skip]
    if not chosen:
        raise InvalidArgumentError("--only and --skip leave nothing to migrate")
    return chosen


def _print(report: MigrationReport) -> None:
    for part in report.parts:
        outcomes = ("written", "duplicates", "skipped", "rejected", "undelivered")
        counts = [f"{getattr(part, name):,} {name}" for name in outcomes if getattr(part, name)]
        message = f"; {part.message}" if part.message else ""
        say(f"{part.part}: {', '.join([f'{part.read:,} read', *counts])}{message}")
    found = report.comparison
    if found is not None:
        say(
            f"comparison: {found.equal:,} equal, {found.missing:,} missing, {found.different:,} different, "
            f"{found.unexpected:,} unexpected"
        )
    if not any(part.part.startswith("groups") for part in report.parts):
        say("groups: not migrated; name each group key and its ID with --group")
    if report.is_dry_run:
        say("a dry run: nothing was written to the target")


def add(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "migrate", run_migration)
