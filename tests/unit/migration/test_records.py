"""What becomes of events and profiles on their way to another project."""

from typing import Any, Final

import orjson
import pytest

from mixpanel_async.migration.records import (
    event_as_it_was,
    event_with_simple_ids,
    other_event_as_it_was,
    profile_updates,
)

NOISE: Final[dict[str, Any]] = {
    "$import": True,
    "mp_processing_time_ms": 1,
    "$mp_api_endpoint": "x",
    "mp_api_timestamp_ms": 2,
}


def event(name: str = "E", **properties: object) -> dict[str, Any]:
    return {"event": name, "properties": {"time": 1, "$insert_id": "i", **properties}}


def test_what_mixpanel_added_is_dropped() -> None:
    """What Mixpanel adds goes; what the sender said stays, its $insert_id and library, too."""
    found = event_as_it_was(event(distinct_id="u", mp_lib="python", mp_keyword="x", **NOISE))
    assert found == event(distinct_id="u", mp_lib="python", mp_keyword="x")


def test_the_id_with_which_it_was_tracked() -> None:
    """In a project with the same mode, an event is imported under its own id; its user merges the ids again."""
    found = event_as_it_was(event(distinct_id="user", **{"$distinct_id_before_identity": "anon"}))
    assert found == event(distinct_id="anon")


@pytest.mark.parametrize("name", ["$identify", "$create_alias", "$merge"])
def test_events_that_merge_ids(name: str) -> None:
    """They are imported once, before the others, and not at all where ids are simplified."""
    assert other_event_as_it_was(event(name, distinct_id="u")) is None
    assert event_with_simple_ids(event(name, distinct_id="u")) is None
    assert event_as_it_was(event(name, distinct_id="u")) is not None


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({"distinct_id": "u"}, {"distinct_id": "u", "$user_id": "u"}),
        (
            {"distinct_id": "u", "$distinct_id_before_identity": "d"},
            {"distinct_id": "u", "$user_id": "u", "$device_id": "d"},
        ),
        ({"distinct_id": "d", "$device_id": "d"}, {"distinct_id": "d", "$device_id": "d"}),
        ({"distinct_id": ""}, {"distinct_id": ""}),
        ({"distinct_id": ["u"]}, {"distinct_id": ["u"], "$user_id": ["u"]}),
        ({"distinct_id": "$device:d"}, {"distinct_id": "$device:d"}),
        ({"distinct_id": "u", "$user_id": "own"}, {"distinct_id": "u", "$user_id": "own"}),
    ],
)
def test_simple_ids(given: dict[str, Any], ids: dict[str, Any]) -> None:
    """An event gets the user and, where it was tracked under another id, the device."""
    assert event_with_simple_ids(event(**given)) == event(**ids)


def test_profiles() -> None:
    """A user's profile is set without a place and a time; numbers keep their digits."""
    lines = [
        b'{"$distinct_id":"u","$properties":{"$last_seen":"x","n":123456789012345678901234567890,"a":[1,null]}}\n',
        b'{"$group_key":"company","$group_id":"acme","$properties":{"n":1}}\n',
    ]
    user, group = profile_updates(iter(lines))
    assert b'"n":123456789012345678901234567890' in user
    assert orjson.loads(user)["$ip"] == "0"
    assert orjson.loads(user)["$ignore_time"] is True
    assert "$last_seen" not in orjson.loads(user)["$set"]
    assert orjson.loads(group) == {"$group_key": "company", "$group_id": "acme", "$set": {"n": 1}}


@pytest.mark.parametrize("properties", [b"", b',"$properties":null'])
def test_profiles_without_properties(properties: bytes) -> None:
    """A profile without properties is set without any."""
    (update,) = profile_updates(iter([b'{"$distinct_id":"u"' + properties + b"}\n"]))
    assert orjson.loads(update)["$set"] == {}


@pytest.mark.parametrize("line", [b"[]\n", b"5\n", b"{\n", b'{"$distinct_id":"\xff"}\n'])
def test_what_is_no_profile(line: bytes) -> None:
    """A line that is no profile stays as it is, so that the import counts it as rejected."""
    assert list(profile_updates(iter([line]))) == [line]
