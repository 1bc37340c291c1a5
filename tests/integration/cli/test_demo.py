"""The demonstration of `make demo`."""

import asyncio
import pathlib
import re
import sys

from tests import ROOT

DEMO = ROOT / "examples" / "demo.py"


async def test_the_demonstration(tmp_path: pathlib.Path) -> None:
    """It imports 10,000 events, gets the same events back, prints a computed report, and ends with 0, anywhere."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(DEMO),
        cwd=tmp_path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err
    assert b"10,000 read = 10,000 imported + 0 rejected + 0 duplicates" in out
    assert b"all 10,000 events came back as they went in" in out
    assert re.search(rb"The server's page: http://127.0.0.1:\d+/\n", out)
    assert b"mixpanel-async query segmentation 'Bird Strike' --from-date 1995-01-01" in out
    assert re.search(rb"Large +1995-03-01 +\d+\n", out)
    assert err == b""
