"""Replies that can be read as rows, Arrow tables and data frames."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from mixpanel_async.actions._core.column_types import ColumnKind, TypedColumn, typed_column
from mixpanel_async.actions._core.frames import arrow_table, pandas_frame, polars_frame
from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.models import JSONValue

if TYPE_CHECKING:
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: ICN001
    import polars  # type: ignore[import-not-found,unused-ignore] # noqa: ICN001
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: ICN001

TableRow: TypeAlias = tuple[JSONValue, ...]
T = TypeVar("T", bound="Table")

_HAS_SEGMENTS = "_segments_asked"
_HAS_TIMES = "_times_asked"


class Table(ApiObject, frozen=True):
    """A reply that can be read as rows.

    `columns` are the column names, `rows()` returns tuples in their order; `to_arrow()`, `to_pandas()` and
    `to_polars()` need the extra of that name. Days are dates and times are timestamps in all of them. An empty table
    has the column types of a full one.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in the order of each row; no name occurs twice."""
        return self.__struct_fields__

    def rows(self) -> Sequence[TableRow]:
        """Return the values as tuples, one for each point; by default one tuple for the whole object."""
        return self.json_rows()

    def json_rows(self) -> Sequence[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""
        return [msgspec.structs.astuple(self)]

    def to_arrow(self) -> "pyarrow.Table":
        """Return the rows as a `pyarrow.Table`: days are `date32`, times `timestamp[us]`.

        Raises:
            MissingExtraError: The extra `arrow` is not installed.
        """
        return arrow_table(self._typed_columns())

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the rows as a `pandas.DataFrame`: days and times are `datetime64[us]`.

        Raises:
            MissingExtraError: The extra `pandas` is not installed.
        """
        return pandas_frame(self._typed_columns())

    def to_polars(self) -> "polars.DataFrame":
        """Return the rows as a `polars.DataFrame`: days are `Date`, times `Datetime`.

        Raises:
            MissingExtraError: The extra `polars` is not installed.
        """
        return polars_frame(self._typed_columns())

    def _kinds(self) -> Sequence[ColumnKind]:
        return ["json"] * len(self.columns)

    def _has_segments(self) -> bool | None:
        """Whether the call asked for segments; None: it is not known."""
        return self.__dict__.get(_HAS_SEGMENTS)

    def _has_times(self) -> bool:
        """Whether the call asked for buckets below a day."""
        return self.__dict__.get(_HAS_TIMES) is True

    def _typed_columns(self) -> list[TypedColumn]:
        rows = self.rows()
        named = zip(self.columns, self._kinds(), strict=True)
        return [typed_column(name, kind, [row[i] for row in rows]) for i, (name, kind) in enumerate(named)]


def keep_question(answer: T, *, on: object = None, unit: str | None = None) -> T:
    """Return `answer`, which now knows what was asked: names in a reply cannot tell segments from the reply's own keys.

    Args:
        answer: The reply.
        on: The expression to segment by; None: no segments were asked for.
        unit: Size of a bucket.
    """
    answer.__dict__[_HAS_SEGMENTS] = on is not None
    answer.__dict__[_HAS_TIMES] = unit in {"minute", "hour"}
    return answer


def flatten(value: JSONValue) -> list[TableRow]:
    """Return each leaf of nested objects after the keys that lead to it: `(key, ..., key, leaf)`."""
    if not isinstance(value, Mapping):
        return [(value,)]
    return [(key, *rest) for key, inner in value.items() for rest in flatten(inner)]


def even_out(rows: Sequence[TableRow], width: int) -> list[TableRow]:
    """Return rows of equal width; a shorter row gets None after its leading keys.

    Mixpanel returns totals such as `$overall` beside deeper breakdowns.
    """
    tail = 2  # the innermost key and the value stay together at the end
    return [row if len(row) >= width else (*row[:-tail], *[None] * (width - len(row)), *row[-tail:]) for row in rows]


def unique_names(names: Sequence[str], reserved: Sequence[str]) -> list[str]:
    """Return unique names: one that is reserved, or occurs again, gets a number; the others stay as they are."""
    kept = set(names) | set(reserved)
    taken = set(reserved)
    found: list[str] = []
    for name in names:
        free, number = name, 1
        while free in taken or (number > 1 and free in kept):
            number += 1
            free = f"{name}_{number}"
        taken.add(free)
        found.append(free)
    return found
