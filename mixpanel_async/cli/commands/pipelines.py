"""`mixpanel-async pipelines ...`."""

import inspect
from typing import Annotated, Any, Final, Literal, TypeAlias, cast, get_args

import msgspec
import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions._core.tabular import TableRow
from mixpanel_async.actions.pipelines.client import Pipelines, TaskStatus
from mixpanel_async.actions.pipelines.models import PipelineJob, PipelineStatus, PipelineTask, PipelineTimeline
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, UseProjectToken, server_options
from mixpanel_async.cli.options.pipelines import (
    PipelineFields,
    check_known,
    export_selection_options,
    gcs_options,
    make_pipeline,
    other_fields,
    time_options,
)
from mixpanel_async.cli.render.output import Output, output_options
from mixpanel_async.cli.render.rows import OutputRows, listed
from mixpanel_async.cli.runner import Yes, acknowledged, add_group, is_confirmed, print_answer
from mixpanel_async.errors import InvalidArgumentError

KindName: TypeAlias = Literal[
    "gcs-raw", "gcs-schema", "s3-raw", "azure-raw", "bigquery", "snowflake", "aws", "azure-blob", "generic"
]
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Pipeline name; see pipelines list.")]
_STATES: Final = get_args(TaskStatus)

_options = with_options(output=output_options, server=server_options)


def add(app: typer.Typer) -> None:
    """Add the group."""
    commands = {
        "list": list_pipelines,
        "create": create,
        "edit": edit,
        "status": status,
        "timeline": timeline,
        "pause": pause,
        "resume": resume,
        "cancel": cancel,
        "get": status,
        "delete": cancel,
    }
    add_group(app, "pipelines", "Data pipelines: exports that Mixpanel runs by itself.", commands)


@_options
def list_pipelines(*, output: Output, server: ServerOptions) -> int:
    """List the scheduled pipelines.

    Columns: name, project_id, frequency, dispatcher, last_dispatched, sync_enabled.
    """
    return print_answer(server, output, lambda client: client.pipelines.list(), listed(PipelineJob))


@with_options(
    time=time_options,
    selection=export_selection_options,
    gcs=gcs_options,
    others=other_fields,
    output=output_options,
    server=server_options,
)
def create(
    kind: Annotated[
        KindName,
        typer.Argument(
            metavar="KIND",
            help="gcs-raw, s3-raw, azure-raw: raw events to object storage. gcs-schema, aws, azure-blob: tables in "
            "object storage. bigquery, snowflake: tables in a warehouse. generic: unchecked; the fields must "
            "include type.",
        ),
    ],
    *,
    time: PipelineFields,
    selection: PipelineFields,
    gcs: PipelineFields,
    others: PipelineFields,
    output: Output,
    server: ServerOptions,
) -> int:
    """Create a pipeline.

    Google Cloud Storage has options of its own; what the other kinds need is given as --field or --fields, and what is
    missing or unknown is named before anything is sent. Columns: pipeline_names, bigquery_dataset_name.
    """
    fields = {**others, **time, **selection, **gcs}
    if kind == "generic":
        return print_answer(server, output, lambda client: client.pipelines.create_generic(form=fields))
    pipeline = make_pipeline(kind, fields)
    return print_answer(server, output, lambda client: client.pipelines.create(pipeline))


@with_options(selection=export_selection_options, others=other_fields, output=output_options, server=server_options)
def edit(
    name: Name,
    *,
    generic: Annotated[bool, typer.Option("--generic", help="Send any fields unchecked.")] = False,
    selection: PipelineFields,
    others: PipelineFields,
    output: Output,
    server: ServerOptions,
) -> int:
    """Change a pipeline.

    Fields besides the events: azure_client_id, azure_client_secret and azure_tenant_id; bq_share_with_group;
    glue_database, glue_role and glue_table_prefix. Those of one destination exclude those of the others.
    """
    fields = cast("dict[str, Any]", {**others, **selection})
    if not fields:
        raise InvalidArgumentError("there is nothing to change; give --event, --where, --field or --fields")
    if generic:
        return print_answer(server, output, lambda client: client.pipelines.edit_generic(name, form=fields))
    known = dict(inspect.signature(Pipelines.edit).parameters)
    check_known("a pipeline", fields, {field: 0 for field in known if field not in {"self", "name", "project_id"}})
    return print_answer(server, output, lambda client: client.pipelines.edit(name, **fields), acknowledged(name))


@_options
def status(
    name: Name,
    *,
    summary: Annotated[bool, typer.Option("--summary", help="Show only the number of runs in each state.")] = False,
    states: Annotated[
        list[str] | None,
        typer.Option(
            "--status", metavar="STATE", help=f"Show only runs in this state: {', '.join(_STATES)}; repeatable."
        ),
    ] = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Show the runs of a pipeline.

    Columns: state, from_date, to_date, run_at, last_finish, name, project_id; with --summary: state, count.
    """
    unknown = sorted(set(states or ()) - set(_STATES))
    if unknown:
        raise InvalidArgumentError(f"--status {unknown[0]!r} is unknown; choose from {', '.join(_STATES)}")
    wanted = cast("list[TaskStatus] | None", states)

    async def call(client: AsyncMixpanel) -> PipelineStatus:
        return await client.pipelines.status(name, summary=summary or None, status=wanted)

    return print_answer(server, output, call, _status_rows)


@_options
def timeline(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Pipeline name (default: all).")] = None,
    *,
    output: Output,
    server: ServerOptions,
) -> int:
    """Show when each day was exported.

    Columns: date, status, sync_times.
    """
    return print_answer(server, output, lambda client: client.pipelines.timeline(name), _timeline_rows)


@_options
def pause(name: Name, *, output: Output, server: ServerOptions) -> int:
    """Stop a pipeline until it is resumed."""
    return print_answer(server, output, lambda client: client.pipelines.pause(name), acknowledged(name))


@_options
def resume(name: Name, *, output: Output, server: ServerOptions) -> int:
    """Resume a paused pipeline."""
    return print_answer(server, output, lambda client: client.pipelines.resume(name), acknowledged(name))


@_options
def cancel(
    name: Name,
    *,
    use_project_token: UseProjectToken = False,
    yes: Yes = False,
    output: Output,
    server: ServerOptions,
) -> int:
    """Delete a pipeline. Data that it exported is kept."""
    if not is_confirmed(f"Delete the pipeline {name!r}?", yes=yes):
        return 1
    credential = server.token_credential() if use_project_token else None
    return print_answer(
        server, output, lambda client: client.pipelines.cancel(name, credential=credential), acknowledged(name)
    )


def _status_rows(answer: PipelineStatus) -> OutputRows:
    columns = ("state", "from_date", "to_date", "run_at", "last_finish", "name", "project_id")
    runs: list[TableRow] = []
    counts: list[TableRow] = []
    for state, found in answer.tasks.items():
        if isinstance(found, int):
            counts.append((state, found))
        else:
            runs += [tuple(_run(state, task)[name] for name in columns) for task in found]
    return OutputRows(("state", "count"), counts) if counts else OutputRows(columns, runs)


def _run(state: str, task: PipelineTask) -> dict[str, object]:
    return {**msgspec.structs.asdict(task), "state": task.state or state}


def _timeline_rows(answer: PipelineTimeline) -> OutputRows:
    rows: list[TableRow] = [(day.date, day.status, day.sync_times) for day in answer.day_syncs]
    return OutputRows(("date", "status", "sync_times"), rows)
