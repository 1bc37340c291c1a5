"""Events without waiting: from callbacks in the client's loop, and from other threads."""

import asyncio
import threading
import time
from concurrent.futures import Future

import pytest

from mixpanel_async import AsyncMixpanel, Outcome, Settings, Verdict
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import ClientClosedError, WrongLoopError
from tests.conftest import Connect


async def test_it_is_the_same_contract(connect: Connect, server: Emulator) -> None:
    """An event is queued, checked and delivered as with `track`, and the receipt can be awaited."""
    client = connect()
    receipts = [client.track_nowait("u", "A", {"n": number}) for number in range(3_000)]
    bad = client.track_nowait("undefined", "A")
    foreign = client.track_nowait("u", "A", {"token": "another-token-0123456789"})
    assert bad.outcome is Outcome.REJECTED
    assert (await client.flush(20)).pending == 0
    assert {(await receipt).outcome for receipt in receipts} == {Outcome.UNVERIFIED}
    assert (await foreign).field == "properties.token"
    assert len(await server.events()) == 3_001


async def test_equal_events(connect: Connect) -> None:
    """An equal event is a duplicate."""
    client = connect()
    now = time.time()
    one, two = (client.track_nowait("u", "A", time=now, insert_id="x") for _ in range(2))
    assert two.outcome is Outcome.DUPLICATE
    assert (await one).is_delivered


async def test_a_full_buffer(connect: Connect) -> None:
    """Where `track` would wait, the event is dropped at once; nothing is held and nothing is unaccounted for."""
    client = connect(Settings(max_buffer_bytes=8_000_000, linger_seconds=100), base_url="http://127.0.0.1:9")
    receipts = [client.track_nowait("u", "A", {"x": "y" * 1000}) for _ in range(12_000)]
    dropped = [receipt for receipt in receipts if receipt.outcome is Outcome.DROPPED]
    assert dropped
    await client.aclose(0)
    assert all(receipt.outcome is not None for receipt in receipts)


async def test_outside_the_loop(connect: Connect) -> None:
    """In another thread it is an error that says so."""
    client = connect()
    await client.track("u", "A")
    with pytest.raises(WrongLoopError):
        await asyncio.to_thread(client.track_nowait, "u", "A")


async def test_submit_from_threads(connect: Connect, server: Emulator) -> None:
    """Events of many threads arrive, each with its thread's context, and each future gets its verdict."""
    client = connect()
    async with client:
        client.default_properties = {"app": "shop"}
        futures: list[Future[Verdict]] = []

        def work(name: str) -> None:
            for number in range(500):
                with client.context(name):
                    futures.append(client.submit(None, "A", {"n": number}))

        threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):  # noqa: ASYNC110 - threads, not tasks
            await asyncio.sleep(0.001)
        assert (await client.flush(20)).pending == 0
        assert {future.result(0).outcome for future in futures} == {Outcome.UNVERIFIED}
        events = await server.events()
    assert len(events) == 2_000
    pairs = {(event["properties"]["distinct_id"], event["properties"]["n"]) for event in events}
    assert len(pairs) == 2_000
    assert {event["properties"]["app"] for event in events} == {"shop"}


async def test_submit_before_closing(connect: Connect, server: Emulator) -> None:
    """What was submitted before `aclose` is delivered; afterwards it is refused."""
    client = connect()
    await client.track("u", "First")
    future = client.submit("u", "Second")
    await client.aclose(10)
    assert future.result(0).is_delivered
    with pytest.raises(ClientClosedError):
        client.submit("u", "Third")
    assert len(await server.events()) == 2


async def test_submit_to_a_client_without_a_loop() -> None:
    """A client that no loop has used cannot take events from threads; the error says what to do."""
    client = AsyncMixpanel("token-0123456789")
    with pytest.raises(WrongLoopError, match="enter it with `async with`"):
        client.submit("u", "A")


async def test_submit_to_a_loop_that_stands_still(connect: Connect) -> None:
    """While the loop does not take events, at most 10,000 wait; a further one waits as long as the settings say."""
    client = connect(Settings(overflow_wait_seconds=0.01))
    await client.track("u", "A")

    def work() -> int:
        for _ in range(10_050):
            client.submit("u", "A")
        return len(client._inbox._items)

    waiting = asyncio.to_thread(work)
    assert await waiting <= 10_051
    await client.flush(30)
    assert client.stats.admitted >= 10_051
