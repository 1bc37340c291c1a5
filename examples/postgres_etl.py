"""Sends events from a PostgreSQL table to Mixpanel; each run resumes after the rows that earlier runs have settled.

    pip install mixpanel-async asyncpg
    POSTGRES_DSN=postgresql://user@host/database MIXPANEL_TOKEN=... python examples/postgres_etl.py

It can be stopped or killed at any time: the position in `mixpanel_position` only moves past rows that have an outcome,
so no row is lost. Rows that a killed run sent without saving the position are sent again with the same $insert_id, and
Mixpanel keeps one of them. Rejected rows are stored in `mixpanel_rejected` with the reason, and the exit status is 1.
MIXPANEL_BASE_URL, MIXPANEL_REGION and the other variables are read, too; `mixpanel-async serve` runs a local server.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Sequence

import asyncpg

from mixpanel_async import Ack, AsyncMixpanel

FETCH_ROWS = 1_000  # rows that the cursor prefetches
MAX_UNACKNOWLEDGED = 10_000  # maximum number of rows read but not yet settled; the cursor waits
COMMIT_ROWS = 2_000

# `txid` is the transaction that inserted a row. The id alone is not a position: a transaction with a low id may commit
# after one with a high id, and a reader that is already past the high id would never see it.
TABLES = """
CREATE TABLE IF NOT EXISTS app_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    name text NOT NULL,
    user_id text NOT NULL,
    happened_at timestamptz NOT NULL,
    properties jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS app_events_in_order ON app_events (txid, id);
CREATE TABLE IF NOT EXISTS mixpanel_position (source text PRIMARY KEY, txid xid8 NOT NULL, id bigint NOT NULL);
CREATE TABLE IF NOT EXISTS mixpanel_rejected (id bigint PRIMARY KEY, reason text NOT NULL, message text NOT NULL);
INSERT INTO mixpanel_position VALUES ('app_events', '0', 0) ON CONFLICT (source) DO NOTHING;
"""
# Only rows of transactions before the oldest running one: no further rows of those can appear. PostgreSQL builds the
# JSON, so that Python only forwards bytes.
ROWS = """
SELECT txid, id, jsonb_build_object('event', name, 'properties', properties || jsonb_build_object(
    'time', (extract(epoch FROM happened_at) * 1000)::bigint,
    'distinct_id', user_id,
    '$insert_id', 'app-events-' || id
))::text AS event
FROM app_events
WHERE (txid, id) > (SELECT txid, id FROM mixpanel_position WHERE source = 'app_events')
    AND txid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY txid, id
"""
# The condition keeps the position from moving back when two runs overlap.
MOVE = """
UPDATE mixpanel_position SET txid = $1, id = $2 WHERE source = 'app_events' AND (txid, id) < ($1, $2)
"""
REJECT = "INSERT INTO mixpanel_rejected VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING"

Position = tuple[int, int]


async def read_rows(pool: asyncpg.Pool) -> AsyncGenerator[tuple[Position, bytes]]:
    """Yield the position and the event of each new row; the cursor fetches rows only as they are consumed."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor(ROWS, prefetch=FETCH_ROWS):
            yield (row["txid"], row["id"]), row["event"].encode()


async def commit(pool: asyncpg.Pool, acks: Sequence[Ack[Position]]) -> int:
    """Move the position past the settled rows and store the rejected ones; return the number of rejected rows."""
    rejected = [(ack.offset[1], ack.verdict.reason, ack.verdict.message) for ack in acks if ack.is_rejected]
    async with pool.acquire() as connection, connection.transaction():
        await connection.executemany(REJECT, rejected)
        await connection.execute(MOVE, *acks[-1].offset)
    return len(rejected)


async def sync(pool: asyncpg.Pool, mixpanel: AsyncMixpanel) -> tuple[int, int]:
    """Send all new rows; return the number of settled rows and of rejected rows among them."""
    read = rejected = 0
    settled: list[Ack[Position]] = []
    pipe = mixpanel.pipe(read_rows(pool), max_unacknowledged=MAX_UNACKNOWLEDGED)
    async with contextlib.aclosing(pipe) as acks:
        async for ack in acks:
            read += 1
            settled.append(ack)
            if len(settled) >= COMMIT_ROWS:
                rejected += await commit(pool, settled)
                settled.clear()
    if settled:
        rejected += await commit(pool, settled)
    return read, rejected


async def main() -> int:
    """Run once; return the exit status."""
    async with (
        asyncpg.create_pool(os.environ["POSTGRES_DSN"], min_size=2, max_size=2) as pool,
        AsyncMixpanel.from_env() as mixpanel,
    ):
        await pool.execute(TABLES)
        read, rejected = await sync(pool, mixpanel)
    print(f"{read:,} rows settled, {rejected:,} of them rejected")
    return 1 if rejected else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
