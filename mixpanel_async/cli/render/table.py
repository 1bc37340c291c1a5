"""Rows as a table for a terminal."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE, SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mixpanel_async.cli.render.encoders import as_text
from mixpanel_async.cli.render.numbers import short_number
from mixpanel_async.cli.render.rows import OutputRows
from mixpanel_async.json_types import JSONValue

_MIN_WIDTH = 80
_EXACT_BELOW = 100_000.0
_UNLIMITED = 100_000


def encode_table(rows: OutputRows) -> bytes:
    """Return rows as a table, or as a block of lines per row if the terminal is too narrow.

    Columns without any value are omitted. Without a terminal, the table is as wide as needed.
    """
    rows = _filled(rows)
    table = _table(rows)
    console = Console()
    needed = Measurement.get(console, console.options.update(width=_UNLIMITED), table)
    if not console.is_terminal:
        console = Console(width=max(_MIN_WIDTH, needed.maximum))
    shown = table if needed.minimum <= console.width else _blocks(rows)
    with console.capture() as capture:
        console.print(shown)
    lines = (line.rstrip() for line in capture.get().splitlines())
    return ("\n".join(lines) + "\n").encode(console.encoding, errors="replace")


def _filled(rows: OutputRows) -> OutputRows:
    kept = [i for i in range(len(rows.columns)) if not rows.rows or any(row[i] is not None for row in rows.rows)]
    kept = kept or list(range(len(rows.columns)))
    return OutputRows(
        tuple(rows.columns[i] for i in kept),
        [tuple(row[i] for i in kept) for row in rows.rows],
        rows.counted,
        rows.totals and tuple(rows.totals[i] for i in kept),
    )


def _table(rows: OutputRows) -> Table:
    box = SIMPLE_HEAD if rows.totals is None else SIMPLE
    table = Table(box=box, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), show_footer=rows.totals is not None)
    cells = [_cells(rows, row) for row in rows.rows]
    totals = _cells(rows, rows.totals) if rows.totals else []
    for i, name in enumerate(rows.columns):
        justify: JustifyMethod = "right" if _are_numbers(row[i] for row in rows.rows) else "left"
        # Rich shrinks every column that may wrap, even if it must break words.
        has_words = any(" " in row[i].plain for row in cells)
        footer = totals[i] if totals else ""
        table.add_column(Text(name), footer, justify=justify, overflow="fold", no_wrap=not has_words)
    for row in cells:
        table.add_row(*row)
    return table


def _blocks(rows: OutputRows) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for number, row in enumerate([*rows.rows, *([rows.totals] if rows.totals else [])]):
        if number:
            grid.add_row()
        for name, value, cell in zip(rows.columns, row, _cells(rows, row), strict=True):
            if value is not None:
                grid.add_row(Text(name), cell)
    return grid


def _are_numbers(values: Iterable[JSONValue]) -> bool:
    found = [value for value in values if value is not None]
    return bool(found) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)


def _cells(rows: OutputRows, row: Sequence[JSONValue]) -> list[Text]:
    return [_cell(value, is_counted=name in rows.counted) for name, value in zip(rows.columns, row, strict=True)]


def _cell(value: JSONValue, *, is_counted: bool) -> Text:
    if is_counted and isinstance(value, int | float) and not isinstance(value, bool):
        return Text(short_number(value))
    if isinstance(value, float):
        return Text(f"{value:.6g}" if abs(value) < _EXACT_BELOW else f"{value:.2f}")
    # Tracked names and values must not contain control characters for the terminal.
    return Text("".join(c if c.isprintable() else repr(c)[1:-1] for c in as_text(value)))
