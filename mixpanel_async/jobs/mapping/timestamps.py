"""Parses times of source records into Mixpanel's seconds or milliseconds."""

import datetime as dt
import math
import re
import zoneinfo
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.mapping.coercion import parse_number
from mixpanel_async.records import validation

_FIELD: Final = "time"
_UNITS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_ISO: Final = "iso"
_EXCEL: Final = "excel"
_NAMES: Final = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    _EXCEL: "a date of a spreadsheet, in days since 1900",
}
AMBIGUOUS: Final = "ambiguous_time"  # names of notices in reports
MISSING: Final = "missing_local_time"
UNUSED_ZONE: Final = "time_zone_not_used"
SHIFTED: Final = "shifted_time"  # the name of a change in reports
_MAX_PLAIN_DIGITS: Final = 16
_MAX_KNOWN: Final = 4096  # equal times are near each other
_MAX_SHOWN: Final = 40
_MILLISECONDS: Final = 1_000
_NOT_A_TIME: Final = 2**63
_NO_ZONE: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - local time of any zone
_EXCEL_EPOCH: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of Excel's calendar, from March 1900 on
_EXCEL_DAYS: Final = (25_933, 200_000)  # 1971 to 2447; seconds since 1970 are larger
_MIN_MICROSECONDS: Final = 10**14  # milliseconds of the year 5138, microseconds of 1973
_MIN_NANOSECONDS: Final = 10**17
# BigQuery writes 2015-05-20 21:34:02 UTC, Snowflake 2024-01-02 03:04:05.000 -0800.
_TRAILING: Final = re.compile(r"(?P<time>.*[0-9]) *(?:(?P<utc>UTC|GMT|Z)|(?P<zone>[A-Za-z]+(?:/[A-Za-z0-9_+\-]+)+))")
_SPACED_OFFSET: Final = re.compile(r"(.*[0-9:]) +([+-][0-9]{2}(?::?[0-9]{2})?)")
_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9.,]+[eE][+-]?[0-9]+")
_DIGITS: Final = re.compile(r"[0-9]{9,19}(?:\.[0-9]+)?")
_SAMPLE: Final = dt.datetime(2000, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


Ambiguous: TypeAlias = Literal["first", "second", "reject"]


def read_zone(name: str, option: str = "time_zone") -> dt.tzinfo:
    """Return a time zone of the IANA database.

    Raises:
        InvalidSettingError: The zone is unknown; the error names the option.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if name.upper() == "UTC":  # machines without a zone database
            return dt.UTC
        raise InvalidSettingError(
            f"{option} is invalid: {name!r} is unknown; use an IANA name such as UTC or Europe/Berlin"
        ) from None


def check_time_format(time_format: object) -> None:
    """Check that a time format is one that `TimeParser` can parse.

    Raises:
        InvalidSettingError: The format is neither a keyword nor a strptime format.
    """
    if time_format in _UNITS or time_format in {_ISO, _EXCEL}:
        return
    # strftime copies a directive that it does not know, so only strptime finds it.
    try:
        if isinstance(time_format, str) and "%" in time_format:
            dt.datetime.strptime(_SAMPLE.strftime(time_format), time_format)  # noqa: DTZ007 - the result is not used
            return
    except ValueError:
        pass
    raise InvalidSettingError(
        f"time_format is invalid: {time_format!r} is neither s, ms, us, ns, iso or excel nor a strptime format; "
        "use a format such as %d.%m.%Y %H:%M"
    )


class TimeParser:
    """Parses times in one or more formats.

    Attributes:
        found: What is unusual about the time that was read last: `AMBIGUOUS`, `MISSING`, `UNUSED_ZONE`, `SHIFTED`.

    Args:
        time_format: `s`, `ms`, `us` or `ns` for numbers since 1970, `iso` for ISO 8601, `excel` for days since 1900, a
            strptime format, several of these (the first that fits is used), or None for numbers as Mixpanel accepts
            them, datetimes and ISO 8601.
        time_zone: Time zone of times that have none.
        ambiguous: What a local time is that a change of clocks makes ambiguous or skips: the `"first"` or the
            `"second"` of the two, or an error.
        shift_from_zone: Numbers are not Unix times but local ones of this zone, written as if they were of UTC.

    Raises:
        InvalidSettingError: A zone is unknown.
    """

    def __init__(
        self,
        time_format: str | Sequence[str] | None,
        time_zone: str | None,
        *,
        ambiguous: Ambiguous = "first",
        shift_from_zone: str | None = None,
    ) -> None:
        self._formats = (time_format,) if isinstance(time_format, str) else tuple(time_format or ())
        self._zone = None if time_zone is None else read_zone(time_zone)
        self._shift = None if shift_from_zone is None else read_zone(shift_from_zone, "shift_from_zone")
        self._ambiguous = ambiguous
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.found: list[str] = []

    def read(self, value: object) -> int:
        """Return a time in seconds if it is a whole second before the year 2969, else in milliseconds.

        Raises:
            InvalidRecordError: The value does not have the format, has no time zone, or is before 1971.
        """
        if self.found:
            self.found.clear()
        if isinstance(value, str):
            known = self._known.get(value)
            if known is None:
                moment = self._read_text(value)
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[value] = moment, tuple(self.found)
                return moment
            moment, found = known
            if found:
                self.found += found
            return moment
        if isinstance(value, dt.datetime):
            return self._of_datetime(value)
        if isinstance(value, dt.date):
            return self._of_datetime(dt.datetime(value.year, value.month, value.day))  # noqa: DTZ001 - the zone follows
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return self._of_number(_as_float(value))
        raise InvalidRecordError(f"must be a time, not {type(value).__name__}", field=_FIELD)

    def _read_text(self, text: str) -> int:
        if not self._formats and text.isascii() and text.isdigit() and len(text) < _MAX_PLAIN_DIGITS:
            return self._of_number(int(text), None)  # what nearly every file has
        error: InvalidRecordError | None = None
        for form in self._formats or (None,):
            try:
                return self._read_as(text.strip(), form)
            except InvalidRecordError as reason:
                error = error or reason
        if error is None or len(self._formats) > 1:
            raise InvalidRecordError(
                f"{text[:_MAX_SHOWN]!r} has none of the formats {', '.join(self._formats)}", field=_FIELD
            )
        raise error

    def _read_as(self, text: str, form: str | None) -> int:
        if _SCIENTIFIC.fullmatch(text):
            raise InvalidRecordError(
                f"{text[:_MAX_SHOWN]!r} is not {_name(form)}: it is in scientific notation, in which spreadsheets cut "
                "long numbers; write the column with all digits",
                field=_FIELD,
            )
        is_number = form in _UNITS or form in {None, _EXCEL} or (form == _ISO and _DIGITS.fullmatch(text) is not None)
        if is_number:
            try:
                value = _as_float(parse_number(text))
            except ValueError:
                if form is not None:
                    raise _unreadable(text, form) from None
            else:
                if not abs(value) < _NOT_A_TIME:
                    raise _unreadable(text, form)
                return self._of_number(value, None if form == _ISO else form)
        try:
            if form is None or form == _ISO:
                moment = _read_iso(text)
                if isinstance(moment.tzinfo, zoneinfo.ZoneInfo):  # named in the text, where a time may happen twice
                    moment = self._in_zone(moment.replace(tzinfo=None), moment.tzinfo)
                return self._of_datetime(moment)
            return self._of_datetime(dt.datetime.strptime(text, form))  # noqa: DTZ007 - the zone follows
        except InvalidRecordError:
            raise
        except ValueError:
            raise _unreadable(text, form) from None

    def _of_number(self, value: float, form: str | None = "") -> int:
        if not abs(value) < _NOT_A_TIME:  # NaN, or too large for float arithmetic
            raise InvalidRecordError("must be a finite number of at most 64 bits", field=_FIELD)
        if form == "":  # a number, and no text: the first format for numbers
            form = next((one for one in self._formats if one in _UNITS or one == _EXCEL), None)
            if form is None and self._formats:
                raise _unreadable(str(value), self._formats[0])
        if form == _EXCEL:
            return self._of_excel(value)
        if form is None:
            _check_unit(value)
            moment = validation.read_time(value, _FIELD)
        else:
            moment = _seconds_or_milliseconds(value * _MILLISECONDS / _UNITS[form])
        if self._shift is not None:
            return self._shifted(moment, self._shift)
        if self._zone is not None:
            self.found.append(UNUSED_ZONE)
        return moment

    def _of_excel(self, days: float) -> int:
        low, high = _EXCEL_DAYS
        if not low <= days < high:
            raise _unreadable(f"{days:g}", _EXCEL)
        return self._of_datetime(_EXCEL_EPOCH + dt.timedelta(milliseconds=round(days * 86_400_000)))

    def _shifted(self, moment: int, zone: dt.tzinfo) -> int:
        """Return the Unix time of a number that counts local seconds."""
        milliseconds = moment if moment >= limits.MIN_EVENT_TIME_MILLISECONDS else moment * _MILLISECONDS
        try:
            local = _NO_ZONE + dt.timedelta(milliseconds=milliseconds)
        except OverflowError:
            raise InvalidRecordError(f"{moment} is not a time", field=_FIELD) from None
        self.found.append(SHIFTED)
        return _seconds_or_milliseconds(self._in_zone(local, zone).timestamp() * _MILLISECONDS)

    def _of_datetime(self, value: dt.datetime) -> int:
        if value.tzinfo is None:
            if self._zone is None:
                raise InvalidRecordError(f"{value} has no time zone; set time_zone", field=_FIELD)
            value = self._in_zone(value, self._zone)
        elif self._zone is not None:
            self.found.append(UNUSED_ZONE)
        return _seconds_or_milliseconds(value.timestamp() * _MILLISECONDS)

    def _in_zone(self, local: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
        """Return a local time as one of a zone, and note it if a change of clocks repeats or skips it."""
        first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
        if first.utcoffset() == second.utcoffset():
            return first
        is_missing = first.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None, fold=0) != local
        if self._ambiguous == "reject":
            what = "does not exist" if is_missing else "happens twice"
            raise InvalidRecordError(f"{local} {what} in {zone}, where clocks change", field=_FIELD)
        self.found.append(MISSING if is_missing else AMBIGUOUS)
        return second if self._ambiguous == "second" else first


def _read_iso(text: str) -> dt.datetime:
    """Return a time in ISO 8601; a name of a zone or an offset may follow, with a space before it.

    Raises:
        ValueError: The text is something else.
    """
    offset = _SPACED_OFFSET.fullmatch(text)
    if offset is not None:
        return dt.datetime.fromisoformat(offset[1] + offset[2])
    named = _TRAILING.fullmatch(text)
    if named is None:
        return dt.datetime.fromisoformat(text)
    moment = dt.datetime.fromisoformat(named["time"])
    if moment.tzinfo is not None:
        raise ValueError(text)
    if named["utc"]:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.replace(tzinfo=zoneinfo.ZoneInfo(named["zone"]))
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        raise ValueError(text) from None


def _check_unit(value: float) -> None:
    """Check that a number can be seconds or milliseconds.

    Raises:
        InvalidRecordError: It is so large that it counts smaller units.
    """
    if abs(value) >= _MIN_MICROSECONDS:
        unit = "ns" if abs(value) >= _MIN_NANOSECONDS else "us"
        raise InvalidRecordError(
            f"{value:.0f} is too large for milliseconds; for {_NAMES[unit]} set time_format to {unit}",
            field=_FIELD,
        )


def _as_float(value: float | Decimal) -> float:
    return float(value) if isinstance(value, Decimal) else value  # times are sent in whole milliseconds


def _seconds_or_milliseconds(milliseconds: float) -> int:
    """Return whole seconds if the time is one and Mixpanel cannot mistake the number for milliseconds."""
    if not math.isfinite(milliseconds):  # the missing value of data frames (NaT) is a datetime
        raise InvalidRecordError("is not a time", field=_FIELD)
    rounded = round(milliseconds)
    if rounded < limits.MIN_EVENT_TIME_SECONDS * _MILLISECONDS:
        raise InvalidRecordError("is before 1971-01-01, which Mixpanel rejects", field=_FIELD)
    seconds, fraction = divmod(rounded, _MILLISECONDS)
    return rounded if fraction or seconds >= limits.MIN_EVENT_TIME_MILLISECONDS else seconds


def _name(time_format: str | None) -> str:
    return "a time" if time_format is None else _NAMES.get(time_format, f"in the format {time_format}")


def _unreadable(text: str, time_format: str | None) -> InvalidRecordError:
    return InvalidRecordError(f"{text[:_MAX_SHOWN]!r} is not {_name(time_format)}", field=_FIELD)
