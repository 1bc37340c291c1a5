"""`mixpanel-async import ...`, `validate` and `replay`."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Protocol, TypeAlias, Unpack

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, ImportReport, RecordMapping, UpdateMapping
from mixpanel_async.cli.commands import lookup_tables
from mixpanel_async.cli.job_runner import run_job
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import (
    AsJson,
    ExactDedupe,
    Run,
    ServerOptions,
    SourceFormat,
    event_job_options,
    job_options,
    replay_options,
    server_options,
    source_options,
)
from mixpanel_async.cli.options.mapping import mapping_options, update_options
from mixpanel_async.cli.render.import_report import print_report
from mixpanel_async.cli.render.progress import ImportBar
from mixpanel_async.jobs.options import JobArguments
from mixpanel_async.redaction import shown

Files: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        help="NDJSON, JSON, CSV, TSV or Parquet, plain or compressed; a directory, a pattern, an address such as "
        "s3://bucket/2024/*.gz; - is standard input.",
        metavar="FILE...",
    ),
]
AsPath: TypeAlias = Annotated[
    str, typer.Argument(help="What an import of events wrote with --dead-letters.", metavar="FILE")
]


class Import(Protocol):
    """A kind of import, as the client has it."""

    def __call__(
        self, client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]"
    ) -> Awaitable[ImportReport]:
        """Run it."""


def add_imports(group: typer.Typer) -> None:
    """Add the commands of `import`."""
    group.command("events")(import_events)
    group.command("profiles")(import_profiles)
    group.command("groups")(import_groups)
    group.command("lookup-table")(lookup_tables.replace)


def add_others(app: typer.Typer) -> None:
    """Add the commands `validate` and `replay`."""
    app.command("validate")(validate)
    app.command("replay")(replay)


@with_options(source=source_options, mapping=mapping_options, run=event_job_options, server=server_options)
def import_events(
    files: Files,
    *,
    source: SourceFormat,
    mapping: RecordMapping | None,
    run: Run,
    server: ServerOptions,
    as_json: AsJson = False,
) -> int:
    """Import events from files, and account for each of them.

    Lines of NDJSON that are right are sent as they are. Nothing is repaired or left out that no option asks for: a
    record that Mixpanel would refuse is reported with its line, the others are delivered.
    """
    return _run(_events(source, mapping), files, run, server, as_json=as_json)


@with_options(source=source_options, mapping=update_options, run=job_options, server=server_options)
def import_profiles(
    files: Files,
    *,
    source: SourceFormat,
    mapping: UpdateMapping,
    run: Run,
    server: ServerOptions,
    as_json: AsJson = False,
) -> int:
    """Import updates of user profiles from files.

    A record is an update as Mixpanel spells it, such as {"$distinct_id": "ann", "$set": {"plan": "pro"}}. A row of a
    table sets properties of the user that --id-field names.
    """

    def profiles(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.import_profiles(files, format=source.name, delimiter=source.delimiter, mapping=mapping, **job)

    return _run(profiles, files, run, server, as_json=as_json)


@with_options(source=source_options, mapping=update_options, run=job_options, server=server_options)
def import_groups(
    files: Files,
    *,
    group_key: Annotated[
        str | None, typer.Option("--group-key", help="The groups' kind, for rows of a table: company, ...")
    ] = None,
    source: SourceFormat,
    mapping: UpdateMapping,
    run: Run,
    server: ServerOptions,
    as_json: AsJson = False,
) -> int:
    """Import updates of group profiles from files.

    A record is an update such as {"$group_key": "company", "$group_id": "acme", "$set": {"plan": "pro"}}. A row of a
    table sets properties of the group that --id-field names, of the kind that --group-key names.
    """
    keyed = msgspec.structs.replace(mapping, group_key=group_key)

    def groups(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.import_groups(files, format=source.name, delimiter=source.delimiter, mapping=keyed, **job)

    return _run(groups, files, run, server, as_json=as_json)


@with_options(source=source_options, mapping=mapping_options)
def validate(
    files: Files,
    *,
    source: SourceFormat,
    mapping: RecordMapping | None,
    dead_letters: Annotated[
        str | None, typer.Option("--dead-letters", help="File for records that are wrong.", metavar="FILE")
    ] = None,
    exact_dedupe: ExactDedupe = False,
    as_json: AsJson = False,
) -> int:
    """Check the events of files as an import would, and send nothing."""
    run = Run(dry_run=True, dead_letters=dead_letters, exact_dedupe=exact_dedupe)
    return _run(_events(source, mapping), files, run, ServerOptions(), as_json=as_json)


@with_options(mapping=mapping_options, run=replay_options, server=server_options)
def replay(
    file: AsPath, *, mapping: RecordMapping | None, run: Run, server: ServerOptions, as_json: AsJson = False
) -> int:
    """Send the dead letters of an import of events again, after their records were repaired.

    What still fails goes to another file, with --dead-letters. Rows of a table need the import's options for columns.
    Dead letters of profiles and groups are not taken: import their records once more.
    """

    def letters(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.replay_dead_letters(files[0], mapping=mapping, **job)

    return _run(letters, [file], run, server, as_json=as_json)


def _events(source: SourceFormat, mapping: RecordMapping | None) -> Import:
    def events(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.import_events(files, format=source.name, delimiter=source.delimiter, mapping=mapping, **job)

    return events


def _run(start: Import, files: list[str], run: Run, server: ServerOptions, *, as_json: bool) -> int:
    """Run an import with a bar, and print its report."""

    async def job(client: AsyncMixpanel, stop: asyncio.Event) -> ImportReport:
        return await start(
            client,
            files,
            checkpoint=run.checkpoint,
            dead_letters=run.dead_letters,
            exact_dedupe=run.exact_dedupe,
            dry_run=run.dry_run,
            probe=not run.dry_run,
            concurrency=run.concurrency,
            on_progress=bar.show,
            stop=stop,
        )

    with ImportBar(", ".join(map(shown, files))) as bar:
        report = run_job(server, run, job, bar.say)
    return print_report(report, as_json=as_json)
