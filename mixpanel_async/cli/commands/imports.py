"""`mixpanel-async import ...`, `validate` and `replay`."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Protocol, TypeAlias, Unpack

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, FileOptions, ImportReport, JobOptions, RecordMapping, UpdateMapping
from mixpanel_async.cli.commands import lookup_tables
from mixpanel_async.cli.job_runner import run_job
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, UseProjectToken, server_options
from mixpanel_async.cli.options.files import file_options
from mixpanel_async.cli.options.jobs import job_options
from mixpanel_async.cli.options.mapping import mapping_options, profile_options, update_options
from mixpanel_async.cli.render.import_report import print_report
from mixpanel_async.cli.render.progress import ImportBar
from mixpanel_async.cli.runner import add_command
from mixpanel_async.jobs.options import JobArguments
from mixpanel_async.redaction import shown

Files: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        help="NDJSON, JSON, CSV, TSV or Parquet, plain or compressed; a directory, a pattern, a URL such as "
        "s3://bucket/2024/*.gz, or - for standard input.",
        metavar="FILE...",
    ),
]
AsPath: TypeAlias = Annotated[
    str, typer.Argument(help="Dead letters that an import of events wrote with --dead-letters.", metavar="FILE")
]
_events_job = job_options("checkpoint", "dead_letters", "exact_dedupe", "foreign_token", "dry_run", "concurrency")
_updates_job = job_options("checkpoint", "dead_letters", "foreign_token", "dry_run", "concurrency")
_replay_job = job_options("dead_letters", "exact_dedupe", "foreign_token", "dry_run", "concurrency")
_validate_job = job_options("dead_letters", "exact_dedupe", "foreign_token")


class Import(Protocol):
    """One of the imports of a client."""

    def __call__(
        self, client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]"
    ) -> Awaitable[ImportReport]:
        """Run it."""


def add_imports(group: typer.Typer) -> None:
    """Add the commands of `import`."""
    add_command(group, "events", import_events)
    add_command(group, "profiles", import_profiles)
    add_command(group, "groups", import_groups)
    add_command(group, "lookup-table", lookup_tables.replace)


def add_others(app: typer.Typer) -> None:
    """Add the commands `validate` and `replay`."""
    add_command(app, "validate", validate)
    add_command(app, "replay", replay)


@with_options(source=file_options, mapping=mapping_options, job=_events_job, server=server_options)
def import_events(
    files: Files,
    *,
    source: FileOptions,
    mapping: RecordMapping | None,
    job: JobOptions,
    use_project_token: UseProjectToken = False,
    server: ServerOptions,
    as_json: AsJson = False,
) -> int:
    """Import events from files and report the outcome of each.

    Valid NDJSON lines are sent unchanged. Nothing is repaired or dropped unless you ask for it: a record that Mixpanel
    would reject is reported with its line number, and the others are delivered. --from reads the exports of other
    products as they are.
    """
    server = msgspec.structs.replace(server, use_project_token=use_project_token)
    return _run(_events(source, mapping), files, job, server, as_json=as_json)


@with_options(source=file_options, mapping=profile_options, job=_updates_job, server=server_options)
def import_profiles(
    files: Files,
    *,
    source: FileOptions,
    mapping: UpdateMapping,
    job: JobOptions,
    server: ServerOptions,
    as_json: AsJson = False,
) -> int:
    """Import updates of user profiles from files.

    A record is an update in Mixpanel's format, such as {"$distinct_id": "ann", "$set": {"plan": "pro"}}. A row of a
    table sets properties of the user in the column --id-field. --from finds the properties of users in the exports of
    other products.
    """

    def profiles(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.import_profiles(files, mapping=mapping, **msgspec.structs.asdict(source), **job)

    return _run(profiles, files, job, server, as_json=as_json)


@with_options(source=file_options, mapping=update_options, job=_updates_job, server=server_options)
def import_groups(
    files: Files,
    *,
    group_key: Annotated[
        str | None, typer.Option("--group-key", help="Group key for rows of a table, such as company.")
    ] = None,
    source: FileOptions,
    mapping: UpdateMapping,
    job: JobOptions,
    server: ServerOptions,
    as_json: AsJson = False,
) -> int:
    """Import updates of group profiles from files.

    A record is an update such as {"$group_key": "company", "$group_id": "acme", "$set": {"plan": "pro"}}. A row of a
    table sets properties of the group in the column --id-field.
    """
    keyed = msgspec.structs.replace(mapping, group_key=group_key)

    def groups(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.import_groups(files, mapping=keyed, **msgspec.structs.asdict(source), **job)

    return _run(groups, files, job, server, as_json=as_json)


@with_options(source=file_options, mapping=mapping_options, job=_validate_job)
def validate(
    files: Files, *, source: FileOptions, mapping: RecordMapping | None, job: JobOptions, as_json: AsJson = False
) -> int:
    """Check the events of files as an import would, without sending anything."""
    dry = msgspec.structs.replace(job, dry_run=True)
    return _run(_events(source, mapping), files, dry, ServerOptions(), as_json=as_json)


@with_options(mapping=mapping_options, job=_replay_job, server=server_options)
def replay(
    file: AsPath,
    *,
    mapping: RecordMapping | None,
    job: JobOptions,
    use_project_token: UseProjectToken = False,
    server: ServerOptions,
    as_json: AsJson = False,
) -> int:
    """Resend the dead letters of an import of events after you fixed their records.

    Records that are rejected again go to another file, --dead-letters. Rows of a table need the column mapping of the
    import. Dead letters of profiles and groups cannot be replayed; import their records again.
    """

    def resend(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.replay_dead_letters(files[0], mapping=mapping, **job)

    server = msgspec.structs.replace(server, use_project_token=use_project_token)
    return _run(resend, [file], job, server, as_json=as_json)


def _events(source: FileOptions, mapping: RecordMapping | None) -> Import:
    def events(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.import_events(files, mapping=mapping, **msgspec.structs.asdict(source), **job)

    return events


def _run(start: Import, files: list[str], job: JobOptions, server: ServerOptions, *, as_json: bool) -> int:
    """Run an import with a progress bar, and print its report."""

    async def run(client: AsyncMixpanel, stop: asyncio.Event) -> ImportReport:
        options = msgspec.structs.replace(job, probe=not job.dry_run, on_progress=bar.show, stop=stop)
        return await start(client, files, **msgspec.structs.asdict(options))

    with ImportBar(", ".join(map(shown, files))) as bar:
        report = run_job(server, job.concurrency, run, bar.say)
    return print_report(report, as_json=as_json, has_checkpoint=job.checkpoint is not None)
