"""The file of what an export could not read: lines that are not events, and profiles."""

import base64
import os
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.exports.line_check import BadLine
from mixpanel_async.jobs.exports.profile_check import BadProfile
from mixpanel_async.jobs.sources.locations import STDIN

_MODE = 0o600  # lines of an export are personal data


class BadLineFile:
    """Writes a JSON line for each bad line or profile: where it was, the reason, and what came.

    What came is text or, if it is not UTF-8, in Base64. The file is made with the first one. It must not exist: what it
    holds may be there nowhere else.

    Args:
        path: Path of the file; None: there is none.

    Attributes:
        count: Number of lines that were written.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path or ""
        self._file: BinaryIO | None = None
        self.count = 0

    def __enter__(self) -> Self:
        if self._path == STDIN:
            raise InvalidArgumentError("--bad-lines is invalid: - is not a file; name one")
        if self._path and os.path.lexists(self._path):
            raise OutputError(f"cannot write {self._path}: it exists already; name another file for bad lines")
        return self

    def write(self, bad: BadLine | BadProfile) -> None:
        """Write a bad line or profile."""
        try:
            text = {"line": bad.line.decode()}
        except UnicodeDecodeError:
            text = {"base64": base64.b64encode(bad.line).decode("ascii")}
        try:
            if self._file is None:
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
                self._file = os.fdopen(descriptor, "wb")
            self._file.write(orjson.dumps({**_place(bad), "reason": bad.reason, **text}) + b"\n")
            self.count += 1
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


def _place(bad: BadLine | BadProfile) -> dict[str, int | str | None]:
    if isinstance(bad, BadProfile):
        return {"page": bad.page, "position": bad.position, "distinct_id": bad.distinct_id}
    return {"number": bad.number}
