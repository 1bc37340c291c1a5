"""What presets make of records, without a server."""

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal

import orjson
import pytest

from mixpanel_async import RecordMapping, UpdateMapping
from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.events import EventEncoding
from mixpanel_async.jobs.mapping.config import VENDORS
from mixpanel_async.jobs.mapping.mapper import EventMapper
from mixpanel_async.jobs.model.chunks import Chunk, EncodedChunk, Position
from mixpanel_async.jobs.vendors.events import VendorEvents
from mixpanel_async.records.tokens import TokenRule
from mixpanel_async.records.values import ValueConverter
from tests.integration.cli import vendor_samples as samples
from tests.integration.cli.vendor_samples import Record
from tests.steps import at_once

SAMPLES: Mapping[str, Record] = {
    "amplitude": samples.amplitude(),
    "ga4": samples.ga4(),
    "heap": samples.heap(),
    "mixpanel": samples.mixpanel(),
    "mparticle": samples.mparticle(),
    "posthog": samples.posthog(),
    "segment": samples.segment(),
    "snowplow": samples.snowplow(),
}


def encoded(vendor: str, *lines: bytes, keeps_events: bool = False, **mapping: object) -> EncodedChunk:
    """Encode lines as an import does."""
    own = RecordMapping(vendor=vendor, **mapping)  # type: ignore[arg-type]
    tokens = TokenRule("replace", "token", field="properties.token", takes_tokens=False)
    encoding = EventEncoding(EventWindow(100), lambda: 2e9, 1_000_000, tokens, own, keeps_events=keeps_events)
    numbers = range(1, len(lines) + 1)
    return at_once(encoding.encode(Chunk("x", numbers, lines=lines, end=Position(0, len(lines), 0))))


def event(vendor: str, record: Record, *, is_table: bool = False, **mapping: object) -> Mapping[str, object]:
    own = RecordMapping(vendor=vendor, **mapping)  # type: ignore[arg-type]
    made = VendorEvents(vendor, own, ValueConverter(is_exact=True))
    (single,) = made.split(record, 1)
    mapper = EventMapper(made.mapping, default_zone=made.time_zone)
    found = mapper.event(made.event(single, 1, is_table=is_table), 1)["properties"]
    assert isinstance(found, Mapping)
    return found


@pytest.mark.parametrize("vendor", VENDORS)
def test_numbers_are_exact(vendor: str) -> None:
    """Integers beyond 64 bits and decimals with many digits reach the wire with every digit."""
    plain = orjson.dumps(SAMPLES[vendor])
    places = {"ga4": (b'"double_value":19.99', b'"double_value":%b'), "snowplow": (b'"total":19.99', b'"total":%b')}
    old, new = places.get(vendor, (b'"plan":"pro"', b'"plan":%b'))
    if vendor == "segment":
        old, new = b'"revenue":19.99', b'"revenue":%b'
    for digits in (b"12345678901234567890123", b"0.1234567890123456789"):
        assert plain.count(old) >= 1
        chunk = encoded(vendor, plain.replace(old, new % digits))
        assert chunk.tally.rejected.total() == 0, chunk.rejects
        assert digits in chunk.parts[0]


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_field_may_be_missing_or_wrong(vendor: str) -> None:
    """Whatever one field holds, the record has an outcome."""
    record = SAMPLES[vendor]
    values: list[object] = [None, "", "x", 5, -1, 1.5, True, [], [1], [None], {}, {"a": {"b": 1}}, "{", "[1]", "NULL"]
    lines = [orjson.dumps({name: one for name, one in record.items() if name != gone}) for gone in record]
    lines += [orjson.dumps({**record, name: value}) for name in record for value in values]
    chunk = encoded(vendor, *lines)
    tally = chunk.tally
    outcomes = len(chunk.parts) + tally.rejected.total() + tally.duplicates + tally.skipped.total()
    assert tally.read == outcomes == len(lines)


@pytest.mark.parametrize("vendor", VENDORS)
def test_values_that_are_no_objects_are_rejected(vendor: str) -> None:
    """A line that is not an object of the vendor is rejected alone."""
    chunk = encoded(vendor, b"5", b"[]", b"{}", b"null", b'{"a":', orjson.dumps(SAMPLES[vendor]))
    assert len(chunk.parts) == 1
    assert chunk.tally.read == 6
    assert chunk.tally.rejected.total() + chunk.tally.skipped.total() == 5


def test_deep_records_are_rejected() -> None:
    """A record that is nested too deeply is rejected, and the import continues."""
    deep = b'{"context":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b',"type":"track","event":"A","userId":"u",'
    chunk = encoded("segment", deep + b'"timestamp":"2024-01-02T03:04:05Z"}', orjson.dumps(samples.segment()))
    assert (len(chunk.parts), chunk.tally.read) == (1, 2)


def test_parquet_values() -> None:
    """Values of Parquet files: times, UUIDs, text with JSON, and lists as BigQuery nests them."""
    row: Record = samples.posthog(uuid=uuid.UUID(samples.UUID), properties='{"plan":"pro","$device_id":"d"}')
    row["timestamp"] = dt.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
    found = event("posthog", row, is_table=True)
    assert (found["time"], found["$insert_id"], found["plan"]) == (1704164645679, samples.UUID, "pro")
    listed = {"list": [{"element": {"key": "a", "value": {"int_value": 1}}}]}
    assert event("ga4", samples.ga4(event_params=listed), is_table=True)["a"] == 1


def test_params_with_one_name_are_all_kept() -> None:
    """Two values of one name become a list."""
    params = [{"key": "a", "value": {"int_value": str(n)}} for n in range(3)]
    assert event("ga4", samples.ga4(event_params=params))["a"] == [0, 1, 2]


def test_taken_names() -> None:
    """What the customer named keeps its name; the vendor's field moves."""
    found = event("amplitude", samples.amplitude(event_properties={"platform": 1, "$city": "own", "time": 2}))
    assert (found["platform"], found["amplitude.platform"]) == (1, "iOS")
    assert (found["$city"], found["city"]) == ("own", "Berlin")
    assert (found["time"], found["event_properties.time"]) == (1704164645678, 2)


@pytest.mark.parametrize("nobody", ["", "null", "NULL", "undefined", "None", "0", "-1", " ", "NaN", "[object Object]"])
def test_placeholders(nobody: str) -> None:
    """A placeholder is not a user: the event belongs to the device."""
    found = event("amplitude", samples.amplitude(user_id=nobody))
    assert found["distinct_id"] == found["$device_id"] == "dev-1"
    assert "$user_id" not in found


def test_numbers_as_ids() -> None:
    """Integers become their digits; anything else is an error that names the field."""
    assert event("amplitude", samples.amplitude(user_id=123))["$user_id"] == "123"
    for wrong in (Decimal("1.5"), True, ["a"]):
        with pytest.raises(InvalidRecordError, match="user_id"):
            event("amplitude", samples.amplitude(user_id=wrong))


def test_the_mapping_replaces_parts() -> None:
    """Fields of the mapping are paths in the vendor's record."""
    record = samples.amplitude(event_properties={"when": "02.01.2024 04:04"})
    form, zone = "%d.%m.%Y %H:%M", "Europe/Berlin"
    found = event("amplitude", record, time_field="event_properties.when", time_format=form, time_zone=zone)
    assert found["time"] == 1704164640
    assert event("amplitude", record, distinct_id_field="user_properties.email")["distinct_id"] == "ann@example.com"
    assert event("amplitude", record, insert_id_field="uuid")["$insert_id"].startswith("aa3b")  # type: ignore[attr-defined]


def test_ids_that_the_mapping_makes() -> None:
    """With insert_id_hash, the mapping decides: it replaces every ID, or keeps the valid ones."""
    line = orjson.dumps(samples.amplitude())
    (replaced,) = encoded("amplitude", line, insert_id_hash="content").parts
    (kept,) = encoded("amplitude", line, insert_id_hash="content", insert_id="keep-valid").parts
    assert orjson.loads(kept)["properties"]["$insert_id"] == samples.UUID
    assert len(orjson.loads(replaced)["properties"]["$insert_id"]) == 32


def test_ids_from_other_fields() -> None:
    """The fields of the IDs can be others than the preset's; several are tried in their order."""
    record = samples.amplitude(user_id=None)
    found = event("amplitude", record, user_id_field="user_properties.email", device_id_field="idfa")
    assert (found["$user_id"], found.get("$device_id")) == ("ann@example.com", None)
    fields = ("user_id", "user_properties.email")
    assert event("amplitude", record, distinct_id_field=fields)["distinct_id"] == "ann@example.com"


def test_values_of_programs() -> None:
    """Records of a program may have other keys and values than JSON; whatever they are, they have an outcome."""

    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ValueError

        __hash__ = None  # type: ignore[assignment]

    record = samples.amplitude(**{"$insert_id": None, "uuid": uuid.UUID(samples.UUID)})
    record[5] = 6  # type: ignore[index]
    found = event("amplitude", record)
    assert (found["5"], found["$insert_id"]) == (6, samples.UUID)
    for name in ("user_id", "device_id", "event_type"):
        with pytest.raises(InvalidRecordError, match=name):
            event("amplitude", samples.amplitude(**{name: Odd()}))
    with pytest.raises(InvalidRecordError, match="64 bits"):
        event("amplitude", samples.amplitude(user_id=10**5000))


def test_placeholders_can_be_rejected() -> None:
    """With placeholder_ids="reject", a record whose ID is a placeholder is rejected."""
    with pytest.raises(InvalidRecordError, match="stands for a missing ID"):
        event("amplitude", samples.amplitude(user_id="undefined"), placeholder_ids="reject")


@pytest.mark.parametrize("vendor", VENDORS)
def test_nothing_is_odd(vendor: str) -> None:
    """Times with a zone of their own cause no notice about the zone of the preset."""
    chunk = encoded(vendor, orjson.dumps(SAMPLES[vendor]))
    assert (len(chunk.parts), dict(chunk.tally.noticed), list(chunk.notices)) == (1, {}, [])


def test_hashes_by_position() -> None:
    """Equal events of one batch are different events if the mapping says so."""
    batch = samples.mparticle(*[samples.mparticle_event("Seen", None)] * 3)
    assert encoded("mparticle", orjson.dumps(batch)).tally.duplicates == 2
    assert encoded("mparticle", orjson.dumps(batch), insert_id_hash="position").tally.duplicates == 0


def test_what_was_repaired_is_kept() -> None:
    """A dead letter that was edited into an event is replayed unchanged."""
    own = {"time": 1704164645, "distinct_id": "u", "$insert_id": "x"}
    line = orjson.dumps({"event": "A", "properties": own})
    assert encoded("segment", line, keeps_events=True).parts == [line]


@pytest.mark.parametrize("make", [RecordMapping, UpdateMapping])
def test_an_unknown_vendor(make: type[RecordMapping] | type[UpdateMapping]) -> None:
    """An unknown vendor is an error that lists the vendors."""
    with pytest.raises(InvalidSettingError, match="choose one of amplitude, ga4, heap"):
        make(vendor="amplitud")  # type: ignore[arg-type]


def test_fingerprints() -> None:
    """Without a vendor, fingerprints are those of 0.1.0; with one, they differ."""
    assert "vendor" not in RecordMapping().fingerprint()
    assert RecordMapping(vendor="heap").fingerprint() != RecordMapping(vendor="ga4").fingerprint()
    assert UpdateMapping().fingerprint() == (
        "UpdateMapping(id_field='distinct_id', group_key=None, operation='$set', types={}, infer_types=False)"
    )
    assert UpdateMapping(vendor="heap").fingerprint() != UpdateMapping().fingerprint()
