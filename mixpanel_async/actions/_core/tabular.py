"""Replies that can be read as rows, Arrow tables and data frames."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from mixpanel_async.actions._core.charts import draw
from mixpanel_async.actions._core.column_types import ColumnKind, TypedColumn, typed_column
from mixpanel_async.actions._core.frames import arrow_table, pandas_frame, polars_frame
from mixpanel_async.actions._core.html_table import html_table
from mixpanel_async.actions._core.pivot import Layout, Line, chart_lines, pivoted, pivoted_kinds
from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.errors import UnexpectedReplyError
from mixpanel_async.json_types import JSONValue

if TYPE_CHECKING:
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: ICN001
    import polars  # type: ignore[import-not-found,unused-ignore] # noqa: ICN001
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: ICN001
    from matplotlib.axes import Axes

TableRow: TypeAlias = tuple[JSONValue, ...]
R = TypeVar("R", bound=TableRow)
T = TypeVar("T", bound="Table[Any]")

_HAS_SEGMENTS = "_segments_asked"
_IS_ADDITIVE = "_additive_asked"
_HAS_TIMES = "_times_asked"


class Table(ApiObject, Generic[R], frozen=True):
    """A reply that can be read as rows.

    `columns` are the column names, `rows()` returns tuples in their order, and `len()` and iteration go by rows.
    `to_arrow()`, `to_pandas()`, `to_polars()` and `plot()` need the extra of that name. Days are dates and times are
    timestamps in all of them. An empty table has the column types of a full one.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in the order of each row; no name occurs twice."""
        return self.__struct_fields__

    @abstractmethod
    def rows(self) -> list[R]:
        """Return the values as tuples, one for each point."""

    @abstractmethod
    def json_rows(self) -> list[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""

    def __len__(self) -> int:
        return len(self.json_rows())

    def __iter__(self) -> Iterator[R]:
        return iter(self.rows())

    def __repr__(self) -> str:
        try:
            size = f"{len(self):,} rows: {', '.join(self.columns)}"
        except UnexpectedReplyError as error:
            size = error.message
        return f"<{type(self).__name__} {size}>"

    def _repr_html_(self) -> str:
        shown = self.pivot()
        return html_table(type(self).__name__, shown.columns, shown.rows())

    def pivot(self) -> "PivotTable":
        """Return the table with one row for each date and one column for each segment.

        Retention, frequency and funnels have a column for each interval, number of times and step. A segment with the
        name of another column gets a number: `date_2`. Where a segment has no value, there is None.
        """
        rows, texts = self.rows(), self.json_rows()
        layout, kinds = self._layout(), dict(zip(self.columns, self._kinds(), strict=True))
        if not layout.across:
            return PivotTable(self.columns, list(kinds.values()), list(rows), texts)
        names, cells = pivoted(self.columns, texts, rows, layout)
        plain = pivoted(self.columns, texts, texts, layout)[1]
        return PivotTable(names, pivoted_kinds(kinds, layout, len(names)), cells, plain)

    def lines(self) -> list[Line]:
        """Return the points by name, as a chart has them: a line for each segment, or each cohort of a retention."""
        return chart_lines(self.columns, self.rows(), self._layout())

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the report with matplotlib: a line for each segment, or each cohort; bars where it is not over time.

        Args:
            ax: Axes to draw on (default: those of a new figure).

        Raises:
            MissingExtraError: The extra `plot` is not installed.
        """
        return draw(self.lines(), self._layout(), ax)

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

    @abstractmethod
    def _kinds(self) -> Sequence[ColumnKind]:
        """Return what each column holds."""

    @abstractmethod
    def _layout(self) -> Layout:
        """Return what the columns are."""

    @property
    def is_additive(self) -> bool:
        """Whether the sum of values means something: it does for counts of events, not for users or averages."""
        return self.__dict__.get(_IS_ADDITIVE) is True

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


class PivotTable(Table[TableRow], frozen=True):
    """A table with a column for each segment; see `Table.pivot`."""

    names: tuple[str, ...]
    kinds: list[ColumnKind]
    cells: list[TableRow]
    texts: list[TableRow]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order of each row; no name occurs twice."""
        return self.names

    def rows(self) -> list[TableRow]:
        """Return the rows."""
        return self.cells

    def json_rows(self) -> list[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""
        return self.texts

    def pivot(self) -> "PivotTable":
        """Return this table."""
        return self

    def lines(self) -> list[Line]:
        """Return a line for each column of numbers."""
        x, *values = self.columns
        found = [
            (name, chart_lines((x, name), [(row[0], row[i]) for row in self.cells], Layout(name, x)))
            for i, name in enumerate(values, 1)
        ]
        return [Line(name, one.points, x) for name, lines in found for one in lines]

    def _kinds(self) -> Sequence[ColumnKind]:
        return self.kinds

    def _layout(self) -> Layout:
        return Layout("value", self.columns[0])


def keep_question(answer: T, *, on: object = None, unit: str | None = None, is_additive: bool = False) -> T:
    """Return `answer`, which now knows what was asked: names in a reply cannot tell segments from the reply's own keys.

    Args:
        answer: The reply.
        on: The expression to segment by; None: no segments were asked for.
        unit: Size of a bucket.
        is_additive: Whether the sum of values means something: counts of events, not users or averages.
    """
    answer.__dict__[_IS_ADDITIVE] = is_additive
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
