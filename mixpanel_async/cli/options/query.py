"""Options that report commands share."""

from typing import Annotated, TypeAlias

import typer

from mixpanel_async.actions.query._requests import PeriodUnit, Type

_DATE = "YYYY-MM-DD"

EventName: TypeAlias = Annotated[str, typer.Argument(metavar="EVENT", help="Name of the event.", show_default=False)]
EventNames: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="EVENT", help="Names of one or more events.", show_default=False)
]
PropertyName: TypeAlias = Annotated[
    str, typer.Argument(metavar="PROPERTY", help="Name of the property.", show_default=False)
]

FromDate: TypeAlias = Annotated[
    str, typer.Option("--from-date", metavar=_DATE, help="First day, inclusive, in the project's time zone.")
]
ToDate: TypeAlias = Annotated[
    str, typer.Option("--to-date", metavar=_DATE, help="Last day, inclusive, in the project's time zone.")
]
MaybeFromDate: TypeAlias = Annotated[
    str | None,
    typer.Option("--from-date", metavar=_DATE, help="First day, inclusive; requires --to-date, excludes --interval."),
]
MaybeToDate: TypeAlias = Annotated[
    str | None,
    typer.Option("--to-date", metavar=_DATE, help="Last day, inclusive; requires --from-date, excludes --interval."),
]
LookBack: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--interval",
        metavar="UNITS",
        help="Number of units to look back, 1 to 10,000; 1 is the current unit. Excludes --from-date and --to-date.",
    ),
]

Where: TypeAlias = Annotated[
    str | None,
    typer.Option("--where", metavar="EXPRESSION", help='Filter, such as \'properties["plan"] == "pro"\'.'),
]
On: TypeAlias = Annotated[
    str | None,
    typer.Option("--on", metavar="EXPRESSION", help="Segment by this expression, such as 'properties[\"country\"]'."),
]
NumericOn: TypeAlias = Annotated[
    str,
    typer.Option(
        "--on", metavar="EXPRESSION", help="Numeric expression to aggregate, such as 'properties[\"amount\"]'."
    ),
]
SegmentLimit: TypeAlias = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", help="Maximum number of segments, 1 to 10,000; does nothing without --on."),
]
RowLimit: TypeAlias = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", help="Maximum number of entries, 1 to 10,000 (default: Mixpanel's)."),
]
Counted: TypeAlias = Annotated[
    Type,
    typer.Option("--type", help="Count all events, unique users, or the average number of events per user."),
]
PeriodUnitOption: TypeAlias = Annotated[
    PeriodUnit, typer.Option("--unit", help="Size of a bucket; unique counts are not available by hour.")
]
WorkspaceId: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--workspace-id", metavar="N", help="Workspace ID, if the project uses workspaces.",
        rich_help_panel="Server",
    ),
]  # fmt: skip
