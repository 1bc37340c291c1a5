"""What the commands that import files share: the argument FILE, and a run with a progress bar and a report."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Protocol, TypeAlias, Unpack

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, FileOptions, ImportReport, JobOptions, RecordMapping
from mixpanel_async.cli.job_runner import run_job
from mixpanel_async.cli.options.common import ServerOptions
from mixpanel_async.cli.render.import_report import print_report
from mixpanel_async.cli.render.progress import ImportBar
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


class Import(Protocol):
    """One of the imports of a client."""

    def __call__(
        self, client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]"
    ) -> Awaitable[ImportReport]:
        """Run it."""


def import_of_events(source: FileOptions, mapping: RecordMapping | None) -> Import:
    """Return the import of events from files."""

    def events(client: AsyncMixpanel, files: list[str], **job: "Unpack[JobArguments]") -> Awaitable[ImportReport]:
        return client.import_events(files, mapping=mapping, **msgspec.structs.asdict(source), **job)

    return events


def run_import(start: Import, files: list[str], job: JobOptions, server: ServerOptions, *, as_json: bool) -> int:
    """Run an import with a progress bar, and print its report."""

    async def run(client: AsyncMixpanel, stop: asyncio.Event) -> ImportReport:
        options = msgspec.structs.replace(job, probe=not job.dry_run, on_progress=bar.show, stop=stop)
        return await start(client, files, **msgspec.structs.asdict(options))

    with ImportBar(", ".join(map(shown, files))) as bar:
        report = run_job(server, job.concurrency, run, bar.say)
    return print_report(report, as_json=as_json, has_checkpoint=job.checkpoint is not None)
