import asyncio

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.emulator import Emulator, EmulatorSettings, InjectedFault
from mixpanel_async.emulator.rolling_window import RateWindow
from mixpanel_async.errors import InvalidSettingError
from tests.integration.emulator.api import NOON, Api, HandClock, event, until


async def test_events_per_minute_is_exact(api: Api, clock: HandClock) -> None:
    """A batch fits up to the last record; then 429 says in how many seconds it would, and by then it does."""
    api.emulator.limits.events_per_minute = 10
    assert (await api.import_events([event(number) for number in range(6)])).status == 200
    clock.seconds += 20
    assert (await api.import_events([event(number) for number in range(4)])).status == 200
    clock.seconds += 5.5
    refused = await api.import_events([event()])
    assert (refused.status, refused.json()["code"], refused.json()["status"]) == (429, 429, "Too Many Requests")
    assert refused.headers["Retry-After"] == "35"
    clock.seconds = NOON + 59.9
    assert (await api.import_events([event()])).status == 429
    clock.seconds = NOON + 60
    assert (await api.import_events([event(number) for number in range(6)])).status == 200
    assert (await api.import_events([event()])).headers["Retry-After"] == "20"
    assert (await api.emulator.counts()).events == 16


async def test_bytes_per_minute_counts_uncompressed(api: Api) -> None:
    """The size that counts is that of the JSON, however it was packed."""
    api.emulator.limits.bytes_per_minute = 1500
    assert (await api.import_events([event(text="x" * 800)], packed=True)).status == 200
    assert (await api.import_events([event(text="x" * 800)], packed=True)).status == 429


async def test_what_never_fits_waits_the_whole_window(api: Api) -> None:
    """A batch above the rate itself is refused, even into an empty window."""
    api.emulator.limits.events_per_minute = 1
    answer = await api.import_events([event(0), event(1)])
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")


async def test_concurrency_is_limited(api: Api, clock: HandClock) -> None:
    """While as many ingestion requests as allowed are being served, the next is refused."""
    api.emulator.limits.concurrency = 1
    api.emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=9))
    first = asyncio.ensure_future(api.import_events([event()]))
    await until(lambda: bool(clock.slept))
    assert (await api.import_events([event()])).status == 429
    clock.release.set()
    assert (await first).status == 200
    assert (await api.import_events([event()])).status == 200
    assert (await api.emulator.counts()).in_flight_peak == 1


async def test_exports_per_hour(clock: HandClock) -> None:
    """Exports are counted over a rolling hour."""
    settings = EmulatorSettings(export_per_hour=2)
    async with Emulator(settings, now=clock.now, monotonic=clock.now) as emulator, aiohttp.ClientSession() as session:
        api = Api(emulator, session)
        assert [(await api.export()).status for _ in range(3)] == [200, 200, 429]
        clock.seconds += 3600
        assert (await api.export()).status == 200


async def test_limits_change_at_run_time(api: Api) -> None:
    """POST /_admin/limits changes what it names; unknown names and wrong values change nothing."""
    changed = await api.post_json("/_admin/limits", {"max_batch_records": 1})
    assert changed.json()["max_batch_records"] == 1
    assert (await api.import_events([event(0), event(1)])).status == 413
    wrongs: list[object] = [{"max_batch_records": "many"}, {"unknown": 1}, []]
    for wrong in wrongs:
        assert (await api.post_json("/_admin/limits", wrong)).status == 400
    assert api.emulator.limits.max_batch_records == 1
    await api.post_json("/_admin/reset", {})
    assert api.emulator.limits.max_batch_records == 2000


@given(
    steps=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=40),
    limit=st.integers(1, 20),
)
def test_window_never_holds_more_than_its_limit(steps: list[tuple[int, int]], limit: int) -> None:
    """No span of 60 s holds more than the limit, and a refused amount fits exactly when it was told it would."""
    window = RateWindow(60)
    admitted: list[tuple[float, int]] = []
    now = 0.0
    for pause, amount in steps:
        now += pause
        inside = sum(size for came, size in admitted if came > now - 60)
        wait_seconds = window.wait_seconds(now, amount, limit)
        assert (wait_seconds == 0) == (inside + amount <= limit)
        if wait_seconds == 0:
            window.record(now, amount)
            admitted.append((now, amount))
        elif amount <= limit:
            then = now + wait_seconds
            assert sum(size for came, size in admitted if came > then - 60) + amount <= limit


async def test_the_documented_rates_can_be_scaled(clock: HandClock) -> None:
    """`limits_scale` applies every documented rate, times a factor; a limit that is set stays as it is."""
    scaled = EmulatorSettings(limits_scale=0.1, events_per_minute=7)
    async with Emulator(scaled, now=clock.now, monotonic=clock.now) as emulator:
        found = emulator.limits
        assert (found.events_per_minute, found.bytes_per_minute, found.concurrency) == (7, 200_000_000, None)
        assert (found.query_per_hour, found.query_concurrency) == (6, 1)
        assert (found.export_per_hour, found.export_per_second, found.export_concurrency) == (6, 1, 10)
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidSettingError, match="limits_scale"):
            await Emulator(EmulatorSettings(limits_scale=scale)).start()


async def test_exports_a_second(api: Api, clock: HandClock) -> None:
    """A fourth export within a second is refused, and one second later it is not."""
    api.emulator.limits.export_per_second = 3
    assert [(await api.export()).status for _ in range(4)] == [200, 200, 200, 429]
    clock.seconds += 1
    assert (await api.export()).status == 200


async def test_concurrent_queries(api: Api, clock: HandClock) -> None:
    """While as many queries as allowed are being served, the next is refused; ingestion has a limit of its own."""
    api.emulator.limits.query_concurrency = 1
    api.emulator.faults.add(InjectedFault(path="/api/query/events/names", kind="delay", seconds=5))
    query: dict[str, str | int] = {"type": "general", "project_id": 1}
    held = asyncio.ensure_future(api.call("GET", "/api/query/events/names", query=query))
    await until(lambda: bool(clock.slept))
    refused = await api.call("GET", "/api/query/events/names", query=query)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert (await api.import_events([event()])).status == 200
    clock.release.set()
    assert (await held).status == 200
    assert (await api.call("GET", "/api/query/events/names", query=query)).status == 200
