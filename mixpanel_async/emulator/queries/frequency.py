"""Frequency: in how many hours or days of a period users did something."""

import calendar
from dataclasses import dataclass
from typing import Final

from mixpanel_async.emulator.queries.calendar import Buckets, Unit, Zone, unit_sql
from mixpanel_async.emulator.queries.parameters import MAX_SEGMENTS, Parameters
from mixpanel_async.emulator.queries.reports import MAX_VALUES, Report, Row, check_size
from mixpanel_async.emulator.queries.retention import at_least
from mixpanel_async.emulator.queries.source import USER, EventSource, QueryContext

_UNITS: Final[tuple[Unit, ...]] = ("day", "week", "month")
_PARTS: Final[tuple[Unit, ...]] = ("hour", "day")
_SEGMENTS: Final = 255
_HOURS: Final = 24


@dataclass(frozen=True)
class FrequencyQuery:
    """Users by the number of parts of a period in which they did something.

    Attributes:
        source: The events.
        zone: The project's time zone.
        buckets: The periods.
        part: "hour" or "day".
        label: SQL of the segment; None for no segments.
        limit: Number of segments, the most frequent first.
    """

    source: EventSource
    zone: Zone
    buckets: Buckets
    part: Unit
    label: str | None
    limit: int

    def sql(self) -> str:
        """Return the SQL: period, segment, number of parts, users."""
        local = self.zone.local_ms("e.time_ms", self.source.span)
        found = self.source.select(
            f"{self.buckets.index_sql(local)} AS bucket", f"{unit_sql(local, self.part)} AS part", f"{USER} AS who",
            f"{self.label or 'NULL'} AS label",
        )  # fmt: skip
        top, kept = "", ""
        if self.label is not None:
            top = f" top AS (SELECT label FROM found GROUP BY label ORDER BY count(*) DESC, label LIMIT {self.limit}),"
            kept = "WHERE label IN (SELECT label FROM top)"
        return (
            f"WITH found AS (SELECT * FROM ({found}) WHERE who IS NOT NULL),{top}"
            f" users AS (SELECT bucket, label, who, count(DISTINCT part) AS parts FROM found {kept}"
            " GROUP BY bucket, label, who)"
            " SELECT bucket, label, parts, count(*) FROM users GROUP BY bucket, label, parts"
            f" ORDER BY bucket, label, parts LIMIT {MAX_VALUES + 1}"
        )

    def report(self, rows: list[Row]) -> Report:
        """Return the reply: for each period the users in at least 1, 2, 3, ... parts."""
        check_size(rows)
        found: dict[tuple[int, str | None], dict[int, int]] = {}
        for bucket, label, parts, users in rows:
            found.setdefault((bucket, label), {})[parts] = users
        data: dict[str, object] = {}
        for index, label in enumerate(self.buckets.labels()):
            length = self._length(index)
            if self.label is None:
                data[label] = _counts(found.get((index, None), {}), length)
            else:
                own = {segment: parts for (bucket, segment), parts in found.items() if bucket == index}
                data[label] = {str(segment): _counts(parts, length) for segment, parts in own.items()}
        return Report({"data": data})

    def _length(self, index: int) -> int:
        start = self.buckets.start(index)
        days = {"day": 1, "week": 7}.get(self.buckets.unit, calendar.monthrange(start.year, start.month)[1])
        return days * (_HOURS if self.part == "hour" else 1)


def read_frequency(parameters: Parameters, context: QueryContext) -> FrequencyQuery:
    """Read the parameters of GET /retention/addiction.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    span = context.zone.days(*parameters.days())
    unit = parameters.choice("unit", _UNITS)
    part = parameters.choice("addiction_unit", _PARTS)
    event = parameters.text("event")
    source = EventSource(context.project, span, None if event is None else [event])
    source.keep(parameters.condition())
    on = parameters.segment()
    return FrequencyQuery(
        source=source,
        zone=context.zone,
        buckets=Buckets.over(context.zone, span, unit),
        part=part,
        label=None if on is None else source.label(on),
        limit=parameters.count("limit", _SEGMENTS, MAX_SEGMENTS),
    )


def _counts(parts: dict[int, int], length: int) -> list[int]:
    return at_least(parts.get(number, 0) for number in range(1, length + 1))
