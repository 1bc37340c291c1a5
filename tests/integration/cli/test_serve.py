"""`mixpanel-async serve`: addresses, seeds, the log of requests and the end."""

import asyncio
import gzip
import json
import os
import pathlib
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest

from mixpanel_async.cli.render.request_log import RequestLogWriter, line_of
from mixpanel_async.emulator import Emulator, EmulatorSettings, RequestLog
from tests.integration.cli.conftest import MODULE, Ended, Run, clean_environment


class Serving:
    """A `serve` process and what it wrote."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    async def post(self, path: str, value: object) -> int:
        async with aiohttp.ClientSession() as session, session.post(self.url + path, json=value) as reply:
            return reply.status

    async def end(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        self.process.send_signal(number)
        async with asyncio.timeout(20):
            out, err = await self.process.communicate()
        return Ended(self.process.returncode or 0, out.decode(), err.decode())


Serve = Callable[..., AbstractAsyncContextManager[Serving]]


@pytest.fixture
def serve(tmp_path: pathlib.Path) -> Serve:
    @asynccontextmanager
    async def started(*options: str) -> AsyncIterator[Serving]:
        process = await asyncio.create_subprocess_exec(
            *MODULE, "serve", "--port", "0", *options, env=clean_environment(), cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            async with asyncio.timeout(20):
                yield Serving(process, (await process.stdout.readline()).decode().strip())
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    return started


SIGNED_UP = {"event": "Signed Up", "properties": {"token": "t", "distinct_id": "u"}}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_lines_and_the_end(serve: Serve, tmp_path: pathlib.Path, number: signal.Signals) -> None:
    """The first lines name the page and the variables to set; a signal ends it with 0, and everything is stored."""
    async with serve("--data", "data.duckdb", "--token", "t") as server:
        assert await server.post("/track", SIGNED_UP) == 200
        ended = await server.end(number)
    assert (ended.status, ended.out) == (0, "")
    first, second = ended.err.splitlines()[:2]
    assert first.endswith(f"its page: {server.url}/")
    assert f"export MIXPANEL_BASE_URL={server.url} MIXPANEL_TOKEN=t" in second
    async with Emulator(EmulatorSettings(data=tmp_path / "data.duckdb")) as again:
        assert [event["event"] for event in await again.events()] == ["Signed Up"]


async def test_requests_are_logged(serve: Serve) -> None:
    """Each request has a line: time, method, path, status, records, and fault or error; without colours in a pipe."""
    async with serve() as server:
        await server.post("/track", [SIGNED_UP, SIGNED_UP])
        await server.post("/_admin/faults", {"path": "/track", "kind": "status"})
        await server.post("/track", SIGNED_UP)
        await server.post("/import", [SIGNED_UP])
        ended = await server.end()
    lines = ended.err.splitlines()[2:]
    assert len(lines) == 3
    time, method, path, status, records = lines[0].split("  ")[:5]
    assert (len(time), method, path, status, records) == (8, "POST", "/track", "200", "2 records")
    assert "503" in lines[1]
    assert lines[1].endswith("fault: status")
    assert "401" in lines[2]
    assert lines[2].endswith("credentials are required")
    assert "\x1b" not in ended.err


async def test_quiet(serve: Serve) -> None:
    """--quiet logs no request."""
    async with serve("--quiet") as server:
        await server.post("/track", SIGNED_UP)
        assert len((await server.end()).err.splitlines()) == 2


async def test_nobody_reads_the_log(serve: Serve) -> None:
    """A full pipe does not stop the server: lines are dropped and it answers on."""
    async with serve() as server, aiohttp.ClientSession() as session:
        for _ in range(3000):
            async with session.get(server.url + "/" + "x" * 90) as reply:
                assert reply.status == 404
        assert await server.post("/track", SIGNED_UP) == 200
        assert (await server.end()).status == 0


async def test_seeds(serve: Serve, tmp_path: pathlib.Path) -> None:
    """--seed stores the records of files before the address is printed, and says what became of them."""
    good = {"event": "A", "properties": {"time": 1_760_000_400, "distinct_id": "u"}}
    (tmp_path / "events.ndjson.gz").write_bytes(gzip.compress(f"{json.dumps(good)}\n{{}}\n".encode()))
    (tmp_path / "profiles.json").write_text(json.dumps([{"$distinct_id": "u", "$set": {"plan": "pro"}}]))
    async with serve("--seed", "events.ndjson.gz", "--seed", "profiles.json") as server:
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/_admin/state") as reply:
            state = await reply.json()
        ended = await server.end()
    assert (state["events"], state["profiles"], state["rejected"]) == (1, 1, 1)
    assert "seed events.ndjson.gz: 1 event and 0 profile updates stored, 1 record rejected" in ended.err
    assert "seed profiles.json: 0 events and 1 profile update stored" in ended.err


async def test_a_seed_that_is_missing(run: Run) -> None:
    """A seed file that cannot be read ends the command with one line that names it."""
    ended = await run("serve", "--port", "0", "--seed", "nowhere.json")
    assert (ended.status, ended.out) == (2, "")
    assert "the seed file nowhere.json cannot be read: No such file" in ended.err
    assert ended.err.count("\n") == 1


def request(path: str, status: int | None = 200) -> RequestLog:
    return RequestLog(method="GET", path=path, query={}, headers={}, at=0.0, status=status, seconds=0.0015)


def test_a_path_cannot_control_the_terminal() -> None:
    """Control characters of a path are shown and not sent to the terminal; a long path is cut."""
    line = line_of(request("/\x1b[2J\r\n\u202e"))
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert len(line_of(request("/" + "x" * 9000))) < 200


@pytest.mark.parametrize(("status", "colour"), [(200, "32"), (404, "33"), (503, "31"), (None, "31")])
def test_colours(status: int | None, colour: str) -> None:
    """On a terminal the colour of the status says how it went."""
    assert f"\x1b[{colour}m" in line_of(request("/", status), has_colours=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR switches the colours off on a terminal."""
    for value, has_colours in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        leader, follower = os.openpty()
        with os.fdopen(follower, "w") as terminal:
            writer = RequestLogWriter(terminal)
            writer.add(request("/"))
            writer.close()
            assert (b"\x1b[32m" in os.read(leader, 1000)) is has_colours
        os.close(leader)
