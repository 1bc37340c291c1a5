"""The Redis example with a real Redis, while Mixpanel fails and while consumers are killed."""

import asyncio
import contextlib
import importlib
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from redis.asyncio import Redis

from mixpanel_async import Settings
from mixpanel_async.emulator import Emulator, InjectedFault
from tests import ROOT
from tests.conftest import TOKEN, Connect
from tests.examples.services import FAULTS, is_away, is_ended_by, redis_url, requests_are, tell, until

example = importlib.import_module("examples.redis_streams")
SMALL = Settings(max_batch_records=200, linger_seconds=0.05)
GROUP = example.GROUP


@pytest.fixture
async def url() -> str:
    return await redis_url()


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(url) as client:
        yield client


@pytest.fixture
async def stream(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The name of a stream that only this test uses, with short waits in the example."""
    name = f"test-{uuid.uuid4().hex}"
    monkeypatch.setattr(example, "STREAM", name)
    monkeypatch.setattr(example, "REJECTED", f"{name}:rejected")
    monkeypatch.setattr(example, "WAIT_MS", 20)
    monkeypatch.setattr(example, "CLAIM_SECONDS", 0.0)
    monkeypatch.setattr(example, "MAX_UNACKNOWLEDGED", 1000)
    yield name
    await redis.delete(name, f"{name}:rejected")


async def add(redis: Redis, stream: str, count: int) -> list[str]:
    """Add entries; return their IDs in order."""
    async with redis.pipeline(transaction=False) as commands:
        for number in range(count):
            commands.xadd(stream, {"name": "Seen", "user": f"user-{number % 100}", "properties": f'{{"n": {number}}}'})
        return [entry_id.decode() for entry_id in await commands.execute()]


async def delivered(server: Emulator) -> list[str]:
    """Return the IDs of the events that Mixpanel has, without duplicates."""
    return sorted(event["properties"]["$insert_id"] for event in await server.deduplicated_events())


async def has_settled(server: Emulator, redis: Redis, stream: str, count: int) -> bool:
    """Return whether this number of events has arrived and all entries are acknowledged."""
    return len(await delivered(server)) == count and not await pending(redis, stream)


async def pending(redis: Redis, stream: str) -> int:
    found: Any = await redis.xpending(stream, GROUP)
    return int(found["pending"])


@contextlib.asynccontextmanager
async def consuming(url: str, connect: Connect) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a consumer of the example; stop it at the end of the block."""
    stop = asyncio.Event()
    async with Redis.from_url(url) as redis:
        task = asyncio.create_task(example.Consumer(redis, stop).run(connect(SMALL)))
        try:
            yield task
            stop.set()
            async with asyncio.timeout(20):
                await task
        finally:
            task.cancel()
            await asyncio.wait((task,))


async def test_every_entry_arrives_once(
    url: str, redis: Redis, stream: str, server: Emulator, connect: Connect
) -> None:
    """Whatever fails, each entry arrives once; in the end no entry is pending, and no consumer is left."""
    for fault in FAULTS:
        server.faults.add(fault)
    expected = await add(redis, stream, 3000)
    async with consuming(url, connect), consuming(url, connect):
        await until(lambda: has_settled(server, redis, stream, 3000))
        expected += await add(redis, stream, 100)
        await until(lambda: has_settled(server, redis, stream, 3100))
    assert await delivered(server) == sorted(expected)
    assert await pending(redis, stream) == 0
    assert await redis.xinfo_consumers(stream, GROUP) == []
    properties = (await server.events())[0]["properties"]
    time = int(properties["$insert_id"].partition("-")[0])
    assert {**properties, "n": 0} == {
        **properties,
        "n": 0,
        "time": time,
        "distinct_id": f"user-{properties['n'] % 100}",
    }


async def test_acknowledged_as_soon_as_all_has_settled(
    url: str, redis: Redis, stream: str, server: Emulator, connect: Connect
) -> None:
    """The last entries do not stay pending when no more arrive."""
    async with consuming(url, connect):
        expected = await add(redis, stream, 7)
        await until(lambda: has_settled(server, redis, stream, 7))
    assert await delivered(server) == sorted(expected)


async def start(url: str, stream: str, server: Emulator, **environment: str) -> asyncio.subprocess.Process:
    own = {"REDIS_URL": url, "REDIS_STREAM": stream, "MIXPANEL_TOKEN": TOKEN, "MIXPANEL_BASE_URL": server.url}
    return await asyncio.create_subprocess_exec(
        sys.executable, "examples/redis_streams.py", cwd=ROOT, env={**os.environ, **own, **environment}
    )


async def test_a_consumer_that_is_killed(url: str, redis: Redis, stream: str, server: Emulator) -> None:
    """Entries of a killed consumer stay pending; the next one claims them, and shuts down cleanly on a signal."""
    expected = await add(redis, stream, 12_000)
    server.faults.add(InjectedFault(path="/import", kind="hang", after=2, times=None))
    first = await start(url, stream, server)
    await until(lambda: requests_are(server, 4))
    tell(first, signal.SIGKILL)
    await first.wait()
    read: Any = await redis.xinfo_groups(stream)
    entries: Any = await redis.xpending_range(stream, GROUP, "-", "+", 20_000)
    waiting = {entry["message_id"].decode() for entry in entries}
    assert waiting
    assert set(expected[: read[0]["entries-read"]]) - waiting <= set(await delivered(server))
    server.faults.clear()
    second = await start(url, stream, server, CLAIM_SECONDS="0")
    await until(lambda: has_settled(server, redis, stream, 12_000))
    tell(second, signal.SIGTERM)
    assert await second.wait() == 0
    assert await delivered(server) == sorted(expected)
    assert [consumer["pending"] for consumer in await redis.xinfo_consumers(stream, GROUP)] == [0]


@pytest.mark.parametrize("signals", [1, 2])
async def test_signals(url: str, redis: Redis, stream: str, server: Emulator, signals: int) -> None:
    """After SIGTERM a consumer delivers what it has read; after a second one it stops at once, and nothing is lost."""
    expected = await add(redis, stream, 50)
    is_away(server)
    consumer = await start(url, stream, server)
    await until(lambda: requests_are(server, 1))
    tell(consumer, signal.SIGTERM)
    if signals > 1:
        await until(lambda: is_ended_by(consumer, signal.SIGTERM))
        assert await consumer.wait() == -signal.SIGTERM
        assert await pending(redis, stream) == 50
    else:
        server.faults.clear()
        assert await consumer.wait() == 0
        assert await delivered(server) == sorted(expected)
        assert await pending(redis, stream) == 0


POISON: list[dict[str, str]] = [
    {"name": "Seen", "properties": "no json"},
    {"name": "Seen", "properties": "[1]"},
    {"name": "Seen", "properties": "null"},
    {"name": "Seen", "properties": '{"a": NaN}'},
    {"name": "Seen", "properties": '{"a": {"b": {"c": {"d": {"e": 1}}}}}'},
    {"name": "Seen", "properties": "[" * 100_000},
    {"name": "Seen", "properties": '{"a": %s}' % ("[" * 500 + "]" * 500)},
    {"name": "Seen", "properties": '{"a": "%s"}' % ("x" * 1_100_000)},
    {"unknown": "field"},
]


async def add_fields(redis: Redis, stream: str, fields: Mapping[str, str]) -> str:
    """Add an entry; return its ID."""
    entry_id: Any = await redis.xadd(stream, {name: text for name, text in fields.items()})  # noqa: C416
    return str(entry_id.decode())


async def test_poison(url: str, redis: Redis, stream: str, server: Emulator, connect: Connect) -> None:
    """An entry that is not a valid event goes to the rejected stream with the reason, and does not block the others."""
    expected = await add(redis, stream, 5)
    poison = [await add_fields(redis, stream, fields) for fields in POISON]
    expected += await add(redis, stream, 5)
    async with consuming(url, connect):
        await until(lambda: has_settled(server, redis, stream, 10))
    assert await delivered(server) == sorted(expected)
    assert await pending(redis, stream) == 0
    letters: Any = await redis.xrange(f"{stream}:rejected")
    assert [fields[b"mixpanel_id"].decode() for _, fields in letters] == poison
    assert all(fields[b"mixpanel_reason"] and fields[b"mixpanel_message"] for _, fields in letters)
    kept = [{k.decode(): v.decode() for k, v in f.items() if not k.startswith(b"mixpanel_")} for _, f in letters]
    assert kept == POISON


async def test_the_stream_waits(url: str, redis: Redis, stream: str, server: Emulator, connect: Connect) -> None:
    """While Mixpanel accepts nothing, no more than MAX_UNACKNOWLEDGED entries are read; then all arrive."""
    expected = await add(redis, stream, 4000)
    is_away(server)
    async with consuming(url, connect):
        await until(lambda: requests_are(server, 30))  # time for many more entries, if it did not wait
        assert 0 < await pending(redis, stream) <= 1000 + example.READ_ENTRIES
        server.faults.clear()
        await until(lambda: has_settled(server, redis, stream, 4000))
    assert await delivered(server) == sorted(expected)
    assert await pending(redis, stream) == 0


async def test_a_consumer_that_is_cancelled(
    url: str, redis: Redis, stream: str, server: Emulator, connect: Connect
) -> None:
    """Entries of a cancelled consumer stay pending, and the next consumer delivers them."""
    expected = await add(redis, stream, 1000)
    server.faults.add(InjectedFault(path="/import", kind="status", status=503, after=2, times=None))
    with contextlib.suppress(asyncio.CancelledError):
        async with consuming(url, connect) as task:
            await until(lambda: requests_are(server, 5))
            task.cancel()
    assert task.cancelled()
    assert await pending(redis, stream) > 0
    server.faults.clear()
    async with consuming(url, connect):
        await until(lambda: has_settled(server, redis, stream, 1000))
    assert await delivered(server) == sorted(expected)
