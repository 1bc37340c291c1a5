"""Pipes acknowledge settled records in the order of the source."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, MixpanelError, Outcome, RecordMapping, Settings
from mixpanel_async.emulator import Emulator, EmulatorSettings, InjectedFault
from mixpanel_async.errors import AccessRefusedError
from mixpanel_async.jobs.sources.iterables import Record
from tests.records import NOON, event


async def numbered(count: int) -> AsyncIterator[tuple[object, Record]]:
    for number in range(count):
        yield f"offset-{number}", event(number)


async def test_order(emulator: Emulator) -> None:
    """With any number of requests in flight, acknowledgements come in the order of the source, one per record."""
    settings = Settings(max_batch_records=7, linger_seconds=0.05)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:
        offsets = [ack.offset async for ack in mp.pipe(numbered(1000)) if ack.is_delivered]
    assert offsets == [f"offset-{number}" for number in range(1000)]
    assert len(await emulator.events()) == 1000


async def test_every_record_is_acknowledged_with_its_verdict(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """Invalid, duplicate and rejected records are acknowledged as such, in order."""
    emulator.faults.add(InjectedFault(path="/import", kind="partial", indexes=(1,)))
    records: list[Record] = [event(1), b"no json", event(1), event(2), b" ", {"event": 5}, event(3)]
    acks = [(ack.offset, ack.verdict.outcome) async for ack in mp.pipe(records)]
    accepted, rejected, duplicate = Outcome.ACCEPTED, Outcome.REJECTED, Outcome.DUPLICATE
    outcomes = [accepted, rejected, duplicate, rejected, rejected, rejected, accepted]
    assert acks == list(enumerate(outcomes, 1))


async def test_a_source_that_pauses(mp: AsyncMixpanel) -> None:
    """A record is acknowledged while the source waits for the next one, which may depend on it."""
    acknowledged = asyncio.Event()

    async def source() -> AsyncIterator[Record]:
        yield event(1)
        await acknowledged.wait()
        yield event(2)

    found = []
    async with asyncio.timeout(10):
        async for ack in mp.pipe(source()):
            found.append(ack.offset)
            acknowledged.set()
    assert found == [1, 2]


async def test_acknowledgements_wait_for_earlier_records(emulator: Emulator) -> None:
    """A delivered record is not acknowledged before the records before it."""
    emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=0.3))
    settings = Settings(max_batch_records=1, linger_seconds=0.05)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:
        async for ack in mp.pipe(numbered(5)):
            if ack.offset == "offset-0":
                assert len(await emulator.events()) == 5


async def test_backpressure(mp: AsyncMixpanel) -> None:
    """The source is read at most max_unacknowledged records ahead."""
    read = 0

    async def source() -> AsyncIterator[Record]:
        nonlocal read
        for read in range(500):
            yield event(read)

    taken = 0
    async for _ in mp.pipe(source(), max_unacknowledged=20):
        taken += 1
        assert read - taken <= 20
    assert taken == 500


async def test_a_source_that_fails(mp: AsyncMixpanel) -> None:
    """Records before an error of the source are acknowledged; then the error is raised."""

    async def source() -> AsyncIterator[Record]:
        yield event(1)
        raise ZeroDivisionError

    acks = mp.pipe(source())
    assert (await anext(acks)).offset == 1
    with pytest.raises(ZeroDivisionError):
        await anext(acks)


async def test_refused_credentials() -> None:
    """If the credential is refused, nothing is acknowledged and the pipe raises."""
    settings = EmulatorSettings(service_accounts={"user": "secret"})
    async with Emulator(settings) as emulator, AsyncMixpanel("wrong", base_url=emulator.url) as mp:
        with pytest.raises(AccessRefusedError):
            await anext(mp.pipe(numbered(10)))


async def test_records_that_are_taken_while_the_source_pauses(emulator: Emulator) -> None:
    """Records that are taken during a pause never overtake records waiting for buffer space."""
    emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=0.2, times=None))
    is_waited_for = asyncio.Event()

    async def source() -> AsyncIterator[tuple[object, Record]]:
        for number in range(20):
            yield number, event(number)
        for number in range(20, 25):
            yield number, orjson.dumps(event(number))
        await is_waited_for.wait()
        for number in range(25, 60):
            yield number, event(number)

    settings = Settings(linger_seconds=0.05, max_batch_records=10)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:
        asyncio.get_running_loop().call_later(0.15, is_waited_for.set)
        found = [ack async for ack in mp.pipe(source(), concurrency=1)]
    assert [ack.offset for ack in found] == list(range(60))
    assert {ack.verdict.outcome for ack in found} == {Outcome.ACCEPTED}


async def test_an_address_that_is_gone(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """After a 404 records are not acknowledged, and the pipe raises."""
    emulator.faults.add(InjectedFault(path="/import", kind="status", status=404))
    with pytest.raises(MixpanelError, match="404") as caught:
        await anext(mp.pipe(numbered(10)))
    assert not isinstance(caught.value, AccessRefusedError)


async def test_what_was_not_delivered_is_not_acknowledged(emulator: Emulator) -> None:
    """When the client is closed under a pipe, unsettled records are not acknowledged."""
    emulator.faults.add(InjectedFault(path="/import", kind="hang", after=1))
    mp = AsyncMixpanel("token", base_url=emulator.url, settings=Settings(max_batch_records=5, linger_seconds=0.05))
    acks = mp.pipe(numbered(10), concurrency=1)
    async with asyncio.timeout(10):
        assert [(await anext(acks)).offset for _ in range(5)] == [f"offset-{number}" for number in range(5)]
        closing = asyncio.create_task(mp.aclose(timeout=0.1))
        with pytest.raises(MixpanelError):
            await anext(acks)
        await closing


@pytest.mark.parametrize("way", ["close", "cancel"])
async def test_leaving_early_leaves_nothing_running(mp: AsyncMixpanel, way: str) -> None:
    """Closing or cancelling a pipe ends its tasks and its source."""
    ended = asyncio.Event()
    before = asyncio.all_tasks()

    async def source() -> AsyncIterator[Record]:
        try:
            for number in range(1_000_000):
                yield event(number)
        finally:
            ended.set()

    async def consume() -> None:
        async with contextlib.aclosing(mp.pipe(source())) as acks:
            async for _ in acks:
                if way == "close":
                    break
                task.cancel()

    task = asyncio.create_task(consume())
    with contextlib.suppress(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        await ended.wait()
        await mp.flush()  # what was on its way is the client's
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert {name for name in names if name.startswith("mixpanel_async.pipe")} == set()


async def test_records_that_the_mapping_leaves_out(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """A skipped record is acknowledged in order with a SKIPPED verdict that names the filter."""
    rows = [
        {"event": name, "time": time, "distinct_id": "u", "$insert_id": f"{name}{time}"}
        for name, time in (("A", NOON), ("B", NOON), ("A", NOON), ("A", NOON - 86_400), ("A", NOON + 1))
    ]
    mapping = RecordMapping(events=frozenset({"A"}), from_time="2023-11-14")
    acks = [ack async for ack in mp.pipe(rows, mapping=mapping)]
    assert [ack.offset for ack in acks] == [1, 2, 3, 4, 5]
    accepted, skipped = Outcome.ACCEPTED, Outcome.SKIPPED
    assert [ack.verdict.outcome for ack in acks] == [accepted, skipped, Outcome.DUPLICATE, skipped, accepted]
    assert [ack.is_skipped for ack in acks] == [False, True, False, True, False]
    assert not any(ack.is_rejected or ack.is_delivered for ack in acks if ack.is_skipped)
    assert [acks[1].verdict.reason, acks[1].verdict.field] == ["event", "event"]
    assert "`events`" in acks[1].verdict.message
    assert "`from_time`" in acks[3].verdict.message
    assert len(await emulator.events()) == 2
