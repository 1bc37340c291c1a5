"""Chosen properties as typed columns of a table."""

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast, get_args

import msgspec

from mixpanel_async import limits
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.model.exported_tables import TABLE_COLUMNS

ColumnType: TypeAlias = Literal["string", "number", "integer", "boolean", "time"]
COLUMN_TYPES: Final[tuple[ColumnType, ...]] = get_args(ColumnType)
_INT64: Final = range(-(2**63), 2**63)
# Timestamps of ms that every reader of Parquet can show: the years 1 to 9999.
SHOWN_MS: Final = range(-62_135_596_800_000, 253_402_300_800_000)


class Column(msgspec.Struct, frozen=True):
    """A property as a column.

    Attributes:
        name: Name of the property and of the column.
        type: Type of the column.
    """

    name: str
    type: ColumnType = "string"

    def __str__(self) -> str:
        return f"{self.name}:{self.type}"


def read_columns(given: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns that a caller chose.

    Args:
        given: NAME or NAME:TYPE; a type is string, number, integer, boolean or time.

    Raises:
        InvalidArgumentError: A name is empty, there already or given twice.
    """
    if isinstance(given, str):
        raise InvalidArgumentError(
            f"columns is invalid: {given!r} is not a list of names; give a list such as [{given!r}]"
        )
    columns = tuple(map(_column, given))
    names = list(TABLE_COLUMNS)
    for column in columns:
        if column.name in names:
            raise InvalidArgumentError(f"columns is invalid: the table has a column {column.name!r} already; omit it")
        names.append(column.name)
    return columns


def _column(given: str) -> Column:
    name, colon, kind = given.rpartition(":")
    if not colon or kind not in COLUMN_TYPES:  # a colon may be part of the name
        name, kind = given, "string"
    if not name:
        raise InvalidArgumentError(f"columns is invalid: {given!r} has no name; give a property such as plan:string")
    return Column(name, cast("ColumnType", kind))


def time_cell(value: object) -> int | None:
    """Return a time of a property in Unix milliseconds: a number of seconds or milliseconds, or ISO 8601; else None."""
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return in_range(round(moment.timestamp() * 1000))
    number = _number(value)
    if number is None:
        return None
    return in_range(number if abs(number) >= limits.MIN_EVENT_TIME_MILLISECONDS else number * 1000)


def in_range(milliseconds: float) -> int | None:
    """Return a time as whole milliseconds if a table can show it, else None."""
    return int(milliseconds) if math.isfinite(milliseconds) and int(milliseconds) in SHOWN_MS else None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _integer(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value in _INT64 else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


# What a value is as a cell; None where it does not fit. It is in the column `properties` in any case.
FITTED: Final[Mapping[ColumnType, Callable[[object], object]]] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "time": time_cell,
}
