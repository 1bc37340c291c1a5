"""`mixpanel-async pipelines ...`."""

import inspect
from typing import Annotated, Any, Final, Literal, TypeAlias, cast, get_args

import msgspec
import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions.pipeline_jobs import PipelineJob, PipelineStatus, PipelineTask, PipelineTimeline
from mixpanel_async.actions.pipelines import Pipelines, TaskStatus
from mixpanel_async.actions.tables import Row
from mixpanel_async.cli.answer_rows import Rows, listed
from mixpanel_async.cli.answering import Yes, acknowledged, add_group, is_confirmed, print_answer
from mixpanel_async.cli.groups import with_options
from mixpanel_async.cli.options import Server, server_options
from mixpanel_async.cli.output import Output, output_options
from mixpanel_async.cli.pipeline_fields import (
    Fields,
    check_known,
    gcs_options,
    make_pipeline,
    other_fields,
    selection_options,
    time_options,
)
from mixpanel_async.errors import InvalidSetting

Kind: TypeAlias = Literal[
    "gcs-raw", "gcs-schema", "s3-raw", "azure-raw", "bigquery", "snowflake", "aws", "azure-blob", "generic"
]
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The pipeline's name; see pipelines list.")]
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
    }
    add_group(app, "pipelines", "Data pipelines: exports that Mixpanel runs by itself.", commands)


@_options
def list_pipelines(*, output: Output, server: Server) -> int:
    """List the pipelines that are scheduled.

    Columns: name, project_id, frequency, dispatcher, last_dispatched, sync_enabled.
    """
    return print_answer(server, output, lambda client: client.pipelines.list(), listed(PipelineJob))


@with_options(
    time=time_options,
    selection=selection_options,
    gcs=gcs_options,
    others=other_fields,
    output=output_options,
    server=server_options,
)
def create(
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="KIND",
            help="gcs-raw, s3-raw or azure-raw: raw events to a store of files. gcs-schema, aws or azure-blob: tables "
            "there. bigquery or snowflake: tables there. generic: any other, nothing is checked, and the fields must "
            "hold type and project_id.",
        ),
    ],
    *,
    time: Fields,
    selection: Fields,
    gcs: Fields,
    others: Fields,
    output: Output,
    server: Server,
) -> int:
    """Make a pipeline.

    Google Cloud Storage has options of its own; what the other kinds need is given as --field or --fields, and what is
    missing or unknown is named before anything is sent. Columns: pipeline_names, bigquery_dataset_name.
    """
    fields = {**others, **time, **selection, **gcs}
    if kind == "generic":
        form = cast("dict[str, Any]", fields)
        return print_answer(server, output, lambda client: client.pipelines.create_generic(form=form))
    pipeline = make_pipeline(kind, fields)
    return print_answer(server, output, lambda client: client.pipelines.create(pipeline))


@with_options(selection=selection_options, others=other_fields, output=output_options, server=server_options)
def edit(
    name: Name,
    *,
    generic: Annotated[
        bool, typer.Option("--generic", help="Send any fields, unchecked; they must hold project_id.")
    ] = False,
    selection: Fields,
    others: Fields,
    output: Output,
    server: Server,
) -> int:
    """Change a pipeline.

    Fields besides the events: azure_client_id, azure_client_secret and azure_tenant_id; bq_share_with_group;
    glue_database, glue_role and glue_table_prefix. Those of one destination exclude those of the others.
    """
    fields = cast("dict[str, Any]", {**others, **selection})
    if not fields:
        raise InvalidSetting("there is nothing to change; give --event, --where, --field or --fields")
    if generic:
        return print_answer(server, output, lambda client: client.pipelines.edit_generic(name, form=fields))
    known = dict(inspect.signature(Pipelines.edit).parameters)
    check_known("a pipeline", fields, {field: 0 for field in known if field not in {"self", "name", "project_id"}})
    return print_answer(server, output, lambda client: client.pipelines.edit(name, **fields), acknowledged(name))


@_options
def status(
    name: Name,
    *,
    summary: Annotated[bool, typer.Option("--summary", help="Only the number of runs in each state.")] = False,
    states: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="STATE", help=f"Only runs in this state: {', '.join(_STATES)}; repeatable."),
    ] = None,
    output: Output,
    server: Server,
) -> int:
    """Show the runs of a pipeline.

    Columns: state, from_date, to_date, run_at, last_finish, name, project_id; with --summary: state, count.
    """
    unknown = sorted(set(states or ()) - set(_STATES))
    if unknown:
        raise InvalidSetting(f"--status {unknown[0]!r} is unknown; choose from {', '.join(_STATES)}")
    wanted = cast("list[TaskStatus] | None", states)

    async def call(client: AsyncMixpanel) -> PipelineStatus:
        return await client.pipelines.status(name, summary=summary or None, status=wanted)

    return print_answer(server, output, call, _status_rows)


@_options
def timeline(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The pipeline; all unless given.")] = None,
    *,
    output: Output,
    server: Server,
) -> int:
    """Show when each day was exported.

    Columns: date, status, sync_times.
    """
    return print_answer(server, output, lambda client: client.pipelines.timeline(name), _timeline_rows)


@_options
def pause(name: Name, *, output: Output, server: Server) -> int:
    """Stop a pipeline until it is resumed."""
    return print_answer(server, output, lambda client: client.pipelines.pause(name), acknowledged(name))


@_options
def resume(name: Name, *, output: Output, server: Server) -> int:
    """Let a pipeline go on that was paused."""
    return print_answer(server, output, lambda client: client.pipelines.resume(name), acknowledged(name))


@_options
def cancel(name: Name, *, yes: Yes = False, output: Output, server: Server) -> int:
    """Delete a pipeline: nothing more of it is scheduled. What it exported stays."""
    if not is_confirmed(f"Delete the pipeline {name!r}?", yes=yes):
        return 1
    return print_answer(server, output, lambda client: client.pipelines.cancel(name), acknowledged(name))


def _status_rows(answer: PipelineStatus) -> Rows:
    columns = ("state", "from_date", "to_date", "run_at", "last_finish", "name", "project_id")
    runs: list[Row] = []
    counts: list[Row] = []
    for state, found in answer.tasks.items():
        if isinstance(found, int):
            counts.append((state, found))
        else:
            runs += [tuple(_run(state, task)[name] for name in columns) for task in found]
    return Rows(("state", "count"), counts) if counts else Rows(columns, runs)


def _run(state: str, task: PipelineTask) -> dict[str, object]:
    return {**msgspec.structs.asdict(task), "state": task.state or state}


def _timeline_rows(answer: PipelineTimeline) -> Rows:
    rows: list[Row] = [(day.date, day.status, day.sync_times) for day in answer.day_syncs]
    return Rows(("date", "status", "sync_times"), rows)
