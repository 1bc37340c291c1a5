"""What a local server with a data file has answered is there after any end of its process."""

import asyncio
import pathlib
import signal
import sys
from collections.abc import Callable

import aiohttp
import duckdb
import orjson
import pytest

from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.emulator.state import SharedWrite
from mixpanel_async.errors import InvalidSettingError
from tests.integration.emulator.api import Api, HandClock, event

SENDERS = 4
BATCH = 50
ANSWERS = 40


async def start(data: pathlib.Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start `serve` as a process; return it and its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mixpanel_async", "serve", "--port", "0", "--data", str(data),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


async def send(
    session: aiohttp.ClientSession, url: str, sender: int, answered: set[str], enough: asyncio.Event
) -> None:
    """Send events and profile updates until the server is gone; note what was answered."""
    number = 0
    while True:
        first = number * BATCH
        ids = [f"{sender}-{first + n}" for n in range(BATCH)]
        events = [event(n, **{"$insert_id": one}) for n, one in enumerate(ids)]
        async with session.post(f"{url}/import?strict=1", data=orjson.dumps(events)) as reply:
            if (await reply.json())["num_records_imported"] == BATCH:
                answered.update(ids)
        user = {"$token": "t", "$distinct_id": f"user-{sender}-{number}", "$set": {"n": number}}
        async with session.post(f"{url}/engage", data=orjson.dumps(user)) as reply:
            if await reply.text() == "1":
                answered.add(f"user-{sender}-{number}")
        number += 1
        if len(answered) > ANSWERS * BATCH:
            enough.set()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
async def test_what_was_answered_survives(tmp_path: pathlib.Path, number: signal.Signals) -> None:
    """A process that ends in the middle of ingestion has every event and profile that it answered, and none twice."""
    data = tmp_path / "data.duckdb"
    answered: set[str] = set()
    enough = asyncio.Event()
    async with asyncio.timeout(60):
        process, url = await start(data)
        headers = {"Authorization": aiohttp.encode_basic_auth("token", "")}
        async with aiohttp.ClientSession(headers=headers) as session:
            senders = [asyncio.ensure_future(send(session, url, n, answered, enough)) for n in range(SENDERS)]
            await enough.wait()
            process.send_signal(number)
            ended = await asyncio.gather(*senders, return_exceptions=True)
            assert all(isinstance(one, aiohttp.ClientError) for one in ended)
        status = await process.wait()
    assert status == (-number if number == signal.SIGKILL else 0)
    async with Emulator(EmulatorSettings(data=data)) as emulator:
        stored = [one["properties"]["$insert_id"] for one in await emulator.events()]
        known = {*stored, *await emulator.profiles()}
    assert len(stored) == len(set(stored))
    assert answered <= known
    assert len(answered) > ANSWERS * BATCH


async def test_concurrent_requests_share_a_write(
    tmp_path: pathlib.Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of many concurrent requests are answered after they were written, in fewer writes than requests."""
    writes: list[SharedWrite] = []
    run = SharedWrite.run

    def counted(write: SharedWrite) -> None:
        writes.append(write)
        run(write)

    monkeypatch.setattr(SharedWrite, "run", counted)
    async with (
        Emulator(EmulatorSettings(data=tmp_path / "data.duckdb"), now=clock.now) as emulator,
        aiohttp.ClientSession() as session,
    ):
        api = Api(emulator, session)
        answers = await asyncio.gather(*(api.import_events([event(n)]) for n in range(50)))
        assert [answer.status for answer in answers] == [200] * 50
        assert 0 < len(writes) < 50
        assert len(await emulator.events()) == 50


async def test_equal_events_are_found_across_restarts(tmp_path: pathlib.Path, clock: HandClock) -> None:
    """Of equal events the newest counts, whether they came before or after a start, and before or after a read."""
    settings = EmulatorSettings(data=tmp_path / "data.duckdb")
    for version, reads in enumerate((False, True, False)):
        async with Emulator(settings, now=clock.now) as emulator, aiohttp.ClientSession() as session:
            api = Api(emulator, session)
            await api.import_events([event(0, version=version), event(1 + version)])
            if reads:
                assert len(await emulator.deduplicated_events()) == 2 + version
    async with Emulator(settings, now=clock.now) as emulator:
        found = await emulator.deduplicated_events()
        assert len(await emulator.events()) == 6
    assert [one["properties"].get("version") for one in found] == [None, None, 2, None]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of another process")
async def test_a_full_disk_is_reported_and_survived(tmp_path: pathlib.Path) -> None:
    """A batch that cannot be written gets a 500 with the reason; with room again everything answered is there."""
    import resource

    data = tmp_path / "data.duckdb"
    headers = {"Authorization": aiohttp.encode_basic_auth("token", "")}
    answered: set[str] = set()
    process, url = await start(data)
    async with asyncio.timeout(60), aiohttp.ClientSession(headers=headers) as session:

        async def send_batch(number: int) -> tuple[int, str]:
            ids = [f"{number}-{n}" for n in range(BATCH)]
            events = [event(n, **{"$insert_id": one, "text": "x" * 200}) for n, one in enumerate(ids)]
            async with session.post(f"{url}/import?strict=1", data=orjson.dumps(events)) as reply:
                if reply.status == 200:
                    answered.update(ids)
                return reply.status, (await reply.json()).get("error", "")

        assert (await send_batch(0))[0] == 200
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
        refused = [reply for number in range(1, 60) if (reply := await send_batch(number))[0] != 200]
        assert {status for status, _ in refused} == {500}
        assert "could not write" in refused[0][1].lower()
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert (await send_batch(100))[0] == 200
        process.kill()
        await process.wait()
    async with Emulator(EmulatorSettings(data=data)) as emulator:
        assert answered <= {one["properties"]["$insert_id"] for one in await emulator.events()}


def write_other_database(path: pathlib.Path) -> None:
    """Write a database of another program."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE layout (version INTEGER)")


def write_other_version(path: pathlib.Path) -> None:
    """Write a data file of another version."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE layout (version INTEGER); CREATE TABLE events (a INTEGER)")
        connection.execute("INSERT INTO layout VALUES (99)")


def write_damaged(path: pathlib.Path) -> None:
    """Write a database with a block that is not what it was."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE events AS SELECT range AS a FROM range(100000)")
    content = bytearray(path.read_bytes())
    content[12_288:16_384] = bytes(4096)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("no database"), "cannot be opened"),
        (lambda path: path.mkdir(), "cannot be opened"),
        (write_damaged, "cannot be opened"),
        (write_other_database, "another program's"),
        (write_other_version, "another version"),
    ],
)
async def test_a_file_that_is_no_data_file_is_refused(
    tmp_path: pathlib.Path, write: Callable[[pathlib.Path], object], message: str
) -> None:
    """A file of another program or version, or a damaged one, is refused with its name, and is not changed."""
    path = tmp_path / "data.duckdb"
    write(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(InvalidSettingError, match=f"data.duckdb .*{message}"):
        await Emulator(EmulatorSettings(data=path)).start()
    assert (path.read_bytes() if path.is_file() else b"") == before


async def test_two_servers_do_not_use_one_file(tmp_path: pathlib.Path) -> None:
    """A server in another process with the same data file is refused."""
    data = tmp_path / "data.duckdb"
    process, _ = await start(data)
    with pytest.raises(InvalidSettingError, match="cannot be opened"):
        await Emulator(EmulatorSettings(data=data)).start()
    process.terminate()
    assert await process.wait() == 0
