"""Times of source records."""

import datetime as dt

import pytest

from mixpanel_async import RecordMapping
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.mapping.mapper import EventMapper
from mixpanel_async.jobs.mapping.timestamps import AMBIGUOUS, MISSING, SHIFTED, UNUSED_ZONE, TimeParser


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


@pytest.mark.parametrize(
    ("form", "zone", "text", "moment"),
    [
        (None, None, "2015-05-20 21:34:02 UTC", 1_432_157_642),
        (None, None, "2015-05-20 21:34:02.123456 UTC", 1_432_157_642_123),
        ("iso", None, "2015-05-20 21:34:02 GMT", 1_432_157_642),
        (None, None, "2024-01-02 03:04:05.000 -0800", 1_704_193_445),
        (None, None, "2024-01-02 03:04:05 +02", 1_704_157_445),
        (None, None, "2024-01-02 03:04 Europe/Berlin", 1_704_161_040),
        ("iso", None, "1700000000", 1_700_000_000),
        ("iso", None, "1700000000123", 1_700_000_000_123),
        ("ns", None, "1700000000123456789", 1_700_000_000_123),
        ("ns", None, 1_700_000_000_000_000_000, 1_700_000_000),
        ("excel", "UTC", "45292.5", 1_704_110_400),
        ("excel", "Europe/Berlin", 45_292, 1_704_063_600),
        (("%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M"), "UTC", "31/12/2023 23:59", 1_704_067_140),
        (("%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M"), "UTC", "2.1.2024 3:04", 1_704_164_640),
        (("%d/%m/%Y", "iso", "s"), "UTC", "1700000000", 1_700_000_000),
    ],
)
def test_times_of_other_systems(
    form: str | tuple[str, ...] | None, zone: str | None, text: object, moment: int
) -> None:
    """Zones and offsets after a space, several formats in a column, nanoseconds and days of spreadsheets are read."""
    assert TimeParser(form, zone).read(text) == moment


@pytest.mark.parametrize(
    ("form", "value", "message"),
    [
        (None, "1.70416E+09", "scientific notation"),
        ("ms", "1.70416e12", "scientific notation"),
        (None, "1700000000123456", "set time_format to us"),
        (None, 1_700_000_000_123_456_789, "set time_format to ns"),
        (None, "2024-01-02 03:04:05 Europe/Nowhere", "is not a time"),
        (None, "2024-01-02T03:04:05Z UTC", "is not a time"),
        (None, "2024-01-02 03:04:05 PST", "is not a time"),
        ("excel", "1700000000", "spreadsheet"),
        (("%d/%m/%Y", "%Y"), "x", "none of the formats %d/%m/%Y, %Y"),
    ],
)
def test_times_that_would_be_guessed(form: str | tuple[str, ...] | None, value: object, message: str) -> None:
    """A time that has lost digits, or whose unit or zone is unknown, is an error that says what to set."""
    with pytest.raises(InvalidRecordError, match=message):
        TimeParser(form, None).read(value)


@pytest.mark.parametrize(
    ("text", "first", "second", "found"),
    [
        ("2024-10-27 02:30:00", 1_729_989_000, 1_729_992_600, AMBIGUOUS),
        ("2024-03-31 02:30:00", 1_711_848_600, 1_711_845_000, MISSING),
    ],
)
def test_times_around_changes_of_clocks(text: str, first: int, second: int, found: str) -> None:
    """A local time that clocks repeat or skip is reported, and is the first or second one as asked, or an error."""
    for ambiguous, moment in (("first", first), ("second", second)):
        parser = TimeParser(None, "Europe/Berlin", ambiguous=ambiguous)  # type: ignore[arg-type]
        for _ in range(2):  # the second time from memory
            assert parser.read(text) == moment
            assert list(parser.found) == [found]
        assert parser.read("2024-10-27 04:30:00") == 1_729_999_800
        assert not parser.found
    with pytest.raises(InvalidRecordError, match="clocks change"):
        TimeParser(None, "Europe/Berlin", ambiguous="reject").read(text)
    assert TimeParser(None, None).read(f"{text} Europe/Berlin") == first


def test_local_seconds() -> None:
    """Numbers that count local seconds become Unix times; a time zone that was not needed is noted."""
    shifted = TimeParser(None, None, shift_from_zone="America/Los_Angeles")
    for value, moment in ((1_700_000_000, 1_700_028_800), ("1700000000500", 1_700_028_800_500)):
        assert shifted.read(value) == moment
        assert list(shifted.found) == [SHIFTED]
    assert shifted.read("2023-11-14T22:13:20Z") == 1_700_000_000
    zoned = TimeParser(None, "America/Los_Angeles")
    for value in (1_700_000_000, "1700000000", "2023-11-14T22:13:20Z"):
        assert zoned.read(value) == 1_700_000_000
        assert list(zoned.found) == [UNUSED_ZONE]
    assert zoned.read("2023-11-14T22:13:20") == 1_700_028_800
    assert not zoned.found


def test_a_missing_time_of_a_data_frame() -> None:
    """A missing time is rejected like any invalid time; it does not end the import."""
    with pytest.raises(InvalidRecordError, match="is not a time"):
        TimeParser(None, "UTC").read(_NoTime(2024, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(InvalidRecordError, match="is not a time"):
        EventMapper(RecordMapping()).event({"event": "A", "time": _NoTime(2024, 1, 1, tzinfo=dt.UTC)}, 1)
