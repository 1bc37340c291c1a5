"""The help is documentation."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from mixpanel_async.cli.app import build
from tests.integration.cli.conftest import Command

GROUPS = {"query", "pipelines", "lookup-tables", "projects", "cohorts", "request", "reconcile"}


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401
    """Yield each command of ours with its path."""
    command = command or typer.main.get_command(build())
    if path:
        yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        if path or name in GROUPS:
            yield from commands(inner, (*path, name))


ALL = list(commands())


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=" ".join)
async def test_help_of_every_command(path: tuple[str, ...], inside: Command) -> None:
    """Each command and group explains itself."""
    ended = await inside(*path, "--help")
    assert (ended.status, ended.err) == (0, "")
    assert f"Usage: mixpanel-async {' '.join(path)}" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_option_has_a_help_text(path: tuple[str, ...], command: Any) -> None:  # noqa: ANN401
    """No option, argument or command is left unexplained."""
    del path
    assert command.help
    assert [parameter.name for parameter in command.params if not parameter.help and parameter.name != "help"] == []


def test_every_command_can_be_pointed_at_a_project() -> None:
    """Address, region, project and the form for programs are given in the same way everywhere."""
    for path, command in ALL:
        if not hasattr(command, "commands"):
            options = {name for parameter in command.params for name in parameter.opts}
            assert {"--base-url", "--region", "--project-id", "--json"} <= options, path
