"""What a query returns: JSON, and the same as a table for CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from mixpanel_async.emulator.replies import RefusalError

MAX_VALUES: Final = 200_000

Row: TypeAlias = tuple[Any, ...]
Values: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Report:
    """A reply.

    Attributes:
        body: The JSON value.
        table: The rows of the CSV, the header first; None if the query has no CSV.
    """

    body: object
    table: Sequence[Sequence[object]] | None = None

    def as_csv(self) -> str:
        """Return the table as CSV.

        Raises:
            RefusalError: With 400, if the query has no CSV.
        """
        if self.table is None:
            raise RefusalError(400, "format is invalid: this query has no csv; give json")
        text = io.StringIO()
        csv.writer(text).writerows(self.table)
        return text.getvalue()


class Query(Protocol):
    """A query whose parameters were read: its SQL, and the reply to its rows."""

    def sql(self) -> str:
        """Return the SQL."""
        ...

    def report(self, rows: list[Row]) -> Report:
        """Return the reply."""
        ...


def over_time(labels: Sequence[str], cells: Iterable[tuple[str, int, Any]], segment: str) -> Report:
    """Return the reply of a query that counts segments over time; buckets without a value are omitted.

    Args:
        labels: Labels of the buckets.
        cells: Segment, index of the bucket, value.
        segment: Name of the first column of the CSV.
    """
    values: dict[str, dict[str, Any]] = {}
    for name, index, value in cells:
        values.setdefault(name, {})[labels[index]] = value
    body = {"data": {"series": list(labels), "values": values}, "legend_size": len(values)}
    rows = [[name, *(amounts.get(label, 0) for label in labels)] for name, amounts in values.items()]
    return Report(body, [[segment, *labels], *rows])


def check_size(rows: Sequence[Row]) -> None:
    """Check that a reply is not too large; queries ask for one row more than it may have.

    Raises:
        RefusalError: With 400, if it is.
    """
    if len(rows) > MAX_VALUES:
        raise RefusalError(
            400, f"the reply is too large: more than {MAX_VALUES:,} values; give fewer days, a larger unit or a limit"
        )
