"""Memory in an outage: what the process takes, measured in a child process, not what the client counts."""

import asyncio
import contextlib
import json
import pathlib
import sys

import pytest

from tests.integration.attack.conftest import Note
from tests.integration.attack.memory_child import JOBS, LIVE

MAX_BUFFER_BYTES = 64 * 1024 * 1024  # the default
ROOT = pathlib.Path(__file__).parents[3]


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):  # the child ends without a close
        while await reader.read(2**16):
            pass
    writer.close()


@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", [*LIVE, *JOBS])
async def test_memory_is_bounded(kind: str, note: Note) -> None:
    """With a server that never replies, the process grows by no more than 1.3 times `max_buffer_bytes`."""
    listener = await asyncio.start_server(_swallow, "127.0.0.1", 0)
    async with listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.attack.memory_child", kind, url, str(MAX_BUFFER_BYTES),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, errors.decode()
    seen = json.loads(output)
    growth = seen["growth"] / 2**20
    bound = 1.3 * MAX_BUFFER_BYTES / 2**20
    within = growth <= bound
    print(f"{kind}: {seen}")
    note(f"memory, {kind}: growth at most {bound:.0f} MiB", "True", f"{within}" if within else f"{growth:.0f} MiB")
