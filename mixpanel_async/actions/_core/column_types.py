"""Finds the type of each column of a table, the same for Arrow, pandas and polars."""

import datetime as dt
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, TypeGuard

import msgspec

from mixpanel_async.json_types import JSONValue

ColumnKind: TypeAlias = Literal["text", "date", "time", "integer", "number", "boolean", "json"]
FrameType: TypeAlias = Literal["text", "date", "time", "instant", "integer", "number", "boolean"]
_MAX_EXACT: Final = 2**53  # the integers that a float holds
_MAX_INT: Final = 2**63


class TypedColumn(msgspec.Struct, frozen=True):
    """A column of one type.

    Attributes:
        name: Name, unique in its table.
        type: time: without an offset; instant: in UTC.
        cells: Values of that type, or None.
    """

    name: str
    type: FrameType
    cells: Sequence[JSONValue]


def typed_column(name: str, kind: ColumnKind, values: Sequence[JSONValue]) -> TypedColumn:
    """Return a column with the type of its kind, or the narrowest one that holds every value.

    A column without values has the type of its kind, so that an empty table has the schema of the others.

    Args:
        name: Name of the column.
        kind: What the column holds as a rule; time: dates with a time of day; json: numbers, or whatever the reply has.
        values: Values.
    """
    found = [value for value in values if value is not None]
    if kind in {"integer", "number", "json"} and _are_numbers(found):
        return _numbers(name, kind, values, found)
    if kind in {"date", "time"} and all(isinstance(value, dt.date) for value in found):
        return _dates(name, kind, values, found)
    if kind == "boolean" and all(isinstance(value, bool) for value in found):
        return TypedColumn(name, "boolean", values)
    return TypedColumn(name, "text", [_text(value) for value in values])


def _are_numbers(values: Sequence[JSONValue]) -> TypeGuard[Sequence[int | float]]:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _numbers(name: str, kind: ColumnKind, values: Sequence[JSONValue], found: Sequence[int | float]) -> TypedColumn:
    integers = [value for value in found if isinstance(value, int)]
    are_exact = all(-_MAX_EXACT <= value <= _MAX_EXACT for value in integers)
    if are_exact and (kind == "number" or len(integers) < len(found)):
        return TypedColumn(name, "number", [None if value is None else float(value) for value in values])
    if len(integers) == len(found) and all(-_MAX_INT <= value < _MAX_INT for value in integers):
        return TypedColumn(name, "integer", values)
    return TypedColumn(name, "text", [_text(value) for value in values])  # no type holds every digit


def _dates(name: str, kind: ColumnKind, values: Sequence[JSONValue], found: Sequence[JSONValue]) -> TypedColumn:
    times = [value for value in found if isinstance(value, dt.datetime)]
    if not times and kind == "date":
        return TypedColumn(name, "date", values)
    if times and len(times) == len(found) and all(time.tzinfo is not None for time in times):
        return TypedColumn(name, "instant", [_in_utc(value) for value in values])
    if any(time.tzinfo is not None for time in times):
        return TypedColumn(name, "text", [_text(value) for value in values])
    return TypedColumn(name, "time", [_at_midnight(value) for value in values])


def _in_utc(value: JSONValue) -> JSONValue:
    return value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else None


def _at_midnight(value: JSONValue) -> JSONValue:
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    return dt.datetime.combine(value, dt.time()) if is_day else value


def _text(value: JSONValue) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, dt.date) else msgspec.json.encode(value).decode()
