"""The command `mixpanel-async`: its command tree and exit statuses."""

import importlib
import logging
import os
import pathlib
import platform
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from mixpanel_async._version import __version__
from mixpanel_async.cli.command_table import COMMANDS, chosen_command
from mixpanel_async.cli.render.mapping_hint import mapping_hint
from mixpanel_async.errors import (
    AccessRefusedError,
    MissingColumnsError,
    MissingCredentialsError,
    MixpanelError,
    UsageError,
)
from mixpanel_async.jobs.model.report import ExitStatus

_NAME = "mixpanel-async"
_INTERRUPTED = 130
_CREDENTIALS = (
    "; run mixpanel-async login, or set MIXPANEL_TOKEN, or MIXPANEL_SERVICE_ACCOUNT_USERNAME and _SECRET with "
    "MIXPANEL_PROJECT_ID (or --project-id)"
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"{_NAME} {__version__} (Python {platform.python_version()})\n")
        raise typer.Exit


def build(command: str | None = None) -> typer.Typer:
    """Return the command tree.

    Args:
        command: The only command of the first level that is needed; the others are there for the help. None: all.
    """
    app = typer.Typer(
        name=_NAME,
        help="Move data into and out of Mixpanel. Credentials and URLs come from the environment variables "
        "MIXPANEL_TOKEN, MIXPANEL_PROJECT_ID, MIXPANEL_SERVICE_ACCOUNT_USERNAME, MIXPANEL_SERVICE_ACCOUNT_SECRET, "
        "MIXPANEL_PROJECT_SECRET, MIXPANEL_OAUTH_TOKEN, MIXPANEL_REGION and MIXPANEL_BASE_URL.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_program)
    needed = {entry.module for entry in COMMANDS if command in {None, entry.name}}
    for module in dict.fromkeys(entry.module for entry in COMMANDS):
        if module in needed:
            importlib.import_module(f"mixpanel_async.cli.commands.{module}").add(app)
    for entry in COMMANDS:
        if entry.module not in needed:
            shown = app.command(entry.name, help=entry.words, rich_help_panel=entry.panel, hidden=entry.is_hidden)
            shown(_program)
    return app


def _program(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None: ...


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: The arguments after the name of the program.

    Returns:
        The exit status: 0 if every record was delivered or skipped on request, 1 if any was not, 2 for invalid usage,
        3 for missing or refused credentials, 130 after an interrupt.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=f"{_NAME}: %(message)s")
    logging.getLogger("mixpanel_async").setLevel(logging.CRITICAL)  # the commands report failures themselves
    try:
        status = build(chosen_command(arguments, os.environ) or "")(
            args=list(arguments), prog_name=_NAME, standalone_mode=False
        )
    except KeyboardInterrupt:
        return _report_interrupt()
    except AccessRefusedError as error:
        return _report(error, ExitStatus.REFUSED)
    except MissingCredentialsError as error:
        return _report(error, ExitStatus.REFUSED, hint=_CREDENTIALS)
    except MissingColumnsError as error:
        status = _report(error, ExitStatus.USAGE)
        hint = mapping_hint(error)
        return _say(hint, status) if hint else status
    except UsageError as error:
        return _report(error, ExitStatus.USAGE)
    except MixpanelError as error:
        return _report(error, ExitStatus.INCOMPLETE)
    except BrokenPipeError:
        return ExitStatus.INCOMPLETE
    except Exception as error:
        # Typer's own errors; the module that defines them differs between versions.
        message = getattr(error, "format_message", None)
        if message is None:
            return _report_interrupt() if type(error).__name__ == "Abort" else _report_internal_error(error)
        return _report_usage_error(str(message()))
    # Newer versions of Typer turn an interrupt into a status, older ones raise.
    return _report_interrupt() if status == _INTERRUPTED else int(status or 0)


def _say(text: str, status: int) -> int:
    sys.stderr.write(f"{_NAME}: {_printable(text)}\n")
    return status


def _report(error: Exception, status: ExitStatus, hint: str = "") -> int:
    # Text from Mixpanel must not contain control characters for the terminal.
    return _say(" ".join(str(error).split()) + hint, status)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _report_interrupt() -> int:
    sys.stderr.write(f"{_NAME}: interrupted\n")
    return _INTERRUPTED


def _report_internal_error(error: Exception) -> int:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{pathlib.Path(frame.filename).name}:{frame.lineno}"
    fault = MixpanelError(f"internal error: {type(error).__name__}: {error} ({where}); please report it")
    return _report(fault, ExitStatus.INCOMPLETE)


def _report_usage_error(message: str) -> int:
    if message:  # empty without a command: the help was printed
        sys.stderr.write(f"{_NAME}: {message.rstrip('.')} (--help shows the options)\n")
    return ExitStatus.USAGE
