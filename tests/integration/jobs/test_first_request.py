"""The first request of a job, which finds a wrong URL or credential: an outage does not end the job there."""

import asyncio
import os
import pathlib
import signal
import socket
import sys
from collections.abc import Callable

import pytest

from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.emulator.faults import FaultKind
from mixpanel_async.errors import TransportError
from tests.conftest import Connect
from tests.integration.attack.server import scripted
from tests.records import event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
LINES = ndjson([event(number) for number in range(3)])


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "truncate", "status"])
@pytest.mark.parametrize("times", [1, 3])
async def test_an_outage_at_the_start(
    server: Emulator, connect: Connect, write: Write, kind: FaultKind, times: int
) -> None:
    """A first request whose connection breaks, or that gets a 503, is sent again, and the job goes on."""
    server.faults.add(InjectedFault(path="/import", kind=kind, times=times))
    report = await connect().import_events(write("a.ndjson", LINES), probe=True)
    assert (report.error, report.imported) == ("", 3)
    assert len(await server.deduplicated_events()) == 3


async def test_a_server_that_breaks_every_connection(connect: Connect, write: Write) -> None:
    """A server that never replies is reported after the retries of a call; no record was sent."""
    async with scripted(lambda _: None) as scripted_server:
        with pytest.raises(TransportError):
            await connect(base_url=scripted_server.url).import_events(write("a.ndjson", LINES), probe=True)
    assert len(scripted_server.requests) > 3
    assert {request.body for request in scripted_server.requests} == {b"[]"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("what", ["pipe", "silent pipe", "silent server", "silent Mixpanel"])
async def test_one_signal_is_enough(server: Emulator, tmp_path: pathlib.Path, what: str) -> None:
    """One SIGTERM ends a job whose source does not open or give anything, or whose server does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path, url, address = tmp_path / "a.ndjson", server.url, f"http://127.0.0.1:{silent.getsockname()[1]}"
        if what == "silent Mixpanel":
            path.write_bytes(LINES)
            url = address
        elif what != "silent server":
            os.mkfifo(path)
        writer = os.open(path, os.O_RDWR) if what == "silent pipe" else None
        source = f"{address}/a.ndjson" if what == "silent server" else str(path)
        job = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mixpanel_async", "import", "events", source),
            env={**os.environ, "MIXPANEL_TOKEN": "token", "MIXPANEL_BASE_URL": url},
            stderr=asyncio.subprocess.PIPE,
        )
        assert job.stderr is not None
        if what.startswith("silent ") and "pipe" not in what:
            silent.setblocking(False)
            connection, _ = await asyncio.get_running_loop().sock_accept(silent)
        else:
            connection = None
            while not _is_handled(job.pid):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)  # nothing tells that a process waits for a pipe
        job.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            text = (await job.stderr.read()).decode()
            assert await job.wait() == 1
        if writer is not None:
            os.close(writer)
        if connection is not None:
            connection.close()
    assert "nothing was sent" in text
    assert not server.requests


def _is_handled(pid: int) -> bool:
    """Return whether a process handles SIGTERM by now."""
    caught = pathlib.Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
