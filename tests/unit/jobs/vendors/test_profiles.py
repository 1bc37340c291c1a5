"""The properties of users in vendors' exports, without a server."""

import orjson
import pytest

from mixpanel_async import UpdateMapping
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.jobs.encoding.updates import UpdateEncoding
from mixpanel_async.jobs.mapping.config import VENDORS
from mixpanel_async.jobs.model.chunks import Chunk, EncodedChunk, Position
from mixpanel_async.records.tokens import TokenRule
from tests.integration.cli import vendor_samples as samples
from tests.steps import at_once
from tests.unit.jobs.vendors.test_events import SAMPLES

WITH_PROFILES = [vendor for vendor in VENDORS if vendor != "snowplow"]


def encoded(vendor: str, *lines: bytes, **mapping: object) -> EncodedChunk:
    own = UpdateMapping(vendor=vendor, **mapping)  # type: ignore[arg-type]
    tokens = TokenRule("replace", "token", field="$token", takes_tokens=True)
    encoding = UpdateEncoding(tokens, 1_000_000, own, is_group=False, may_repeat=False)
    numbers = range(1, len(lines) + 1)
    return at_once(encoding.encode(Chunk("x", numbers, lines=lines, end=Position(0, len(lines), 0))))


def updates(vendor: str, *records: object, **mapping: object) -> list[object]:
    return [orjson.loads(part) for part in encoded(vendor, *map(orjson.dumps, records), **mapping).parts]


@pytest.mark.parametrize("vendor", WITH_PROFILES)
def test_every_field_may_be_missing_or_wrong(vendor: str) -> None:
    """Whatever one field holds, each record has an outcome."""
    record = {**SAMPLES[vendor], "traits": {"a": 1}}
    values: list[object] = [None, "", "x", 5, -1, 1.5, True, [], [1], [None], {}, {"a": {"b": 1}}, "{", "[1]", "NULL"]
    lines = [orjson.dumps({name: one for name, one in record.items() if name != gone}) for gone in record]
    lines += [orjson.dumps({**record, name: value}) for name in record for value in values]
    lines += [b"5", b"[]", b"{}", b"null", b'{"a":']
    chunk = encoded(vendor, *lines)
    tally = chunk.tally
    assert tally.read == len(chunk.parts) + tally.rejected.total() + tally.skipped.total()
    assert len(set(chunk.numbers)) + tally.rejected.total() + tally.skipped.total() == len(lines)


def test_exports_without_users() -> None:
    """Snowplow's events have no properties of users: an error that says which exports have."""
    with pytest.raises(InvalidSettingError, match="choose one of amplitude, ga4, heap, mixpanel, mparticle, posthog"):
        updates("snowplow", samples.snowplow())


def test_each_operation_is_an_update_of_its_own() -> None:
    """Mixpanel takes one operation in an update: $set and $set_once of one record become two."""
    who = {"$token": "token", "$distinct_id": "ann"}
    assert updates("posthog", samples.posthog()) == [
        {**who, "$set": {"$email": "ann@example.com", "level": 3}},
        {**who, "$set_once": {"$initial_os": "Mac OS X"}},
    ]


def test_options_of_the_mapping() -> None:
    """The ID, the operation and the types are those of the mapping."""
    record = samples.amplitude(user_properties={"email": "a@example.com", "level": "3", "code": "007"})
    made = updates("amplitude", record, id_field="user_properties.email", operation="$set_once", infer_types=True)
    assert made == [
        {
            "$token": "token",
            "$distinct_id": "a@example.com",
            "$set_once": {"$email": "a@example.com", "level": 3, "code": "007"},
        }
    ]


def test_numbers_are_exact() -> None:
    """Every digit reaches the wire."""
    line = orjson.dumps(samples.amplitude()).replace(b'"level":3', b'"level":12345678901234567890123')
    assert b"12345678901234567890123" in encoded("amplitude", line).parts[0]


def test_two_fields_with_one_name() -> None:
    """Where two properties would get one name, the second keeps its own."""
    record = samples.segment(
        type="identify", traits={"firstName": "Ann", "first_name": "Anna", "$email": "x", "email": 1}
    )
    (made,) = updates("segment", record)
    assert isinstance(made, dict)
    assert made["$set"] == {"$first_name": "Ann", "first_name": "Anna", "$email": "x", "email": 1}


def test_a_foreign_token_is_not_kept() -> None:
    """A token in the customer's properties is a property, and the project is the client's."""
    (made,) = updates("segment", samples.segment(type="identify", traits={"$token": "other", "plan": "pro"}))
    assert isinstance(made, dict)
    assert (made["$token"], made["$set"]) == ("token", {"$token": "other", "plan": "pro"})
