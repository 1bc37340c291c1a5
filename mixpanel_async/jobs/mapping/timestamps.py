"""Parses times of source records into Mixpanel's seconds or milliseconds."""

import datetime as dt
import math
import zoneinfo
from decimal import Decimal
from typing import Final

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.mapping.coercion import parse_number
from mixpanel_async.records import validation

_FIELD: Final = "time"
_UNITS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000}
_ISO: Final = "iso"
_UNIT_NAMES: Final = {"s": "seconds since 1970", "ms": "milliseconds since 1970", "us": "microseconds since 1970"}
_MAX_KNOWN: Final = 65_536  # parsed texts to keep; exported tables repeat few distinct times, or none
_MAX_SHOWN: Final = 40
_MILLISECONDS: Final = 1_000
_NOT_A_TIME: Final = 2**63
_SAMPLE: Final = dt.datetime(2000, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def read_zone(name: str) -> dt.tzinfo:
    """Return a time zone of the IANA database.

    Raises:
        InvalidSettingError: The zone is unknown.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if name.upper() == "UTC":  # machines without a zone database
            return dt.UTC
        raise InvalidSettingError(
            f"time_zone is invalid: {name!r} is unknown; use an IANA name such as UTC or Europe/Berlin"
        ) from None


def check_time_format(time_format: object) -> None:
    """Check that a time format is one that `TimeParser` can parse.

    Raises:
        InvalidSettingError: The format is neither a keyword nor a strptime format.
    """
    if time_format in _UNITS or time_format == _ISO:
        return
    # strftime copies a directive that it does not know, so only strptime finds it.
    try:
        if isinstance(time_format, str) and "%" in time_format:
            dt.datetime.strptime(_SAMPLE.strftime(time_format), time_format)  # noqa: DTZ007 - the result is not used
            return
    except ValueError:
        pass
    raise InvalidSettingError(
        f"time_format is invalid: {time_format!r} is neither s, ms, us or iso nor a strptime format; "
        "use a format such as %d.%m.%Y %H:%M"
    )


class TimeParser:
    """Parses times in one format.

    Args:
        time_format: `s`, `ms` or `us` for numbers since 1970, `iso` for ISO 8601, a strptime format, or None for
            numbers as Mixpanel accepts them, datetimes and ISO 8601.
        time_zone: Time zone of times that have none.

    Raises:
        InvalidSettingError: The zone is unknown.
    """

    def __init__(self, time_format: str | None, time_zone: str | None) -> None:
        self._format = time_format
        self._zone = None if time_zone is None else read_zone(time_zone)
        self._known: dict[str, int] = {}

    def read(self, value: object) -> int:
        """Return a time in seconds if it is a whole second before the year 2969, else in milliseconds.

        Raises:
            InvalidRecordError: The value does not have the format, has no time zone, or is before 1971.
        """
        if isinstance(value, str):
            moment = self._known.get(value)
            if moment is None:
                moment = self._read_text(value)
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[value] = moment
            return moment
        if isinstance(value, dt.datetime):
            return self._of_datetime(value)
        if isinstance(value, dt.date):
            return self._of_datetime(dt.datetime(value.year, value.month, value.day))  # noqa: DTZ001 - the zone follows
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return self._of_number(_as_float(value))
        raise InvalidRecordError(f"must be a time, not {type(value).__name__}", field=_FIELD)

    def _read_text(self, text: str) -> int:
        if self._format in _UNITS or self._format is None:
            try:
                return self._of_number(_as_float(parse_number(text.strip())))
            except ValueError as error:
                if isinstance(error, InvalidRecordError) or self._format is not None:
                    raise _unreadable(text, self._format) from None
        try:
            if self._format is None or self._format == _ISO:
                return self._of_datetime(dt.datetime.fromisoformat(text.strip()))
            return self._of_datetime(dt.datetime.strptime(text, self._format))  # noqa: DTZ007 - the zone follows
        except InvalidRecordError:
            raise
        except ValueError:
            raise _unreadable(text, self._format) from None

    def _of_number(self, value: float) -> int:
        if not abs(value) < _NOT_A_TIME:  # NaN, or too large for float arithmetic
            raise InvalidRecordError("must be a finite number of at most 64 bits", field=_FIELD)
        if self._format is None:
            return validation.read_time(value, _FIELD)
        if self._format not in _UNITS:
            raise _unreadable(str(value), self._format)
        return _seconds_or_milliseconds(value * _MILLISECONDS / _UNITS[self._format])

    def _of_datetime(self, value: dt.datetime) -> int:
        if value.tzinfo is None:
            if self._zone is None:
                raise InvalidRecordError(f"{value} has no time zone; set time_zone", field=_FIELD)
            value = value.replace(tzinfo=self._zone)
        return _seconds_or_milliseconds(value.timestamp() * _MILLISECONDS)


def _as_float(value: float | Decimal) -> float:
    return float(value) if isinstance(value, Decimal) else value  # a time is sent in whole milliseconds


def _seconds_or_milliseconds(milliseconds: float) -> int:
    """Return whole seconds if the time is one and Mixpanel cannot mistake the number for milliseconds."""
    if not math.isfinite(milliseconds):  # the missing value of data frames (NaT) is a datetime
        raise InvalidRecordError("is not a time", field=_FIELD)
    rounded = round(milliseconds)
    if rounded < limits.MIN_EVENT_TIME_SECONDS * _MILLISECONDS:
        raise InvalidRecordError("is before 1971-01-01, which Mixpanel rejects", field=_FIELD)
    seconds, fraction = divmod(rounded, _MILLISECONDS)
    return rounded if fraction or seconds >= limits.MIN_EVENT_TIME_MILLISECONDS else seconds


def _unreadable(text: str, time_format: str | None) -> InvalidRecordError:
    what = "a time" if time_format is None else _UNIT_NAMES.get(time_format, f"in the format {time_format}")
    return InvalidRecordError(f"{text[:_MAX_SHOWN]!r} is not {what}", field=_FIELD)
