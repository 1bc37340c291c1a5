import asyncio
import os
import pathlib
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

import pytest

from mixpanel_async.emulator import Emulator


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Run: TypeAlias = Callable[..., Awaitable[Ended]]


@pytest.fixture
def environment(emulator: Emulator) -> dict[str, str]:
    """The environment of commands: no credentials but a token, and the local server's address."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("MIXPANEL_")}
    return {**found, "MIXPANEL_TOKEN": "token", "MIXPANEL_BASE_URL": emulator.url, "COLUMNS": "200"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: pathlib.Path) -> Run:
    """Run the command as its users do, in a directory of its own, and wait for its end."""

    async def run(*arguments: str, given: bytes = b"", env: dict[str, str] | None = None) -> Ended:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mixpanel_async", *arguments,
            env={**environment, **(env or {})}, cwd=tmp_path,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(30):
            out, err = await process.communicate(given)
        return Ended(process.returncode or 0, out.decode(), err.decode())

    return run
