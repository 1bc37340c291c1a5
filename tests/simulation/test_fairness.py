"""A job that floods the client does not delay live tracking, not even at the rate limit."""

import asyncio
import statistics
from typing import Literal

import pytest

from mixpanel_async import Rates, Settings
from tests.simulation.limited import LimitedServer, bulk_lane, client_of, flood
from tests.virtual_time import run_virtually

BATCH = 100
LINGER_SECONDS = 0.5
EVENTS = 200
PAUSE_SECONDS = 0.7
NO_LIMIT = Rates(ingestion_events_per_minute=None, ingestion_bytes_per_minute=None)


async def live_latencies(
    rates: Rates, *, is_flooded: bool, track_via: Literal["track", "import"] = "track"
) -> list[float]:
    """Return how long single events take from track() to their verdict."""
    settings = Settings(
        rates=rates,
        track_via=track_via,
        linger_seconds=LINGER_SECONDS,
        max_batch_bytes=20_000,
        max_buffer_bytes=1_000_000,
    )
    server = LimitedServer(records=rates.ingestion_events_per_minute, latency=(0.05, 0.2))
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    async with client_of(server, settings) as client:
        job = asyncio.create_task(flood(client, bulk_lane(client, settings), BATCH)) if is_flooded else None
        await asyncio.sleep(90.0)  # the job is at its limit by now

        async def follow(number: int) -> None:
            started = loop.time()
            receipt = await client.track("user", "Live", {"n": number})
            assert (await receipt).is_delivered
            latencies.append(loop.time() - started)

        async with asyncio.TaskGroup() as tasks:
            for number in range(EVENTS):
                tasks.create_task(follow(number))
                await asyncio.sleep(PAUSE_SECONDS)
        if job is not None:
            job.cancel()
        await client.aclose(0)
    assert len(latencies) == EVENTS
    return latencies


@pytest.mark.parametrize("per_minute", [None, 60_000, 6_000], ids=["unlimited", "10-a-second", "1-a-second"])
@pytest.mark.parametrize("track_via", ["track", "import"])
def test_a_job_does_not_starve_live_events(per_minute: int | None, track_via: Literal["track", "import"]) -> None:
    """A live event waits for at most two requests of a job that fills buffer, request slots and rate limit."""
    rates = Rates(ingestion_events_per_minute=per_minute, ingestion_bytes_per_minute=None)
    alone = run_virtually(live_latencies(NO_LIMIT, is_flooded=False))
    beside = run_virtually(live_latencies(rates, is_flooded=True, track_via=track_via))
    turn = 0.0 if per_minute is None else 60 * BATCH / per_minute
    assert statistics.median(beside) <= 1.5 * statistics.median(alone) + 2 * turn
    assert max(beside) <= 2 * max(alone) + 2 * turn
