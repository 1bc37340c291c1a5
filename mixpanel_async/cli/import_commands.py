"""`mixpanel-async import ...`, `validate` and `replay`."""

import asyncio
import os
from typing import Annotated, TypeAlias, cast

import typer

from mixpanel_async import AsyncMixpanel, ImportReport, RecordMapping
from mixpanel_async.cli.groups import with_options
from mixpanel_async.cli.mapping_options import mapping_options
from mixpanel_async.cli.options import (
    AsJson,
    Run,
    Server,
    SourceFormat,
    job_options,
    replay_options,
    server_options,
    source_options,
)
from mixpanel_async.cli.progress import ImportBar
from mixpanel_async.cli.reports import print_report
from mixpanel_async.cli.running import run_job
from mixpanel_async.errors import InvalidSetting
from mixpanel_async.jobs.formats import Format

Files: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        help="NDJSON, CSV or TSV, plain or gzip; a directory or a pattern; - is standard input.", metavar="FILE..."
    ),
]
AsPath: TypeAlias = Annotated[str, typer.Argument(help="What an import wrote with --dead-letters.", metavar="FILE")]


def add_imports(group: typer.Typer) -> None:
    """Add the commands of `import`."""
    group.command("events")(import_events)


def add_others(app: typer.Typer) -> None:
    """Add the commands `validate` and `replay`."""
    app.command("validate")(validate)
    app.command("replay")(replay)


@with_options(source=source_options, mapping=mapping_options, run=job_options, server=server_options)
def import_events(
    files: Files,
    *,
    source: SourceFormat,
    mapping: RecordMapping | None,
    run: Run,
    server: Server,
    as_json: AsJson = False,
) -> int:
    """Import events from files, and account for each of them.

    Lines of NDJSON that are right are sent as they are. Nothing is repaired or left out that no option asks for: a
    record that Mixpanel would refuse is reported with its line, the others are delivered.
    """
    return _import(files, source, mapping, run, server, as_json=as_json)


@with_options(source=source_options, mapping=mapping_options)
def validate(
    files: Files,
    *,
    source: SourceFormat,
    mapping: RecordMapping | None,
    dead_letters: Annotated[
        str | None, typer.Option("--dead-letters", help="File for records that are wrong.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Check the events of files as an import would, and send nothing."""
    run = Run(dry_run=True, dead_letters=dead_letters)
    return _import(files, source, mapping, run, Server(), as_json=as_json)


@with_options(mapping=mapping_options, run=replay_options, server=server_options)
def replay(file: AsPath, *, mapping: RecordMapping | None, run: Run, server: Server, as_json: AsJson = False) -> int:
    """Send the dead letters of an import again, after their records were repaired.

    What still fails goes to another file, with --dead-letters. Rows of a table need the import's options for columns.
    """
    if run.dead_letters is not None and is_same_file(run.dead_letters, file):
        raise InvalidSetting("--dead-letters must name another file than the one that is read")

    async def job(client: AsyncMixpanel, stop: asyncio.Event) -> ImportReport:
        return await client.replay_dead_letters(
            file,
            mapping=mapping,
            dead_letters=run.dead_letters,
            dry_run=run.dry_run,
            probe=not run.dry_run,
            concurrency=run.concurrency,
            on_progress=bar.show,
            stop=stop,
        )

    with ImportBar(file) as bar:
        report = run_job(server, run, job, bar.say)
    return print_report(report, as_json=as_json)


def is_same_file(first: str, second: str) -> bool:
    """Return whether two paths mean the same file."""
    return os.path.realpath(first) == os.path.realpath(second)


def _import(
    files: list[str], source: SourceFormat, mapping: RecordMapping | None, run: Run, server: Server, *, as_json: bool
) -> int:
    async def job(client: AsyncMixpanel, stop: asyncio.Event) -> ImportReport:
        return await client.import_events(
            files,
            format=cast("Format | None", source.format),
            delimiter=source.delimiter,
            mapping=mapping,
            checkpoint=run.checkpoint,
            dead_letters=run.dead_letters,
            dry_run=run.dry_run,
            probe=not run.dry_run,
            concurrency=run.concurrency,
            on_progress=bar.show,
            stop=stop,
        )

    with ImportBar(", ".join(files)) as bar:
        report = run_job(server, run, job, bar.say)
    return print_report(report, as_json=as_json)
