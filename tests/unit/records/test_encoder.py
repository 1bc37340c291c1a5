"""Events and updates as JSON."""

import dataclasses
import datetime as dt
import decimal
import math
from collections import OrderedDict
from types import MappingProxyType

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async import limits
from mixpanel_async.errors import CannotEncodeError, InvalidRecordError, RecordTooLargeError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.records.encoder import EventEncoder
from mixpanel_async.records.keys import dedupe_key, read_key
from mixpanel_async.records.updates import PROFILE_OPERATIONS, encode_update, is_unsafe
from mixpanel_async.records.values import ValueConverter

NOW = 1_750_000_000.0


def encoder(**options: object) -> EventEncoder:
    return EventEncoder(**{"token": "tok", "max_bytes": 2_000_000, **options})  # type: ignore[arg-type]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)


@given(
    event=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    distinct_id=st.text(st.characters(exclude_categories=["Cs"])).filter(lambda t: t not in limits.FORBIDDEN_IDS),
    properties=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])).filter(
            lambda name: name not in {"token", "time", "distinct_id", "$insert_id"}
        ),
        JSON,
        max_size=8,
    ),
)
def test_an_event_survives_encoding(event: str, distinct_id: str, properties: dict[str, JSONValue]) -> None:
    """Splicing bytes gives the JSON that encoding the whole event would give."""
    part, key = encoder().encode(event, distinct_id, properties, NOW)
    decoded = orjson.loads(part)
    own = decoded["properties"].pop("$insert_id")
    assert 1 <= len(own) <= limits.MAX_INSERT_ID_BYTES
    expected = {"token": "tok", "distinct_id": distinct_id, "time": 1_750_000_000_000, **properties}
    assert decoded == orjson.loads(orjson.dumps({"event": event, "properties": expected}))
    assert key is None


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (math.nan, "properties.a"),
        (math.inf, "properties.a"),
        ([1, {"b": -math.inf}], "properties.a[1].b"),
        ({b"b": "x"}, "properties.a"),
        ({1: "x", "1": "y"}, "properties.a.1"),
        ({"b": [object()]}, "properties.a.b[0]"),
        (decimal.Decimal("0.1234567890123456789"), "properties.a"),
        (decimal.Decimal("NaN"), "properties.a"),
        (b"\xff", "properties.a"),
        ((number for number in range(3)), "properties.a"),
        (1j, "properties.a"),
        (2**64, "properties.a"),
        pytest.param(10**5000, "properties.a", id="too many digits to be printed"),
    ],
)
def test_values_that_are_not_json_are_named(value: JSONValue, field: str) -> None:
    """NaN, non-string keys, unsupported types and integers beyond 64 bits raise an error that names the field."""
    with pytest.raises(CannotEncodeError) as caught:
        encoder().encode("E", "u", {"a": value, "fine": None}, NOW)
    assert caught.value.field == field


def test_nan_in_a_dataclass_is_found() -> None:
    """A NaN in a dataclass does not become null."""

    @dataclasses.dataclass
    class Point:
        x: float

    with pytest.raises(CannotEncodeError, match="nan"):
        encoder().encode("E", "u", {"p": Point(math.nan)}, NOW)


def test_a_list_that_contains_itself_is_refused() -> None:
    """A cycle is an error, not a hang."""
    loop: list[JSONValue] = []
    loop.append(loop)
    with pytest.raises(CannotEncodeError):
        encoder().encode("E", "u", {"a": loop}, NOW)


@pytest.mark.parametrize("kind", [dict, OrderedDict, MappingProxyType])
def test_any_mapping_is_read_and_not_changed(kind: type) -> None:
    """The caller's mapping is read, whatever its type, and never changed."""
    source = {"a": 1, "time": 1_749_999_999, "$insert_id": "id-1"}
    given_mapping = kind(source)
    part, key = encoder().encode("E", "u", given_mapping, NOW)
    decoded = orjson.loads(part)["properties"]
    assert decoded == {"token": "tok", "distinct_id": "u", **source}
    assert dict(given_mapping) == source
    assert key == dedupe_key("E", 1_749_999_999, "u", "id-1") == read_key(part)


@pytest.mark.parametrize("properties", [{}, None, {"time": 1_749_999_999}])
def test_an_event_without_properties(properties: dict[str, JSONValue] | None) -> None:
    """An event without properties is valid JSON."""
    part, _ = encoder().encode("E", "", properties, NOW)
    assert set(orjson.loads(part)["properties"]) == {"token", "distinct_id", "time", "$insert_id"}


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (1_749_999_999, 1_749_999_999),
        (1_749_999_999_123, 1_749_999_999_123),
        (1_749_999_999.5, 1_749_999_999_500),
        (1_749_999_999_123.0, 1_749_999_999_123),
        (dt.datetime(2025, 6, 15, 12, tzinfo=dt.UTC), 1_749_988_800_000),
        (dt.datetime(2025, 6, 15, 14, tzinfo=dt.timezone(dt.timedelta(hours=2))), 1_749_988_800_000),
        (None, 1_750_000_000_000),
    ],
)
def test_times(time: object, expected: int) -> None:
    """Seconds and milliseconds are kept; fractions and datetimes, with their time zone, become milliseconds."""
    part, _ = encoder().encode("E", "u", None, NOW, time)
    assert orjson.loads(part)["properties"]["time"] == expected


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (0, "1971"),
        (-1, "1971"),
        (dt.datetime(1970, 1, 15, tzinfo=dt.UTC), "1971"),
        (dt.datetime(1969, 12, 31, tzinfo=dt.UTC), "1971"),
        (1_209_600.5, "1971"),
        (31_535_999.9, "1971"),
        (-0.5, "1971"),
        (10**400, "not a time"),
        pytest.param(-(10**5000), "not a time", id="too many digits to be printed"),
        (1e300, "not a time"),
        (NOW + 3700, "ahead"),
        (int(NOW) * 1000 + 3_700_000, "ahead"),
        (NOW - 6 * 86_400, "import_event"),
        (dt.datetime(2025, 6, 15), "zone"),  # noqa: DTZ001 - that it has no zone is the point
    ],
)
def test_times_that_mixpanel_would_refuse(time: JSONValue, message: str) -> None:
    """A time that Mixpanel would reject, replace or ignore raises an error that says so."""
    with pytest.raises(InvalidRecordError, match=message) as caught:
        encoder(max_age_seconds=limits.MAX_TRACK_AGE_SECONDS).encode("E", "u", None, NOW, time)
    assert caught.value.field == "properties.time"
    assert not isinstance(caught.value, CannotEncodeError)
    with pytest.raises(InvalidRecordError, match=message):
        encoder(max_age_seconds=limits.MAX_TRACK_AGE_SECONDS).encode("E", "u", {"time": time}, NOW)


@pytest.mark.parametrize("time", ["2025-06-15", True, math.nan, object()])
def test_values_that_are_not_times(time: object) -> None:
    """A value that is not a time raises."""
    with pytest.raises(CannotEncodeError):
        encoder().encode("E", "u", None, NOW, time)


def test_an_import_needs_its_time() -> None:
    """An imported event without a time raises; it does not get the current time."""
    with pytest.raises(InvalidRecordError, match="time"):
        encoder(needs_time=True).encode("E", "u", None, NOW)


@pytest.mark.parametrize("distinct_id", sorted(limits.FORBIDDEN_IDS))
def test_forbidden_ids(distinct_id: str) -> None:
    """The IDs that Mixpanel rejects raise an error that names the field."""
    with pytest.raises(InvalidRecordError, match="distinct_id"):
        encoder().encode("E", distinct_id, None, NOW)


def test_an_integer_id_is_sent_as_its_digits() -> None:
    """An integer distinct_id is sent and deduplicated as its decimal digits."""
    part, _ = encoder().encode("E", 7, {"distinct_id": 7}, NOW)
    assert orjson.loads(part)["properties"]["distinct_id"] == "7"
    assert encoder().encode("E", 7, None, NOW, NOW, "a")[1] == encoder().encode("E", "7", None, NOW, NOW, "a")[1]


@pytest.mark.parametrize("properties", [["a"], [("a", 1)], "text", 5, True, {"a": 1}.items(), b"x", set()])
def test_properties_are_a_mapping(properties: object) -> None:
    """Properties that are not a mapping raise, because they would fail the whole request."""
    with pytest.raises(InvalidRecordError, match="mapping") as caught:
        encoder().encode("E", "u", properties, NOW)  # type: ignore[arg-type]
    assert caught.value.field == "properties"


@pytest.mark.parametrize("distinct_id", [None, True, 1.5, b"u", 2**70])
def test_an_id_is_a_string_or_an_integer(distinct_id: object) -> None:
    """A distinct_id of any other type raises."""
    with pytest.raises(InvalidRecordError):
        encoder().encode("E", distinct_id, None, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("distinct_id", [None, True, b"u"])
def test_what_is_wrong_with_an_id_is_named(distinct_id: object) -> None:
    """The error names the types that an id may have."""
    with pytest.raises(CannotEncodeError, match="str"):
        encoder().encode("E", distinct_id, None, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("insert_id", ["", "a" * 37, "ü", "a b", "null", "0"])
def test_bad_insert_ids(insert_id: str) -> None:
    """An insert ID that Mixpanel would reject or truncate raises."""
    with pytest.raises(InvalidRecordError, match="insert_id"):
        encoder().encode("E", "u", None, NOW, insert_id=insert_id)


@pytest.mark.parametrize(
    ("event", "error"), [("", InvalidRecordError), (None, CannotEncodeError), (7, CannotEncodeError)]
)
def test_event_names(event: object, error: type[Exception]) -> None:
    """An event name that is empty or not a string raises."""
    with pytest.raises(error):
        encoder().encode(event, "u", None, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["distinct_id", "time", "$insert_id"])
def test_given_twice_and_different(field: str) -> None:
    """A field that differs between the call and the properties raises."""
    inner: JSONValue = {"distinct_id": "v", "time": 1_749_999_998, "$insert_id": "other"}[field]
    with pytest.raises(InvalidRecordError, match="give it once"):
        encoder().encode("E", "u", {field: inner}, NOW, 1_749_999_999, "id-1")


@pytest.mark.parametrize(
    ("properties", "is_valid"),
    [
        ({f"p{n}": n for n in range(250)}, True),
        ({f"p{n}": n for n in range(251)}, False),
        ({"a": list(range(254))}, True),
        ({"a": list(range(255))}, False),
        ({"a": {f"k{n}": n for n in range(254)}}, True),
        ({"a": {f"k{n}": n for n in range(255)}}, False),
        ({"a": {"b": {"c": 1}}}, True),
        ({"a": {"b": {"c": {"d": 1}}}}, True),
        ({"a": {"b": {"c": {"d": {}}}}}, False),
        ({"a": [{"b": [{"c": [{"d": 1}]}]}]}, True),
        ({"a": [{"b": [{"c": [{"d": {}}]}]}]}, False),
        ({"text": "{{{{{{{{,,,,"}, True),
        ({"text": "," * 1000}, True),
    ],
)
def test_the_limits_of_shape(properties: dict[str, JSONValue], is_valid: bool) -> None:
    """The limits on properties, keys, elements and depth are exact."""
    if is_valid:
        encoder().encode("E", "u", properties, NOW)
    else:
        with pytest.raises(InvalidRecordError) as caught:
            encoder().encode("E", "u", properties, NOW)
        assert caught.value.field.startswith("properties")


@pytest.mark.parametrize(
    "properties",
    [
        {f"k{number}": number for number in range(300)},
        {"a": {"b": {"c": {"d": {"e": 1}}}}},
        {"a": list(range(300))},
        {"a": {"b": {"c": {"d": {"e": decimal.Decimal(1)}}}}},
    ],
)
def test_the_limits_of_shape_may_be_left_to_mixpanel(properties: dict[str, JSONValue]) -> None:
    """Without the check, properties of any shape are sent as they are; a NaN is found in any case."""
    unchecked = encoder(values=ValueConverter(checks_shape=False))
    part, _ = unchecked.encode("E", "u", properties, NOW)
    assert orjson.loads(part)["properties"].items() >= orjson.loads(orjson.dumps(properties, default=int)).items()
    with pytest.raises(InvalidRecordError):
        encoder().encode("E", "u", properties, NOW)
    with pytest.raises(CannotEncodeError, match="nan"):
        unchecked.encode("E", "u", {**properties, "bad": [math.nan]}, NOW)


def test_an_encoder_for_another_token_has_the_same_rules() -> None:
    """What holds for the client's own events holds for those that keep a foreign token."""
    other = encoder(values=ValueConverter(lambda _: "text"), max_age_seconds=100.0).with_token("other")
    unknown: JSONValue = object()
    part, _ = other.encode("E", "u", {"value": unknown}, NOW)
    assert orjson.loads(part)["properties"]["value"] == "text"
    with pytest.raises(InvalidRecordError, match="five days ago"):
        other.encode("E", "u", None, NOW, NOW - 1000)
    with pytest.raises(InvalidRecordError, match="needs its time"):
        encoder(needs_time=True).with_token("other").encode("E", "u", None, NOW)


def test_the_limit_of_size() -> None:
    """An event of 1,000,000 bytes is valid; one byte more raises an error with both sizes."""
    fixed = len(encoder().encode("E", "u", {"a": ""}, NOW)[0])
    part, _ = encoder().encode("E", "u", {"a": "x" * (1_000_000 - fixed)}, NOW)
    assert len(part) == 1_000_000
    with pytest.raises(RecordTooLargeError) as caught:
        encoder().encode("E", "u", {"a": "x" * (1_000_001 - fixed)}, NOW)
    assert (caught.value.size, caught.value.limit) == (1_000_001, 1_000_000)


def test_many_event_names_do_not_fill_the_memory() -> None:
    """The cache of event names has a limit."""
    one = encoder()
    for number in range(10_000):
        one.encode(f"E{number}", "u", None, NOW)
    assert len(one._heads) <= 4096


def test_updates() -> None:
    """An update is encoded unchanged; is_unsafe() names those that must not be applied twice."""
    own = (PROFILE_OPERATIONS, 1000, ValueConverter())
    part = encode_update({"$token": "t", "$distinct_id": "u", "$set": {"a": 1}}, *own)
    assert orjson.loads(part)["$set"] == {"a": 1}
    with pytest.raises(RecordTooLargeError):
        encode_update({"$set": {"a": "x" * 1000}}, *own)
    with pytest.raises(CannotEncodeError):
        encode_update({"$set": {"a": math.nan}}, *own)
    assert [is_unsafe({name: {}}) for name in ("$set", "$unset", "$add", "$append", "$union", "$remove")] == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]
