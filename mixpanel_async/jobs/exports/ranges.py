"""Days of an export: when a day is over, and when its export is final."""

import datetime as dt
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from mixpanel_async.errors import InvalidArgumentError

_DAY: Final = dt.timedelta(days=1)
_LAST_ZONE: Final = dt.timezone(dt.timedelta(hours=-12))  # where a day ends last


def days_between(first: str, last: str) -> Sequence[dt.date]:
    """Return the days of a range, both ends included."""
    start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return [start + _DAY * number for number in range((end - start).days + 1)]


def read_timezone(name: str | None) -> dt.tzinfo:
    """Return the time zone in which days end.

    Args:
        name: IANA name; None: the zone in which a day ends last.

    Raises:
        InvalidArgumentError: There is no such zone.
    """
    if name is None:
        return _LAST_ZONE
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise InvalidArgumentError(
            f"timezone is invalid: {name!r} is unknown; give a name such as Europe/Berlin"
        ) from None


def end_of(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    """Return the moment at which a day is over."""
    if day >= dt.date.max - _DAY:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    return dt.datetime.combine(day + _DAY, dt.time(), zone).astimezone(dt.UTC)


def is_over(day: dt.date, at: dt.datetime, zone: dt.tzinfo) -> bool:
    """Return whether a day was over at some moment."""
    return at >= end_of(day, zone)


def is_final(day: dt.date, exported_at: dt.datetime, zone: dt.tzinfo, lookback_days: int) -> bool:
    """Return whether a day was exported so late that no more events of it are expected.

    Args:
        day: The day.
        exported_at: When it was exported.
        zone: Zone in which it ends.
        lookback_days: Days after its end in which late events may arrive.
    """
    try:
        return exported_at >= end_of(day, zone) + _DAY * lookback_days
    except OverflowError:
        return False
