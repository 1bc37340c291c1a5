"""The lifetime of a client: opening, closing in time, and every kind of misuse."""

import asyncio
import concurrent.futures
import gc
import multiprocessing
import time
import warnings
from collections.abc import AsyncIterator, Iterator

import orjson
import pytest
from aiohttp import web

from mixpanel_async import AsyncMixpanel, Outcome, ProjectSecret, Settings
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import CannotEncodeError, ClientClosedError, MissingCredentialsError, WrongLoopError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.testing import LocalMixpanel
from tests.conftest import TOKEN, Connect
from tests.integration.actions.server import Seen, listening

NOBODY = "http://127.0.0.1:9"


async def test_leaving_delivers(server: Emulator) -> None:
    """`async with` needs no flush(): leaving the block delivers all records."""
    async with AsyncMixpanel(TOKEN, base_url=server.url) as mp:
        receipts = [await mp.track("u", "E", {"n": n}) for n in range(100)]
    assert {(await receipt).outcome for receipt in receipts} == {Outcome.UNVERIFIED}
    assert len(await server.events()) == 100


async def test_entered_in_one_task_and_left_in_another(server: Emulator) -> None:
    """A client can be entered and left in different tasks, as fixtures and frameworks do."""
    client = AsyncMixpanel(TOKEN, base_url=server.url)
    await asyncio.create_task(client.__aenter__())
    receipt = await asyncio.create_task(client.track("u", "E"))
    await asyncio.create_task(client.__aexit__(None, None, None))
    assert (await receipt).is_delivered


@pytest.fixture
async def lent(server: Emulator) -> AsyncIterator[AsyncMixpanel]:
    async with AsyncMixpanel(TOKEN, base_url=server.url) as client:
        yield client


async def test_as_a_fixture(lent: AsyncMixpanel, server: Emulator) -> None:
    """A client works as an async fixture of pytest."""
    await lent.track("u", "E")
    assert (await lent.flush(timeout=10)).is_complete
    assert len(await server.events()) == 1


@pytest.mark.parametrize("timeout", [0.0, 0.2])
async def test_closing_keeps_its_deadline(timeout: float, server: Emulator) -> None:
    """If the server never replies, aclose() exceeds its timeout by less than 250 ms; every record has an outcome."""
    server.faults.add(InjectedFault(path="/track", kind="hang", times=None))
    client = AsyncMixpanel(TOKEN, base_url=server.url, settings=Settings(max_batch_records=10, max_concurrency=2))
    receipts = [await client.track("u", "E", {"n": n}) for n in range(200)]
    await client.flush(timeout=0.1)
    started = time.monotonic()
    report = await client.aclose(timeout=timeout)
    assert time.monotonic() - started < timeout + 0.25
    outcomes = {(await receipt).outcome for receipt in receipts}
    assert outcomes == {Outcome.UNKNOWN, Outcome.EXPIRED}
    assert report.pending == 0
    assert sum(report.outcomes.values()) == 200
    assert report.failures


async def test_closing_twice(server: Emulator) -> None:
    """Closing again, even concurrently, is harmless and returns the same report."""
    client = AsyncMixpanel(TOKEN, base_url=server.url)
    await client.track("u", "E")
    first, second = await asyncio.gather(client.aclose(), client.aclose())
    assert first == second == await client.aclose()
    assert first.outcomes == {Outcome.UNVERIFIED: 1}


async def test_a_closed_client_refuses(server: Emulator) -> None:
    """After closing, a call that would add a record raises."""
    client = AsyncMixpanel(TOKEN, base_url=server.url)
    await client.aclose()
    with pytest.raises(ClientClosedError, match="closed"):
        await client.track("u", "E")


async def test_cancelling_aclose_keeps_the_books(server: Emulator) -> None:
    """A cancelled aclose() still gives every record an outcome."""
    server.faults.add(InjectedFault(path="/track", kind="hang", times=None))
    client = AsyncMixpanel(TOKEN, base_url=server.url)
    receipts = [await client.track("u", "E") for _ in range(10)]
    closing = asyncio.create_task(client.aclose(timeout=60))
    while not server.requests:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert {receipt.outcome for receipt in receipts} == {Outcome.UNKNOWN}


def test_the_loop_ends_without_a_close(caplog: pytest.LogCaptureFixture) -> None:
    """If the loop ends first, every record still gets its outcome, the log counts the lost ones, and Python warns."""
    receipts = []

    async def main() -> AsyncMixpanel:
        client = AsyncMixpanel(TOKEN, base_url=NOBODY)
        receipts.append(await client.track("u", "E"))
        return client

    client = asyncio.run(main())
    assert receipts[0].outcome is Outcome.EXPIRED
    assert client.stats.queued == client.stats.in_flight == 0
    assert "1 records are lost: the event loop ended before the client was closed" in caplog.text
    clients = [client]
    del client
    with pytest.warns(ResourceWarning, match="never closed"):
        clients.clear()


def test_the_loop_ends_with_nothing_queued(caplog: pytest.LogCaptureFixture) -> None:
    """If the loop ends first and nothing is queued, the log does not speak of lost records."""

    async def main() -> AsyncMixpanel:
        async with LocalMixpanel() as server:
            client = AsyncMixpanel(TOKEN, base_url=server.url)
            await client.track("u", "E")
            await client.flush()
        return client

    clients = [asyncio.run(main())]
    assert "lost" not in caplog.text
    with pytest.warns(ResourceWarning, match="never closed"):
        clients.clear()


def test_a_client_that_is_never_closed_warns() -> None:
    """A client that is garbage-collected unclosed emits a ResourceWarning, unless it was never used."""

    async def main() -> None:
        client = AsyncMixpanel(TOKEN, base_url=NOBODY)
        await client.track("u", "E")
        del client
        gc.collect()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
        AsyncMixpanel(TOKEN)
        gc.collect()
    mine = [warning for warning in caught if "never closed" in str(warning.message)]
    assert [warning.category for warning in mine] == [ResourceWarning]
    assert TOKEN not in str(mine[0].message)


async def test_another_thread_is_refused(connect: Connect) -> None:
    """Use from another thread's loop raises an error that says what to do."""
    client = connect()
    await client.track("u", "E")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, client.track("u", "E"))
        with pytest.raises(WrongLoopError, match="run_coroutine_threadsafe"):
            await asyncio.wrap_future(future)


def test_another_loop_is_refused() -> None:
    """A client whose loop has ended raises an error that says so."""
    client = AsyncMixpanel(TOKEN, base_url=NOBODY)

    async def use() -> None:
        await client.track("u", "E")
        await client.aclose(timeout=0)

    asyncio.run(use())
    with pytest.raises((WrongLoopError, ClientClosedError)):
        asyncio.run(use())


def _use_in_child(client: AsyncMixpanel, answers: "multiprocessing.SimpleQueue[str]") -> None:
    try:
        asyncio.run(client.track("u", "E"))
    except WrongLoopError as error:
        answers.put(str(error))
    else:
        answers.put("no error")


async def test_a_fork_is_refused(connect: Connect) -> None:
    """In a forked child an inherited client raises an error that says to create a new one."""
    client = connect()
    await client.track("u", "E")
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads is what this is about
        child = context.Process(target=_use_in_child, args=(client, answers))
        child.start()
    child.join(30)
    assert "fork" in answers.get()


async def test_no_task_is_left(server: Emulator) -> None:
    """After closing, the client leaves no task in the loop."""
    before = asyncio.all_tasks()
    async with AsyncMixpanel(TOKEN, base_url=server.url) as client:
        await client.track("u", "E")
        await client.flush(timeout=10)
    assert asyncio.all_tasks() == before


async def test_without_a_token() -> None:
    """A call without its credential raises an error that names the credential and where to set it."""
    async with AsyncMixpanel() as client:
        with pytest.raises(MissingCredentialsError, match="MIXPANEL_TOKEN"):
            await client.track("u", "E")
        with pytest.raises(MissingCredentialsError, match="credential"):
            await client.import_event("u", "E", time=1)


async def test_a_receipt_outlives_the_client(server: Emulator) -> None:
    """Any number of tasks can await a receipt at any time; a cancelled wait does not affect the record."""
    client = AsyncMixpanel(TOKEN, base_url=server.url, settings=Settings(linger_seconds=3600))
    receipt = await client.track("u", "E")
    waits = [asyncio.ensure_future(_wait(receipt)) for _ in range(3)]
    await asyncio.sleep(0)
    waits[0].cancel()
    await client.aclose()
    assert [await wait for wait in waits[1:]] == [Outcome.UNVERIFIED] * 2
    assert (await receipt).outcome is Outcome.UNVERIFIED
    assert repr(receipt) == "Receipt(unverified)"


async def _wait(receipt: object) -> Outcome:
    return (await receipt).outcome  # type: ignore[misc, no-any-return]


async def test_failures_can_be_heard(server: Emulator, connect: Connect) -> None:
    """`on_failure` gets the JSON of each record that was not delivered; its exceptions do not stop delivery."""
    heard: list[tuple[bytes, str]] = []

    def listen(record: bytes, verdict: object) -> None:
        heard.append((record, getattr(verdict, "reason", "")))
        raise RuntimeError("a callback with a bug")

    server.faults.add(InjectedFault(path="/import", kind="partial", indexes=(0,)))
    client = connect(on_failure=listen)
    for number in range(3):
        await client.import_event("u", "E", {"n": number}, time=1_700_000_000)
    await client.import_event("null", "E", time=1_700_000_000)
    await client.flush(timeout=10)
    assert [reason for _, reason in heard] == ["invalid", "invalid"]
    assert b'"null"' in heard[0][0]
    assert b'"n":0' in heard[1][0]
    assert client.stats.outcomes[Outcome.ACCEPTED] == 2


def _nested() -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(5000):
        value = {"a": value}
    return value


class _Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [2**70, "\ud800", pytest.param(10**5000, id="many digits"), pytest.param(_nested(), id="nested"), _Unprintable()],
)
async def test_a_refused_record_need_not_be_json(value: JSONValue, connect: Connect) -> None:
    """A record that is rejected before it is encoded gets a verdict, whatever else it contains, and is reported."""
    heard: list[bytes] = []
    async with connect(on_failure=lambda record, _verdict: heard.append(record)) as client:
        receipts = [
            await client.track("u", "", {"a": value}),
            await client.import_event("u", "E", {"a": value}),
            await client.people.set("", {"a": value}),
        ]
        assert [(await receipt).outcome for receipt in receipts] == [Outcome.REJECTED] * 3
    assert len(heard) == 3
    assert all(orjson.loads(record) for record in heard)


async def test_half_a_character_is_no_id(connect: Connect) -> None:
    """A record with an ID that cannot be encoded is rejected alone, with its field; if configured, the call raises."""
    async with connect() as client:
        for insert_id in (None, "id"):
            verdict = await (await client.track("\ud800", "E", insert_id=insert_id))
            assert (verdict.outcome, verdict.field) == (Outcome.REJECTED, "properties.distinct_id")
    async with connect(Settings(on_bad_record="raise")) as client:
        with pytest.raises(CannotEncodeError) as caught:
            await client.track("\ud800", "E")
        assert caught.value.field == "properties.distinct_id"


async def test_everything_behind_a_refused_credential_gets_its_outcome() -> None:
    """However much of an import is queued when its credential is refused, all of it is settled, and the job ends."""
    is_queued = asyncio.Event()

    async def refuse(_: Seen) -> web.StreamResponse:
        await is_queued.wait()
        return web.json_response({"error": "invalid credentials", "status": "error"}, status=401)

    def records() -> Iterator[dict[str, object]]:
        for number in range(60_000):
            properties = {"time": 1_700_000_000, "distinct_id": "u", "$insert_id": f"id-{number}"}
            yield {"event": "E", "properties": properties}
        is_queued.set()

    async with listening() as mixpanel:
        mixpanel.handler = refuse
        secret = ProjectSecret("secret-0123456789")
        async with AsyncMixpanel(credentials=secret, base_url=mixpanel.url) as client:
            report = await asyncio.wait_for(client.import_events(records(), probe=False), 30)
    assert (report.is_refused, report.undelivered) == (True, 60_000)
    assert report.is_balanced
