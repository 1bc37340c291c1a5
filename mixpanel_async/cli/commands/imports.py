"""`mixpanel-async import ...`."""

from collections.abc import Awaitable
from typing import Annotated, Unpack

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, FileOptions, ImportReport, JobOptions, RecordMapping, UpdateMapping
from mixpanel_async.cli.commands import lookup_tables
from mixpanel_async.cli.commands.import_job import Files, import_of_events, run_import
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, UseProjectToken, server_options
from mixpanel_async.cli.options.files import file_options
from mixpanel_async.cli.options.jobs import job_options
from mixpanel_async.cli.options.mapping import mapping_options, profile_options, update_options
from mixpanel_async.cli.runner import add_group
from mixpanel_async.jobs.options import JobArguments

_events_job = job_options("checkpoint", "dead_letters", "exact_dedupe", "foreign_token", "dry_run", "concurrency")
_updates_job = job_options("checkpoint", "dead_letters", "foreign_token", "dry_run", "concurrency")


def add(app: typer.Typer) -> None:
    """Add the group."""
    commands = {"events": import_events, "profiles": import_profiles, "groups": import_groups}
    others = {"lookup-table": lookup_tables.replace}
    add_group(app, "import", "Send records from files to Mixpanel.", {**commands, **others})


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
    return run_import(import_of_events(source, mapping), files, job, server, as_json=as_json)


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

    return run_import(profiles, files, job, server, as_json=as_json)


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

    return run_import(groups, files, job, server, as_json=as_json)
