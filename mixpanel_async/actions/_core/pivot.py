"""Arranges the rows of a report: a column for each segment, or a line for each segment."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from mixpanel_async.actions._core.column_types import ColumnKind
from mixpanel_async.json_types import JSONValue

Cells: TypeAlias = tuple[JSONValue, ...]


class Layout(msgspec.Struct, frozen=True):
    """What the columns of a report are.

    Attributes:
        value: Column of the numbers.
        x: Column that a chart has as its horizontal axis.
        lines: Columns whose values name the lines of a chart.
        index: Columns that a pivoted table keeps.
        across: Columns whose values become columns of a pivoted table.
    """

    value: str
    x: str
    lines: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    across: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """The points of one line of a chart.

    Attributes:
        name: Name; "" for the only one.
        points: Positions and numbers.
        axis: What the positions are, for example `"date"`.
    """

    name: str
    points: list[tuple[JSONValue, float]]
    axis: str = ""


def unique_names(names: Sequence[str], reserved: Sequence[str]) -> list[str]:
    """Return unique names: one that is reserved, or occurs again, gets a number; the others stay as they are."""
    kept = set(names) | set(reserved)
    taken = set(reserved)
    counts: dict[str, int] = {}
    found: list[str] = []
    for name in names:
        free = name
        while free in taken or (free is not name and free in kept):
            counts[name] = counts.get(name, 1) + 1
            free = f"{name}_{counts[name]}"
        taken.add(free)
        found.append(free)
    return found


def pivoted(
    columns: Sequence[str], keys: Sequence[Cells], rows: Sequence[Cells], layout: Layout
) -> tuple[tuple[str, ...], list[Cells]]:
    """Return the names and rows of a table with a column for each value of `layout.across`.

    Args:
        columns: Names of the columns.
        keys: The rows as JSON has them; they say what belongs together.
        rows: The rows, with the values to return.
        layout: What the columns are.
    """
    places = {name: number for number, name in enumerate(columns)}
    index = [places[name] for name in layout.index]
    across = [places[name] for name in layout.across]
    headings: dict[Cells, int] = {}
    table: dict[Cells, tuple[Cells, dict[int, JSONValue]]] = {}
    for key, row in zip(keys, rows, strict=True):
        heading = headings.setdefault(tuple(key[i] for i in across), len(headings))
        head = tuple(row[i] for i in index)
        table.setdefault(tuple(key[i] for i in index), (head, {}))[1][heading] = row[places[layout.value]]
    names = unique_names([title(heading) or layout.value for heading in headings], layout.index)
    found = [
        (*head, *(cells.get(i) for i in range(len(headings))))
        for _, (head, cells) in sorted(table.items(), key=lambda item: _order(item[0][:1]))
    ]
    return (*layout.index, *names), found


def pivoted_kinds(kinds: Mapping[str, ColumnKind], layout: Layout, width: int) -> list[ColumnKind]:
    """Return the kinds of the columns of a pivoted table."""
    kept = [kinds[name] for name in layout.index]
    return [*kept, *[kinds[layout.value]] * (width - len(kept))]


def chart_lines(columns: Sequence[str], rows: Sequence[Cells], layout: Layout) -> list[Line]:
    """Return the lines of a chart, in the order of the rows; points that are no number are left out."""
    places = {name: number for number, name in enumerate(columns)}
    found: dict[Cells, Line] = {}
    for row in rows:
        value = row[places[layout.value]]
        name = tuple(row[places[each]] for each in layout.lines)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.setdefault(name, Line(title(name), [], layout.x)).points.append((row[places[layout.x]], float(value)))
    return list(found.values())


def title(parts: Iterable[JSONValue]) -> str:
    """Return the name of a column or line that stands for several labels."""
    return " / ".join(str(part) for part in parts if part is not None)


def _order(values: Cells) -> list[tuple[bool, str]]:
    return [(value is not None, str(value)) for value in values]
