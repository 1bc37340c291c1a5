"""`mixpanel-async reconcile`."""

from typing import Annotated

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, FileOptions, ReconcileOptions, ReconcileReport, RecordMapping
from mixpanel_async.cli.commands.import_job import Files
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import AsJson, ServerOptions, server_options
from mixpanel_async.cli.options.files import file_options
from mixpanel_async.cli.options.mapping import mapping_options
from mixpanel_async.cli.options.query import FromDate, ToDate
from mixpanel_async.cli.render.progress import ReconcileBar
from mixpanel_async.cli.render.reconcile_report import print_reconcile_report
from mixpanel_async.cli.runner import add_command, run_call
from mixpanel_async.redaction import shown

_PANEL = "Comparison"


def _option(name: str, words: str, metavar: str | None = None) -> object:
    return typer.Option(name, help=words, metavar=metavar, rich_help_panel=_PANEL)


def comparison_options(
    *,
    compare_event: Annotated[
        list[str] | None, _option("--compare-event", "Compare only this event, on both sides; repeatable.", "NAME")
    ] = None,
    where: Annotated[
        str | None, _option("--where", "Segmentation expression that selects events of the export.", "EXPRESSION")
    ] = None,
    ignore: Annotated[
        list[str] | None, _option("--ignore", "Do not compare this property; repeatable.", "NAME")
    ] = None,
    project_timezone: Annotated[
        str | None,
        _option("--project-timezone", "Time zone of a project created before 2023 (default: UTC)."),
    ] = None,
    allow_unexpected: Annotated[
        bool, _option("--allow-unexpected", "The project may have other events than the source.")
    ] = False,
    wait: Annotated[
        float, _option("--wait", "Export what differs again until it is equal, for so long (default: 0).", "SECONDS")
    ] = 0.0,
    output: Annotated[
        str | None, _option("--output", "Write every difference to this file, as JSON lines.", "FILE")
    ] = None,
    temp_dir: Annotated[
        str | None, _option("--temp-dir", "Directory for temporary files (default: the system's).", "DIR")
    ] = None,
) -> ReconcileOptions:
    """Return the options of a comparison."""
    return ReconcileOptions(
        events=compare_event or (),
        where=where,
        ignore=ignore or (),
        project_timezone=project_timezone,
        allow_unexpected=allow_unexpected,
        wait_seconds=wait,
        output=output,
        temp_dir=temp_dir,
    )


@with_options(source=file_options, mapping=mapping_options, options=comparison_options, server=server_options)
def reconcile(
    files: Files,
    *,
    from_date: FromDate,
    to_date: ToDate,
    source: FileOptions,
    mapping: RecordMapping | None,
    options: ReconcileOptions,
    as_json: AsJson = False,
    server: ServerOptions,
) -> int:
    """Compare the events of files with those that Mixpanel has, after an import.

    Takes the files and mapping options of `import events`. Events are matched by name, distinct_id, $insert_id and day,
    as Mixpanel finds duplicates, and compared property by property, apart from what Mixpanel changes by itself. The
    exit status is 0 if Mixpanel has every event of these days unchanged and no others, and 1 otherwise.
    """

    async def run(client: AsyncMixpanel) -> ReconcileReport:
        given = msgspec.structs.replace(options, on_progress=bar.show)
        return await client.reconcile(
            files,
            from_date,
            to_date,
            mapping=mapping,
            **msgspec.structs.asdict(source),
            **msgspec.structs.asdict(given),
        )

    with ReconcileBar(", ".join(map(shown, files))) as bar:
        report = run_call(server, run)
    return print_reconcile_report(report, as_json=as_json)


def add(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "reconcile", reconcile)
