"""The reply of a saved Insights report."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from mixpanel_async.actions._core.buckets import as_days, parse_bucket
from mixpanel_async.actions._core.column_types import ColumnKind
from mixpanel_async.actions._core.pivot import Layout, unique_names
from mixpanel_async.actions._core.tabular import Table, TableRow, even_out, flatten
from mixpanel_async.json_types import JSONValue

# The value is a number as a rule; what else a report holds depends on its type, as in `json.loads`.
InsightsRow: TypeAlias = tuple[*tuple[str | None, ...], dt.date | str | None, Any]
_OWN = ("date", "value")


class InsightsReport(Table[InsightsRow], frozen=True, kw_only=True):
    """A saved Insights report.

    There is one row for each point of each series: its labels, then `date`, then `value`.

    Attributes:
        computed_at: Time of computation, ISO 8601.
        date_range: `from_date` and `to_date`, ISO 8601.
        headers: Names of the labels.
        series: Values, nested by label; the innermost keys are dates.
    """

    computed_at: str | None = None
    date_range: dict[str, str | None] = msgspec.field(default_factory=dict)
    headers: list[str] = msgspec.field(default_factory=list)
    series: dict[str, JSONValue]

    @property
    def columns(self) -> tuple[str, ...]:
        """The headers of the report (`label_1`, ... for levels without a header), `date` and `value`.

        A header with one of these names, or the name of another header, gets a number: `date_2`.
        """
        return self._columns(self._width())

    def rows(self) -> list[InsightsRow]:
        """Return one tuple for each point; the labels that a total does not have are None.

        `date` is a `date`; a `datetime` if the report has buckets shorter than a day; and text such as `"all"` if the
        report is not over time.
        """
        rows = self.json_rows()
        parsed = [parse_bucket(row[-2]) if isinstance(row[-2], str) else None for row in rows]
        return [
            (*row[:-2], row[-2] if date is None else date, row[-1])
            for row, date in zip(rows, as_days(parsed), strict=True)
        ]

    def json_rows(self) -> list[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""
        return even_out([self._with_date(row) for row in flatten(self.series)], self._width())

    def _with_date(self, row: TableRow) -> TableRow:
        """Return a row; that of a series without a breakdown or dates gets None as its date."""
        is_bare = len(row) == len(_OWN) and self.headers and parse_bucket(str(row[0])) is None
        return (row[0], None, row[1]) if is_bare else row

    def _columns(self, width: int) -> tuple[str, ...]:
        count = max(0, width - len(_OWN))
        labels = [*self.headers, *(f"label_{n + 1}" for n in range(len(self.headers), count))][:count]
        return (*unique_names(labels, _OWN), *_OWN)

    def _width(self) -> int:
        found = max((len(row) for row in flatten(self.series)), default=len(self.headers) + len(_OWN))
        return max(found, len(_OWN))

    def _kinds(self) -> Sequence[ColumnKind]:
        labels: list[ColumnKind] = ["text"] * (self._width() - len(_OWN))
        return [*labels, "date", "json"]

    def _layout(self) -> Layout:
        labels = self.columns[: -len(_OWN)]
        return Layout("value", "date", labels, ("date",), labels)
