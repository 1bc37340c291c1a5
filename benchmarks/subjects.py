"""The work of each row, done by the library."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from mixpanel_async import AsyncMixpanel, Outcome, ProjectSecret, Rates, Settings

Event = tuple[str, str, dict[str, Any]]
UNLIMITED = Rates(ingestion_events_per_minute=None, ingestion_bytes_per_minute=None)


def client(port: int, *, rates: Rates = UNLIMITED, concurrency: int = 20) -> AsyncMixpanel:
    """Return a client connected to the sink."""
    settings = Settings(rates=rates, max_concurrency=concurrency)
    return AsyncMixpanel("token", base_url=f"http://127.0.0.1:{port}", settings=settings)


async def track(port: int, events: Sequence[Event]) -> None:
    """Track all events and wait until they are delivered."""
    async with client(port) as mp:
        for event, distinct_id, properties in events:
            await mp.track(distinct_id, event, properties)
        await mp.flush()
        delivered = mp.stats.outcomes[Outcome.UNVERIFIED]
    if delivered != len(events):
        raise AssertionError(f"{delivered} of {len(events)} events were delivered")


async def import_file(port: int, path: Path, count: int, *, concurrency: int = 20) -> None:
    """Import an NDJSON file."""
    async with client(port, concurrency=concurrency) as mp:
        report = await mp.import_events(path)
    if report.imported != count:
        raise AssertionError(f"{report.imported} of {count} events were imported")


async def import_dicts(port: int, records: Sequence[dict[str, Any]]) -> None:
    """Import an async iterator of dicts."""

    async def source() -> AsyncIterator[dict[str, Any]]:
        for record in records:
            yield record

    async with client(port) as mp:
        report = await mp.import_events(source())
    if report.imported != len(records):
        raise AssertionError(f"{report.imported} of {len(records)} events were imported")


def exporter(port: int) -> AsyncMixpanel:
    """Return a client without rate limits on exports."""
    rates = Rates(export_per_hour=None, export_per_second=None)
    url = f"http://127.0.0.1:{port}"
    return AsyncMixpanel(credentials=ProjectSecret("secret"), base_url=url, settings=Settings(rates=rates))


async def export_file(port: int, path: Path) -> None:
    """Export into a file of the format that its suffix says."""
    async with exporter(port) as mp:
        await mp.export.to_file(path, "2023-11-14", "2023-11-15", overwrite=True)


async def export_days(port: int, path: Path, days: int) -> None:
    """Export days into a directory of Parquet files."""
    last = f"2023-01-{days:02}"
    async with exporter(port) as mp:
        await mp.export.to_file(f"{path}/", "2023-01-01", last, format="parquet", overwrite=True)


async def export_dicts(port: int, count: int) -> None:
    """Export as dicts."""
    seen = 0
    async with exporter(port) as mp:
        async for _ in mp.export.events("2023-11-14", "2023-11-15"):
            seen += 1
    if seen != count:
        raise AssertionError(f"{seen} of {count} events were exported")


async def import_at_limit(port: int, path: Path, events_per_minute: int, seconds: float) -> tuple[int, int, int]:
    """Import for some seconds from a rate-limited server; return delivered events, requests, and replies with 429."""
    rates = Rates(ingestion_events_per_minute=events_per_minute, ingestion_bytes_per_minute=None)
    async with client(port, rates=rates) as mp:
        job = asyncio.create_task(mp.import_events(path))
        await asyncio.sleep(seconds)
        stats = mp.stats
        job.cancel()
        await asyncio.wait([job])
        await mp.aclose(timeout=0)
    return stats.outcomes[Outcome.ACCEPTED], stats.requests, stats.rate_limited


async def track_and_watch(port: int, events: Sequence[Event]) -> tuple[list[float], list[float]]:
    """Track while a task measures the loop; return loop lags and durations of admissions, in seconds."""
    lags: list[float] = []
    admissions: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(time.perf_counter() - before - 0.001)

    async with client(port) as mp:
        ticker = asyncio.create_task(tick())
        for event, distinct_id, properties in events:
            before = time.perf_counter()
            await mp.track(distinct_id, event, properties)
            admissions.append(time.perf_counter() - before)
        await mp.flush()
        ticker.cancel()
        await asyncio.wait([ticker])
    return lags, admissions
