"""The first second of the command line: what is imported, the version, completion."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest
import typer.main

from mixpanel_async import __version__
from mixpanel_async.cli.app import build
from mixpanel_async.cli.command_table import COMMANDS, Entry, chosen_command
from tests.integration.cli.conftest import Command

CLIENT = ("aiohttp", "mixpanel_async.client", "mixpanel_async.engine", "duckdb", "pyarrow")


def run(code: str, **environment: str) -> str:
    """Return what a fresh interpreter prints."""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def imported_by(arguments: list[str]) -> set[str]:
    """Return the modules that a command line imports."""
    call = f"from mixpanel_async.cli.app import run; run({arguments!r})"
    return set(run(f"import sys; {call}; print(); print(*sys.modules)").rsplit("\n", 2)[1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["improt"], []], ids=str)
def test_the_help_imports_no_command(arguments: list[str]) -> None:
    """What runs no command needs neither the client nor an optional library."""
    assert not set(CLIENT) & imported_by(arguments)


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["validate", "--help"], ["mixpanel_async.cli.commands.lookup_tables", "duckdb", "pyarrow"]),
        (["import", "events", "--help"], ["duckdb", "pyarrow", "mixpanel_async.cli.commands.query.group"]),
        (["serve", "--help"], ["duckdb", "lark"]),
    ],
    ids=str,
)
def test_a_command_imports_only_its_own(arguments: list[str], unused: list[str]) -> None:
    """A command does not import what others need."""
    assert not set(unused) & imported_by(arguments)


def test_the_table_of_commands_is_complete() -> None:
    """Each command is in the table, with its own first sentences as its line in the help."""
    root: object = typer.main.get_command(build())
    commands: Mapping[str, object] = getattr(root, "commands")  # noqa: B009 - typer's class differs between versions
    assert set(commands) == {entry.name for entry in COMMANDS}
    for entry in COMMANDS:
        text: str = getattr(commands[entry.name], "help", "")
        assert text.split("\n\n", maxsplit=1)[0].startswith(entry.words), entry.name
        assert getattr(commands[entry.name], "hidden", False) == entry.is_hidden


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
async def test_each_command_is_found(entry: Entry, inside: Command) -> None:
    """Each name in the table runs the command of that name."""
    ended = await inside(entry.name, "--help")
    assert (ended.status, ended.err) == (0, "")
    assert f"Usage: mixpanel-async {entry.name} " in ended.out


async def test_version(inside: Command) -> None:
    """`--version` names the version of the package."""
    ended = await inside("--version")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"mixpanel-async {__version__} (Python ")


async def test_a_misspelt_command_is_guessed(inside: Command) -> None:
    """An unknown command is a usage error that names the likely one."""
    ended = await inside("improt")
    assert ended.status == 2
    assert "'import'" in ended.err


MAIN = "import sys; sys.argv[0] = 'mixpanel-async'; from mixpanel_async.__main__ import main; main()"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("mixpanel-async imp", "import"), ("mixpanel-async import ev", "events"), ("mixpanel-async query fun", "funnels")],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str, typed: str, expected: str) -> None:
    """bash, zsh and fish complete commands, and the commands of a group."""
    found = run(
        MAIN,
        _MIXPANEL_ASYNC_COMPLETE=f"complete_{shell}",
        _TYPER_COMPLETE_ARGS=typed,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
        COMP_WORDS=typed,
        COMP_CWORD=str(typed.count(" ")),
    )
    assert expected in found


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["import", "events", "a.csv"], {}, "import"),
        (["--version"], {}, None),
        ([], {}, None),
        ([], {"_MIXPANEL_ASYNC_COMPLETE": "complete_bash", "COMP_WORDS": "mixpanel-async query fu"}, "query"),
        (["export"], {"COMP_WORDS": "git commit"}, "export"),
    ],
)
def test_the_chosen_command(arguments: list[str], environment: dict[str, str], expected: str | None) -> None:
    """The command is the first argument that is no option, or what the shell wants to complete."""
    assert chosen_command(arguments, environment) == expected
