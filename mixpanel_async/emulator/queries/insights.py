"""Insights: the values of saved events over time."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from mixpanel_async.emulator.queries.calendar import Buckets, Unit
from mixpanel_async.emulator.queries.parameters import Parameters, parsed, parsed_segment, refused
from mixpanel_async.emulator.queries.periods import read_period
from mixpanel_async.emulator.queries.reports import MAX_VALUES, Report, Row, check_size
from mixpanel_async.emulator.queries.segmentation import Series
from mixpanel_async.emulator.queries.source import EventSource, QueryContext

_SEGMENTS: Final = 60
_MAX_EVENTS: Final = 100


class SavedEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event of a report: what is counted of it, an expression to filter it by, and a name for people."""

    event: str
    type: Literal["general", "unique", "average"] = "general"
    where: str | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """The name in the report."""
        return self.label or self.event


class InsightsDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An Insights report as it is saved: from_date and to_date, or the last `interval` units."""

    name: str
    events: list[SavedEvent]
    on: str | None = None
    unit: Literal["hour", "day", "week", "month"] = "day"
    interval: int | None = None
    from_date: str | None = None
    to_date: str | None = None


@dataclass(frozen=True)
class InsightsQuery:
    """Values of each event over time.

    Attributes:
        definition: The saved report.
        series: One for each event.
        context: Project, time zone and time.
    """

    definition: InsightsDefinition
    series: Sequence[Series]
    context: QueryContext

    def sql(self) -> str:
        """Return the SQL: number of the event, segment, index of the bucket, value."""
        parts = [f"SELECT {number} AS number, * FROM ({one.sql()})" for number, one in enumerate(self.series)]
        return f"{' UNION ALL '.join(parts)} LIMIT {MAX_VALUES + 1}"

    def report(self, rows: list[Row]) -> Report:
        """Return the reply, with 0 for a bucket without a value."""
        check_size(rows)
        buckets, zone = self.series[0].buckets, self.context.zone
        dates = [zone.iso(buckets.start(index)) for index in range(buckets.count)]
        if buckets.count * max(1, len({row[:2] for row in rows})) > MAX_VALUES:
            raise refused("interval", "the report is too large", "save it with fewer units")
        found: dict[str, dict[str, dict[str, object]]] = {one.name: {} for one in self.definition.events}
        for number, segment, index, value in rows:
            own = found[self.definition.events[number].name].setdefault(segment, dict.fromkeys(dates, 0))
            own[dates[index]] = value
        series: dict[str, object] = dict(found)
        if self.definition.on is None:
            series = {name: next(iter(own.values()), dict.fromkeys(dates, 0)) for name, own in found.items()}
        span = self.series[0].source.span
        last = zone.local(span.until_ms - 1)
        return Report(
            {
                "computed_at": dt.datetime.fromtimestamp(self.context.now_ms / 1000, dt.UTC).isoformat(),
                "date_range": {"from_date": zone.iso(zone.local(span.from_ms)), "to_date": zone.iso(last)},
                "headers": ["$event"] if self.definition.on is None else ["$event", self.definition.on],
                "series": series,
            }
        )


def read_insights(definition: InsightsDefinition, context: QueryContext) -> InsightsQuery:
    """Return the query of a saved report.

    Raises:
        RefusalError: With 400, if the definition is invalid.
    """
    if not definition.name:
        raise refused("name", "it is empty", "give one")
    names = [one.name for one in definition.events]
    if not 1 <= len(names) <= _MAX_EVENTS or len(set(names)) != len(names) or not all(names):
        raise refused(
            "events", "there are none, too many, or two with one name", f"give 1 to {_MAX_EVENTS}, with labels"
        )
    dates = {"from_date": definition.from_date, "to_date": definition.to_date}
    given = {name: date for name, date in dates.items() if date is not None}
    if not given:
        given = {"interval": str(30 if definition.interval is None else definition.interval)}
    elif definition.interval is not None:
        given["interval"] = str(definition.interval)
    unit: Unit = definition.unit
    span = read_period(Parameters(given), context, unit)
    buckets = Buckets.over(context.zone, span, unit)
    series = []
    for one in definition.events:
        source = EventSource(context.project, span, [one.event.replace("\0", "")])
        source.keep(None if one.where is None else parsed("where", one.where))
        label = "e.event" if definition.on is None else source.label(parsed_segment("on", definition.on))
        limit = 1 if definition.on is None else _SEGMENTS
        series.append(Series(source, context.zone, buckets, one.type, label, limit, "event"))
    return InsightsQuery(definition, series, context)
