"""Replies of the Query API: values over time, retention and frequency."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from mixpanel_async.actions._core.buckets import bucket_date, parse_bucket, read_member
from mixpanel_async.actions._core.column_types import ColumnKind
from mixpanel_async.actions._core.pivot import Layout
from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.json_types import JSONValue


class SegmentationData(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a segmentation.

    Attributes:
        series: Dates (or times) of the buckets.
        values: Counts by segment, then by date.
    """

    series: list[str] = msgspec.field(default_factory=list)
    values: dict[str, dict[str, int | float | None]]


class SegmentationRow(NamedTuple):
    """One value of a segmentation; `date` is a `datetime` if the buckets are shorter than a day."""

    segment: str
    date: dt.date
    value: int | float


class Segmentation(Table[SegmentationRow], frozen=True):
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
        return SegmentationRow._fields

    def rows(self) -> list[SegmentationRow]:
        """Return one tuple for each value, by segment, then by date.

        Raises:
            UnexpectedReplyError: The reply has a date that is none.
        """
        return [SegmentationRow(name, bucket_date(date, "query"), value) for name, date, value in self._values()]

    def json_rows(self) -> list[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""
        return list(self._values())

    def _values(self) -> list[tuple[str, str, int | float]]:
        return [
            (name, date, value)
            for name, dates in self.data.values.items()
            for date in sorted(dates)
            if (value := dates[date]) is not None
        ]

    def _kinds(self) -> Sequence[ColumnKind]:
        has_times = self._has_times() or any(isinstance(parse_bucket(one), dt.datetime) for one in self.data.series[:1])
        return ("text", "time" if has_times else "date", "integer")

    def _layout(self) -> Layout:
        return Layout("value", "date", ("segment",), ("date",), ("segment",))


class DailyRow(NamedTuple):
    """The number of one bucket; `date` is a `datetime` if the buckets are shorter than a day."""

    date: dt.date
    value: int | float | None


class DailyValues(Table[DailyRow], frozen=True):
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
        return DailyRow._fields

    def rows(self) -> list[DailyRow]:
        """Return one tuple for each bucket, by date.

        Raises:
            UnexpectedReplyError: The reply has a date that is none.
        """
        return [DailyRow(bucket_date(date, "query"), self.results[date]) for date in sorted(self.results)]

    def json_rows(self) -> list[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""
        return [(date, self.results[date]) for date in sorted(self.results)]

    def _kinds(self) -> Sequence[ColumnKind]:
        return ("time" if self._has_times() else "date", "number")

    def _layout(self) -> Layout:
        return Layout("value", "date")


class RetentionRow(NamedTuple):
    """The users of one cohort who returned in one interval, counted from 0; `first` is the size of the cohort."""

    date: dt.date
    segment: str | None
    interval: int
    count: int | float  # type: ignore[assignment] # hides the method of tuples, which has no use here
    first: int | float | None


class Retention(Table[RetentionRow], frozen=True):
    """The users who returned. A row is `(date, segment, interval, count, first)`.

    Attributes:
        cohorts: By date: `counts` and `first`; with `on`, those by segment.
    """

    cohorts: dict[str, dict[str, JSONValue]]

    @property
    def columns(self) -> tuple[str, ...]:
        """`date`, `segment`, `interval`, `count`, `first`."""
        return RetentionRow._fields

    def rows(self) -> list[RetentionRow]:
        """Return one tuple for each date, segment and interval, counted from 0.

        Raises:
            UnexpectedReplyError: The reply has a date that is none, or a cohort that is none.
        """
        return [
            RetentionRow(bucket_date(date, "query.retention"), segment, number, count, first)
            for date, segment, number, count, first in self._counts()
        ]

    def json_rows(self) -> list[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""
        return list(self._counts())

    def _counts(self) -> Iterator[tuple[str, str | None, int, int | float, int | float | None]]:
        for date, cohort in self.cohorts.items():
            # A segment can be called "counts"; its value is an object, the cohort's own counts are a list.
            by_segment = {None: cohort} if isinstance(cohort.get("counts"), list) else cohort
            for segment, one in by_segment.items():
                if segment == "first" and isinstance(one, int | float):
                    continue  # the size of the whole cohort, beside its segments
                read = read_member(one, _Cohort, "query.retention", f"the cohort {segment or date!r}")
                for number, count in enumerate(read.counts):
                    if count is not None:
                        yield date, segment, number, count, read.first

    def _kinds(self) -> Sequence[ColumnKind]:
        return ("date", "text", "integer", "integer", "integer")

    def _layout(self) -> Layout:
        return Layout("count", "interval", ("date", "segment"), ("date", "segment", "first"), ("interval",))


class _Cohort(msgspec.Struct, frozen=True):
    counts: list[int | float | None]
    first: int | float | None = None


class FrequencyRow(NamedTuple):
    """The number of users who returned in at least `times` units of time."""

    date: dt.date
    segment: str | None
    times: int
    users: int | float


class Frequency(Table[FrequencyRow], frozen=True):
    """How often users returned. A row is `(date, segment, times, users)`.

    Attributes:
        data: By date, the number of users who returned in at least 1, 2, 3, ... units of time; with `on`, by segment.
    """

    data: dict[str, JSONValue]

    @property
    def columns(self) -> tuple[str, ...]:
        """`date`, `segment`, `times`, `users`."""
        return FrequencyRow._fields

    def rows(self) -> list[FrequencyRow]:
        """Return one tuple for each date, segment and number of units, counted from 1.

        Raises:
            UnexpectedReplyError: The reply has a date that is none, or counts that are no numbers.
        """
        return [
            FrequencyRow(bucket_date(date, "query.frequency"), segment, number, users)
            for date, segment, number, users in self._users()
        ]

    def json_rows(self) -> list[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""
        return list(self._users())

    def _users(self) -> Iterator[tuple[str, str | None, int, int | float]]:
        for date, counts in self.data.items():
            by_segment = counts if isinstance(counts, dict) else {None: counts}
            for segment, users in by_segment.items():
                read = read_member(users, _Counts, "query.frequency", f"the counts of {segment or date!r}")
                for number, one in enumerate(read, 1):
                    if one is not None:
                        yield date, segment, number, one

    def _kinds(self) -> Sequence[ColumnKind]:
        return ("date", "text", "integer", "integer")

    def _layout(self) -> Layout:
        return Layout("users", "times", ("date", "segment"), ("date", "segment"), ("times",))


_Counts = list[int | float | None]
