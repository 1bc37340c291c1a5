"""Replies of the Query API: reports."""

from collections.abc import Iterator

import msgspec

from mixpanel_async.actions._core.tabular import Table, TableRow, even_out, flatten
from mixpanel_async.models import JSONValue


class InsightsReport(Table, frozen=True, kw_only=True):
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
        """The headers of the report (`label_1`, ... for levels without a header), `date` and `value`."""
        width = self._width()
        labels = [*self.headers, *(f"label_{n + 1}" for n in range(len(self.headers), width - 2))][: max(0, width - 2)]
        return (*labels, "date", "value")[-width:]

    def rows(self) -> list[TableRow]:
        """Return one tuple for each point; the labels that a total does not have are None."""
        return even_out(flatten(self.series), self._width())

    def _width(self) -> int:
        return max((len(row) for row in flatten(self.series)), default=2)


class SegmentationData(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a segmentation.

    Attributes:
        series: Dates (or times) of the buckets.
        values: Counts by segment, then by date.
    """

    series: list[str] = msgspec.field(default_factory=list)
    values: dict[str, dict[str, int | float | None]]


class Segmentation(Table, frozen=True):
    """Values by segment and date. A row is `(segment, date, value)`; buckets without a value have no row.

    Attributes:
        data: Dates and values.
        legend_size: Number of segments.
    """

    data: SegmentationData
    legend_size: int | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """`segment`, `date`, `value`."""
        return ("segment", "date", "value")

    def rows(self) -> list[TableRow]:
        """Return one tuple for each value, by segment, then by date."""
        return [(name, date, dates[date]) for name, dates in self.data.values.items() for date in sorted(dates)]


class DailyValues(Table, frozen=True):
    """A number for each bucket of time. A row is `(date, value)`.

    Attributes:
        results: Numbers by date.
        status: Mixpanel's status, usually `"ok"`.
        computed_at: Time of computation, ISO 8601.
    """

    results: dict[str, int | float | None]
    status: str | None = None
    computed_at: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """`date`, `value`."""
        return ("date", "value")

    def rows(self) -> list[TableRow]:
        """Return one tuple for each bucket, by date."""
        return [(date, self.results[date]) for date in sorted(self.results)]


class FunnelStep(msgspec.Struct, frozen=True):
    """One step of a funnel in one bucket of time.

    Attributes:
        count: Number of users who reached the step.
        goal: What the step requires.
        step_conv_ratio: Share of the previous step.
        overall_conv_ratio: Share of the first step.
        avg_time: Mean seconds since the previous step.
        avg_time_from_start: Mean seconds since the first step.
        event: Event of the step.
        step_label: Name of the step in the report.
        custom_event: Whether the event is a custom event.
        custom_event_id: ID of the custom event.
    """

    count: int | None = None
    goal: str | None = None
    step_conv_ratio: float | None = None
    overall_conv_ratio: float | None = None
    avg_time: float | None = None
    avg_time_from_start: float | None = None
    event: str | None = None
    step_label: str | None = None
    custom_event: bool | None = None
    custom_event_id: int | None = None


class FunnelReport(Table, frozen=True, kw_only=True):
    """A funnel over time. There is one row for each bucket, segment and step.

    Attributes:
        meta: Data about the report; `dates` lists the buckets.
        data: By date: `steps` and `analysis`, or with `on` a list of steps by segment.
    """

    meta: dict[str, JSONValue] = msgspec.field(default_factory=dict)
    data: dict[str, dict[str, JSONValue]]

    def steps(self) -> Iterator[tuple[str, str | None, int, FunnelStep]]:
        """Yield `(date, segment, step number from 1, step)`; without segments, `segment` is None."""
        for date, bucket in self.data.items():
            by_segment = {None: bucket["steps"]} if "steps" in bucket else bucket
            for segment, found in by_segment.items():
                if isinstance(found, list):
                    for number, step in enumerate(found, 1):
                        yield date, segment, number, msgspec.convert(step, FunnelStep, strict=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """`date`, `segment`, `step` and the fields of a step."""
        return ("date", "segment", "step", *FunnelStep.__struct_fields__)

    def rows(self) -> list[TableRow]:
        """Return one tuple for each bucket, segment and step."""
        return [(date, segment, n, *msgspec.structs.astuple(step)) for date, segment, n, step in self.steps()]


class Retention(Table, frozen=True):
    """The users who returned. A row is `(date, segment, interval, count, first)`.

    Attributes:
        cohorts: By date: `counts` and `first`; with `on`, those by segment.
    """

    cohorts: dict[str, dict[str, JSONValue]]

    @property
    def columns(self) -> tuple[str, ...]:
        """`date`, `segment`, `interval`, `count`, `first`."""
        return ("date", "segment", "interval", "count", "first")

    def rows(self) -> list[TableRow]:
        """Return one tuple for each date, segment and interval, counted from 0."""
        found: list[TableRow] = []
        for date, cohort in self.cohorts.items():
            by_segment = {None: cohort} if "counts" in cohort else cohort
            for segment, one in by_segment.items():
                if isinstance(one, dict):
                    counts = enumerate(one.get("counts", ()))
                    found.extend((date, segment, n, count, one.get("first")) for n, count in counts)
        return found


class Frequency(Table, frozen=True):
    """How often users returned. A row is `(date, segment, times, users)`.

    Attributes:
        data: By date, the number of users who returned in at least 1, 2, 3, ... units of time; with `on`, by segment.
    """

    data: dict[str, JSONValue]

    @property
    def columns(self) -> tuple[str, ...]:
        """`date`, `segment`, `times`, `users`."""
        return ("date", "segment", "times", "users")

    def rows(self) -> list[TableRow]:
        """Return one tuple for each date, segment and number of units, counted from 1."""
        found: list[TableRow] = []
        for date, counts in self.data.items():
            by_segment = counts if isinstance(counts, dict) else {None: counts}
            for segment, users in by_segment.items():
                if isinstance(users, list):
                    found.extend((date, segment, n, one) for n, one in enumerate(users, 1))
        return found
