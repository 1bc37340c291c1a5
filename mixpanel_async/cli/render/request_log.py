"""One line on standard error for each request that the local server has served."""

import contextlib
import os
import queue
import sys
import threading
import time
from typing import Final, Protocol, TextIO

_MAX_WAITING: Final = 2000
_MAX_PATH: Final = 100
_MAX_ERROR: Final = 200
_END_SECONDS: Final = 1.0
_BAD: Final = 400
_FAILED: Final = 500


class LoggedRequest(Protocol):
    """What a line shows of a request."""

    method: str
    path: str
    at: float
    status: int | None
    records: int
    fault: str | None
    error: str | None
    seconds: float | None


class RequestLogWriter:
    """Writes lines on a thread of its own: a reader that stops reading must not stop the server.

    Lines that cannot be written in time are dropped and counted.

    Args:
        out: Where to write; colours are used only on a terminal.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._has_colours = out.isatty() and not os.environ.get("NO_COLOR")
        self._waiting: queue.Queue[str | None] = queue.Queue(_MAX_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="request-log", daemon=True)
        self._thread.start()

    def add(self, request: LoggedRequest) -> None:
        """Write the line of a request, soon."""
        try:
            self._waiting.put_nowait(line_of(request, has_colours=self._has_colours))
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what is waiting, for at most a second."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=_END_SECONDS)
        self._thread.join(_END_SECONDS)

    def _write(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the other end is closed
            while (line := self._waiting.get()) is not None:
                dropped, self._dropped = self._dropped, 0
                note = f"... {dropped:,} more requests\n" if dropped else ""
                self._out.write(note + line)
                if self._waiting.empty():
                    self._out.flush()
            self._out.flush()


def line_of(request: LoggedRequest, *, has_colours: bool = False) -> str:
    """Return the line of a request: time, method, path, status, records, duration, fault or error."""
    status = "---" if request.status is None else str(request.status)
    path = _printable(request.path)
    parts = [
        time.strftime("%H:%M:%S", time.localtime(request.at)),
        f"{_printable(request.method):4}",
        _cut(path, _MAX_PATH),
        _coloured(status, request.status) if has_colours else status,
    ]
    if request.records:
        parts.append(f"{request.records:,} record{'' if request.records == 1 else 's'}")
    if request.seconds is not None:
        parts.append(f"{request.seconds * 1000:.0f} ms")
    if request.fault is not None:
        parts.append(f"fault: {request.fault}")
    elif request.error is not None:
        parts.append(_cut(_printable(request.error), _MAX_ERROR))
    return "  ".join(parts) + "\n"


def on_standard_error() -> RequestLogWriter | None:
    """Return a writer to standard error; None if the process has none."""
    stderr: TextIO | None = sys.stderr
    return None if stderr is None else RequestLogWriter(stderr)


def _coloured(text: str, status: int | None) -> str:
    colour = 31 if status is None or status >= _FAILED else 33 if status >= _BAD else 32
    return f"\x1b[{colour}m{text}\x1b[0m"


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[:characters] + "..."


def _printable(text: str) -> str:
    # A request must not control the terminal.
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
