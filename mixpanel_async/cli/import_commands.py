"""`mixpanel-async import ...` and `mixpanel-async validate`."""

import asyncio
from typing import Annotated, TypeAlias, cast

import typer

from mixpanel_async import ImportReport, RecordMapping
from mixpanel_async.cli.groups import with_options
from mixpanel_async.cli.mapping_options import mapping_options
from mixpanel_async.cli.options import AsJson, Run, Server, SourceFormat, job_options, server_options, source_options
from mixpanel_async.cli.progress import ImportBar
from mixpanel_async.cli.reports import print_report
from mixpanel_async.cli.running import opened, run_job
from mixpanel_async.jobs.formats import Format

File: TypeAlias = Annotated[
    str, typer.Argument(help="NDJSON, CSV or TSV, plain or gzip; - is standard input.", metavar="FILE")
]


def add_imports(group: typer.Typer) -> None:
    """Add the commands of `import`."""
    group.command("events")(import_events)


def add_validate(app: typer.Typer) -> None:
    """Add the command `validate`."""
    app.command("validate")(validate)


@with_options(source=source_options, mapping=mapping_options, run=job_options, server=server_options)
def import_events(
    file: File,
    *,
    source: SourceFormat,
    mapping: RecordMapping | None,
    run: Run,
    server: Server,
    as_json: AsJson = False,
) -> int:
    """Import events from a file, and account for each of them.

    Lines of NDJSON that are right are sent as they are. Nothing is repaired or left out that no option asks for: a
    record that Mixpanel would refuse is reported with its line, the others are delivered.
    """
    return _import(file, source, mapping, run, server, as_json=as_json)


@with_options(source=source_options, mapping=mapping_options)
def validate(file: File, *, source: SourceFormat, mapping: RecordMapping | None, as_json: AsJson = False) -> int:
    """Check the events of a file as an import would, and send nothing."""
    run = Run(dry_run=True, concurrency=None)
    return _import(file, source, mapping, run, Server(None, None, None), as_json=as_json)


def _import(
    file: str, source: SourceFormat, mapping: RecordMapping | None, run: Run, server: Server, *, as_json: bool
) -> int:
    async def job(stop: asyncio.Event) -> ImportReport:
        async with opened(server.client(run.settings())) as client:
            return await client.import_events(
                file,
                format=cast("Format | None", source.format),
                delimiter=source.delimiter,
                mapping=mapping,
                dry_run=run.dry_run,
                probe=not run.dry_run,
                concurrency=run.concurrency,
                on_progress=bar.show,
                stop=stop,
            )

    with ImportBar(file) as bar:
        report = run_job(job, bar.say)
    return print_report(report, as_json=as_json)
