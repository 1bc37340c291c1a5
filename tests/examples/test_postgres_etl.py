"""The PostgreSQL example with a real PostgreSQL, while Mixpanel fails and while the example is killed."""

import asyncio
import importlib
import os
import random
import signal
import sys
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from mixpanel_async import Settings
from mixpanel_async.emulator import Emulator, InjectedFault
from tests import ROOT
from tests.conftest import TOKEN, Connect
from tests.examples.services import FAULTS, Counted, is_away, postgres_dsn, requests_are, tell, until

example = importlib.import_module("examples.postgres_etl")
SMALL = Settings(max_batch_records=200, linger_seconds=0.05)
ADD = """
INSERT INTO app_events (name, user_id, happened_at, properties)
SELECT 'Seen', 'user-' || n % 100, date_trunc('second', now()) - n * interval '1 second',
    jsonb_build_object('n', n, 'text', 'ä"\\ ')
FROM generate_series(1, $1::int) n
"""


@pytest.fixture
async def dsn() -> AsyncIterator[str]:
    """The DSN of a schema that only this test uses."""
    server, schema = await postgres_dsn(), f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{server}{'&' if '?' in server else '?'}search_path={schema}"
    finally:
        await connection.execute(f"DROP SCHEMA {schema} CASCADE")
        await connection.close()


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(dsn, min_size=2, max_size=2) as pool:
        await pool.execute(example.TABLES)
        yield pool


async def settle(pool: asyncpg.Pool) -> None:
    """Wait until every transaction before the last row has ended."""
    running = "SELECT max(txid::text::bigint) >= txid_snapshot_xmin(txid_current_snapshot()) FROM app_events"

    async def has_settled() -> bool:
        return not await pool.fetchval(running)

    await until(has_settled)


async def add(pool: asyncpg.Pool, count: int) -> None:
    await pool.execute(ADD, count)
    await settle(pool)


async def position(pool: asyncpg.Pool) -> int:
    """Return the ID of the last row that the stored position covers."""
    found = await pool.fetchval("SELECT id FROM mixpanel_position")
    assert isinstance(found, int)
    return found


async def delivered(server: Emulator) -> list[str]:
    """Return the IDs of the events that Mixpanel has, without duplicates."""
    return sorted(event["properties"]["$insert_id"] for event in await server.deduplicated_events())


def ids(count: int) -> list[str]:
    return sorted(f"app-events-{number}" for number in range(1, count + 1))


async def test_every_row_arrives_once(pool: asyncpg.Pool, server: Emulator, connect: Connect) -> None:
    """Whatever fails, each row arrives once; the next run sends only new rows."""
    for fault in FAULTS:
        server.faults.add(fault)
    await add(pool, 5000)
    mp = connect(SMALL)
    assert await example.sync(pool, mp) == (5000, 0)
    assert await delivered(server) == ids(5000)
    assert not server.faults.pending()
    assert await position(pool) == 5000
    requests = len(server.requests)
    assert await example.sync(pool, mp) == (0, 0)
    assert len(server.requests) == requests
    await add(pool, 10)
    assert await example.sync(pool, mp) == (10, 0)
    assert await delivered(server) == ids(5010)
    stored = await server.deduplicated_events()  # a batch whose reply was lost is stored twice under the same ids
    (event,) = [e for e in stored if e["properties"]["$insert_id"] == "app-events-7"]
    moment = await pool.fetchval("SELECT happened_at FROM app_events WHERE id = 7")
    time = int(moment.timestamp() * 1000)
    assert event["event"] == "Seen"
    own = {"time": time, "distinct_id": "user-7", "$insert_id": "app-events-7", "n": 7, "text": 'ä"\\ '}
    assert {name: event["properties"][name] for name in own} == own


async def run_once(dsn: str, server: Emulator) -> asyncio.subprocess.Process:
    environment = {"POSTGRES_DSN": dsn, "MIXPANEL_TOKEN": TOKEN, "MIXPANEL_BASE_URL": server.url}
    return await asyncio.create_subprocess_exec(
        sys.executable, "examples/postgres_etl.py", cwd=ROOT, env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_killed_at_random(pool: asyncpg.Pool, dsn: str, server: Emulator) -> None:
    """However often the example is killed, no row before the position is missing; in the end no row is."""
    chance = random.Random(3)
    await add(pool, 30_000)
    kills = 0
    for _ in range(3):
        server.faults.add(InjectedFault(path="/import", kind="reset_after", after=chance.randrange(3)))
        goal = (await server.counts()).requests + chance.randrange(1, 7)
        run = await run_once(dsn, server)
        while run.returncode is None and (await server.counts()).requests < goal:  # noqa: ASYNC110 - no event to await
            await asyncio.sleep(0)
        tell(run, signal.SIGKILL)
        await run.communicate()
        kills += run.returncode == -signal.SIGKILL
        server.faults.clear()
        assert set(ids(await position(pool))) <= set(await delivered(server))
    assert kills
    run = await run_once(dsn, server)
    output, _ = await run.communicate()
    assert (run.returncode, output.endswith(b" 0 of them rejected\n")) == (0, True)
    assert await delivered(server) == ids(30_000)
    assert await position(pool) == 30_000


async def test_cancelled_in_the_middle(
    pool: asyncpg.Pool, server: Emulator, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled run returns its connections and loses nothing; the next run resumes."""
    monkeypatch.setattr(example, "COMMIT_ROWS", 100)
    await add(pool, 3000)
    server.faults.add(InjectedFault(path="/import", kind="status", status=503, after=4, times=None))
    run = asyncio.create_task(example.sync(pool, connect(SMALL)))
    await until(lambda: position(pool))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    async def is_idle() -> bool:
        return bool(pool.get_idle_size() == pool.get_size())

    await until(is_idle)  # asyncpg gives a connection back in a task of its own
    reached = await position(pool)
    assert 0 < reached < 3000
    assert set(ids(reached)) <= set(await delivered(server))
    server.faults.clear()
    assert await example.sync(pool, connect(SMALL)) == (3000 - reached, 0)
    assert await delivered(server) == ids(3000)


async def test_the_cursor_waits(
    pool: asyncpg.Pool, server: Emulator, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Mixpanel accepts nothing, no more than MAX_UNACKNOWLEDGED rows are read; then all arrive."""
    rows = Counted(example.read_rows)
    monkeypatch.setattr(example, "read_rows", rows)
    monkeypatch.setattr(example, "MAX_UNACKNOWLEDGED", 1000)
    await add(pool, 5000)
    is_away(server)
    run = asyncio.create_task(example.sync(pool, connect(SMALL)))
    await until(lambda: requests_are(server, 30))  # time for many more rows, if it did not wait
    assert rows.count == 1000
    assert await position(pool) == 0
    server.faults.clear()
    assert await run == (5000, 0)
    assert await delivered(server) == ids(5000)


async def test_rows_that_mixpanel_would_refuse(pool: asyncpg.Pool, server: Emulator, connect: Connect) -> None:
    """A row that is not a valid event is stored with the reason, and the position moves past it."""
    await add(pool, 10)
    await pool.execute("UPDATE app_events SET properties = '[1]' WHERE id = 3")
    await pool.execute("UPDATE app_events SET name = '' WHERE id = 5")
    await pool.execute("UPDATE app_events SET happened_at = '1960-01-01Z' WHERE id = 7")
    assert await example.sync(pool, connect(SMALL)) == (10, 3)
    found = await pool.fetch("SELECT id, reason, message FROM mixpanel_rejected ORDER BY id")
    assert [row["id"] for row in found] == [3, 5, 7]
    assert all(row["reason"] and row["message"] for row in found)
    assert await position(pool) == 10
    assert await delivered(server) == sorted(set(ids(10)) - {f"app-events-{number}" for number in (3, 5, 7)})


async def test_transactions_that_commit_late(pool: asyncpg.Pool, dsn: str, server: Emulator, connect: Connect) -> None:
    """A row that becomes visible after one with a higher ID is not skipped."""
    mp = connect(SMALL)
    late = await asyncpg.connect(dsn)
    try:
        async with late.transaction():
            await late.execute(ADD, 1)
            await pool.execute(ADD, 1)
            assert await example.sync(pool, mp) == (0, 0)
    finally:
        await late.close()
    await settle(pool)
    assert await example.sync(pool, mp) == (2, 0)
    assert await delivered(server) == ids(2)
