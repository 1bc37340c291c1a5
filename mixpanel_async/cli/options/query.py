"""Options that reports share."""

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
    typer.Option("--from-date", metavar=_DATE, help="First day, inclusive; needs --to-date, excludes --interval."),
]
MaybeToDate: TypeAlias = Annotated[
    str | None,
    typer.Option("--to-date", metavar=_DATE, help="Last day, inclusive; needs --from-date, excludes --interval."),
]
LookBack: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--interval",
        metavar="UNITS",
        help="How many units to look back, 1 to 10,000; 1 is the current one. Excludes --from-date and --to-date.",
    ),
]

Where: TypeAlias = Annotated[
    str | None,
    typer.Option("--where", metavar="EXPRESSION", help='Filter, such as \'properties["plan"] == "pro"\'.'),
]
On: TypeAlias = Annotated[
    str | None,
    typer.Option("--on", metavar="EXPRESSION", help="What to segment by, such as 'properties[\"country\"]'."),
]
NumericOn: TypeAlias = Annotated[
    str,
    typer.Option(
        "--on", metavar="EXPRESSION", help="The number that each event counts with, such as 'properties[\"amount\"]'."
    ),
]
SegmentLimit: TypeAlias = Annotated[
    int | None, typer.Option("--limit", metavar="N", help="Most segments, 1 to 10,000; needs --on.")
]
RowLimit: TypeAlias = Annotated[
    int | None, typer.Option("--limit", metavar="N", help="Most entries, 1 to 10,000; Mixpanel's own number if not.")
]
Counted: TypeAlias = Annotated[
    Type,
    typer.Option("--type", help="What is counted: all events, users who had one, or the average of events a user."),
]
PeriodUnitOption: TypeAlias = Annotated[
    PeriodUnit, typer.Option("--unit", help="Size of a bucket. Mixpanel has no unique counts by the hour.")
]
WorkspaceId: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--workspace-id", metavar="N", help="The workspace's number, where the project has some.",
        rich_help_panel="Server",
    ),
]  # fmt: skip
