"""Runs one call of a client from the command line, and asks before what cannot be undone."""

import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, TextIO, TypeAlias, TypeVar

import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions import Acknowledgement
from mixpanel_async.cli.job_runner import opened
from mixpanel_async.cli.options.common import ServerOptions
from mixpanel_async.cli.render.output import Output, say
from mixpanel_async.cli.render.rows import OutputRows, rows_of
from mixpanel_async.errors import InvalidSettingError

T = TypeVar("T")
Call: TypeAlias = Callable[[AsyncMixpanel], Coroutine[Any, Any, T]]

Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask. Without a terminal to ask on, it is needed.")
]


def run_call(server: ServerOptions, call: Call[T]) -> T:
    """Run a call on a client and return what it returns.

    Raises:
        KeyboardInterrupt: It was interrupted.
        MixpanelError: The call failed.
    """

    async def work() -> T:
        async with opened(server.client()) as client:
            return await call(client)

    return asyncio.run(work())


def print_answer(
    server: ServerOptions, output: Output, call: Call[T], rows_of: Callable[[T], OutputRows] = rows_of
) -> int:
    """Run a call on a client and print its answer.

    Args:
        server: Where to.
        output: How to print.
        call: What to call.
        rows_of: Makes the answer's rows.

    Returns:
        What the program ends with.
    """
    output.print(run_call(server, call), rows_of)
    return 0


def is_confirmed(question: str, *, yes: bool) -> bool:
    """Ask on the terminal, unless `yes`.

    Raises:
        InvalidSettingError: There is no terminal to ask on.
    """
    if yes:
        return True
    stdin: TextIO | None = sys.stdin  # None: the program was started without one
    if stdin is None or not (stdin.isatty() and sys.stderr.isatty()):
        raise InvalidSettingError(f"{question} There is no terminal to ask on; add --yes")
    if typer.confirm(question, err=True):
        return True
    say("nothing was done")
    return False


def add_group(app: typer.Typer, name: str, words: str, commands: Mapping[str, Callable[..., int]]) -> None:
    """Add a group of commands.

    Args:
        app: Gets it.
        name: Of the group.
        words: What it is for.
        commands: By name; the docstring is the help.
    """
    group = typer.Typer(no_args_is_help=True, help=words)
    for each, command in commands.items():
        add_command(group, each, command)
    app.add_typer(group, name=name)


def add_command(app: typer.Typer, name: str, command: Callable[..., int]) -> None:
    """Add a command whose help is its docstring, with each paragraph as wide as the terminal."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    app.command(name, help="\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs))(command)


def acknowledged(name: str) -> Callable[[Acknowledgement], OutputRows]:
    """Return what makes a row of Mixpanel's word on what was done to something of that name."""
    return lambda answer: OutputRows(("name", "status"), [(name, answer.status or "done")])
