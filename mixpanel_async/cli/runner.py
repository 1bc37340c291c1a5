"""Runs one API call from the command line, and asks for confirmation where needed."""

import contextlib
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Annotated, Any, TextIO, TypeAlias, TypeVar

import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions import Acknowledgement
from mixpanel_async.cli.job_runner import opened, run_until_terminated
from mixpanel_async.cli.options.common import ServerOptions
from mixpanel_async.cli.render.output import Output, say
from mixpanel_async.cli.render.rows import OutputRows, rows_of
from mixpanel_async.errors import InvalidArgumentError

T = TypeVar("T")
Call: TypeAlias = Callable[[AsyncMixpanel], Coroutine[Any, Any, T]]

Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask for confirmation; required without a terminal.")
]


def run_call(server: ServerOptions, call: Call[T]) -> T:
    """Run a call with a client of its own and return its result.

    Raises:
        KeyboardInterrupt: The call was interrupted or terminated.
        MixpanelError: The call failed.
    """

    async def work() -> T:
        async with opened(server.client()) as client:
            return await call(client)

    return run_until_terminated(work)


@contextlib.contextmanager
def resumable(words: str) -> Iterator[None]:
    """Say after an interrupt how to go on.

    Args:
        words: What is kept, and what goes on with it; "" says nothing.
    """
    try:
        yield
    except KeyboardInterrupt:
        if words:
            say(words)
        raise


def print_answer(
    server: ServerOptions, output: Output, call: Call[T], rows_of: Callable[[T], OutputRows] = rows_of
) -> int:
    """Run a call with a client of its own and print its reply.

    Args:
        server: Server and project.
        output: How to print the reply.
        call: Called with the client.
        rows_of: Turns the reply into rows.

    Returns:
        The exit status.
    """
    output.print(run_call(server, call), rows_of)
    return 0


def is_confirmed(question: str, *, yes: bool) -> bool:
    """Ask for confirmation on the terminal, unless `yes`.

    Raises:
        InvalidArgumentError: There is no terminal.
    """
    if yes:
        return True
    stdin: TextIO | None = sys.stdin  # None: the process has no standard input
    if stdin is None or not (stdin.isatty() and sys.stderr.isatty()):
        raise InvalidArgumentError(f"{question} Cannot ask without a terminal; add --yes")
    if typer.confirm(question, err=True):
        return True
    say("nothing was done")
    return False


def add_group(
    app: typer.Typer,
    name: str,
    words: str,
    commands: Mapping[str, Callable[..., int]],
    *,
    is_hidden: bool = False,
) -> None:
    """Add a group of commands.

    Args:
        app: The command tree.
        name: Name of the group.
        words: Help text of the group.
        commands: The commands by name; their docstrings are their help.
        is_hidden: Whether the help does not show it.
    """
    group = typer.Typer(no_args_is_help=True, help=words)
    for each, command in commands.items():
        add_command(group, each, command)
    app.add_typer(group, name=name, hidden=is_hidden)


def add_command(app: typer.Typer, name: str, command: Callable[..., int]) -> None:
    """Add a command whose help is its docstring, with paragraphs wrapped to the terminal."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    app.command(name, help="\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs))(command)


def acknowledged(name: str) -> Callable[[Acknowledgement], OutputRows]:
    """Return a function that turns an acknowledgement into a row with a name and the status."""
    return lambda answer: OutputRows(("name", "status"), [(name, answer.status or "done")])
