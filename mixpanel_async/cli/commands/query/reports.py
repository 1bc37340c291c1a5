"""`mixpanel-async query ...`: saved reports, funnels, retention, activity and cohorts."""

from typing import Annotated

import typer

from mixpanel_async.actions.query._requests import Unit
from mixpanel_async.actions.query.lists import Activity, Cohort, SavedFunnel
from mixpanel_async.actions.query.reports import LengthUnit
from mixpanel_async.actions.query.retention import AddictionUnit, RetentionType
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, UseProjectToken, server_options
from mixpanel_async.cli.options.query import FromDate, On, SegmentLimit, ToDate, Where, WorkspaceId
from mixpanel_async.cli.render.output import Output, output_options
from mixpanel_async.cli.render.report_output import report_output_options
from mixpanel_async.cli.render.rows import OutputRows, listed
from mixpanel_async.cli.runner import print_answer

_options = with_options(output=output_options, server=server_options)
_report_options = with_options(output=report_output_options, server=server_options)


@_report_options
def insights(
    bookmark_id: Annotated[int, typer.Argument(metavar="REPORT_ID", help="ID of the saved report, as in its URL.")],
    *,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Show the data of a saved Insights report.

    Columns: the report's own breakdowns, date, value.
    """
    return print_answer(server, output, lambda client: client.query.insights(bookmark_id, workspace_id=workspace_id))


@_report_options
def funnels(
    funnel_id: Annotated[int, typer.Argument(metavar="FUNNEL_ID", help="Funnel ID; see query list-funnels.")],
    *,
    from_date: FromDate,
    to_date: ToDate,
    length: Annotated[
        int | None,
        typer.Option(
            "--length",
            metavar="N",
            help="Time to complete the funnel, in units of --length-unit, 90 days at most (default: the funnel's).",
        ),
    ] = None,
    length_unit: Annotated[
        LengthUnit | None, typer.Option("--length-unit", help="Unit of --length (default: the funnel's).")
    ] = None,
    interval: Annotated[
        int | None,
        typer.Option(
            "--interval", metavar="DAYS", help="Days per bucket (default: 1); another number excludes --unit."
        ),
    ] = None,
    unit: Annotated[Unit | None, typer.Option("--unit", help="Size of a bucket; excludes --interval.")] = None,
    on: On = None,
    where: Where = None,
    limit: SegmentLimit = None,
    use_project_token: UseProjectToken = False,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Show the data of a saved funnel: how many users reached each step, and how fast.

    Columns: date, segment, step (from 1), count, goal, step_conv_ratio (of the step before), overall_conv_ratio (of
    the first step), avg_time and avg_time_from_start (seconds), event, step_label, custom_event, custom_event_id.
    """
    credential = server.token_credential() if use_project_token else None
    return print_answer(
        server,
        output,
        lambda client: client.query.funnels(
            funnel_id, from_date, to_date, length=length, length_unit=length_unit, interval=interval, unit=unit, on=on,
            where=where, limit=limit, credential=credential, workspace_id=workspace_id,
        ),
    )  # fmt: skip


@_options
def list_funnels(
    *,
    use_project_token: UseProjectToken = False,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """List the saved funnels.

    Columns: funnel_id, name.
    """
    credential = server.token_credential() if use_project_token else None
    return print_answer(
        server,
        output,
        lambda client: client.query.list_funnels(credential, workspace_id=workspace_id),
        listed(SavedFunnel),
    )


@_report_options
def retention(
    *,
    from_date: FromDate,
    to_date: ToDate,
    retention_type: Annotated[
        RetentionType | None,
        typer.Option(
            "--retention-type",
            help="birth (default): from a user's first --born-event (required); compounded: from any event.",
        ),
    ] = None,
    born_event: Annotated[
        str | None, typer.Option("--born-event", metavar="EVENT", help="Event that a user starts with.")
    ] = None,
    event: Annotated[
        str | None, typer.Option("--event", metavar="EVENT", help="Event that counts as returning (default: any).")
    ] = None,
    born_where: Annotated[
        str | None, typer.Option("--born-where", metavar="EXPRESSION", help="Filter for the first events.")
    ] = None,
    where: Where = None,
    interval: Annotated[
        int | None, typer.Option("--interval", metavar="UNITS", help="Units per bucket (default: 1).")
    ] = None,
    interval_count: Annotated[
        int | None, typer.Option("--interval-count", metavar="N", help="Number of buckets (default: 1).")
    ] = None,
    unit: Annotated[Unit | None, typer.Option("--unit", help="Unit of --interval (default: day).")] = None,
    unbounded_retention: Annotated[
        bool | None,
        typer.Option(
            "--unbounded-retention/--bounded-retention",
            help="Count a user in every bucket up to the last return, or only in buckets with a return.",
        ),
    ] = None,
    on: On = None,
    limit: SegmentLimit = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Show how many users returned.

    Columns: date, segment, interval (from 0), count, first (users who began on the date).
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.retention(
            from_date, to_date, retention_type=retention_type, born_event=born_event, event=event,
            born_where=born_where, where=where, interval=interval, interval_count=interval_count, unit=unit,
            unbounded_retention=unbounded_retention, on=on, limit=limit, workspace_id=workspace_id,
        ),
    )  # fmt: skip


@_report_options
def frequency(
    *,
    from_date: FromDate,
    to_date: ToDate,
    unit: Annotated[Unit, typer.Option("--unit", help="The period.")] = "day",
    addiction_unit: Annotated[
        AddictionUnit, typer.Option("--addiction-unit", help="Unit to count in each period.")
    ] = "hour",
    event: Annotated[
        str | None, typer.Option("--event", metavar="EVENT", help="Event to count (default: any).")
    ] = None,
    where: Where = None,
    on: On = None,
    limit: SegmentLimit = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Show in how many hours of a day, or days of a week or month, users did something.

    Columns: date, segment, times (from 1), users (who did it in at least so many of them).
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.frequency(
            from_date, to_date, unit=unit, addiction_unit=addiction_unit, event=event, where=where, on=on,
            limit=limit, workspace_id=workspace_id,
        ),
    )  # fmt: skip


@_options
def activity(
    distinct_ids: Annotated[list[str], typer.Argument(metavar="DISTINCT_ID", help="IDs of one or more users.")],
    *,
    from_date: FromDate,
    to_date: ToDate,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Show the events of some users.

    Columns: event, properties (with time, in seconds since 1970, and distinct_id).
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.activity(distinct_ids, from_date, to_date, workspace_id=workspace_id),
        _activity_rows,
    )


@_options
def cohorts(*, workspace_id: WorkspaceId = None, output: Output, server: ServerOptions) -> int:
    """List the saved cohorts.

    Columns: id, name, count (users), description, created, is_visible, project_id.
    """
    return print_answer(server, output, lambda client: client.query.cohorts(workspace_id=workspace_id), listed(Cohort))


def _activity_rows(answer: Activity) -> OutputRows:
    return OutputRows(("event", "properties"), [(event.event, event.properties) for event in answer.events])
