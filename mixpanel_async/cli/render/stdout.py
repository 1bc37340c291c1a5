"""Binary standard output: UTF-8 in every locale, and no traceback when the reader closes the pipe."""

import os
import sys
from contextlib import suppress
from typing import TextIO

from mixpanel_async.errors import OutputError


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def write(data: bytes) -> None:
    """Write to standard output.

    Raises:
        BrokenPipeError: The reader closed the pipe, as `head` does.
        OutputError: Standard output cannot be written.
    """
    try:
        _opened().buffer.write(data)
    except OSError as error:
        raise _given_up(error) from None


def flush() -> None:
    """Flush the buffer.

    Raises:
        BrokenPipeError: The reader closed the pipe.
        OutputError: Standard output cannot be written.
    """
    try:
        _opened().flush()
    except OSError as error:
        raise _given_up(error) from None


class StandardOutput:
    """Standard output as a file; `flush` sends what is buffered."""

    def write(self, data: bytes, /) -> None:
        """Write to standard output."""
        write(data)


def _opened() -> TextIO:
    stdout: TextIO | None = sys.stdout
    if stdout is None:  # the process has no standard output
        raise OutputError("cannot write to standard output: it is closed")
    return stdout


def _given_up(error: OSError) -> Exception:
    # The interpreter flushes the buffer at exit and would report the error again; let it write to /dev/null.
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        return error
    return OutputError(f"cannot write to standard output: {error.strerror or error}")
