"""Numeric expressions over time: ranges, sums and averages."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Final, Literal

from mixpanel_async.emulator.queries.calendar import Buckets, Unit, Zone
from mixpanel_async.emulator.queries.parameters import Parameters
from mixpanel_async.emulator.queries.reports import Report, Row, check_size, over_time
from mixpanel_async.emulator.queries.segmentation import AMOUNT
from mixpanel_async.emulator.queries.source import USER, EventSource, QueryContext
from mixpanel_async.emulator.replies import RefusalError

_UNITS: Final[tuple[Unit, ...]] = ("hour", "day")
_MAX_RANGES: Final = 12
_SMALLEST_EXPONENT, _LARGEST_EXPONENT = -9, 307


@dataclass(frozen=True)
class NumericQuery:
    """What the queries over a numeric expression share.

    Attributes:
        source: The events.
        zone: The project's time zone.
        buckets: The buckets.
        number: SQL of the expression.
        now_ms: The time of the query.
    """

    source: EventSource
    zone: Zone
    buckets: Buckets
    number: str
    now_ms: int

    def found(self) -> str:
        """Return the SELECT of an event's number, bucket and user."""
        bucket = self.buckets.index_sql(self.zone.local_ms("e.time_ms", self.source.span))
        return self.source.select(f"{self.number} AS number", f"{bucket} AS bucket", f"{USER} AS who")


@dataclass(frozen=True)
class Ranges(NumericQuery):
    """Counts of events over time, by ranges of a number; an event without a number is left out.

    All ranges are equally wide: the narrowest of 1, 2, 5, 10, 20, 50, ... that gives up to 12 of them. Fractions count
    only if a number has one.
    """

    kind: str

    def sql(self) -> str:
        """Return the SQL: number of the range, width of a range, index of the bucket, value."""
        return (
            f"WITH found AS (SELECT * FROM ({self.found()}) WHERE number IS NOT NULL),"
            " ends AS (SELECT min(number) AS low, max(number) AS high, bool_and(number = floor(number)) AS whole"
            " FROM found),"
            " width AS (SELECT CASE WHEN low = high THEN 1 ELSE (SELECT min(step) FROM"
            f" (SELECT unnest([{', '.join(map(repr, range_widths()))}]::DOUBLE[]) AS step)"
            f" WHERE (step >= 1 OR NOT whole) AND floor(high / step) - floor(low / step) < {_MAX_RANGES}) END AS step"
            " FROM ends)"
            f" SELECT floor(number / step) AS range, step, bucket, {AMOUNT[self.kind]} AS amount"
            " FROM found, width GROUP BY range, step, bucket HAVING amount IS NOT NULL ORDER BY range, bucket"
        )

    def report(self, rows: list[Row]) -> Report:
        """Return the reply."""
        check_size(rows)
        cells = [(_range_label(number, step), bucket, amount) for number, step, bucket, amount in rows]
        return over_time(self.buckets.labels(), cells, "range")


@dataclass(frozen=True)
class Totals(NumericQuery):
    """The sum or the average of a number over time; an event without a number counts as 0."""

    function: Literal["sum", "avg"]

    def sql(self) -> str:
        """Return the SQL: index of the bucket, value."""
        return (
            f"SELECT bucket, {self.function}(coalesce(number, 0)) FROM ({self.found()}) GROUP BY bucket ORDER BY bucket"
        )

    def report(self, rows: list[Row]) -> Report:
        """Return the reply, with 0 for a bucket without an event."""
        values: dict[int, float] = dict(rows)
        results = {label: _plain(values.get(index, 0.0)) for index, label in enumerate(self.buckets.labels())}
        body: dict[str, object] = {"status": "ok", "results": results}
        if self.function == "sum":
            body["computed_at"] = dt.datetime.fromtimestamp(self.now_ms / 1000, dt.UTC).isoformat()
        return Report(body)


def read_ranges(parameters: Parameters, context: QueryContext) -> Ranges:
    """Read the parameters of GET /segmentation/numeric.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    source, buckets, number = _read(parameters, context)
    kind = parameters.choice("type", AMOUNT, "general")
    return Ranges(source, context.zone, buckets, number, context.now_ms, kind)


def read_sums(parameters: Parameters, context: QueryContext) -> Totals:
    """Read the parameters of GET /segmentation/sum.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    source, buckets, number = _read(parameters, context)
    return Totals(source, context.zone, buckets, number, context.now_ms, "sum")


def read_averages(parameters: Parameters, context: QueryContext) -> Totals:
    """Read the parameters of GET /segmentation/average.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    source, buckets, number = _read(parameters, context)
    return Totals(source, context.zone, buckets, number, context.now_ms, "avg")


def range_widths() -> list[float]:
    """Return the widths that a range may have."""
    exponents = range(_SMALLEST_EXPONENT, _LARGEST_EXPONENT)
    return [float(f"{digit}e{exponent}") for exponent in exponents for digit in (1, 2, 5)]


def _read(parameters: Parameters, context: QueryContext) -> tuple[EventSource, Buckets, str]:
    event = parameters.required("event", "the name of one event")
    unit = parameters.choice("unit", _UNITS, "day")
    span = context.zone.days(*parameters.days())
    source = EventSource(context.project, span, [event])
    source.keep(parameters.condition())
    on = parameters.segment()
    if on is None:
        raise RefusalError(400, 'on is missing: give a numeric expression, such as number(properties["amount"])')
    return source, Buckets.over(context.zone, span, unit), source.number(on)


def _range_label(number: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step)))
    return f"{number * step:,.{digits}f} - {(number + 1) * step:,.{digits}f}"


def _plain(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
