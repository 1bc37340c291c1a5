"""Turns replies into columns and rows, for tables, CSV and NDJSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.json_types import JSONValue


class OutputRows(msgspec.Struct, frozen=True):
    """A table.

    Attributes:
        columns: Unique names of the columns.
        rows: The rows; each has a value per column.
        counted: Columns of numbers that are no IDs: a table separates their thousands.
        totals: The last row of a table; None: sums mean nothing.
    """

    columns: tuple[str, ...]
    rows: Sequence[TableRow]
    counted: frozenset[str] = frozenset()
    totals: TableRow | None = None


def rows_of(answer: JSONValue) -> OutputRows:
    """Return any reply as a table: one row per point of a series or entry of a list, otherwise a single row."""
    if isinstance(answer, Table):
        return _rows_of_report(answer, {"value"} if answer.is_additive else set())
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        return _rows_of_list(answer)
    return _rows_of_list([answer])


def pivoted_rows_of(answer: JSONValue) -> OutputRows:
    """Return a report as a table with a column for each segment, and any other reply as `rows_of` does."""
    if not isinstance(answer, Table):
        return rows_of(answer)
    table = answer.pivot()
    return _rows_of_report(table, set(table.columns[1:]) if answer.is_additive else set())


def _rows_of_report(table: Table[Any], summed: AbstractSet[str]) -> OutputRows:
    rows = table.json_rows()
    counted = frozenset(name for name in table.columns if not name.endswith("_id"))
    sums = [_sum(row[i] for row in rows) if name in summed else None for i, name in enumerate(table.columns)]
    totals = ("total", *sums[1:]) if summed and len(rows) > 1 else None
    return OutputRows(table.columns, rows, counted, totals)


def _sum(values: Iterable[JSONValue]) -> int | float:
    return sum(value for value in values if isinstance(value, int | float))


def column(name: str) -> Callable[[object], OutputRows]:
    """Return a function that turns a list of values into a table of one column."""
    return lambda values: OutputRows((name,), [(value,) for value in values] if isinstance(values, Sequence) else [])


def listed(kind: type[msgspec.Struct]) -> Callable[[Sequence[msgspec.Struct]], OutputRows]:
    """Return a function that turns a list of Structs into a table; an empty list still has the columns."""
    names = kind.__struct_fields__
    return lambda values: OutputRows(names, [tuple(getattr(value, name) for name in names) for value in values])


def _rows_of_list(values: Sequence[JSONValue]) -> OutputRows:
    first = values[0] if values else None
    if isinstance(first, msgspec.Struct):
        structs: list[msgspec.Struct] = list(values)
        return listed(type(first))(structs)
    if values and all(isinstance(value, Mapping) for value in values):
        mappings: list[Mapping[str, JSONValue]] = list(values)
        names = tuple(dict.fromkeys(name for mapping in mappings for name in mapping))
        return OutputRows(names, [tuple(mapping.get(name) for name in names) for mapping in mappings])
    return OutputRows(("value",), [(value,) for value in values])
