"""Standard output as bytes: UTF-8 whatever the locale says, and no traceback when nobody reads on."""

import os
import sys
from contextlib import suppress
from typing import TextIO

from mixpanel_async.errors import OutputError


def is_terminal() -> bool:
    """Whether somebody looks at standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def write(data: bytes) -> None:
    """Write to standard output.

    Raises:
        BrokenPipeError: Nobody reads on, for example behind `| head`.
        OutputError: It cannot be written.
    """
    try:
        _opened().buffer.write(data)
    except OSError as error:
        raise _given_up(error) from None


def flush() -> None:
    """Hand on what was written.

    Raises:
        BrokenPipeError: Nobody reads on.
        OutputError: It cannot be written.
    """
    try:
        _opened().flush()
    except OSError as error:
        raise _given_up(error) from None


def _opened() -> TextIO:
    stdout: TextIO | None = sys.stdout
    if stdout is None:  # the program was started without one
        raise OutputError("cannot write to standard output: it is closed")
    return stdout


def _given_up(error: OSError) -> Exception:
    # What is left in the buffer has to go somewhere, or the interpreter complains of it at its own end.
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        return error
    return OutputError(f"cannot write to standard output: {error.strerror or error}")
