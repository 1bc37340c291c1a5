"""The dates, units and intervals of a query."""

import datetime as dt
from collections.abc import Collection
from typing import Final

from mixpanel_async.emulator.queries.calendar import (
    DAY_MS,
    MAX_BUCKETS,
    Span,
    Unit,
    unit_number,
    unit_start,
)
from mixpanel_async.emulator.queries.parameters import Parameters, refused
from mixpanel_async.emulator.queries.source import QueryContext

UNITS: Final[tuple[Unit, ...]] = ("minute", "hour", "day", "week", "month")
_OLDEST: Final = dt.datetime(1900, 1, 1)  # noqa: DTZ001 - on the project's clock


def read_period(parameters: Parameters, context: QueryContext, unit: Unit) -> Span:
    """Return the span of from_date and to_date, or of the last `interval` units up to the current one.

    Raises:
        RefusalError: With 400, if not exactly one of both is given, or one is invalid.
    """
    if "interval" not in parameters:
        return context.zone.days(*parameters.days())
    if "from_date" in parameters or "to_date" in parameters:
        raise refused("interval", "it excludes from_date and to_date", "give either it or both dates")
    interval = parameters.count("interval", 1, MAX_BUCKETS)
    current = unit_number(context.zone.local(context.now_ms), unit)
    try:
        first = unit_start(current - interval + 1, unit)
    except (OverflowError, ValueError):
        first = dt.datetime.min  # noqa: DTZ901 - only compared
    if first < _OLDEST:
        raise refused("interval", f"{interval:,} units before now there was no event", "give a smaller one")
    return Span(context.zone.start_ms(first), context.zone.start_ms(unit_start(current + 1, unit)))


def read_bucket_size(parameters: Parameters, units: Collection[Unit], most_days: int = MAX_BUCKETS) -> tuple[Unit, int]:
    """Return the size of a bucket: `unit`, or in its place `interval` days; by default a day.

    Raises:
        RefusalError: With 400, if both are given, or one is invalid.
    """
    interval = parameters.count("interval", 1, most_days)
    if "unit" in parameters and interval != 1:
        raise refused("interval", "it excludes unit", "give one of them")
    return parameters.choice("unit", units, "day"), interval


def today(context: QueryContext) -> Span:
    """Return the span of the current day."""
    return days_until_today(context, 1)


def yesterday(context: QueryContext) -> Span:
    """Return the span of the day before the current one."""
    both = days_until_today(context, 2)
    return Span(both.from_ms, today(context).from_ms)


def days_until_today(context: QueryContext, count: int) -> Span:
    """Return the span of some days; the current one is the last."""
    day = context.zone.local(context.now_ms).date()
    return context.zone.days(day - dt.timedelta(days=count - 1), day)


def all_time() -> Span:
    """Return a span in which every event is."""
    return Span(0, 400 * 365 * DAY_MS)
