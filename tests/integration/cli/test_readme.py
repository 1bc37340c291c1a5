import re
import shlex

import pytest

from mixpanel_async.emulator import Emulator
from tests import ROOT
from tests.integration.cli.conftest import Run

DATA = "examples/data/"
_BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [
    line for block in _BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.startswith("mixpanel-async ")
]


@pytest.mark.parametrize("command", [command for command in COMMANDS if DATA in command])
async def test_a_command_of_the_readme(run: Run, emulator: Emulator, command: str) -> None:
    """What the README says of the data in the repository works as it stands there."""
    ended = await run(*shlex.split(command.replace(DATA, f"{ROOT}/{DATA}"))[1:])
    assert (ended.status, ended.err) == (0, "")
    assert len(await emulator.deduplicated_events()) == 10_000


def test_the_readme_has_such_a_command() -> None:
    """There is something to try."""
    assert any(DATA in command for command in COMMANDS)
