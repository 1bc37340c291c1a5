"""A local server that answers what Mixpanel would, and the command line as a process of its own."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeAlias

import msgspec
import pytest
from aiohttp import web

from mixpanel_async.cli import app
from tests.integration.actions.server import Script, Seen, listening
from tests.integration.cli.api.replies import OWN_CSV, REPLIES, page_of

SECRET = "account-secret-0123456789"
MODULE = (sys.executable, "-W", "error", "-m", "mixpanel_async")


class Ended(msgspec.Struct):
    """A process that ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return msgspec.json.decode(self.out)


Command: TypeAlias = Callable[..., Awaitable[Ended]]


def environment(url: str, **changes: str) -> dict[str, str]:
    """The variables of a process: what leads to the server, and none of the user's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MIXPANEL_")}
    return kept | {
        "MIXPANEL_BASE_URL": url,
        "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "user",
        "MIXPANEL_SERVICE_ACCOUNT_SECRET": SECRET,
        "MIXPANEL_PROJECT_ID": "1",
        "COLUMNS": "80",
    } | changes  # fmt: skip


async def answer(seen: Seen) -> web.StreamResponse:
    """Answer as Mixpanel would."""
    if seen.path == "/api/query/engage":
        return web.Response(body=page_of(int(seen.form.get("page", "0"))), content_type="application/json")
    if seen.query.get("format") == "csv":
        return web.Response(text=OWN_CSV, content_type="text/csv")
    if seen.path not in REPLIES:
        return web.Response(status=404, text=json.dumps({"error": "no such path", "status": "error"}))
    return web.Response(body=json.dumps(REPLIES[seen.path]).encode(), content_type="application/json")


@pytest.fixture
async def mixpanel() -> AsyncIterator[Script]:
    """A server that keeps what it was asked."""
    async with listening() as script:
        script.handler = answer
        yield script


@pytest.fixture
def command(mixpanel: Script) -> Command:
    """Runs the command line as a process of its own."""

    async def run(*arguments: str, stdin: bytes = b"", **changes: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *MODULE,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(mixpanel.url, **changes),
        )
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    return run


@pytest.fixture
def inside(
    mixpanel: Script, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Command]:
    """Runs the command line in this process, where there are many to run."""
    logger = logging.getLogger("mixpanel_async")
    level = logger.level

    async def run(*arguments: str, **changes: str) -> Ended:
        for name, value in environment(mixpanel.url, **changes).items():
            monkeypatch.setenv(name, value)
        capfdbinary.readouterr()
        status = await asyncio.to_thread(app.run, arguments)
        out, err = capfdbinary.readouterr()
        return Ended(status, out.decode(), err.decode())

    yield run
    logger.setLevel(level)
