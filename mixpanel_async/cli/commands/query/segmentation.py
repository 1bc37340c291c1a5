"""`mixpanel-async query segmentation...`."""

# ruff: noqa: A002 - `type` is Mixpanel's own name of this option

from typing import Annotated, TypeAlias

import typer

from mixpanel_async.actions.query._requests import Type
from mixpanel_async.actions.query.segmentation import BucketUnit, SegmentationUnit
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.options.query import (
    EventName,
    FromDate,
    NumericOn,
    On,
    SegmentLimit,
    ToDate,
    Where,
    WorkspaceId,
)
from mixpanel_async.cli.render.output import Output
from mixpanel_async.cli.render.report_output import csv_report_output_options, report_output_options
from mixpanel_async.cli.runner import print_answer

Bucket: TypeAlias = Annotated[BucketUnit | None, typer.Option("--unit", help="Size of a bucket (default: day).")]
MaybeCounted: TypeAlias = Annotated[
    Type | None,
    typer.Option("--type", help="Count all events (general, default), unique users, or events per user."),
]


@with_options(output=csv_report_output_options, server=server_options)
def segmentation(
    event: EventName,
    *,
    from_date: FromDate,
    to_date: ToDate,
    on: On = None,
    where: Where = None,
    unit: Annotated[
        SegmentationUnit | None,
        typer.Option("--unit", help="Size of a bucket (default: day). Excludes --interval."),
    ] = None,
    interval: Annotated[
        int | None,
        typer.Option(
            "--interval", metavar="DAYS", help="Days per bucket; requires --type unique or average, excludes --unit."
        ),
    ] = None,
    type: MaybeCounted = None,
    limit: SegmentLimit = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Count one event over time, segmented and filtered by properties.

    Columns: segment, date, value.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.segmentation(
            event, from_date, to_date, on=on, unit=unit, interval=interval, where=where, limit=limit, type=type,
            format=output.asked_format, workspace_id=workspace_id,
        ),
    )  # fmt: skip


@with_options(output=report_output_options, server=server_options)
def segmentation_numeric(
    event: EventName,
    *,
    from_date: FromDate,
    to_date: ToDate,
    on: NumericOn,
    where: Where = None,
    unit: Bucket = None,
    type: MaybeCounted = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Count one event over time, by ranges of a numeric expression.

    Columns: segment (the range), date, value.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.segmentation_numeric(
            event, from_date, to_date, on, unit=unit, where=where, type=type, workspace_id=workspace_id
        ),
    )


@with_options(output=report_output_options, server=server_options)
def segmentation_sum(
    event: EventName,
    *,
    from_date: FromDate,
    to_date: ToDate,
    on: NumericOn,
    where: Where = None,
    unit: Bucket = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Sum a numeric expression per time bucket.

    Columns: date, value.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.segmentation_sum(
            event, from_date, to_date, on, unit=unit, where=where, workspace_id=workspace_id
        ),
    )


@with_options(output=report_output_options, server=server_options)
def segmentation_average(
    event: EventName,
    *,
    from_date: FromDate,
    to_date: ToDate,
    on: NumericOn,
    where: Where = None,
    unit: Bucket = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Average a numeric expression per time bucket.

    Columns: date, value.
    """
    return print_answer(
        server,
        output,
        lambda client: client.query.segmentation_average(
            event, from_date, to_date, on, unit=unit, where=where, workspace_id=workspace_id
        ),
    )
