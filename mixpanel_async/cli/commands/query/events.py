"""`mixpanel-async query ...`: counts of events and of their properties, and which are the most frequent."""

# ruff: noqa: A002 - `type` is Mixpanel's own name of this option

from typing import Annotated

import typer

from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.options.query import (
    Counted,
    EventName,
    EventNames,
    LookBack,
    MaybeFromDate,
    MaybeToDate,
    PeriodUnitOption,
    PropertyName,
    RowLimit,
    WorkspaceId,
)
from mixpanel_async.cli.render.output import Output, csv_output_options
from mixpanel_async.cli.render.report_output import csv_report_output_options
from mixpanel_async.cli.render.rows import column
from mixpanel_async.cli.runner import print_answer

_options = with_options(output=csv_output_options, server=server_options)
_report_options = with_options(output=csv_report_output_options, server=server_options)


@_report_options
def event_counts(
    event: EventNames,
    *,
    from_date: MaybeFromDate = None,
    to_date: MaybeToDate = None,
    interval: LookBack = None,
    type: Counted = "general",
    unit: PeriodUnitOption = "day",
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Count events over time; give either dates or --interval.

    Columns: segment (the event), date, value.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.event_counts(
            event, type=type, unit=unit, from_date=from_date, to_date=to_date, interval=interval,
            format=output.asked_format, workspace_id=workspace_id,
        ),
    )  # fmt: skip


@_report_options
def todays_top_events(
    *,
    type: Counted = "general",
    limit: RowLimit = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Show today's most frequent events and their change since yesterday (0.5 means 50 % more).

    Columns: event, amount, percent_change.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.todays_top_events(
            type=type, limit=limit, format=output.asked_format, workspace_id=workspace_id
        ),
    )


@_options
def top_events(
    *,
    type: Counted = "general",
    limit: RowLimit = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """List the names of the most frequent events of the last 31 days.

    Columns: event.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.top_events(
            type=type, limit=limit, format=output.asked_format, workspace_id=workspace_id
        ),
        column("event"),
    )


@_report_options
def property_counts(
    event: EventName,
    name: PropertyName,
    *,
    from_date: MaybeFromDate = None,
    to_date: MaybeToDate = None,
    interval: LookBack = None,
    type: Counted = "general",
    unit: PeriodUnitOption = "day",
    values: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="VALUE", help="Count only this value of the property; repeatable."),
    ] = None,
    limit: RowLimit = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Count one event over time, by the values of a property; give either dates or --interval.

    Columns: segment (the property's value), date, value (the count).
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.property_counts(
            event, name, type=type, unit=unit, values=values, from_date=from_date, to_date=to_date, interval=interval,
            limit=limit, format=output.asked_format, workspace_id=workspace_id,
        ),
    )  # fmt: skip


@_report_options
def top_properties(
    event: EventName, *, limit: RowLimit = None, workspace_id: WorkspaceId = None, output: Output, server: ServerOptions
) -> int:
    """Show the most frequent properties of an event with the number of events that have them.

    Columns: property, count.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.top_properties(
            event, limit=limit, format=output.asked_format, workspace_id=workspace_id
        ),
    )


@_options
def top_property_values(
    event: EventName,
    name: PropertyName,
    *,
    limit: RowLimit = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """List the most frequent values of an event's property.

    Columns: value.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.top_property_values(
            event, name, limit=limit, format=output.asked_format, workspace_id=workspace_id
        ),
    )
