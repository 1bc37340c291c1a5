"""Requests that Mixpanel refuses as a whole because its parser rejects some records."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, ImportProgress, Outcome, Settings, Verdict
from mixpanel_async.emulator import Emulator, InjectedFault
from tests.records import event


def lines(count: int, *unreadable: int) -> list[bytes]:
    """Return events as JSON; some of them hold a number that no double can be."""
    found = [orjson.dumps(event(number, x="X")) for number in range(count)]
    return [line.replace(b'"X"', b"1e999") if number in unreadable else line for number, line in enumerate(found)]


@pytest.mark.parametrize("concurrency", [None, 1, 2])
async def test_an_import_with_bounded_concurrency_ends(emulator: Emulator, concurrency: int | None) -> None:
    """With any concurrency, the valid records of refused requests are delivered and the job ends."""
    settings = Settings(max_batch_records=10, linger_seconds=0.05)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp, asyncio.timeout(10):
        report = await mp.import_events(lines(100, 5, 47, 99), concurrency=concurrency)
    assert (report.imported, report.rejected_by) == (97, {"malformed": 3})
    assert len(await emulator.events()) == 97


async def test_a_source_that_pauses_behind_them(mp: AsyncMixpanel) -> None:
    """The valid records of a refused request are delivered while the source pauses."""
    is_delivered = asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        for line in lines(10, 5):
            yield line
        await is_delivered.wait()

    def see(progress: ImportProgress) -> None:
        if progress.imported == 9:
            is_delivered.set()

    async with asyncio.timeout(10):
        report = await mp.import_events(source(), on_progress=see)
    assert (report.imported, report.rejected) == (9, 1)


async def test_a_pipe_acknowledges_all_records(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """Each record of a refused request is acknowledged in order, with its own outcome."""
    async with asyncio.timeout(10):
        acks = [(ack.offset, ack.verdict.outcome) async for ack in mp.pipe(lines(10, 5))]
    assert acks == [(n, Outcome.REJECTED if n == 6 else Outcome.ACCEPTED) for n in range(1, 11)]
    assert len(await emulator.events()) == 9


@pytest.mark.parametrize("unreadable", [(5,), tuple(range(10))])
async def test_each_record_has_one_outcome(emulator: Emulator, unreadable: tuple[int, ...]) -> None:
    """Each record is counted and reported once; records that are resent were not settled before."""
    heard: list[Verdict] = []
    settings = Settings(linger_seconds=0.05)
    async with AsyncMixpanel(
        "token", base_url=emulator.url, settings=settings, on_failure=lambda _, verdict: heard.append(verdict)
    ) as mp:
        await mp.import_events(lines(10, *unreadable))
        stats = mp.stats
    bad = len(unreadable)
    assert [verdict.reason for verdict in heard] == ["malformed"] * bad
    assert (stats.admitted, stats.settled, stats.queued, stats.in_flight) == (10, 10, 0, 0)
    assert stats.outcomes[Outcome.REJECTED] == bad
    assert stats.outcomes[Outcome.ACCEPTED] == 10 - bad
    assert stats.buffered_bytes == 0


async def test_a_credential_that_is_refused_meanwhile(emulator: Emulator) -> None:
    """If the credential is refused meanwhile, the valid records are not resent."""
    emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=0.3))
    emulator.faults.add(InjectedFault(path="/import", kind="status", status=401))
    settings = Settings(max_batch_records=10, linger_seconds=0.05)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp, asyncio.timeout(10):
        report = await mp.import_events(lines(20, 5, 15))
        stats = mp.stats
    assert report.is_balanced
    assert (report.imported, report.rejected_by) == (0, {"malformed": 1})
    assert report.undelivered_by == {"unauthorized": 19}
    assert (report.requests, stats.queued, stats.in_flight, stats.buffered_bytes) == (2, 0, 0, 0)
