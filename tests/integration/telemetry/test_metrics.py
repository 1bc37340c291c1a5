"""Metrics of clients, with OpenTelemetry's SDK and a local server."""

import asyncio
import gc
import os
import weakref

import pytest
from opentelemetry.sdk.metrics.export import Histogram

from mixpanel_async import AsyncMixpanel, Outcome, Settings
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.otel import OpenTelemetry
from tests.conftest import TOKEN, Connect
from tests.integration.telemetry.sdk import Sdk

UNITS = {
    "http.client.request.duration": "s",
    "mixpanel.client.batch.records": "{record}",
    "mixpanel.client.delivery.duration": "s",
    "mixpanel.client.inflight": "{record}",
    "mixpanel.client.queue.bytes": "By",
    "mixpanel.client.queue.capacity": "By",
    "mixpanel.client.queue.size": "{record}",
    "mixpanel.client.rate_limited": "{response}",
    "mixpanel.client.records": "{record}",
    "mixpanel.client.requests": "{request}",
    "mixpanel.client.retries": "{request}",
    "mixpanel.client.sent.bytes": "By",
}


@pytest.fixture
def sdk() -> Sdk:
    return Sdk()


async def test_names_units_and_values(server: Emulator, connect: Connect, sdk: Sdk) -> None:
    """Metrics have the documented names and units, and say what `mp.stats` says."""
    server.faults.add(InjectedFault(path="/track", kind="status", status=429))
    mp = connect(Settings(telemetry=sdk.telemetry(), max_batch_records=2))
    for number in range(5):
        await mp.track(f"user-{number}", "Signed Up")
    await mp.track("user-1", "")
    await mp.flush()
    assert {name: metric.unit for name, metric in sdk.metrics().items()} == UNITS
    assert all(metric.description for metric in sdk.metrics().values())
    stats = mp.stats
    for outcome, count in stats.outcomes.items():
        assert sdk.value("mixpanel.client.records", outcome=outcome.value) == count
    assert stats.outcomes[Outcome.UNVERIFIED] == 5
    assert stats.outcomes[Outcome.REJECTED] == 1
    assert sdk.value("mixpanel.client.requests") == stats.requests == 4
    assert sdk.value("mixpanel.client.retries") == stats.retries == 1
    assert sdk.value("mixpanel.client.rate_limited") == stats.rate_limited == 1
    assert sdk.value("mixpanel.client.sent.bytes") == stats.sent_bytes
    assert sdk.value("mixpanel.client.queue.capacity") == Settings().max_buffer_bytes
    assert sdk.value("mixpanel.client.batch.records") == 5


async def test_histograms(connect: Connect, sdk: Sdk) -> None:
    """Durations have the boundaries of the conventions; a batch counts once, however often it is sent."""
    mp = connect(Settings(telemetry=sdk.telemetry()))
    await mp.track("user-1", "Signed Up")
    await mp.flush()
    data = sdk.metrics()["http.client.request.duration"].data
    assert isinstance(data, Histogram)
    [point] = data.data_points
    assert tuple(point.explicit_bounds) == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert dict(point.attributes or {}) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": (point.attributes or {})["server.port"],
        "url.template": "/track",
    }
    [(attributes, seconds)] = sdk.points("mixpanel.client.delivery.duration")
    assert attributes == {"mixpanel.client.id": 0, "mixpanel.outcome": "unverified", "url.template": "/track"}
    assert seconds > 0


async def test_exemplars(connect: Connect, sdk: Sdk) -> None:
    """Examples of durations name the span of the request; those of batches name no trace that started the engine."""
    mp = connect(Settings(telemetry=sdk.telemetry()))
    with sdk.tracer.start_as_current_span("first"):
        await mp.track("user-1", "Signed Up")
    await mp.flush()
    [span] = sdk.spans()
    metrics = sdk.metrics()
    found = {
        name: {exemplar.span_id for point in metrics[name].data.data_points for exemplar in point.exemplars}
        for name in (
            "http.client.request.duration",
            "mixpanel.client.batch.records",
            "mixpanel.client.delivery.duration",
        )
    }
    assert span.context is not None
    assert list(found.values()) == [{span.context.span_id}, set(), set()]


async def test_a_queue(server: Emulator, connect: Connect, sdk: Sdk) -> None:
    """What waits and what is under way is seen while it is so."""
    server.faults.add(InjectedFault(path="/track", kind="hang"))
    mp = connect(Settings(telemetry=sdk.telemetry(), linger_seconds=60, max_batch_records=2), speed=1.0)
    for number in range(3):
        await mp.track(f"user-{number}", "Signed Up")
    while mp.stats.requests < 1:  # noqa: ASYNC110 - a turn or two of the loop
        await asyncio.sleep(0)
    assert sdk.value("mixpanel.client.queue.size") == 1
    assert sdk.value("mixpanel.client.inflight") == 2
    assert sdk.value("mixpanel.client.queue.bytes") == mp.stats.buffered_bytes


@pytest.mark.parametrize("objects", [1, 2])
async def test_two_clients(objects: int, connect: Connect, sdk: Sdk) -> None:
    """Two clients of a process have metrics of their own, with one `OpenTelemetry` or with two."""
    made = [sdk.telemetry() for _ in range(objects)]
    clients = [connect(Settings(telemetry=made[number % objects])) for number in range(2)]
    for number, mp in enumerate(clients):
        for _ in range(number + 1):
            await mp.track("user-1", "Signed Up")
        await mp.flush()
    found = {own["mixpanel.client.id"]: value for own, value in sdk.points("mixpanel.client.records") if value}
    assert sorted(found.values()) == [1, 2]
    assert len(sdk.points("mixpanel.client.queue.size")) == 2
    assert {(span.attributes or {})["mixpanel.client.id"] for span in sdk.spans()} == set(found)


async def test_two_providers(connect: Connect) -> None:
    """A provider exports only what its own clients did."""
    first, second = Sdk(), Sdk()
    for sdk in (first, second):
        mp = connect(Settings(telemetry=sdk.telemetry()))
        await mp.track("user-1", "Signed Up")
        await mp.flush()
    assert [sdk.value("mixpanel.client.records") for sdk in (first, second)] == [1, 1]


async def test_a_closed_client_is_freed_and_its_counts_stay(server: Emulator, sdk: Sdk) -> None:
    """A provider keeps no client; what a closed one delivered last is exported, and one after it counts on."""
    telemetry = sdk.telemetry()
    freed: list[weakref.ref[AsyncMixpanel]] = []

    async def work() -> None:
        settings = Settings(telemetry=telemetry)
        async with AsyncMixpanel(TOKEN, base_url=server.url, settings=settings) as mp:
            freed.append(weakref.ref(mp))
            await mp.track("user-1", "Signed Up")

    for number in range(1, 4):
        await work()
        gc.collect()
        assert freed[-1]() is None
        assert sdk.value("mixpanel.client.records", outcome="unverified") == number
        assert sdk.points("mixpanel.client.queue.size") == []
    assert {own["mixpanel.client.id"] for own, _ in sdk.points("mixpanel.client.records")} == {0}


async def test_a_client_that_was_never_used_is_freed(sdk: Sdk) -> None:
    """A client that is dropped without being closed leaves nothing behind."""
    telemetry = sdk.telemetry()
    mp = AsyncMixpanel(TOKEN, settings=Settings(telemetry=telemetry))
    assert len(sdk.points("mixpanel.client.queue.size")) == 1
    freed = weakref.ref(mp)
    del mp
    gc.collect()
    assert freed() is None
    assert sdk.points("mixpanel.client.queue.size") == []


async def test_collecting_in_another_thread_while_tracking(connect: Connect, sdk: Sdk) -> None:
    """Readers collect in threads of their own; counters never go back, and nothing breaks."""
    mp = connect(Settings(telemetry=sdk.telemetry(), max_batch_records=50))
    seen: list[float] = []

    def collect() -> None:
        seen.extend(sdk.value("mixpanel.client.records") for _ in range(20))

    task = asyncio.create_task(asyncio.to_thread(collect))
    number = 0
    while not task.done():
        await mp.track(f"user-{number}", "Signed Up")
        await mp.people.set(f"user-{number}", {"a": 1})
        number += 1
    await task
    assert seen == sorted(seen)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
async def test_a_fork(connect: Connect, sdk: Sdk) -> None:
    """A child process does not export what its parent counted."""
    mp = connect(Settings(telemetry=sdk.telemetry()))
    await mp.track("user-1", "Signed Up")
    await mp.flush()
    assert sdk.value("mixpanel.client.records") == 1
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            found = len(sdk.points("mixpanel.client.requests")) + len(sdk.points("mixpanel.client.queue.size"))
            AsyncMixpanel(TOKEN, settings=Settings(telemetry=sdk.telemetry()))
            os.write(writing, str(found).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)  # noqa: ASYNC222 - it ends at once
    assert os.read(reading, 10) == b"0"
    os.close(reading)
    assert sdk.value("mixpanel.client.records") == 1


async def test_telemetry_of_a_constructor_that_raises(sdk: Sdk) -> None:
    """A client that could not be made is not followed."""
    telemetry = OpenTelemetry(tracer_provider=sdk.tracers, meter_provider=sdk.meters)
    with pytest.raises(ValueError, match="project_id"):
        AsyncMixpanel(TOKEN, project_id=-1, settings=Settings(telemetry=telemetry))
    gc.collect()
    assert sdk.points("mixpanel.client.queue.size") == []
