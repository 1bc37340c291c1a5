"""The options --pivot and --plot of reports."""

# ruff: noqa: A002 - `format` is Mixpanel's own name of this option

from typing import Annotated, TypeAlias

import msgspec
import typer

from mixpanel_async.cli.render.output import (
    MixpanelFormat,
    Output,
    OutputForm,
    RawReply,
    csv_output_options,
    output_options,
)
from mixpanel_async.errors import InvalidArgumentError

_PANEL = "Output"

Pivot: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--pivot",
        help="Print a row for each date and a column for each segment, interval or step; excludes --json.",
        rich_help_panel=_PANEL,
    ),
]
Plot: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--plot",
        help="Print a chart: a line for each segment or cohort, with its least and greatest value; excludes --pivot, "
        "--output and --json.",
        rich_help_panel=_PANEL,
    ),
]


def report_output_options(
    *, output: OutputForm = None, as_json: RawReply = False, pivot: Pivot = False, plot: Plot = False
) -> Output:
    """Return the output options of a report.

    Raises:
        InvalidArgumentError: Options exclude each other.
    """
    return _of_report(output_options(output=output, as_json=as_json), is_pivoted=pivot, is_chart=plot)


def csv_report_output_options(
    *,
    output: OutputForm = None,
    as_json: RawReply = False,
    pivot: Pivot = False,
    plot: Plot = False,
    format: MixpanelFormat = "json",
) -> Output:
    """Return the output options of a report that Mixpanel also offers as CSV.

    Raises:
        InvalidArgumentError: Options exclude each other.
    """
    chosen = csv_output_options(output=output, as_json=as_json, format=format)
    return _of_report(chosen, is_pivoted=pivot, is_chart=plot)


def _of_report(chosen: Output, *, is_pivoted: bool, is_chart: bool) -> Output:
    given = [
        name
        for name, is_given in [
            ("--pivot", is_pivoted), ("--plot", is_chart), ("--json", chosen.is_raw),
            ("--format csv", chosen.format == "csv"), ("--output", is_chart and chosen.form is not None),
        ]
        if is_given
    ]  # fmt: skip
    if (is_pivoted or is_chart) and len(given) > 1:
        raise InvalidArgumentError(f"{' and '.join(given)} exclude each other; give one of them")
    return msgspec.structs.replace(chosen, is_pivoted=is_pivoted, is_chart=is_chart)
