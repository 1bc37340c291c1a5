"""Prints replies, and the options --output, --json and --format."""

# ruff: noqa: A002 - `format` is Mixpanel's own name of this option

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, cast

import msgspec
import typer
from rich.console import Console

from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.encoders import Form, JsonValues, TextForm, row_encoder
from mixpanel_async.cli.render.rows import OutputRows, pivoted_rows_of, rows_of
from mixpanel_async.cli.render.sparklines import encode_chart
from mixpanel_async.cli.render.table import encode_table
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.json_types import JSONValue

T = TypeVar("T")
_PANEL = "Output"

OutputForm: TypeAlias = Annotated[
    Form | None,
    typer.Option(
        "--output",
        help="Print the rows as a table (rounded numbers, without empty columns), as a JSON array of objects, as CSV, "
        "or as one JSON object per line (default: table on a terminal, json otherwise).",
        rich_help_panel=_PANEL,
    ),
]
RawReply: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the whole reply as JSON, as Mixpanel sent it; excludes --output.", rich_help_panel=_PANEL
    ),
]
MixpanelFormat: TypeAlias = Annotated[
    Literal["json", "csv"],
    typer.Option(
        "--format",
        help="csv prints Mixpanel's own CSV unchanged; excludes --output and --json. For uniform columns, use "
        "--output csv.",
        rich_help_panel=_PANEL,
    ),
]


class Output(msgspec.Struct, frozen=True):
    """How a reply is printed.

    Attributes:
        form: Format of rows; None: a table on a terminal, otherwise a machine-readable format.
        is_raw: Whether to print the reply itself instead of rows.
        format: Format to request from Mixpanel.
        is_pivoted: Whether a report has a column for each segment.
        is_chart: Whether a report is drawn.
    """

    form: Form | None = None
    is_raw: bool = False
    format: Literal["json", "csv"] = "json"
    is_pivoted: bool = False
    is_chart: bool = False

    @property
    def asked_format(self) -> Literal["json"]:
        """Format to request from Mixpanel, typed so that one overload of a call matches; `print` accepts text too."""
        return cast("Literal['json']", self.format)

    def form_of(self, otherwise: TextForm = "json") -> Form:
        """Return the chosen format, or the default: a table on a terminal, `otherwise` elsewhere."""
        return self.form or ("table" if stdout.is_terminal() else otherwise)

    def print(self, answer: T, rows_of: Callable[[T], OutputRows] = rows_of) -> None:
        """Print a reply.

        Args:
            answer: The reply; text is printed unchanged.
            rows_of: Turns the reply into rows.
        """
        if isinstance(answer, str):
            stdout.write(answer.encode())
        elif self.is_raw:
            print_json(getattr(answer, "raw", answer))
        elif self.is_chart and isinstance(answer, Table):
            self._print_chart(answer)
        else:
            self._print_rows(pivoted_rows_of(answer) if self.is_pivoted else rows_of(answer))
        stdout.flush()

    def _print_rows(self, rows: OutputRows) -> None:
        if self.form_of() == "table":
            print_table(rows)
            return
        sink = self.sink(rows.columns)
        for row in rows.rows:
            sink.add(row)
        sink.close()

    def _print_chart(self, report: Table[Any]) -> None:
        console = Console()
        lines = report.lines()
        if not lines:
            say("no rows")
        stdout.write(encode_chart(lines, console.width, console.encoding, is_additive=report.is_additive))

    def sink(self, columns: tuple[str, ...], otherwise: TextForm = "json", *, has_header: bool = True) -> "Sink":
        """Return a sink for rows.

        Args:
            columns: Names of the columns.
            otherwise: Default format without a terminal.
            has_header: Whether CSV has a header.
        """
        form = self.form_of(otherwise)
        return TableSink(columns) if form == "table" else TextSink(form, columns, has_header=has_header)


class TextSink:
    """Writes each row immediately.

    Args:
        form: Format of the rows.
        columns: Names of the columns.
        has_header: Whether CSV has a header.
    """

    def __init__(self, form: TextForm, columns: tuple[str, ...], *, has_header: bool = True) -> None:
        self._encoder = row_encoder(form, columns, has_header=has_header)
        stdout.write(self._encoder.begin())

    def add(self, row: TableRow) -> None:
        """Write a row."""
        stdout.write(self._encoder.row(row))

    def close(self) -> None:
        """Write the end."""
        stdout.write(self._encoder.end())

    def break_off(self) -> None:
        """Write nothing: incomplete output must not look complete."""


class ValueSink:
    """Writes each value immediately, as one JSON array or as NDJSON.

    Args:
        is_array: Whether the values form one array.
    """

    def __init__(self, *, is_array: bool = True) -> None:
        self._encoder = JsonValues(is_array=is_array)
        stdout.write(self._encoder.begin())

    def add(self, value: JSONValue) -> None:
        """Write a value."""
        stdout.write(self._encoder.value(value))

    def close(self) -> None:
        """Write the end."""
        stdout.write(self._encoder.end())

    def break_off(self) -> None:
        """Write nothing: incomplete output must not look complete."""


class TableSink:
    """Collects the rows and prints one table at the end.

    Args:
        columns: Names of the columns.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._rows: list[TableRow] = []

    def add(self, row: TableRow) -> None:
        """Keep a row."""
        self._rows.append(row)

    def close(self) -> None:
        """Print the table."""
        print_table(OutputRows(self._columns, self._rows))

    def break_off(self) -> None:
        """Print the rows so far."""
        self.close()


Sink: TypeAlias = TextSink | TableSink


def print_table(rows: OutputRows) -> None:
    """Print a table; if it is empty, a message says so."""
    stdout.write(encode_table(rows))
    if not rows.rows:
        say("no rows")


def output_options(*, output: OutputForm = None, as_json: RawReply = False) -> Output:
    """Return the output options.

    Raises:
        InvalidArgumentError: Options exclude each other.
    """
    if output is not None and as_json:
        raise InvalidArgumentError("--output and --json exclude each other; give one of them")
    return Output(output, as_json)


def csv_output_options(
    *, output: OutputForm = None, as_json: RawReply = False, format: MixpanelFormat = "json"
) -> Output:
    """Return the output options of a report that Mixpanel also offers as CSV.

    Raises:
        InvalidArgumentError: Options exclude each other.
    """
    if format == "csv" and (output is not None or as_json):
        raise InvalidArgumentError("--format csv excludes --output and --json; use --output csv instead")
    return msgspec.structs.replace(output_options(output=output, as_json=as_json), format=format)


def print_json(value: JSONValue, *, is_one_line: bool = False) -> None:
    """Print JSON, indented on a terminal.

    Args:
        value: The value.
        is_one_line: Whether to print one line on a terminal as well.
    """
    encoded = msgspec.json.encode(value)
    if stdout.is_terminal() and not is_one_line:
        encoded = msgspec.json.format(encoded, indent=2)
    stdout.write(encoded + b"\n")


def say(line: str) -> None:
    """Print a message to standard error."""
    typer.echo(f"mixpanel-async: {line}", err=True)
