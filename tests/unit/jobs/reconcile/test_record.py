"""What makes two events equal, and what of their differences is Mixpanel's own doing."""

import copy
import datetime as dt
import zoneinfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.reconcile.differences import differences, is_same
from mixpanel_async.jobs.reconcile.record import (
    export_digests,
    local_time,
    read_record,
    source_digests,
)
from mixpanel_async.jobs.reconcile.selection import DayRange, day_number, day_text

TIME = 1_700_000_000
BASE = {"time": TIME, "distinct_id": "ann", "$insert_id": "id-1"}


def line(**properties: object) -> bytes:
    return orjson.dumps({"event": "Paid", "properties": {**BASE, **properties}})


def differing(source: bytes, export: bytes, *ignored: str) -> list[str]:
    """Return the names of the differing properties; check that the digests never say equal where something differs."""
    one, other = read_record(source), read_record(export)
    found = differences(one, other, frozenset(ignored))
    ours, theirs = source_digests(one, frozenset(ignored)), export_digests(other, frozenset(ignored))
    are_digests_equal = bool({ours.content, ours.other} & {theirs.content, theirs.other})
    assert not (are_digests_equal and found.keys() - {"distinct_id"})  # which is a part of the key
    return list(found)


@pytest.mark.parametrize(
    ("source", "export"),
    [
        ({"n": 1}, {"n": 1.0}),
        ({"n": 2**60 + 1}, {"n": float(2**60)}),
        ({"n": 1e3}, {"n": 1000}),
        ({"s": "x" * 300}, {"s": "x" * 255}),
        ({"s": "😀" * 200}, {"s": "😀" * 127}),
        ({"s": "ü" * 200}, {"s": "ü" * 127 + "�"}),
        ({"s": ["y" * 300, 1.0]}, {"s": ["y" * 255, 1]}),
        ({"o": {"a": None, "b": 1}}, {"o": {"b": 1}}),
        ({"gone": None}, {}),
        ({"time": TIME * 1000 + 123}, {"time": TIME * 1000}),
        ({"time": TIME * 1000 + 123}, {"time": TIME}),
        ({"time": TIME}, {"time": TIME * 1000}),
        ({"ip": "192.0.2.1"}, {"$city": "Berlin", "$region": "Berlin", "mp_country_code": "DE"}),
        ({}, {"mp_lib": "x", "$os": "y", "$import": True, "mp_processing_time_ms": 7}),
        ({"token": "abc"}, {}),
        ({"distinct_id": "anon-1"}, {"$distinct_id_before_identity": "anon-1", "distinct_id": "ann"}),
        ({"distinct_id": "$device:d1", "$device_id": "d1"}, {"distinct_id": "ann", "$device_id": "d1"}),
    ],
)
def test_what_mixpanel_changes_is_no_difference(source: dict[str, object], export: dict[str, object]) -> None:
    """Number forms, cut text, times without milliseconds, merged IDs and added properties are equal."""
    assert differing(line(**source), line(**export)) == []


@pytest.mark.parametrize(
    ("source", "export", "name"),
    [
        ({"n": 1}, {"n": 2}, "n"),
        ({"n": 1}, {"n": "1"}, "n"),
        ({"n": 1}, {"n": True}, "n"),
        ({"n": False}, {"n": 0}, "n"),
        ({"n": 1}, {}, "n"),
        ({}, {"n": 1}, "n"),
        ({"s": "short"}, {"s": "sho"}, "s"),
        ({"s": "x" * 300}, {"s": "x" * 254 + "y"}, "s"),
        ({"s": "x" * 300}, {"s": "x" * 100}, "s"),
        ({"s": [1, 2]}, {"s": [2, 1]}, "s"),
        ({"s": [1, 2]}, {"s": [1]}, "s"),
        ({"s": ["a", "b"]}, {"s": "ab"}, "s"),
        ({"o": {"a": {"b": 1}}}, {"o": {"a": {"b": 2}}}, "o"),
        ({"$city": "Rome"}, {"$city": "Berlin"}, "$city"),
        ({"$os": "Linux"}, {}, "$os"),
        ({"time": TIME}, {"time": TIME + 1}, "time"),
        ({"time": TIME * 1000}, {"time": TIME * 1000 + 1}, "time"),
        ({"time": TIME * 1000 + 5}, {"time": TIME * 1000 + 6}, "time"),
        ({"distinct_id": "ann"}, {"distinct_id": "bob"}, "distinct_id"),
    ],
)
def test_a_difference_is_named(source: dict[str, object], export: dict[str, object], name: str) -> None:
    """A property with another value, of another type, or on one side only is a difference, unless it is ignored."""
    assert differing(line(**source), line(**export)) == [name]
    if name not in BASE:
        assert differing(line(**source), line(**export), name) == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
PROPERTIES = st.dictionaries(st.sampled_from(["a", "b", "$city", "$os", "mp_x", "ip"]), VALUES, max_size=5)


@given(PROPERTIES, PROPERTIES)
def test_digests_never_hide_a_difference(source: dict[str, object], export: dict[str, object]) -> None:
    """Whatever the values: events whose digests are equal have no difference, and an event equals itself."""
    differing(line(**source), line(**export))
    assert differing(line(**source), line(**copy.deepcopy(source))) == []


@given(VALUES)
def test_a_value_is_the_same_as_itself(value: object) -> None:
    """Comparing is reflexive after a way through JSON."""
    assert is_same(value, orjson.loads(orjson.dumps(value)))


def test_the_key_is_that_of_deduplication() -> None:
    """Name, distinct_id, $insert_id and day make the key; the time of day and the properties do not."""
    key = source_digests(read_record(line())).key
    assert export_digests(read_record(line(time=TIME + 1, plan="pro"))).key == key
    others = [line(time=TIME + 86_400), line(distinct_id="bob"), line(**{"$insert_id": "id-2"})]
    others.append(line().replace(b"Paid", b"Bought"))
    assert key not in {source_digests(read_record(other)).key for other in others}


def test_a_user_without_distinct_id_is_known_by_the_device() -> None:
    """An event of Simplified ID Merge has the ID that Mixpanel gives it."""
    given = orjson.dumps({"event": "Paid", "properties": {"time": TIME, "$device_id": "d1", "$insert_id": "id-1"}})
    assert read_record(given).distinct_id == "$device:d1"
    assert read_record(given.replace(b"$device_id", b"$user_id")).distinct_id == "d1"


def test_times_of_older_projects_are_local() -> None:
    """A time becomes the number of local milliseconds, on both sides of a change of clocks."""
    localize = local_time(zoneinfo.ZoneInfo("Europe/Berlin"))
    for moment in (dt.datetime(2021, 3, 28, 0, 59, 59), dt.datetime(2021, 3, 28, 1), dt.datetime(2021, 10, 31, 1)):  # noqa: DTZ001
        utc = moment.replace(tzinfo=dt.UTC)
        wall = utc.astimezone(zoneinfo.ZoneInfo("Europe/Berlin")).replace(tzinfo=dt.UTC)
        assert localize(int(utc.timestamp() * 1000)) == wall.timestamp() * 1000


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b"1",
        b"{",
        b"\xff",
        b'{"event":1,"properties":{"time":1}}',
        b'{"event":"a","properties":{}}',
        b'{"event":"a","properties":[]}',
        b'{"event":"a","properties":{"time":[]}}',
        b'{"event":"a","properties":{"time":"x"}}',
        b'{"event":"a","properties":{"time":1e308}}',
        b'{"event":"a","properties":{"time":-1e17}}',
        b'{"event":"a","properties":{"time":9223372036854775808}}',
        b'{"event":"\\ud83d","properties":{"time":1}}',
    ],
)
def test_what_is_no_event_raises(text: bytes) -> None:
    """A line without name, properties or time is refused with a message, whatever it is."""
    with pytest.raises(InvalidRecordError):
        read_record(text)


@pytest.mark.parametrize(("days", "count"), [(1, 1), (12, 12), (13, 7), (365, 12), (4748, 12)])
def test_days_are_divided_into_few_requests(days: int, count: int) -> None:
    """Each day is in exactly one part, and there are at most twelve."""
    parts = DayRange(100, 100 + days - 1).parts(12)
    assert [day for part in parts for day in range(part.first, part.last + 1)] == list(range(100, 100 + days))
    assert len(parts) == count


def test_days_as_text() -> None:
    """A day comes back as the text that it was."""
    assert day_text(day_number("2024-02-29")) == "2024-02-29"


@pytest.mark.parametrize("depth", [300, 900])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    """Lists in lists have no limit; an event that cannot be compared for it says so."""
    text = b'{"event":"a","properties":{"time":1700000000,"deep":' + b"[" * depth + b"]" * depth + b"}}"
    with pytest.raises(InvalidRecordError, match="nested too deeply"):
        source_digests(read_record(text))
