"""What commands print of an answer, and the options that say how."""

# ruff: noqa: A002 - `format` is Mixpanel's own name of this option

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias, TypeVar, cast

import msgspec
import typer

from mixpanel_async.actions._core.tabular import TableRow
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.encoders import Form, JsonValues, TextForm, row_encoder
from mixpanel_async.cli.render.rows import OutputRows, rows_of
from mixpanel_async.cli.render.table import encode_table
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.models import JSONValue

T = TypeVar("T")
_PANEL = "Output"

OutputForm: TypeAlias = Annotated[
    Form | None,
    typer.Option(
        "--output",
        help="Print the answer's rows as a table (numbers rounded, empty columns left out), as a JSON array of "
        "objects, as CSV, or as one JSON object a line. Unless given: a table on a terminal, JSON otherwise.",
        rich_help_panel=_PANEL,
    ),
]
RawReply: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the whole reply as Mixpanel sent it, as JSON; excludes --output.", rich_help_panel=_PANEL
    ),
]
MixpanelFormat: TypeAlias = Annotated[
    Literal["json", "csv"],
    typer.Option(
        "--format",
        help="csv prints Mixpanel's own CSV as it comes; excludes --output and --json. For the same columns with "
        "every command use --output csv.",
        rich_help_panel=_PANEL,
    ),
]


class Output(msgspec.Struct, frozen=True):
    """How an answer is printed.

    Attributes:
        form: How rows are written; None: a table on a terminal, else something for programs.
        is_raw: Print the reply itself in place of rows.
        format: What Mixpanel is asked for.
    """

    form: Form | None = None
    is_raw: bool = False
    format: Literal["json", "csv"] = "json"

    @property
    def asked_format(self) -> Literal["json"]:
        """What Mixpanel is asked for, typed so that a call's overloads become one; text is printed all the same."""
        return cast("Literal['json']", self.format)

    def form_of(self, otherwise: TextForm = "json") -> Form:
        """Return the form that was chosen; without one, `otherwise` where there is no terminal."""
        return self.form or ("table" if stdout.is_terminal() else otherwise)

    def print(self, answer: T, rows_of: Callable[[T], OutputRows] = rows_of) -> None:
        """Print an answer.

        Args:
            answer: Text is printed as it is.
            rows_of: Makes its rows.
        """
        if isinstance(answer, str):
            stdout.write(answer.encode())
        elif self.is_raw:
            print_json(getattr(answer, "raw", answer))
        else:
            self._print_rows(rows_of(answer))
        stdout.flush()

    def _print_rows(self, rows: OutputRows) -> None:
        sink = self.sink(rows.columns)
        for row in rows.rows:
            sink.add(row)
        sink.close()

    def sink(self, columns: tuple[str, ...], otherwise: TextForm = "json", *, has_header: bool = True) -> "Sink":
        """Return what takes rows one by one.

        Args:
            columns: Names of the columns.
            otherwise: The form where none was chosen and there is no terminal.
            has_header: Begin CSV with the columns' names.
        """
        form = self.form_of(otherwise)
        return TableSink(columns) if form == "table" else TextSink(form, columns, has_header=has_header)


class TextSink:
    """Writes each row when it comes.

    Args:
        form: How.
        columns: Names of the columns.
        has_header: Begin CSV with them.
    """

    def __init__(self, form: TextForm, columns: tuple[str, ...], *, has_header: bool = True) -> None:
        self._encoder = row_encoder(form, columns, has_header=has_header)
        stdout.write(self._encoder.begin())

    def add(self, row: TableRow) -> None:
        """Write a row."""
        stdout.write(self._encoder.row(row))

    def close(self) -> None:
        """Write what comes last."""
        stdout.write(self._encoder.end())

    def break_off(self) -> None:
        """Write nothing more: what is not whole must not look so."""


class ValueSink:
    """Writes each value when it comes, all of them one JSON array or a value on each line.

    Args:
        is_array: Make them an array.
    """

    def __init__(self, *, is_array: bool = True) -> None:
        self._encoder = JsonValues(is_array=is_array)
        stdout.write(self._encoder.begin())

    def add(self, value: JSONValue) -> None:
        """Write a value."""
        stdout.write(self._encoder.value(value))

    def close(self) -> None:
        """Write what comes last."""
        stdout.write(self._encoder.end())

    def break_off(self) -> None:
        """Write nothing more: what is not whole must not look so."""


class TableSink:
    """Keeps the rows, and prints them when all are there.

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
        stdout.write(encode_table(OutputRows(self._columns, self._rows)))
        if not self._rows:
            say("no rows")

    def break_off(self) -> None:
        """Print what is there."""
        self.close()


Sink: TypeAlias = TextSink | TableSink


def output_options(*, output: OutputForm = None, as_json: RawReply = False) -> Output:
    """Return what options say of how to print.

    Raises:
        InvalidSettingError: They exclude each other.
    """
    if output is not None and as_json:
        raise InvalidSettingError("--output and --json exclude each other; give one of them")
    return Output(output, as_json)


def csv_output_options(
    *, output: OutputForm = None, as_json: RawReply = False, format: MixpanelFormat = "json"
) -> Output:
    """Return what options say of how to print a report that Mixpanel also has as CSV.

    Raises:
        InvalidSettingError: They exclude each other.
    """
    if format == "csv" and (output is not None or as_json):
        raise InvalidSettingError("--format csv excludes --output and --json; --output csv is CSV as well")
    return msgspec.structs.replace(output_options(output=output, as_json=as_json), format=format)


def print_json(value: JSONValue, *, is_one_line: bool = False) -> None:
    """Print JSON: on one line, unless somebody looks at it.

    Args:
        value: What to print.
        is_one_line: On one line also then.
    """
    encoded = msgspec.json.encode(value)
    if stdout.is_terminal() and not is_one_line:
        encoded = msgspec.json.format(encoded, indent=2)
    stdout.write(encoded + b"\n")


def say(line: str) -> None:
    """Print a line for people to standard error."""
    typer.echo(f"mixpanel-async: {line}", err=True)
