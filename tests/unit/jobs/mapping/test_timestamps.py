"""Times of source records."""

import datetime as dt

import pytest

from mixpanel_async import RecordMapping
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.mapping.mapper import EventMapper
from mixpanel_async.jobs.mapping.timestamps import TimeParser


@pytest.mark.parametrize(
    ("form", "zone", "value", "moment"),
    [
        (None, None, "1700000000", 1_700_000_000),
        (None, None, 1_700_000_000_123, 1_700_000_000_123),
        (None, None, "2023-11-14T22:13:20Z", 1_700_000_000),
        (None, None, "2023-11-14T23:13:20.5+01:00", 1_700_000_000_500),
        (None, "UTC", dt.datetime(2023, 11, 14, 22, 13, 20), 1_700_000_000),  # noqa: DTZ001 - the parser has a zone
        (None, "UTC", dt.date(2023, 11, 14), 1_699_920_000),
        ("s", None, "1700000000.25", 1_700_000_000_250),
        ("ms", None, "1700000000000", 1_700_000_000),
        ("us", None, 1_700_000_000_123_000, 1_700_000_000_123),
        ("ms", None, 40_000_000_000, 40_000_000),
        ("%d.%m.%Y %H:%M", "Europe/Berlin", "14.11.2023 23:13", 1_699_999_980),
        ("%Y-%m-%d", "America/New_York", "2023-07-01", 1_688_184_000),
        # Beyond 2969 whole seconds are as large as milliseconds of 1971: the milliseconds stay.
        (None, None, "9999-12-31T00:00:00Z", 253_402_214_400_000),
        (None, None, "2969-05-03T00:00:00Z", 31_536_000_000_000),
        (None, None, "2969-05-02T23:59:59Z", 31_535_999_999),
        ("s", None, "253402214400", 253_402_214_400_000),
    ],
)
def test_times(form: str | None, zone: str | None, value: object, moment: int) -> None:
    """Times in every format and zone become whole seconds, or milliseconds if they have a fraction."""
    assert TimeParser(form, zone).read(value) == moment


@pytest.mark.parametrize(
    ("form", "value", "message"),
    [
        (None, "yesterday", "is not a time"), (None, True, "must be a time"), (None, float("nan"), "finite number"),
        ("%Y", "14.11.2023", "in the format %Y"), ("s", "x", "seconds since"), ("iso", 5, "in the format iso"),
        (None, "2023-11-14T22:13:20", "has no time zone"), ("ms", 1000, "before 1971"), ("s", "1e400", "seconds since"),
        ("%Y-%m-%d", "1960-01-01", "has no time zone"), (None, "1" + "0" * 400, "is not a time"),
        pytest.param(None, 10**5000, "finite number", id="huge"), ("us", "1" + "0" * 330, "is not microseconds"),
        ("s", 10**400, "finite number"), ("s", 1e306, "finite number"), ("s", 1e300, "finite number"),
        (None, "1" + "0" * 5000, "is not a time"), (None, 1e300, "finite number"), (None, 1_209_600.5, "before 1971"),
        (None, "1_700_000_000", "is not a time"), ("s", "1_700_000_000", "seconds since"),
        ("ms", "\u0661" * 13, "milliseconds"),
    ],
)  # fmt: skip
def test_invalid_times(form: str | None, value: object, message: str) -> None:
    """A time that is invalid or has no time zone is rejected; the current time is never used instead."""
    with pytest.raises(InvalidRecordError, match=message):
        TimeParser(form, None).read(value)


class _NoTime(dt.datetime):
    """The missing time of a data frame."""

    def timestamp(self) -> float:
        return float("nan")


def test_a_missing_time_of_a_data_frame() -> None:
    """A missing time is rejected like any invalid time; it does not end the import."""
    with pytest.raises(InvalidRecordError, match="is not a time"):
        TimeParser(None, "UTC").read(_NoTime(2024, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(InvalidRecordError, match="is not a time"):
        EventMapper(RecordMapping()).event({"event": "A", "time": _NoTime(2024, 1, 1, tzinfo=dt.UTC)}, 1)
