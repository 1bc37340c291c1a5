"""Standard streams that are closed or full, as in scripts and services."""

import asyncio
import pathlib
import sys
from collections.abc import Awaitable, Callable

import pytest

from mixpanel_async.emulator import Emulator
from tests.integration.cli.conftest import Ended
from tests.integration.cli.test_imports import line

Redirected = Callable[..., Awaitable[Ended]]


@pytest.fixture
def redirected(environment: dict[str, str], tmp_path: pathlib.Path) -> Redirected:
    """Run the command with its streams as a shell was told."""

    async def run(redirection: str, *arguments: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", f'exec "$0" -m mixpanel_async "$@" {redirection}', sys.executable, *arguments,
            env=environment, cwd=tmp_path,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(30):
            out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    return run


@pytest.mark.parametrize(
    ("redirection", "problem"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
async def test_reports_that_cannot_be_printed(
    redirected: Redirected, emulator: Emulator, tmp_path: pathlib.Path, redirection: str, problem: str
) -> None:
    """If the report or the URL cannot be printed, the command ends with 1 and one line."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    for command in (["import", "events", "a.ndjson"], ["validate", "a.ndjson", "--json"], ["serve", "--port", "0"]):
        ended = await redirected(redirection, *command)
        assert (ended.status, ended.err) == (1, f"mixpanel-async: cannot write to standard output: {problem}\n")
    assert len(await emulator.events()) == 1


@pytest.mark.parametrize(
    "arguments", [["import", "events", "-"], ["validate", "-"], ["import", "lookup-table", "t", "-"]]
)
async def test_a_closed_input(redirected: Redirected, arguments: list[str]) -> None:
    """A closed standard input is reported as such."""
    ended = await redirected("<&-", *arguments)
    assert (ended.status, ended.out, ended.err) == (1, "", "mixpanel-async: standard input is closed\n")


async def test_nobody_to_ask(redirected: Redirected) -> None:
    """Without standard input, a deletion cannot be confirmed and is refused."""
    ended = await redirected("<&-", "lookup-tables", "delete", "t")
    assert (ended.status, ended.out) == (2, "")
    assert "Cannot ask without a terminal; add --yes" in ended.err


async def test_closed_errors(redirected: Redirected, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """Without standard error, the command works and prints no messages."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    ended = await redirected("2>&-", "import", "events", "a.ndjson")
    assert (ended.status, ended.out[:23]) == (0, "a.ndjson: 1 read = 1 im")
    assert len(await emulator.events()) == 1
    assert (await redirected("2>&-", "import", "events", "nowhere.ndjson")).status == 1
