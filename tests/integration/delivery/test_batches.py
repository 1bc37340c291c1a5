"""Batches on the wire: exact limits, linger time, compression and IDs."""

import asyncio
import re
import time

import pytest

from mixpanel_async import AsyncMixpanel, Outcome, Properties, Settings
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.engine.memory_budget import RECORD_OVERHEAD_BYTES
from tests.conftest import TOKEN, Connect

NEVER = Settings(linger_seconds=3600.0)


async def settle(client: AsyncMixpanel) -> None:
    report = await client.flush(timeout=20)
    assert report.pending == 0


@pytest.mark.parametrize(
    ("records", "requests"), [(1999, [1999]), (2000, [2000]), (2001, [1, 2000]), (4001, [1, 2000, 2000])]
)
async def test_a_batch_has_at_most_2000_records(
    records: int, requests: list[int], server: Emulator, connect: Connect
) -> None:
    """Batches are filled exactly to the limit on records and never exceed it."""
    client = connect(NEVER)
    for number in range(records):
        await client.track("u", "E", {"n": number})
    await settle(client)
    assert sorted(request.records for request in server.requests) == requests


@pytest.mark.parametrize(("extra", "requests"), [(-1, [2]), (0, [2]), (1, [1, 1])])
async def test_a_body_has_at_most_its_limit_of_bytes(
    extra: int, requests: list[int], server: Emulator, connect: Connect
) -> None:
    """A body of exactly 2,000,000 bytes is one request; one byte more makes two."""
    client = connect(NEVER)
    empty = '[{"$token":"","$distinct_id":"u","$set":{"p":""}},{"$token":"","$distinct_id":"u","$set":{"p":""}}]'
    filler = 2_000_000 + extra - len(empty) - 2 * len(TOKEN)
    first = filler // 2
    await client.people.set("u", {"p": "x" * first})
    await client.people.set("u", {"p": "x" * (filler - first)})
    await settle(client)
    assert sorted(request.records for request in server.requests) == requests
    if len(requests) == 1:
        assert server.requests[0].bytes == 2_000_000 + extra


@pytest.mark.parametrize(("extra", "requests"), [(0, [2]), (1, [1, 1])])
async def test_a_body_of_events_has_at_most_its_limit_of_bytes(
    extra: int, requests: list[int], server: Emulator, connect: Connect
) -> None:
    """The same is true for events, which are admitted on the fast path."""
    client = connect(Settings(linger_seconds=3600.0, max_batch_bytes=10_000))
    await client.track("u", "E", {"p": "x" * 5_000})
    first = client.stats.buffered_bytes - RECORD_OVERHEAD_BYTES
    second = 10_000 + extra - len("[,]") - first
    await client.track("u", "E", {"p": "x" * (5_000 + second - first)})
    assert client.stats.buffered_bytes == first + second + 2 * RECORD_OVERHEAD_BYTES
    await settle(client)
    assert sorted(request.records for request in server.requests) == requests


async def test_the_lower_limit_is_learned(server: Emulator, connect: Connect) -> None:
    """After a 413 new batches are small enough; only batches made before are split."""
    server.limits.max_batch_bytes = 50_000
    client = connect(NEVER)
    for round_ in range(2):
        for number in range(100):
            await client.track("u", "E", {"n": number, "filler": "x" * 1000})
        await settle(client)
        if not round_:
            assert 413 in {request.status for request in server.requests}
            server.requests.clear()
    assert {request.status for request in server.requests} == {200}
    assert len(await server.events()) == 200


async def test_both_limits_are_settings(server: Emulator, connect: Connect) -> None:
    """Smaller limits are respected as exactly."""
    client = connect(Settings(max_batch_records=7, max_group_batch_records=3, linger_seconds=3600.0))
    for number in range(15):
        await client.track("u", "E", {"n": number})
    for number in range(4):
        await client.groups.set("company", f"c{number}", {"n": number})
    await settle(client)
    by_path = {path: sorted(r.records for r in server.requests if r.path == path) for path in ("/track", "/groups")}
    assert by_path == {"/track": [1, 7, 7], "/groups": [1, 3]}


async def test_a_record_does_not_wait_for_company(connect: Connect) -> None:
    """A batch that does not fill is sent after the linger time, without any call."""
    client = connect(Settings(linger_seconds=2.0))
    started = time.monotonic()
    receipt = await client.track("u", "Lonely")
    verdict = await asyncio.wait_for(receipt, timeout=5)
    assert verdict.is_delivered
    assert time.monotonic() - started >= 0.02  # 2 s on a clock that runs a hundred times as fast


async def test_events_are_compressed_and_profiles_are_not(server: Emulator, connect: Connect) -> None:
    """/track and /import get gzip; /engage and /groups get plain JSON, the only encoding they accept."""
    client = connect()
    await client.track("u", "E", {"text": "x" * 1000})
    await client.import_event("u", "E", {"text": "x" * 1000}, time=1_700_000_000)
    await client.people.set("u", {"text": "x" * 1000})
    await client.groups.set("company", "acme", {"text": "x" * 1000})
    await settle(client)
    encodings = {request.path: request.headers.get("Content-Encoding") for request in server.requests}
    assert encodings == {"/track": "gzip", "/import": "gzip", "/engage": None, "/groups": None}


async def test_every_event_gets_an_id_of_its_own(server: Emulator, connect: Connect) -> None:
    """Equal events in the same millisecond remain two events: each gets a unique ID when it is admitted."""
    client = connect()
    for _ in range(3000):
        await client.track("u", "Same", {"a": 1})
    await settle(client)
    ids = [event["properties"]["$insert_id"] for event in await server.events()]
    assert len(ids) == len(set(ids)) == 3000
    assert all(re.fullmatch(r"[A-Za-z0-9-]{1,36}", each) for each in ids)


async def test_an_exact_repeat_is_dropped_and_counted(server: Emulator, connect: Connect) -> None:
    """Events with equal (event, time, distinct_id, $insert_id) are sent once in the window; all others are sent."""
    client = connect()
    same = [await client.import_event("u", "E", {"n": n}, time=1_700_000_000, insert_id="id-1") for n in range(2)]
    others = [
        await client.import_event("v", "E", time=1_700_000_000, insert_id="id-1"),
        await client.import_event("u", "F", time=1_700_000_000, insert_id="id-1"),
        await client.import_event("u", "E", time=1_700_000_001, insert_id="id-1"),
        await client.import_event("u", "E", time=1_700_000_000, insert_id="id-2"),
    ]
    await settle(client)
    assert [(await receipt).outcome for receipt in same] == [Outcome.ACCEPTED, Outcome.DUPLICATE]
    assert {(await receipt).outcome for receipt in others} == {Outcome.ACCEPTED}
    assert len(await server.events()) == 5


async def test_a_repeat_of_what_failed_is_no_duplicate(connect: Connect) -> None:
    """An event that was not delivered can be tracked again: it is not a duplicate."""
    client = connect(secret="wrong")
    first = await client.import_event("u", "E", time=1_700_000_000, insert_id="id-1")
    await settle(client)
    again = await client.import_event("u", "E", time=1_700_000_000, insert_id="id-1")
    assert (await first).outcome is Outcome.REJECTED
    assert (await again).outcome is Outcome.REJECTED


async def test_what_arrives_is_what_was_given(server: Emulator, connect: Connect) -> None:
    """Properties arrive unchanged: UTF-8, big integers, floats, nesting, null; the caller's dict is not modified."""
    properties: Properties = {
        "city": "Zürich ☃ 東京", "big": 2**63, "small": -(2**63), "pi": 3.141592653589793, "none": None,
        "nested": {"a": {"b": [1, [2, {"c": 3}]]}}, "flag": True, "empty": {}, "quote": '"\\\n',
    }  # fmt: skip
    before = repr(properties)
    client = connect()
    receipt = await client.import_event("ü", "Ë", properties, time=1_700_000_000_123, insert_id="id-1")
    await settle(client)
    assert (await receipt).is_delivered
    (event,) = await server.events()
    expected = {**properties, "time": 1_700_000_000_123, "distinct_id": "ü", "$insert_id": "id-1"}
    assert event == {"event": "Ë", "properties": expected}
    assert repr(properties) == before


async def test_track_over_import(server: Emulator, connect: Connect) -> None:
    """With `track_via="import"` the same call uses /import, even without a time, and gets its own verdict."""
    client = connect(Settings(track_via="import"))
    receipts = [await client.track("u", "E", {"n": 1}), await client.track("u", "E", time=1_700_000_000)]
    await settle(client)
    assert [(await receipt).outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert [(request.path, request.records) for request in server.requests] == [("/import", 2)]


async def test_ordered_profiles(server: Emulator, connect: Connect) -> None:
    """With `ordered_profiles` the last value set remains, whatever fails in between."""
    server.faults.add(InjectedFault(path="/engage", kind="status", status=503, times=2, after=1))
    client = connect(Settings(ordered_profiles=True, max_batch_records=1))
    for number in range(12):
        await client.people.set("u", {"last": number})
    await settle(client)
    assert (await server.profiles())["u"]["last"] == 11


async def test_identity(server: Emulator, connect: Connect) -> None:
    """Identify and alias use /track; merge uses strict /import."""
    client = connect()
    receipts = [
        await client.identify("user-1", "6b2f1c1e-7b1c-4b0e-8a55-1f3f5a2b6c7d"),
        await client.alias("user-1", "user-one"),
        await client.merge("user-1", "user-2"),
    ]
    await settle(client)
    assert [(await receipt).is_delivered for receipt in receipts] == [True, True, True]
    assert sorted(request.path for request in server.requests) == ["/import", "/track"]
    assert len(await server.identities()) == 3
