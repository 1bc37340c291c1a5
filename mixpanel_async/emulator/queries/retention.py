"""Retention: how many users came back.

A user enters the cohort of a bucket with the first event there (birth: with the first event of all). An event that
comes after it, by time and then by arrival, is a return. Interval 0 is less than one interval after the first event.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mixpanel_async.emulator.queries.calendar import DAY_MS, UNIT_MS, Buckets, Span, Unit, Zone, unit_sql
from mixpanel_async.emulator.queries.parameters import MAX_SEGMENTS, Parameters, refused
from mixpanel_async.emulator.queries.reports import MAX_VALUES, Report, Row, check_size
from mixpanel_async.emulator.queries.source import ORDER, USER, EventSource, QueryContext, time_of
from mixpanel_async.emulator.replies import RefusalError

_UNITS: Final[tuple[Unit, ...]] = ("day", "week", "month")
_MAX_DAYS: Final = 90
_MAX_INTERVALS: Final = 1000
_SEGMENTS: Final = 255
_LONGEST_MS: Final = {"day": DAY_MS, "week": 7 * DAY_MS, "month": 31 * DAY_MS}
_TYPES: Final = ("birth", "compounded")


@dataclass(frozen=True)
class RetentionQuery:
    """Users by cohort and interval.

    Attributes:
        born: The first events.
        returned: The returning events.
        zone: The project's time zone.
        buckets: The cohorts.
        intervals: Number of the last interval.
        is_birth: Whether a user is only in one cohort.
        is_unbounded: Whether a user counts in an interval who returned in it or later.
        label: SQL of the segment of a returning event; None for no segments.
        limit: Number of segments, those with the most returning events first.
    """

    born: EventSource
    returned: EventSource
    zone: Zone
    buckets: Buckets
    intervals: int
    is_birth: bool
    is_unbounded: bool
    label: str | None
    limit: int

    def sql(self) -> str:
        """Return the SQL: cohort, segment, interval (-1 for the size of the cohort), users."""
        local = self.zone.local_ms("born_ms", self.born.span)
        keys = "who" if self.is_birth else "who, bucket"
        first = f"SELECT {keys}, min(born) AS born FROM born GROUP BY {keys}"
        bucket = self.buckets.index_sql(self.zone.local_ms("e.time_ms", self.born.span))
        own_bucket = self.buckets.index_sql("born_local") if self.is_birth else "bucket"
        columns = [f"{USER} AS who", f"{ORDER} AS born"] + ([] if self.is_birth else [f"{bucket} AS bucket"])
        back_local = self.zone.local_ms("e.time_ms", self.returned.span)
        returns = self.returned.select(
            f"{USER} AS who", f"{ORDER} AS back", f"{back_local} AS back_local", f"{self.label or 'NULL'} AS label"
        )
        once = "" if self.label is None else "MATERIALIZED"
        interval = f"greatest(0, {_elapsed('born_local', 'back_local', self.buckets)})"
        return (
            f"WITH born AS (SELECT * FROM ({self.born.select(*columns)}) WHERE who IS NOT NULL),"
            f" first AS (SELECT *, {time_of('born')} AS born_ms FROM ({first})),"
            f" cohort AS MATERIALIZED (SELECT who, born, {own_bucket} AS bucket, born_local"
            f" FROM (SELECT *, {local} AS born_local FROM first)),"
            f" back AS ({returns}),"
            f" hits AS {once} (SELECT cohort.who, bucket, label, {interval} AS interval FROM cohort JOIN back"
            f" ON cohort.who = back.who AND back.back > cohort.born),"
            f"{self._kept()} {self._counts()}"
            " UNION ALL SELECT bucket, NULL, -1, count(*) FROM cohort GROUP BY bucket"
            f" ORDER BY bucket, segment NULLS FIRST, interval LIMIT {MAX_VALUES + 1}"
        )

    def report(self, rows: list[Row]) -> Report:
        """Return the reply."""
        check_size(rows)
        firsts = {bucket: users for bucket, _, interval, users in rows if interval == -1}
        found: dict[tuple[int, str | None], list[int]] = {}
        for bucket, segment, interval, users in rows:
            if interval >= 0:
                found.setdefault((bucket, segment), [0] * (self.intervals + 1))[interval] = users
        cohorts = {}
        for index, label in enumerate(self.buckets.labels()):
            first = firsts.get(index, 0)
            if self.label is None:
                counts = found.get((index, None), [0] * (self.intervals + 1))
                cohorts[label] = self._cohort(first, counts)
            else:
                own = {segment: counts for (bucket, segment), counts in found.items() if bucket == index}
                cohorts[label] = {str(segment): self._cohort(first, counts) for segment, counts in own.items()}
        return Report(cohorts)

    def _cohort(self, first: int, counts: list[int]) -> dict[str, object]:
        return {"counts": at_least(counts) if self.is_unbounded else counts, "first": first}

    def _kept(self) -> str:
        conditions = [] if self.is_unbounded else [f"interval <= {self.intervals}"]
        top = ""
        if self.label is not None:
            top = (
                f" top AS (SELECT label FROM hits{_where(conditions)} GROUP BY label"
                f" ORDER BY count(*) DESC, label LIMIT {self.limit}),"
            )
            conditions.append("label IN (SELECT label FROM top)")
        return (
            f"{top} kept AS (SELECT who, bucket, label, least(interval, {self.intervals}) AS interval"
            f" FROM hits{_where(conditions)})"
        )

    def _counts(self) -> str:
        if not self.is_unbounded:
            return (
                "SELECT bucket, label AS segment, interval, count(DISTINCT who) FROM kept"
                " GROUP BY bucket, label, interval"
            )
        return (
            "SELECT bucket, label AS segment, interval, count(*) FROM"
            " (SELECT bucket, label, who, max(interval) AS interval FROM kept GROUP BY bucket, label, who)"
            " GROUP BY bucket, label, interval"
        )


def read_retention(parameters: Parameters, context: QueryContext) -> RetentionQuery:
    """Read the parameters of GET /retention.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    is_birth = parameters.choice("retention_type", _TYPES, "birth") == "birth"
    unit = parameters.choice("unit", _UNITS, "day")
    span = context.zone.days(*parameters.days())
    per_bucket = parameters.count("interval", 1, _MAX_DAYS if unit == "day" else _MAX_INTERVALS)
    event = parameters.text("event")
    events = None if event is None else [event]
    born_event = parameters.text("born_event")
    if is_birth and born_event is None:
        raise RefusalError(400, "born_event is missing: retention_type birth needs it; give the name of an event")
    born = EventSource(context.project, span, [born_event] if is_birth and born_event else events)
    born.keep(parameters.condition("born_where") if is_birth else parameters.condition(), "born_where")
    intervals = parameters.count("interval_count", 1, _MAX_INTERVALS)
    # A return after the last interval counts only if retention is unbounded; then when it was does not matter.
    is_unbounded = parameters.flag("unbounded_retention", default=False)
    horizon_ms = span.until_ms + (intervals + 1) * per_bucket * _LONGEST_MS[unit] + DAY_MS
    returned = EventSource(context.project, Span(span.from_ms, horizon_ms), events, is_open=is_unbounded)
    returned.keep(parameters.condition())
    on = parameters.segment()
    buckets = Buckets.over(context.zone, span, unit, per_bucket)
    if buckets.count * intervals > MAX_VALUES:
        raise refused("interval_count", "with these dates it gives too many values", "give fewer days or intervals")
    return RetentionQuery(
        born=born,
        returned=returned,
        zone=context.zone,
        buckets=buckets,
        intervals=intervals,
        is_birth=is_birth,
        is_unbounded=is_unbounded,
        label=None if on is None else returned.label(on),
        limit=parameters.count("limit", _SEGMENTS, MAX_SEGMENTS),
    )


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def at_least(counts: Iterable[int]) -> list[int]:
    """Return the sums from each place on."""
    total, sums = 0, []
    for count in reversed(list(counts)):
        total += count
        sums.append(total)
    return sums[::-1]


def _elapsed(since: str, until: str, buckets: Buckets) -> str:
    """Return the SQL of the whole intervals between two times of the project's clock."""
    if buckets.unit != "month":
        return f"(({until} - {since}) // {buckets.per_bucket * UNIT_MS[buckets.unit]})"
    months = f"{unit_sql(until, 'month')} - {unit_sql(since, 'month')}"
    within = [f"({time} - epoch_ms(date_trunc('month', epoch_ms({time}))))" for time in (until, since)]
    whole = f"({months} - CASE WHEN {within[0]} < {within[1]} THEN 1 ELSE 0 END)"
    return f"({whole} // {buckets.per_bucket})"
