import asyncio
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount, Settings
from mixpanel_async.emulator import Emulator
from tests import ROOT
from tests.docs.service import Service
from tests.docs.snippets import blocks_of, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(README)
SHELL = "".join(re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)).replace("\\\n", " ")
COMMANDS = [line for line in SHELL.splitlines() if line.startswith("mixpanel-async ")]
REMOTE = "s3://"  # a store of its own is needed


class Upstream:
    """What the block about pipes commits to."""

    def __init__(self) -> None:
        self.committed: list[object] = []

    async def commit(self, offset: object) -> None:
        self.committed.append(offset)


@pytest.fixture
def checkout(files: Path) -> Path:
    """The working directory of the commands: the files that they name, and the repository's examples."""
    (files / "examples").symlink_to(ROOT / "examples")
    return files


async def records() -> AsyncIterator[Mapping[str, object]]:
    for n in range(3):
        yield {
            "event": "Paid",
            "properties": {"time": 1_700_000_000 + n, "distinct_id": "user-1", "$insert_id": f"{n}"},
        }


def test_the_first_block_is_a_program() -> None:
    """A reader can copy the first block into a file and run it."""
    assert "asyncio.run(main())" in BLOCKS[0]
    assert BLOCKS[0].startswith("import asyncio")


async def test_the_program_of_the_readme(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """The first block runs and prints the outcome of its event."""
    del service
    await asyncio.to_thread(exec, compile(BLOCKS[0], "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == "Outcome.UNVERIFIED\n"


@pytest.mark.parametrize("code", BLOCKS[1:], ids=lambda code: code.splitlines()[0])
async def test_a_block_of_the_readme(code: str, service: Service, checkout: Path) -> None:
    """Every block works as it stands, with an open client `mp`."""
    del service, checkout
    upstream = Upstream()
    account = ServiceAccount("user", "secret")
    settings = Settings(max_call_retries=0)
    async with AsyncMixpanel(
        "project-token", credentials=account, project_id=1, workspace_id=2, settings=settings
    ) as mp:
        names = {"AsyncMixpanel": AsyncMixpanel, "mp": mp, "source": records(), "upstream": upstream}
        await run(code, names)
    assert upstream.committed == ([1, 2, 3] if "upstream" in code else [])


@pytest.mark.parametrize("command", [command for command in COMMANDS if REMOTE not in command])
async def test_a_command_of_the_readme(command: str, checkout: Path) -> None:
    """Every command that needs no store of its own ends with status 0."""
    async with Emulator() as emulator:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MIXPANEL_")} | {
            "MIXPANEL_BASE_URL": emulator.url,
            "MIXPANEL_TOKEN": "project-token",
            "MIXPANEL_PROJECT_ID": "1",
            "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "user",
            "MIXPANEL_SERVICE_ACCOUNT_SECRET": "secret",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mixpanel_async", *shlex.split(command)[1:],
            cwd=checkout, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await process.communicate()
        assert process.returncode == 0, errors
        if "birdstrikes" in command:
            assert len(await emulator.deduplicated_events()) == 10_000


def test_the_readme_has_commands() -> None:
    """There is something to try."""
    assert any("birdstrikes" in command for command in COMMANDS)
