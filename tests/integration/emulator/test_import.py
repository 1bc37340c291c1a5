import gzip
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async import limits
from mixpanel_async.emulator.rules.events import check_imported_event
from tests.integration.emulator.api import NOON, Api, HandClock, event


async def test_import_stores_all_and_says_how_many(api: Api) -> None:
    """A valid batch is stored completely, and the reply has the count."""
    sent = [event(number, plan="pro") for number in range(2000)]
    answer = await api.import_events(sent, packed=True)
    assert (answer.status, answer.json()) == (200, {"code": 200, "num_records_imported": 2000, "status": "OK"})
    assert await api.emulator.events() == sent


async def test_import_takes_json_lines(api: Api) -> None:
    """JSON lines, compressed or not, are stored like an array."""
    body = b"\n".join(orjson.dumps(event(number)) for number in range(3)) + b"\n\n"
    for packed in (False, True):
        headers = {"Content-Type": "application/x-ndjson"} | ({"Content-Encoding": "gzip"} if packed else {})
        sent = gzip.compress(body) if packed else body
        answer = await api.call("POST", "/import", query={"project_id": 1}, body=sent, headers=headers)
        assert answer.json()["num_records_imported"] == 3
    assert await api.emulator.events() == [event(number) for number in range(3)] * 2


async def test_a_malformed_line_fails_the_request(api: Api) -> None:
    """A malformed line gets a 400 for the whole request, with its number."""
    body = orjson.dumps(event()) + b'\n{"event":'
    headers = {"Content-Type": "application/x-ndjson"}
    answer = await api.call("POST", "/import", query={"project_id": 1}, body=body, headers=headers)
    assert answer.status == 400
    assert "line 2" in answer.json()["error"]
    assert "failed_records" not in answer.json()
    assert await api.emulator.events() == []


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b"[]", b"[NaN]", b"7", b'["\xff"]'])
async def test_a_malformed_body_fails_the_request(api: Api, body: bytes) -> None:
    """A body that is not a non-empty JSON array gets a 400."""
    answer = await api.call("POST", "/import", query={"project_id": 1}, body=body)
    assert (answer.status, answer.json()["code"]) == (400, 400)


async def test_strict_import_stores_the_good_and_lists_the_bad(api: Api) -> None:
    """With strict=1 valid records are stored; each invalid one is listed with index, ID, field and message."""
    answer = await api.import_events([event(0), event(1, time="yesterday"), event(2), "no object"])
    body = answer.json()
    assert (answer.status, body["code"], body["num_records_imported"]) == (400, 400, 2)
    assert body["error"] == "some data points in the request failed validation"
    assert [(one["index"], one["insert_id"], one["field"]) for one in body["failed_records"]] == [
        (1, "id-1", "properties.time"),
        (3, "", ""),
    ]
    assert await api.emulator.events() == [event(0), event(2)]
    assert (await api.emulator.counts()).rejected == 2


async def test_lenient_import_stores_the_good_and_is_silent(api: Api) -> None:
    """With strict=0 invalid records are dropped without an error."""
    answer = await api.import_events([event(0), event(1, time=...)], strict=0)
    assert (answer.status, answer.json()["num_records_imported"]) == (200, 1)


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"leaf": 1}
    for _ in range(depth - 1):
        value = {"inner": value}
    return value


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time": ...}, "properties.time"),
        ({"time": None}, "properties.time"),
        ({"time": True}, "properties.time"),
        ({"time": limits.MIN_EVENT_TIME_SECONDS - 1}, "properties.time"),
        ({"distinct_id": ...}, "properties.distinct_id"),
        ({"distinct_id": 7}, "properties.distinct_id"),
        ({"distinct_id": "anonymous"}, "properties.distinct_id"),
        ({"distinct_id": "00000000-0000-0000-0000-000000000000"}, "properties.distinct_id"),
        ({"$insert_id": ...}, "properties.$insert_id"),
        ({"$insert_id": ""}, "properties.$insert_id"),
        ({"$insert_id": "a" * 37}, "properties.$insert_id"),
        ({"$insert_id": "with space"}, "properties.$insert_id"),
        ({"$insert_id": "é"}, "properties.$insert_id"),
        ({"$insert_id": "id\n"}, "properties.$insert_id"),
        ({"$insert_id": "undefined"}, "properties.$insert_id"),
        ({"deep": _nested(4)}, "properties.deep"),
        ({"in_array": [[_nested(4)]]}, "properties.in_array"),
        ({"wide": dict.fromkeys(map(str, range(255)), 0)}, "properties.wide"),
        ({"long": list(range(255))}, "properties.long"),
        (dict.fromkeys((f"p{number}" for number in range(252)), 0), "properties"),
    ],
)
def test_flaws_are_found(changes: dict[str, Any], field: str) -> None:
    """Each documented rule rejects a record that breaks it, and names the field."""
    flaw = check_imported_event(event(**changes))
    assert flaw is not None
    assert flaw.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {"time": limits.MIN_EVENT_TIME_SECONDS},
        {"time": limits.MIN_EVENT_TIME_MILLISECONDS},
        {"time": NOON + 0.25},
        {"distinct_id": ""},
        {"$insert_id": "a" * 36},
        {"deep": _nested(3)},
        {"wide": dict.fromkeys(map(str, range(254)), 0)},
        {"long": list(range(254))},
        dict.fromkeys((f"p{number}" for number in range(251)), 0),
    ],
)
def test_limits_themselves_are_allowed(changes: dict[str, Any]) -> None:
    """A record exactly at a limit is valid."""
    assert check_imported_event(event(**changes)) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@given(record=json_values | st.fixed_dictionaries({"event": json_values, "properties": json_values}))
def test_any_json_gets_a_verdict(record: object) -> None:
    """No JSON value breaks the validation; only objects with both fields can be valid."""
    if check_imported_event(record) is None:
        assert isinstance(record, dict)
        assert set(record) == {"event", "properties"}


async def test_arrays_a_thousand_deep_do_no_harm(api: Api) -> None:
    """Nesting that would exhaust a recursive check or the encoder is rejected without a crash."""
    body = b'[{"event":"e","properties":{"time":%d,"distinct_id":"d","$insert_id":"i","x":%s}}]'
    deep = b"[" * 900 + b"]" * 900
    answer = await api.call("POST", "/import", query={"project_id": 1}, body=body % (NOON, deep))
    assert answer.json()["failed_records"][0]["field"] == "properties.x"
    shallow = b"[" * 100 + b"]" * 100
    answer = await api.call("POST", "/import", query={"project_id": 1}, body=body % (NOON, shallow))
    assert answer.status == 200


async def test_long_strings_are_truncated(api: Api) -> None:
    """A string above 255 characters is truncated at any depth; the record is accepted."""
    await api.import_events([event(text="é" * 300, inner={"list": ["y" * 256]})])
    (stored,) = await api.emulator.events()
    assert stored["properties"]["text"] == "é" * 255
    assert stored["properties"]["inner"] == {"list": ["y" * 255]}


async def test_future_time_becomes_arrival_time(api: Api) -> None:
    """A time more than an hour ahead becomes the arrival time; one within the hour is kept."""
    await api.import_events(
        [event(0, time=NOON + 3600), event(1, time=NOON + 3601), event(2, time=(NOON + 9999) * 1000)]
    )
    assert [one["properties"]["time"] for one in await api.emulator.events()] == [NOON + 3600, NOON, NOON]


async def test_event_above_a_megabyte_is_refused(api: Api) -> None:
    """An event above 1 MB is rejected; the others of its batch are not."""
    answer = await api.import_events([event(0), event(1, text="x" * limits.MAX_EVENT_BYTES)])
    assert answer.json()["num_records_imported"] == 1
    assert answer.json()["failed_records"][0]["index"] == 1


async def test_too_many_records_or_bytes_are_413(api: Api) -> None:
    """A batch above either limit gets a 413, and nothing of it is stored."""
    too_many = await api.import_events([event(number) for number in range(2001)])
    too_large = await api.import_events(
        [event(text="x" * 900_000), event(text="x" * 900_000), event(text="x" * 900_000)]
    )
    bomb = await api.import_events([event(text="x" * 2_000_001)], packed=True)
    for answer in (too_many, too_large, bomb):
        assert (answer.status, answer.json()["code"], answer.json()["status"]) == (413, 413, "Request Entity Too Large")
    assert await api.emulator.events() == []


@pytest.mark.parametrize("damage", [lambda body: body[:-4], lambda body: b"no" + body[2:]])
async def test_broken_gzip_is_400(api: Api, damage: Any) -> None:  # noqa: ANN401 - a function of a parameter list
    """A truncated or malformed gzip stream gets a 400."""
    body = damage(gzip.compress(orjson.dumps([event()])))
    answer = await api.call("POST", "/import", query={"project_id": 1}, body=body, headers={"Content-Encoding": "gzip"})
    assert answer.status == 400


async def test_identity_events_become_links(api: Api) -> None:
    """$identify, $create_alias and $merge link IDs and count as imported, but are not events."""
    anonymous = "7d2b8f0e-94b9-4e2c-9a50-0f7cf1c3a111"
    answer = await api.import_events(
        [
            {"event": "$identify", "properties": {"$identified_id": "user", "$anon_id": anonymous}},
            {"event": "$create_alias", "properties": {"distinct_id": "user", "alias": "other"}},
            {"event": "$merge", "properties": {"$distinct_ids": ["a", "b"]}},
        ]
    )
    assert answer.json()["num_records_imported"] == 3
    assert await api.emulator.identities() == [
        ("$identify", "user", anonymous),
        ("$create_alias", "user", "other"),
        ("$merge", "a", "b"),
    ]
    assert await api.emulator.events() == []


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("$merge", {"$distinct_ids": ["a"]}),
        ("$merge", {"$distinct_ids": ["a", "b", "c"]}),
        ("$merge", {"$distinct_ids": ["a", "null"]}),
        ("$identify", {"$identified_id": "a", "$anon_id": "not-a-uuid"}),
        ("$identify", {"$anon_id": "7d2b8f0e-94b9-4e2c-9a50-0f7cf1c3a111"}),
        ("$create_alias", {"distinct_id": "a"}),
    ],
)
def test_identity_events_are_checked(name: str, properties: dict[str, Any]) -> None:
    """An identity event without its two IDs is rejected."""
    assert check_imported_event({"event": name, "properties": properties}) is not None


async def test_duplicates_are_kept_raw_and_folded_in_queries(api: Api, clock: HandClock) -> None:
    """Of events with equal event, time, distinct_id and $insert_id the latest counts, whatever the unit of the time."""
    await api.import_events([event(1, version=1), event(1, name="Other", version=1)])
    clock.seconds += 1
    await api.import_events([event(1, version=2, time=NOON * 1000), event(1, version=1, time=NOON + 1)])
    assert len(await api.emulator.events()) == 4
    versions = [(one["event"], one["properties"]["version"]) for one in await api.emulator.deduplicated_events()]
    assert versions == [("Other", 1), ("Signed Up", 2), ("Signed Up", 1)]
