"""Buckets of time in a project's time zone: their labels, and the SQL that finds an event's bucket."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mixpanel_async.emulator.queries.parameters import refused

Unit: TypeAlias = Literal["minute", "hour", "day", "week", "month"]

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
MAX_BUCKETS: Final = 20_000
UNIT_MS: Final[Mapping[str, int]] = {"minute": 60_000, "hour": HOUR_MS, "day": DAY_MS, "week": 7 * DAY_MS}
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - times on the project's own clock
_EARLIEST_MS, _LATEST_MS = 365 * DAY_MS, 230 * 365 * DAY_MS
_FIXED: Final = frozenset({"UTC", "Etc/UTC"})
_THURSDAY: Final = 3  # 1970-01-01 was one: days since the Monday before


@dataclass(frozen=True)
class Span:
    """Milliseconds since 1970: `from_ms` is inclusive, `until_ms` exclusive."""

    from_ms: int
    until_ms: int


class Zone:
    """A time zone.

    Args:
        name: IANA name.
    """

    def __init__(self, name: str) -> None:
        self.info = zoneinfo.ZoneInfo(name)

    def start_ms(self, local: dt.datetime) -> int:
        """Return when the zone's clock shows a time, in milliseconds since 1970."""
        return round(local.replace(tzinfo=self.info).timestamp() * 1000)

    def local(self, time_ms: int) -> dt.datetime:
        """Return what the zone's clock shows at a time."""
        moment = dt.datetime.fromtimestamp(time_ms / 1000, self.info)
        return moment.replace(tzinfo=None)

    def days(self, first: dt.date, last: dt.date) -> Span:
        """Return the span of some days, both inclusive."""
        begin, end = (dt.datetime.combine(day, dt.time()) for day in (first, last))
        return Span(self.start_ms(begin), self.start_ms(end + dt.timedelta(days=1)))

    def iso(self, local: dt.datetime) -> str:
        """Return a time of the zone's clock in ISO 8601, with its offset."""
        return local.replace(tzinfo=self.info).isoformat()

    def local_ms(self, column: str, span: Span) -> str:
        """Return the SQL of what the clock shows at a time, in milliseconds since 1970 on that clock.

        Args:
            column: SQL of the time, in milliseconds since 1970.
            span: The times that occur; others get the offset of its nearer end.
        """
        begin, end = max(span.from_ms, _EARLIEST_MS), min(span.until_ms, _LATEST_MS)
        changes = self._changes(begin, end)
        first, *rest = changes
        if not rest:
            return column if first[1] == 0 else f"({column} + {first[1]})"
        cases = " ".join(f"WHEN {column} >= {at} THEN {offset}" for at, offset in reversed(rest))
        return f"({column} + CASE {cases} ELSE {first[1]} END)"

    def _changes(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Return the offsets in a span, with the time from which each holds."""
        changes = [(begin, self._offset(begin))]
        if self.info.key in _FIXED:
            return changes
        before = begin
        while before < end:
            after = min(before + DAY_MS, end)
            if self._offset(after) != changes[-1][1]:
                low, high = before, after
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if self._offset(middle) == changes[-1][1] else (low, middle)
                changes.append((high, self._offset(high)))
            before = after
        return changes

    def _offset(self, time_ms: int) -> int:
        offset = dt.datetime.fromtimestamp(time_ms // 1000, self.info).utcoffset() or dt.timedelta()
        return round(offset.total_seconds() * 1000)


@dataclass(frozen=True)
class Buckets:
    """Consecutive buckets of some units each.

    Attributes:
        unit: The unit.
        per_bucket: Units in a bucket.
        first: Number of the first unit; see `unit_sql`.
        count: Number of buckets.
    """

    unit: Unit
    per_bucket: int
    first: int
    count: int

    @classmethod
    def over(cls, zone: Zone, span: Span, unit: Unit, per_bucket: int = 1) -> "Buckets":
        """Return the buckets of a span.

        Raises:
            RefusalError: With 400, if there are too many.
        """
        first, last = (unit_number(zone.local(at), unit) for at in (span.from_ms, span.until_ms - 1))
        count = (last - first) // per_bucket + 1
        if count > MAX_BUCKETS:
            raise refused(
                "unit", f"the dates have more than {MAX_BUCKETS:,} buckets", "give fewer days or a larger unit"
            )
        return cls(unit, per_bucket, first, count)

    def start(self, index: int) -> dt.datetime:
        """Return what the clock shows at the start of a bucket."""
        return unit_start(self.first + index * self.per_bucket, self.unit)

    def labels(self) -> list[str]:
        """Return the labels of all buckets."""
        form = {"minute": "%Y-%m-%d %H:%M:00", "hour": "%Y-%m-%d %H:00:00"}.get(self.unit, "%Y-%m-%d")
        return [self.start(index).strftime(form) for index in range(self.count)]

    def index_sql(self, local_ms: str) -> str:
        """Return the SQL of the index of an event's bucket.

        Args:
            local_ms: SQL of what the clock shows, as from `Zone.local_ms`.
        """
        since = f"({unit_sql(local_ms, self.unit)} - {self.first})"
        return since if self.per_bucket == 1 else f"({since} // {self.per_bucket})"


def unit_number(local: dt.datetime, unit: Unit) -> int:
    """Return the number of the unit of a time: units since 1970; weeks start on Monday."""
    if unit == "month":
        return local.year * 12 + local.month - 1
    if unit == "week":
        return ((local - _EPOCH).days + _THURSDAY) // 7
    return (local - _EPOCH) // dt.timedelta(milliseconds=UNIT_MS[unit])


def unit_start(number: int, unit: Unit) -> dt.datetime:
    """Return the start of a unit; see `unit_number`."""
    if unit == "month":
        return dt.datetime(number // 12, number % 12 + 1, 1)  # noqa: DTZ001 - on the project's clock
    if unit == "week":
        return _EPOCH + dt.timedelta(days=number * 7 - _THURSDAY)
    return _EPOCH + number * dt.timedelta(milliseconds=UNIT_MS[unit])


def unit_sql(local_ms: str, unit: Unit) -> str:
    """Return the SQL of the number of a time's unit; see `unit_number`."""
    if unit == "month":
        return f"(year(epoch_ms({local_ms})) * 12 + month(epoch_ms({local_ms})) - 1)"
    if unit == "week":
        return f"(({local_ms} // {DAY_MS} + {_THURSDAY}) // 7)"
    return f"({local_ms} // {UNIT_MS[unit]})"
