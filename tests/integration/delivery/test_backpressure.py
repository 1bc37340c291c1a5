"""Bounded memory: what happens when the buffer is full, by policy."""

import asyncio

import pytest

from mixpanel_async import AsyncMixpanel, Outcome, Receipt, Settings
from mixpanel_async.config import Overflow
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import BufferFullError, ClientClosedError
from tests.conftest import Connect

SMALL = 400_000


def settings(overflow: Overflow, *, wait: float = 30.0, max_buffer_records: int | None = None) -> Settings:
    return Settings(
        overflow=overflow,
        overflow_wait_seconds=wait,
        max_buffer_bytes=SMALL,
        max_buffer_records=max_buffer_records,
        max_batch_bytes=100_000,
        max_batch_records=50,
    )


def block(server: Emulator) -> None:
    """Make the server accept requests and never reply."""
    server.faults.add(InjectedFault(path="/track", kind="hang", times=None))


async def fill(client: AsyncMixpanel, count: int) -> list[Receipt]:
    return [await client.track("u", "E", {"n": n, "filler": "x" * 1000}) for n in range(count)]


async def test_full_waits(connect: Connect) -> None:
    """By default a full buffer makes the caller wait, and all its records are delivered."""
    client = connect(settings("wait"))
    receipts = await fill(client, 2000)
    assert client.stats.buffered_bytes <= SMALL
    await client.flush(timeout=20)
    assert {(await receipt).outcome for receipt in receipts} == {Outcome.UNVERIFIED}


async def test_full_waits_no_longer_than_it_may(server: Emulator, connect: Connect) -> None:
    """If no space becomes free, the wait ends with outcome DROPPED; track() never raises because of the network."""
    block(server)
    client = connect(settings("wait", wait=0.05))
    receipts = await asyncio.wait_for(fill(client, 400), timeout=60)
    dropped = [receipt for receipt in receipts if receipt.outcome is Outcome.DROPPED]
    assert dropped
    assert client.stats.outcomes[Outcome.DROPPED] == len(dropped)
    assert client.stats.buffered_bytes <= SMALL


async def test_full_raises(server: Emulator, connect: Connect) -> None:
    """`overflow="raise"` raises an error with the sizes; records admitted before are not affected."""
    block(server)
    client = connect(settings("raise"))
    with pytest.raises(BufferFullError, match="max_buffer_bytes") as caught:
        await fill(client, 1000)
    assert caught.value.limit == SMALL
    assert 0 < caught.value.queued_bytes <= SMALL
    assert client.stats.admitted == client.stats.queued + client.stats.in_flight


async def test_what_was_not_admitted_is_no_duplicate(server: Emulator, connect: Connect) -> None:
    """An event that did not fit is admitted when it is tracked again: it is not a duplicate."""
    client = connect(Settings(overflow="raise", max_buffer_records=1, linger_seconds=3600.0))
    await client.track("u", "E")

    async def make() -> Receipt:
        return await client.import_event("u", "E", time=1_700_000_000, insert_id="id-1")

    with pytest.raises(BufferFullError):
        await make()
    await client.flush(timeout=20)
    receipt = await make()
    await client.flush(timeout=20)
    assert (await receipt).outcome is Outcome.ACCEPTED
    assert len(await server.events()) == 2


async def test_full_drops_the_newest(server: Emulator, connect: Connect) -> None:
    """`drop_newest` never waits and keeps the oldest; each drop is on its receipt."""
    block(server)
    client = connect(settings("drop_newest"))
    receipts = await fill(client, 1000)
    while client.stats.queued >= 50:  # noqa: ASYNC110 - until bodies are compressed, and take less than was reserved
        await asyncio.sleep(0.01)
    receipts += await fill(client, 200)
    newest = await fill(client, 50)
    for _ in range(100):  # on a busy machine, a body may still be compressed, which makes space once more
        if all(receipt.outcome is Outcome.DROPPED for receipt in newest):
            break
        receipts += newest
        newest = await fill(client, 50)
    assert {receipt.outcome for receipt in receipts[:50]} == {None}
    assert {receipt.outcome for receipt in newest} == {Outcome.DROPPED}
    dropped = sum(receipt.outcome is Outcome.DROPPED for receipt in receipts) + 50
    assert client.stats.outcomes[Outcome.DROPPED] == dropped


async def test_full_drops_the_oldest(server: Emulator, connect: Connect) -> None:
    """`drop_oldest` drops the oldest records that were never sent and keeps the newest."""
    block(server)
    client = connect(settings("drop_oldest"))
    receipts = await fill(client, 1000)
    assert receipts[-1].outcome is None
    assert client.stats.outcomes[Outcome.DROPPED] > 0
    assert client.stats.buffered_bytes <= SMALL


async def test_the_bound_on_records(server: Emulator, connect: Connect) -> None:
    """`max_buffer_records` limits small records, which take more memory than their JSON."""
    block(server)
    client = connect(settings("drop_newest", max_buffer_records=120))
    await fill(client, 200)
    assert client.stats.queued + client.stats.in_flight == 120


async def test_the_overhead_of_small_records_counts(server: Emulator, connect: Connect) -> None:
    """`max_buffer_bytes` counts what a record takes beside its JSON, which is half of a small one."""
    block(server)
    client = connect(settings("raise"))
    with pytest.raises(BufferFullError):
        await asyncio.gather(*(client.track("u", "E") for _ in range(SMALL // 100)))
    assert client.stats.admitted <= SMALL / 250


async def test_one_caller_waits_in_vain(server: Emulator, connect: Connect) -> None:
    """In an outage one caller waits for space; those that come after it are dropped at once."""
    block(server)
    client = connect(settings("wait", wait=0.3, max_buffer_records=100))
    await fill(client, 100)
    assert (await client.track("u", "E")).outcome is Outcome.DROPPED
    later = asyncio.create_task(client.track("u", "E"))
    for _ in range(20):  # turns of the loop, a millisecond in all
        await asyncio.sleep(0)
    assert later.done()
    assert later.result().outcome is Outcome.DROPPED


async def test_a_cancelled_wait_leaves_nothing_behind(server: Emulator, connect: Connect) -> None:
    """A track() that is cancelled while it waits admits nothing."""
    block(server)
    client = connect(settings("wait", max_buffer_records=100))
    await fill(client, 100)
    waiting = asyncio.create_task(client.track("u", "E"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert client.stats.admitted == 100


async def test_waits_that_are_cancelled_together_leave_nothing_behind(server: Emulator, connect: Connect) -> None:
    """The space that a cancelled track() leaves is not given to another cancelled one."""
    block(server)
    client = connect(settings("wait"))
    filled: list[Receipt] = []
    while not filled or filled[-1].outcome is None:
        filling = asyncio.create_task(client.track("u", "E", {"filler": "x" * 1000}))
        done, _ = await asyncio.wait([filling], timeout=0.05)
        if not done:
            break
        filled.append(filling.result())
    admitted = client.stats.admitted
    small = [asyncio.create_task(client.track("u", "E", {"n": n})) for n in range(5)]
    await asyncio.sleep(0)
    for waiting in (filling, *small):
        waiting.cancel()
    await asyncio.wait([filling, *small])
    assert client.stats.admitted == admitted


async def test_closing_ends_the_wait(server: Emulator, connect: Connect) -> None:
    """A caller that waits for buffer space when the client is closed gets an error instead of hanging."""
    block(server)
    client = connect(settings("wait", max_buffer_records=100))
    await fill(client, 100)
    waiting = asyncio.create_task(client.track("u", "E"))
    await asyncio.sleep(0)
    await client.aclose(timeout=0)
    with pytest.raises(ClientClosedError):
        await waiting


async def test_a_stuck_lane_leaves_room_for_others(server: Emulator, connect: Connect) -> None:
    """While /track hangs with a full buffer, records of /engage are still admitted and delivered."""
    block(server)
    client = connect(settings("drop_newest"))
    await fill(client, 1000)
    receipt = await client.people.set("u", {"a": 1})
    assert receipt.outcome is None
    assert (await asyncio.wait_for(receipt, timeout=10)).is_delivered
