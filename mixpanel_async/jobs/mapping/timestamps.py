"""Times of source records, in whatever form they come, as Mixpanel's seconds or milliseconds. Pure."""

import datetime as dt
import math
import zoneinfo
from typing import Final

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.records import validation

_FIELD: Final = "time"
_UNITS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000}
_MAX_KNOWN: Final = 65_536
_MILLISECONDS: Final = 1_000
_NO_TIME: Final = 2**63


def read_zone(name: str) -> dt.tzinfo:
    """Return the zone called `name` in the IANA database.

    Raises:
        InvalidSettingError: There is no such zone.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if name.upper() == "UTC":  # machines without a zone database
            return dt.UTC
        raise InvalidSettingError(f"time zone {name!r} is unknown; use a name such as UTC or Europe/Berlin") from None


class TimeReader:
    """Reads times of one form.

    Args:
        form: `s`, `ms` or `us` for numbers since 1970, `iso` for ISO 8601, a strptime format, or None: numbers as
            Mixpanel takes them, aware datetimes and ISO 8601.
        zone: The zone of times that do not carry one.

    Raises:
        InvalidSettingError: There is no such zone.
    """

    def __init__(self, form: str | None, zone: str | None) -> None:
        self._form = form
        self._zone = None if zone is None else read_zone(zone)
        self._known: dict[str, int] = {}

    def read(self, value: object) -> int:
        """Return a time in whole seconds where it is one and before 2969, else in milliseconds.

        Raises:
            InvalidRecordError: It is no time of this form, has no zone, or is before 1971.
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
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._of_number(value)
        raise InvalidRecordError(f"must be a time, not {type(value).__name__}", field=_FIELD)

    def _read_text(self, text: str) -> int:
        if self._form in _UNITS or self._form is None:
            try:
                return self._of_number(int(text) if text.strip().lstrip("-").isdecimal() else float(text))
            except ValueError as error:
                if isinstance(error, InvalidRecordError) or self._form is not None:
                    raise _unreadable(text, self._form) from None
        try:
            if self._form is None or self._form == "iso":
                return self._of_datetime(dt.datetime.fromisoformat(text.strip()))
            return self._of_datetime(dt.datetime.strptime(text, self._form))  # noqa: DTZ007 - the zone follows
        except InvalidRecordError:
            raise
        except ValueError:
            raise _unreadable(text, self._form) from None

    def _of_number(self, value: float) -> int:
        if not abs(value) < _NO_TIME:  # not a number, or one that arithmetic with floats cannot take
            raise InvalidRecordError("a number that is not finite, or beyond 64 bits, is no time", field=_FIELD)
        if self._form is None:
            return validation.read_time(value, _FIELD)
        if self._form not in _UNITS:
            raise _unreadable(str(value), self._form)
        return _whole(value * _MILLISECONDS / _UNITS[self._form])

    def _of_datetime(self, value: dt.datetime) -> int:
        if value.tzinfo is None:
            if self._zone is None:
                raise InvalidRecordError(f"{value} has no zone; name the one it is in (time_zone)", field=_FIELD)
            value = value.replace(tzinfo=self._zone)
        return _whole(value.timestamp() * _MILLISECONDS)


def _whole(milliseconds: float) -> int:
    """Return a time as seconds if it is whole and nobody can take the number for milliseconds, else as those."""
    if not math.isfinite(milliseconds):  # what data frames have where there is no time calls itself a datetime
        raise InvalidRecordError("is no time", field=_FIELD)
    rounded = round(milliseconds)
    if rounded < limits.MIN_EVENT_TIME_SECONDS * _MILLISECONDS:
        raise InvalidRecordError("is before 1971-01-01, which Mixpanel refuses", field=_FIELD)
    seconds, fraction = divmod(rounded, _MILLISECONDS)
    return rounded if fraction or seconds >= limits.MIN_EVENT_TIME_MILLISECONDS else seconds


def _unreadable(text: str, form: str | None) -> InvalidRecordError:
    wanted = {"s": "seconds since 1970", "ms": "milliseconds since 1970", "us": "microseconds since 1970"}
    what = wanted.get(form or "", "a time" if form is None else f"of the form {form}")
    return InvalidRecordError(f"{text[:40]!r} is not {what}", field=_FIELD)
