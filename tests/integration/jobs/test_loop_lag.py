"""Imports of files that are costly for each byte leave the event loop free for other tasks."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

# In a process of its own: the tests' own tasks and modules would be measured as well. The first import loads modules.
_PROBE: Final = """
import asyncio, sys, time
from mixpanel_async import AsyncMixpanel

async def main():
    longest = 0.0

    async def probe():
        nonlocal longest
        while True:
            clock, processor = time.perf_counter(), time.process_time()
            await asyncio.sleep(0.001)
            # What other processes took from a busy machine is no hold.
            longest = max(longest, min(time.perf_counter() - clock, time.process_time() - processor))

    async with AsyncMixpanel("token") as mp:
        await mp.import_events([{}], dry_run=True)
        task = asyncio.create_task(probe())
        report = await mp.import_events(sys.argv[1], dry_run=True, format=sys.argv[2])
        task.cancel()
    assert report.is_balanced
    print(longest)

asyncio.run(main())
"""
# A hold is 5 to 20 ms on a quiet machine, and was 2 to 10 seconds; a loaded machine makes all work slower.
_LIMIT_SECONDS: Final = 0.5


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"\n" * 2_000_000, "ndjson"),
        (b"{}\n" * 400_000, "ndjson"),
        (b"{x\n" * 400_000, "ndjson"),
        (b"[" + b"{}," * 400_000 + b"{}]", "json"),
        (b"[" + (b'{"a":' * 200 + b"1" + b"}" * 200 + b",") * 1_000 + b"{}]", "json"),
    ],
    ids=["blank lines", "empty objects", "malformed lines", "array of empty objects", "array of deep objects"],
)
def test_an_import_does_not_hold_the_loop(content: bytes, form: str, tmp_path: Path) -> None:
    """A block of a million records is encoded in slices, between which other tasks run."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(content)
    done = subprocess.run([sys.executable, "-c", _PROBE, str(path), form], check=True, capture_output=True, text=True)
    assert float(done.stdout) < _LIMIT_SECONDS
