"""The options that most commands have: where to send, with what, and how to run."""

import os
from typing import Annotated, TypeAlias, cast

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.config import Region, read_region
from mixpanel_async.env import read_environment
from mixpanel_async.jobs.sources.detection import Format

_SERVER = "ServerOptions"
_JOB = "Job"

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one machine-readable report.")]


class ServerOptions(msgspec.Struct, frozen=True):
    """Which server and project; what is None here comes from the environment.

    Attributes:
        base_url: One address for everything.
        region: Where the project lives.
        project_id: Its number.
    """

    base_url: str | None = None
    region: Region | None = None
    project_id: int | None = None

    def client(self, settings: Settings | None = None) -> AsyncMixpanel:
        """Return a client.

        Args:
            settings: How it batches, bounds, paces and gives up.

        Raises:
            InvalidSettingError: An option or variable cannot be used.
        """
        found = read_environment(os.environ)
        return AsyncMixpanel(
            found.token,
            credentials=found.credentials,
            project_id=found.project_id if self.project_id is None else self.project_id,
            workspace_id=found.workspace_id,
            region=self.region or found.region,
            base_url=self.base_url or found.base_url,
            settings=settings,
        )


def server_options(
    *,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="Address of the server, as http://host:port.", rich_help_panel=_SERVER),
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Where the project lives: us, eu or in.", rich_help_panel=_SERVER)
    ] = None,
    project_id: Annotated[
        int | None, typer.Option("--project-id", help="The project's number.", rich_help_panel=_SERVER)
    ] = None,
) -> ServerOptions:
    """Return what options say of the server."""
    return ServerOptions(base_url, None if region is None else read_region(region), project_id)


class Run(msgspec.Struct, frozen=True):
    """How a job runs.

    Attributes:
        dry_run: Do everything but the sending.
        concurrency: Requests at once, or None.
        checkpoint: File that says from where a later run goes on, or None.
        dead_letters: File for records that were rejected, or None.
        exact_dedupe: Find every repeat, not only those among the latest events.
    """

    dry_run: bool = False
    concurrency: int | None = None
    checkpoint: str | None = None
    dead_letters: str | None = None
    exact_dedupe: bool = False

    def settings(self) -> Settings:
        """Return the client's settings for this job."""
        if self.concurrency is None:
            return Settings()
        return Settings(max_concurrency=min(100, self.concurrency + 1))  # the engine keeps one place for live records


DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Do everything but the sending.", rich_help_panel=_JOB)
]
ConcurrencyOption: TypeAlias = Annotated[
    int | None, typer.Option("--concurrency", min=1, max=99, help="Requests at once.", rich_help_panel=_JOB)
]
CheckpointFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        help="File that is kept up to date: the same command goes on from there after it was stopped or killed.",
        metavar="FILE",
        rich_help_panel=_JOB,
    ),
]
DeadLettersFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--dead-letters",
        help="File to which records that were rejected, here or by Mixpanel, are appended, with place and reason.",
        metavar="FILE",
        rich_help_panel=_JOB,
    ),
]
ExactDedupe: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--exact-dedupe",
        help="Find every repeat in the whole source, not only those among the latest events; what was seen is kept on "
        "disk, some 40 bytes an event.",
        rich_help_panel=_JOB,
    ),
]


def job_options(
    *,
    checkpoint: CheckpointFile = None,
    dead_letters: DeadLettersFile = None,
    dry_run: DryRun = False,
    concurrency: ConcurrencyOption = None,
) -> Run:
    """Return what options say of how to run."""
    return Run(dry_run, concurrency, checkpoint, dead_letters)


def event_job_options(
    *,
    checkpoint: CheckpointFile = None,
    dead_letters: DeadLettersFile = None,
    exact_dedupe: ExactDedupe = False,
    dry_run: DryRun = False,
    concurrency: ConcurrencyOption = None,
) -> Run:
    """Return what options say of how to run an import of events."""
    return Run(dry_run, concurrency, checkpoint, dead_letters, exact_dedupe)


def replay_options(
    *,
    dead_letters: DeadLettersFile = None,
    exact_dedupe: ExactDedupe = False,
    dry_run: DryRun = False,
    concurrency: ConcurrencyOption = None,
) -> Run:
    """Return what options say of how to run what needs no checkpoint."""
    return Run(dry_run, concurrency, None, dead_letters, exact_dedupe)


class SourceFormat(msgspec.Struct, frozen=True):
    """What a source's bytes mean.

    Attributes:
        format: Name of the format, or None to find out.
        delimiter: What stands between cells, or None.
    """

    format: str | None
    delimiter: str | None

    @property
    def name(self) -> Format | None:
        """The format's name; the import itself refuses one that there is not."""
        return cast("Format | None", self.format)


def source_options(
    *,
    format_: Annotated[
        str | None, typer.Option("--format", help="ndjson, csv or tsv; without it the name or the content tells.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="What stands between the cells of a table.")
    ] = None,
) -> SourceFormat:
    """Return what options say of the source."""
    return SourceFormat(format_, delimiter)
