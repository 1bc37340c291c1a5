"""Rows 16 to 18: what `track_nowait`, `mp.context` and OpenTelemetry cost, compared with a plain `await track()`."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from benchmarks.data import events
from benchmarks.measure import ROUNDS, Figure, sink
from benchmarks.subjects import UNLIMITED, Event
from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.otel import OpenTelemetry

COUNT: Final = 10_000  # events of one run
RUNS: Final = 20  # of each way in a round; the fastest one counts, for whatever else happens only adds
Way = Callable[[Sequence[Event]], Awaitable[None]]


async def _track(mp: AsyncMixpanel, made: Sequence[Event]) -> None:
    for event, distinct_id, properties in made:
        await mp.track(distinct_id, event, properties)


async def _track_nowait(mp: AsyncMixpanel, made: Sequence[Event]) -> None:
    for event, distinct_id, properties in made:
        mp.track_nowait(distinct_id, event, properties)


async def _track_in_context(mp: AsyncMixpanel, made: Sequence[Event]) -> None:
    with mp.context("user-1", plan="pro"):
        await _track(mp, made)


async def _cpu_of(mp: AsyncMixpanel, way: Way, made: Sequence[Event]) -> float:
    """Return the CPU time of some events, from the call to their outcomes."""
    began = time.process_time()
    await way(made)
    await mp.flush()
    return time.process_time() - began


async def _compare(
    port: int,
    other: Callable[[AsyncMixpanel, Sequence[Event]], Awaitable[None]],
    settings: Settings,
    within: Callable[[], AbstractContextManager[object]],
) -> tuple[list[float], float]:
    """Return the ratio of another way to the plain one for each round, and the microseconds of an event.

    Both ways take turns in one event loop, each with a client of its own.
    """
    made = events(COUNT)
    url, plain_settings = f"http://127.0.0.1:{port}", Settings(rates=UNLIMITED)
    async with (
        AsyncMixpanel("token", base_url=url, settings=plain_settings) as plain,
        AsyncMixpanel("token", base_url=url, settings=settings) as changed,
    ):
        ratios, costs = [], []
        for _ in range(ROUNDS + 1):
            times: tuple[list[float], list[float]] = [], []
            for _ in range(RUNS):
                times[0].append(await _cpu_of(plain, partial(_track, plain), made))
                with within():
                    times[1].append(await _cpu_of(changed, partial(other, changed), made))
            ratios.append(min(times[1]) / min(times[0]))
            costs.append(min(times[1]) / COUNT * 1e6)
    return ratios[1:], statistics.median(costs[1:])


def _figure(row: str, most: float, values: Sequence[float], cost: float) -> Figure:
    return Figure(
        row,
        "await track() of the same events",
        f"<= {most}",
        values,
        statistics.median(values) <= most,
        {"microseconds_of_cpu_per_event": round(cost, 2)},
    )


def row_16_nowait(_scratch: Path) -> Figure:
    """Track events without a coroutine."""
    with sink() as port:
        found = asyncio.run(_compare(port, _track_nowait, Settings(rates=UNLIMITED), nullcontext))
    return _figure("16 track_nowait(), delivered", 1.0, *found)


def row_17_context(_scratch: Path) -> Figure:
    """Track events that get their user and a property from a context."""
    with sink() as port:
        found = asyncio.run(_compare(port, _track_in_context, Settings(rates=UNLIMITED), nullcontext))
    return _figure("17 await track() in `mp.context`, delivered", 1.25, *found)


def row_18_otel(_scratch: Path) -> Figure:
    """Track events in a span, with the SDK of OpenTelemetry switched on."""
    tracers = TracerProvider()
    meters = MeterProvider([InMemoryMetricReader()])
    with ExitStack() as stack:
        port = stack.enter_context(sink())
        stack.callback(meters.shutdown)
        stack.callback(tracers.shutdown)
        tracers.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
        tracer = tracers.get_tracer("benchmark")
        telemetry = OpenTelemetry(tracer_provider=tracers, meter_provider=meters)
        settings = Settings(rates=UNLIMITED, telemetry=telemetry)
        found = asyncio.run(_compare(port, _track, settings, partial(tracer.start_as_current_span, "request")))
    return _figure("18 await track() in a span, with OpenTelemetry's SDK, delivered", 1.03, *found)
