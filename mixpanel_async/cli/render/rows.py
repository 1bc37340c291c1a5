"""Turns replies into columns and rows, for tables, CSV and NDJSON."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.models import JSONValue


class OutputRows(msgspec.Struct, frozen=True):
    """A table.

    Attributes:
        columns: Unique names of the columns.
        rows: The rows; each has a value per column.
    """

    columns: tuple[str, ...]
    rows: Sequence[TableRow]


def rows_of(answer: JSONValue) -> OutputRows:
    """Return any reply as a table: one row per point of a series or entry of a list, otherwise a single row."""
    if isinstance(answer, Table):
        return OutputRows(answer.columns, answer.json_rows())
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        return _rows_of_list(answer)
    return _rows_of_list([answer])


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
        structs: list[msgspec.Struct] = list(values)  # type: ignore[arg-type]
        return listed(type(first))(structs)
    if values and all(isinstance(value, Mapping) for value in values):
        mappings: list[Mapping[str, JSONValue]] = list(values)  # type: ignore[arg-type]
        names = tuple(dict.fromkeys(name for mapping in mappings for name in mapping))
        return OutputRows(names, [tuple(mapping.get(name) for name in names) for mapping in mappings])
    return OutputRows(("value",), [(value,) for value in values])
