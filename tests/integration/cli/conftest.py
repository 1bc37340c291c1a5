"""Runs the command line: as a process of its own, or in this process where there are many commands to run.

`run` talks to the local server; `command` and `inside` talk to a server with scripted replies, `mixpanel`.
"""

import asyncio
import json
import logging
import os
import pathlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import TypeAlias

import msgspec
import pytest
from aiohttp import web

from mixpanel_async.cli import app
from mixpanel_async.emulator import Emulator
from tests.integration.actions.server import Script, Seen, listening
from tests.integration.cli.replies import OWN_CSV, REPLIES, page_of

SECRET = "account-secret-0123456789"
MODULE = (sys.executable, "-W", "error", "-m", "mixpanel_async")


class Ended(msgspec.Struct):
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return msgspec.json.decode(self.out)


Run: TypeAlias = Callable[..., Awaitable[Ended]]
Command: TypeAlias = Callable[..., Awaitable[Ended]]


def clean_environment() -> dict[str, str]:
    """Return the environment without the user's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MIXPANEL_")}


def account_environment(url: str, **changes: str) -> dict[str, str]:
    """Return an environment with a service account for a server."""
    return clean_environment() | {
        "MIXPANEL_BASE_URL": url,
        "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "user",
        "MIXPANEL_SERVICE_ACCOUNT_SECRET": SECRET,
        "MIXPANEL_PROJECT_ID": "1",
        "COLUMNS": "80",
    } | changes  # fmt: skip


async def run_process(arguments: tuple[str, ...], given: bytes, env: Mapping[str, str], cwd: pathlib.Path) -> Ended:
    """Run a command as users do, in a directory of its own, and wait for its end."""
    process = await asyncio.create_subprocess_exec(
        *MODULE, *arguments, env=env, cwd=cwd,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        out, err = await process.communicate(given)
    return Ended(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def environment(emulator: Emulator) -> dict[str, str]:
    """The environment of `run`: a project token and the URL of the local server."""
    token = {"MIXPANEL_TOKEN": "token", "MIXPANEL_BASE_URL": emulator.url, "COLUMNS": "200"}
    return clean_environment() | token


@pytest.fixture
def run(environment: dict[str, str], tmp_path: pathlib.Path) -> Run:
    """Run a command as a process with the local server."""

    async def run(*arguments: str, given: bytes = b"", env: dict[str, str] | None = None) -> Ended:
        return await run_process(arguments, given, {**environment, **(env or {})}, tmp_path)

    return run


async def answer(seen: Seen) -> web.StreamResponse:
    """Reply as Mixpanel would."""
    if seen.path == "/api/query/engage":
        return web.Response(body=page_of(int(seen.form.get("page", "0"))), content_type="application/json")
    if seen.query.get("format") == "csv":
        return web.Response(text=OWN_CSV, content_type="text/csv")
    if seen.path not in REPLIES:
        return web.Response(status=404, text=json.dumps({"error": "no such path", "status": "error"}))
    return web.Response(body=json.dumps(REPLIES[seen.path]).encode(), content_type="application/json")


@pytest.fixture
async def mixpanel() -> AsyncIterator[Script]:
    """A server with scripted replies that records its requests."""
    async with listening() as script:
        script.handler = answer
        yield script


@pytest.fixture
def command(mixpanel: Script, tmp_path: pathlib.Path) -> Command:
    """Run a command as a process with scripted replies."""

    async def run(*arguments: str, stdin: bytes = b"", **changes: str) -> Ended:
        return await run_process(arguments, stdin, account_environment(mixpanel.url, **changes), tmp_path)

    return run


@pytest.fixture
def inside(
    mixpanel: Script, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Command]:
    """Run a command in this process with scripted replies."""
    logger = logging.getLogger("mixpanel_async")
    level = logger.level

    async def run(*arguments: str, **changes: str) -> Ended:
        for name, value in account_environment(mixpanel.url, **changes).items():
            monkeypatch.setenv(name, value)
        capfdbinary.readouterr()
        status = await asyncio.to_thread(app.run, arguments)
        out, err = capfdbinary.readouterr()
        return Ended(status, out.decode(), err.decode())

    yield run
    logger.setLevel(level)
