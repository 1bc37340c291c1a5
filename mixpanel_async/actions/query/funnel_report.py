"""The reply of a funnel."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from mixpanel_async.actions._core.buckets import bucket_date, read_member
from mixpanel_async.actions._core.column_types import ColumnKind
from mixpanel_async.actions._core.pivot import Layout
from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.json_types import JSONValue


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

    count: int | float | None = None
    goal: str | None = None
    step_conv_ratio: float | None = None
    overall_conv_ratio: float | None = None
    avg_time: float | None = None
    avg_time_from_start: float | None = None
    event: str | None = None
    step_label: str | None = None
    custom_event: bool | None = None
    custom_event_id: int | None = None


class FunnelRow(NamedTuple):
    """One step of a funnel (`step` counts from 1) in one bucket and segment; see `FunnelStep` for the other fields."""

    date: dt.date
    segment: str | None
    step: int
    count: int | float | None  # type: ignore[assignment] # hides the method of tuples, which has no use here
    goal: str | None
    step_conv_ratio: float | None
    overall_conv_ratio: float | None
    avg_time: float | None
    avg_time_from_start: float | None
    event: str | None
    step_label: str | None
    custom_event: bool | None
    custom_event_id: int | None


class FunnelReport(Table[FunnelRow], frozen=True, kw_only=True):
    """A funnel over time. There is one row for each bucket, segment and step.

    Attributes:
        meta: Data about the report; `dates` lists the buckets.
        data: By date: `steps` and `analysis`, or with `on` a list of steps by segment.
    """

    meta: dict[str, JSONValue] = msgspec.field(default_factory=dict)
    data: dict[str, dict[str, JSONValue]]

    def steps(self) -> Iterator[tuple[str, str | None, int, FunnelStep]]:
        """Yield `(date, segment, step number from 1, step)`; without segments, `segment` is None.

        Raises:
            UnexpectedReplyError: The reply has a step that cannot be read.
        """
        for date, bucket in self.data.items():
            by_segment = bucket if self._is_segmented(bucket) else {None: bucket["steps"]}
            for segment, found in by_segment.items():
                where = date if segment is None else f"{date}, segment {segment!r},"
                steps = read_member(found, _Steps, "query.funnels", f"the steps of {where}")
                for number, step in enumerate(steps, 1):
                    what = f"step {number} of {where}"
                    yield date, segment, number, read_member(step, FunnelStep, "query.funnels", what)

    @property
    def columns(self) -> tuple[str, ...]:
        """`date`, `segment`, `step` and the fields of a step."""
        return FunnelRow._fields

    def rows(self) -> list[FunnelRow]:
        """Return one tuple for each bucket, segment and step.

        Raises:
            UnexpectedReplyError: The reply has a date that is none, or a step that cannot be read.
        """
        return [
            FunnelRow(bucket_date(date, "query.funnels"), segment, n, *msgspec.structs.astuple(step))
            for date, segment, n, step in self.steps()
        ]

    def json_rows(self) -> list[TableRow]:
        """Return the rows with dates as the text that Mixpanel sent, for JSON and CSV."""
        return [(date, segment, n, *msgspec.structs.astuple(step)) for date, segment, n, step in self.steps()]

    def _is_segmented(self, bucket: dict[str, JSONValue]) -> bool:
        """Whether the keys of a bucket are segments; one can be called "steps"."""
        if "steps" not in bucket:
            return True
        if isinstance(bucket.get("analysis"), dict):  # segments are lists
            return False
        asked = self._has_segments()
        return bool(bucket.keys() - {"steps", "analysis"}) if asked is None else asked

    def _kinds(self) -> Sequence[ColumnKind]:
        ratios: Sequence[ColumnKind] = ("number",) * 4
        return ("date", "text", "integer", "integer", "text", *ratios, "text", "text", "boolean", "integer")

    def _layout(self) -> Layout:
        return Layout("count", "step", ("date", "segment"), ("date", "segment"), ("step", "event"))


_Steps = list[JSONValue]
