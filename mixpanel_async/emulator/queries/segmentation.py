"""Segmentation, event counts and property values over time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mixpanel_async.emulator.expressions.sql import literal
from mixpanel_async.emulator.expressions.syntax import Field
from mixpanel_async.emulator.queries.calendar import Buckets, Zone
from mixpanel_async.emulator.queries.parameters import MAX_SEGMENTS, Parameters, refused
from mixpanel_async.emulator.queries.periods import UNITS, read_bucket_size, read_period
from mixpanel_async.emulator.queries.reports import MAX_VALUES, Report, Row, check_size, over_time
from mixpanel_async.emulator.queries.source import USER, EventSource, QueryContext
from mixpanel_async.emulator.replies import RefusalError

AMOUNT: Final[Mapping[str, str]] = {
    "general": "count(*)",
    "unique": "count(DISTINCT who)",
    "average": "count(*) / nullif(count(DISTINCT who), 0)",
}
_SEGMENTS: Final = 60
_PROPERTY_VALUES: Final = 255


@dataclass(frozen=True)
class Series:
    """Counts of segments over time.

    Attributes:
        source: The events.
        zone: The project's time zone.
        buckets: The buckets.
        kind: "general", "unique" or "average".
        label: SQL of the segment; NULL leaves an event out.
        limit: Number of segments, the most frequent first.
        heading: Name of the first column of the CSV.
    """

    source: EventSource
    zone: Zone
    buckets: Buckets
    kind: str
    label: str
    limit: int
    heading: str

    def sql(self) -> str:
        """Return the SQL: segment, index of the bucket, value; the most frequent segment first."""
        local = self.zone.local_ms("e.time_ms", self.source.span)
        bucket = self.buckets.index_sql(local)
        found = self.source.select(f"{self.label} AS label", f"{bucket} AS bucket", f"{USER} AS who")
        return (
            f"WITH found AS ({found}),"
            f" cells AS MATERIALIZED (SELECT label, bucket, count(*) AS n, {AMOUNT[self.kind]} AS amount"
            " FROM found WHERE label IS NOT NULL GROUP BY label, bucket),"
            f" top AS (SELECT label, sum(n) AS total FROM cells GROUP BY label ORDER BY total DESC, label"
            f" LIMIT {self.limit})"
            " SELECT label, bucket, amount FROM cells JOIN top USING (label) WHERE amount IS NOT NULL"
            f" ORDER BY total DESC, label, bucket LIMIT {MAX_VALUES + 1}"
        )

    def report(self, rows: list[Row]) -> Report:
        """Return the reply."""
        check_size(rows)
        return over_time(self.buckets.labels(), rows, self.heading)


def read_segmentation(parameters: Parameters, context: QueryContext) -> Series:
    """Read the parameters of GET /segmentation.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    event = parameters.required("event", "the name of one event")
    kind = parameters.choice("type", AMOUNT, "general")
    if kind == "general" and "interval" in parameters:
        raise refused("interval", 'it needs type "unique" or "average"', "give unit for type general")
    unit, per_bucket = read_bucket_size(parameters, UNITS)
    span = context.zone.days(*parameters.days())
    source = EventSource(context.project, span, [event])
    source.keep(parameters.condition())
    on = parameters.segment()
    limit = parameters.count("limit", _SEGMENTS, MAX_SEGMENTS)
    return Series(
        source=source,
        zone=context.zone,
        buckets=Buckets.over(context.zone, span, unit, per_bucket),
        kind=kind,
        label="e.event" if on is None else source.label(on),
        limit=limit,
        heading="event" if on is None else "segment",
    )


def read_event_counts(parameters: Parameters, context: QueryContext) -> Series:
    """Read the parameters of GET /events.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    names = parameters.names("event")
    if names is None:
        raise RefusalError(400, 'event is missing: give a JSON array of names, such as ["Signed Up"]')
    return _counted(parameters, context, names, None, max(1, len(names)))


def read_property_counts(parameters: Parameters, context: QueryContext) -> Series:
    """Read the parameters of GET /events/properties.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    event = parameters.required("event", "the name of one event")
    name = Field("properties", parameters.required("name", "the name of a property"))
    limit = parameters.count("limit", _PROPERTY_VALUES, MAX_SEGMENTS)
    return _counted(parameters, context, [event], name, limit)


def _counted(parameters: Parameters, context: QueryContext, events: list[str], on: Field | None, limit: int) -> Series:
    kind = parameters.choice("type", AMOUNT)
    unit = parameters.choice("unit", UNITS)
    if kind == "unique" and unit in {"minute", "hour"}:
        raise refused("unit", f"unique users by {unit} are not available", "give day, week or month")
    span = read_period(parameters, context, unit)
    source = EventSource(context.project, span, events)
    label = "e.event" if on is None else source.text(on, "name")
    values = parameters.names("values") if on is not None else None
    if values is not None:
        known = ", ".join(literal(value) for value in values)
        label = f"(CASE WHEN {label} IN ({known}) THEN {label} END)" if values else "CAST(NULL AS VARCHAR)"
    return Series(
        source=source,
        zone=context.zone,
        buckets=Buckets.over(context.zone, span, unit),
        kind=kind,
        label=label,
        limit=limit,
        heading="event" if on is None else on.name,
    )
