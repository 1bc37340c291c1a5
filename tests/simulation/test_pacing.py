"""The rate limit is used almost completely, evenly, and hardly ever exceeded; concurrency adapts."""

import asyncio
from collections.abc import Callable

import pytest

from mixpanel_async import Rates, Settings
from mixpanel_async.engine.concurrency import START_CONCURRENCY
from tests.simulation.limited import MINUTE, LimitedServer, Seen, bulk_lane, client_of, flood
from tests.virtual_time import run_virtually

START = 1_000.0  # of virtual time
WARM = START + MINUTE
END = WARM + 10 * MINUTE
EVENTS_PER_MINUTE = 18_000
BATCH = 20
FILLER = 1_000
BYTES_PER_MINUTE = 18_000_000
Amount = Callable[[Seen], int]


def most_within(seconds: float, seen: list[Seen], amount: Amount, when: Callable[[Seen], float]) -> int:
    """Return the largest sum of amounts in any window."""
    ordered = sorted(seen, key=when)
    first = held = most = 0
    for each in ordered:
        held += amount(each)
        while when(ordered[first]) <= when(each) - seconds:
            held -= amount(ordered[first])
            first += 1
        most = max(most, held)
    return most


async def run_at_the_limit(rates: Rates, server: LimitedServer, filler: int) -> None:
    settings = Settings(rates=rates, max_batch_bytes=30_000, max_buffer_bytes=1_000_000, gzip_level=0)
    async with client_of(server, settings) as client:
        lane = bulk_lane(client, settings)
        flooding = asyncio.create_task(flood(client, lane, BATCH, filler=filler))
        await asyncio.sleep(END - START)
        flooding.cancel()
        await client.aclose(0)


def check_pace(server: LimitedServer, limit: int, batch: int, amount: Amount) -> None:
    """Check what the server saw against its limit."""
    warm = [seen for seen in server.seen if WARM <= seen.arrived_at < END]
    used = sum(amount(seen) for seen in warm if seen.is_accepted) / (limit * 10)
    refused = sum(not seen.is_accepted for seen in server.seen) / len(server.seen)
    assert used >= 0.97
    assert refused <= 0.005
    assert most_within(MINUTE, server.seen, amount, lambda seen: seen.left_at) <= limit
    fair = limit / MINUTE
    assert most_within(1.0, warm, amount, lambda seen: seen.left_at) <= fair + 2 * batch


@pytest.mark.parametrize("latency", [(0.01, 0.01), (0.02, 0.4), (0.3, 0.6)], ids=["steady", "jittered", "slow"])
def test_the_limit_on_events_is_used(latency: tuple[float, float]) -> None:
    """At least 97 % of the allowed events are delivered, at most 0.5 % of requests are refused, without bursts."""
    server = LimitedServer(records=EVENTS_PER_MINUTE, latency=latency)
    rates = Rates(ingestion_events_per_minute=EVENTS_PER_MINUTE, ingestion_bytes_per_minute=None)
    run_virtually(run_at_the_limit(rates, server, 0))
    check_pace(server, EVENTS_PER_MINUTE, BATCH, lambda seen: seen.records)


def test_the_limit_on_bytes_is_used() -> None:
    """The same holds for uncompressed bytes."""
    server = LimitedServer(body_bytes=BYTES_PER_MINUTE)
    rates = Rates(ingestion_events_per_minute=None, ingestion_bytes_per_minute=BYTES_PER_MINUTE)
    run_virtually(run_at_the_limit(rates, server, FILLER))
    largest = max(seen.body_bytes for seen in server.seen)
    check_pace(server, BYTES_PER_MINUTE, largest, lambda seen: seen.body_bytes)


def test_concurrency_adapts() -> None:
    """It starts at 4, rises to the cap while all goes well, halves where the server is busy, and comes back."""
    cap = 12
    server = LimitedServer(latency=(0.5, 0.5))
    rates = Rates(ingestion_events_per_minute=None, ingestion_bytes_per_minute=None)
    settings = Settings(rates=rates, max_concurrency=cap, max_batch_bytes=1_000, max_buffer_bytes=100_000, gzip_level=0)
    allowed: list[int] = []

    async def main() -> None:
        async with client_of(server, settings) as client:
            concurrency = client._engine._sender._concurrency
            flooding = asyncio.create_task(flood(client, bulk_lane(client, settings), 1))
            for second in range(120):
                server.is_busy = 60 <= second < 63
                await asyncio.sleep(1.0)
                allowed.append(concurrency.allowed)
            flooding.cancel()
            await client.aclose(0)

    run_virtually(main())
    assert allowed[0] <= START_CONCURRENCY + 1
    assert allowed[59] == cap
    assert cap / 8 <= min(allowed[60:70]) <= cap / 2
    assert allowed[-1] == cap
    assert max(count for _, count in server.under_way) <= cap
    lonely = [count for at, count in server.under_way if at <= START + 0.9]
    assert max(lonely) <= START_CONCURRENCY
