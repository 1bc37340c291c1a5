"""A year of days, exported against enforced limits in virtual time."""

import asyncio
import pathlib
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import pytest

from mixpanel_async import ExportProgress, Rates, Settings
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.session.messages import StreamReply, WireRequest
from tests.export_server import ExportServer
from tests.virtual_time import VirtualClock, run_virtually

T = TypeVar("T")
HOUR = 3600.0


class LimitedExports(ExportServer):
    """A server that allows 60 exports in a rolling hour and 3 in a rolling second, and takes a while for each."""

    def __init__(self) -> None:
        super().__init__({})
        self.refused = self.under_way = self.most_under_way = 0
        self.arrivals: list[float] = []
        self._windows = ((60, HOUR, deque[float]()), (3, 1.0, deque[float]()))

    async def open_stream(self, request: WireRequest) -> StreamReply:
        now = asyncio.get_running_loop().time()
        self.arrivals.append(now)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        for limit, seconds, window in self._windows:
            while window and window[0] <= now - seconds:
                window.popleft()
            if len(window) >= limit:
                self.refused += 1
                raise AssertionError(f"{limit} requests per {seconds:g} s were exceeded")
            window.append(now)
        await asyncio.sleep(7.0)
        return await super().open_stream(request)

    async def close_stream(self, reply: StreamReply) -> None:
        await super().close_stream(reply)
        self.under_way -= 1


def run_inline(_: WorkerThread, call: Callable[[], T]) -> "asyncio.Future[T]":
    """Run a call at once, because a thread does not share the virtual time."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    try:
        future.set_result(call())
    except Exception as error:
        future.set_exception(error)
    return future


@pytest.mark.parametrize("concurrency", [4, 100])
def test_a_year_waits_for_its_limits(concurrency: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """365 days take six hours, use each hour fully, get no 429, and the progress says what is waited for."""
    monkeypatch.setattr(WorkerThread, "submit", run_inline)
    monkeypatch.setattr("os.fsync", lambda _: None)
    server = LimitedExports()
    seen: list[ExportProgress] = []

    async def export() -> None:
        clock = VirtualClock()
        async with server.client(clock) as client:
            report = await client.export.to_file(
                f"{tmp_path}/year/", "2024-01-02", "2024-12-31", concurrency=concurrency, on_progress=seen.append
            )
            assert len(report.files) == 365
            assert 6 * HOUR < report.duration_seconds < 6.1 * HOUR * 1.01
            assert 5.5 * HOUR < report.waited_seconds <= report.duration_seconds
            now = clock.time()
        waits = [each for each in seen if each.waits_for == "60 requests per hour"]
        assert len({each.waits_until for each in waits}) >= 6
        assert all(each.waits_until is not None and each.waits_until <= now for each in waits)
        assert {each.waits_for for each in seen} == {"", "60 requests per hour", "3 requests per second"}
        assert seen[-1].files == seen[-1].total_files == 365

    run_virtually(export())
    assert server.refused == 0
    assert len(server.arrivals) == 365
    assert server.most_under_way == min(concurrency, 21)  # three begin in each of the seven seconds that one takes


def test_a_live_call_does_not_wait_behind_all_days(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that comes while a hundred days wait has its turn after one of them."""
    monkeypatch.setattr(WorkerThread, "submit", run_inline)
    server = LimitedExports()

    async def work() -> None:
        settings = Settings(rates=Rates(export_concurrency=200))
        async with server.client(VirtualClock(), settings) as client:
            days = asyncio.create_task(
                client.export.to_file(f"{tmp_path}/days/", "2024-01-01", "2024-04-09", concurrency=100)
            )
            await asyncio.sleep(0.5)
            began = asyncio.get_running_loop().time()
            async for _ in client.export.events("2023-01-01", "2023-01-01"):
                raise AssertionError("there are no events")
            assert asyncio.get_running_loop().time() - began < 10
            await days

    run_virtually(work())
