"""`mixpanel-async validate` and `replay`."""

from collections.abc import Awaitable
from typing import Annotated, TypeAlias, Unpack

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, FileOptions, ImportReport, JobOptions, RecordMapping
from mixpanel_async.cli.commands.import_job import Files, import_of_events, run_import
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, UseProjectToken, server_options
from mixpanel_async.cli.options.files import file_options
from mixpanel_async.cli.options.jobs import job_options
from mixpanel_async.cli.options.mapping import mapping_options
from mixpanel_async.cli.runner import add_command
from mixpanel_async.jobs.options import JobArguments

AsPath: TypeAlias = Annotated[
    str, typer.Argument(help="Dead letters that an import of events wrote with --dead-letters.", metavar="FILE")
]
_replay_job = job_options("dead_letters", "exact_dedupe", "foreign_token", "dry_run", "concurrency")
_validate_job = job_options("dead_letters", "exact_dedupe", "foreign_token")


def add(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(app, "validate", validate)
    add_command(app, "replay", replay)


@with_options(source=file_options, mapping=mapping_options, job=_validate_job)
def validate(
    files: Files, *, source: FileOptions, mapping: RecordMapping | None, job: JobOptions, as_json: AsJson = False
) -> int:
    """Check the events of files as an import would, without sending anything."""
    dry = msgspec.structs.replace(job, dry_run=True)
    return run_import(import_of_events(source, mapping), files, dry, ServerOptions(), as_json=as_json)


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
    return run_import(resend, [file], job, server, as_json=as_json)
