"""Answers as columns and rows: what a table, CSV and lines of JSON are made of."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.models import JSONValue


class OutputRows(msgspec.Struct, frozen=True):
    """A table.

    Attributes:
        columns: Names of the columns, none of them twice.
        rows: The rows, as wide as the columns.
    """

    columns: tuple[str, ...]
    rows: Sequence[TableRow]


def rows_of(answer: JSONValue) -> OutputRows:
    """Return any answer as a table: a row for each point, entry or, of what is neither a series nor a list, one."""
    if isinstance(answer, Table):
        return OutputRows(_told_apart(answer.columns), answer.rows())
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        return _rows_of_list(answer)
    return _rows_of_list([answer])


def column(name: str) -> Callable[[object], OutputRows]:
    """Return what makes a table of one column of a list of values."""
    return lambda values: OutputRows((name,), [(value,) for value in values] if isinstance(values, Sequence) else [])


def listed(kind: type[msgspec.Struct]) -> Callable[[Sequence[msgspec.Struct]], OutputRows]:
    """Return what makes a table of a list of such Structs, with its columns also where the list is empty."""
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


def _told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names with a number behind each that is there already, so that no column hides another one."""
    found: list[str] = []
    for name in names:
        free, number = name, 1
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return tuple(found)
