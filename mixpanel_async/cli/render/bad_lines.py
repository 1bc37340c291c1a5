"""The file of the lines of an export that are not events."""

import base64
import os
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.exports.line_check import BadLine
from mixpanel_async.jobs.sources.locations import STDIN

_MODE = 0o600  # lines of an export are personal data


class BadLineFile:
    """Writes a JSON line for each bad line: its number, the reason, and the line as text or, if it is none, in Base64.

    The file is made with the first bad line. It must not exist: what it holds may be there nowhere else.

    Args:
        path: Path of the file; None: there is none.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path or ""
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self._path == STDIN:
            raise InvalidArgumentError("--bad-lines is invalid: - is not a file; name one")
        if self._path and os.path.lexists(self._path):
            raise OutputError(f"cannot write {self._path}: it exists already; name another file for bad lines")
        return self

    def write(self, bad: BadLine) -> None:
        """Write a bad line."""
        try:
            text = {"line": bad.line.decode()}
        except UnicodeDecodeError:
            text = {"base64": base64.b64encode(bad.line).decode("ascii")}
        try:
            if self._file is None:
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
                self._file = os.fdopen(descriptor, "wb")
            self._file.write(orjson.dumps({"number": bad.number, "reason": bad.reason, **text}) + b"\n")
            self._file.flush()  # the export is complete once its bad lines are in the file
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror or error}") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as problem:
                raise OutputError(f"cannot write {self._path}: {problem.strerror or problem}") from None
