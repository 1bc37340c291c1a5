"""Makes Arrow tables and data frames of typed columns."""

import datetime as dt
import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Final

from mixpanel_async.actions._core.column_types import FrameType, TypedColumn
from mixpanel_async.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: ICN001
    import polars  # type: ignore[import-not-found,unused-ignore] # noqa: ICN001
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: ICN001

_EXTRAS: Final = {"pyarrow": "arrow", "matplotlib.pyplot": "plot"}
_PANDAS: Final[Mapping[FrameType, str]] = {
    "text": "str",
    "date": "datetime64[us]",
    "time": "datetime64[us]",
    "instant": "datetime64[us, UTC]",
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
}
_NULLABLE: Final[Mapping[FrameType, str]] = {**_PANDAS, "integer": "Int64", "boolean": "boolean"}


def arrow_table(columns: Sequence[TypedColumn]) -> "pyarrow.Table":
    """Return the columns as a `pyarrow.Table`.

    Raises:
        MissingExtraError: The extra `arrow` is not installed.
    """
    arrow = library("pyarrow", "to_arrow()")
    types = {
        "text": arrow.string(),
        "date": arrow.date32(),
        "time": arrow.timestamp("us"),
        "instant": arrow.timestamp("us", "UTC"),
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "boolean": arrow.bool_(),
    }
    schema = arrow.schema([(column.name, types[column.type]) for column in columns])
    return arrow.table([arrow.array(column.cells, types[column.type]) for column in columns], schema=schema)


def pandas_frame(columns: Sequence[TypedColumn]) -> "pandas.DataFrame":
    """Return the columns as a `pandas.DataFrame`.

    Raises:
        MissingExtraError: The extra `pandas` is not installed.
    """
    frames = library("pandas", "to_pandas()")
    major = int(frames.__version__.partition(".")[0])
    made = {}
    for column in columns:
        kind = (_NULLABLE if None in column.cells else _PANDAS)[column.type]
        if column.type == "text" and major < 3:  # noqa: PLR2004 - pandas 3 has a type of text
            kind = "object"
        made[column.name] = frames.Series([_as_time(column.type, value) for value in column.cells], dtype=kind)
    return frames.DataFrame(made)


def polars_frame(columns: Sequence[TypedColumn]) -> "polars.DataFrame":
    """Return the columns as a `polars.DataFrame`.

    Raises:
        MissingExtraError: The extra `polars` is not installed.
    """
    frames = library("polars", "to_polars()")
    types = {
        "text": frames.String,
        "date": frames.Date,
        "time": frames.Datetime("us"),
        "instant": frames.Datetime("us", "UTC"),
        "integer": frames.Int64,
        "number": frames.Float64,
        "boolean": frames.Boolean,
    }
    found: polars.DataFrame = frames.DataFrame(
        [frames.Series(column.name, column.cells, dtype=types[column.type]) for column in columns]
    )
    return found


def library(name: str, purpose: str) -> ModuleType:
    """Import a library of an extra.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError(_EXTRAS.get(name, name), purpose) from None


def _as_time(kind: FrameType, value: object) -> object:
    return dt.datetime.combine(value, dt.time()) if kind == "date" and isinstance(value, dt.date) else value
