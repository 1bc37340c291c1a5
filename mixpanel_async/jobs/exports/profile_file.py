"""The file of an export of profiles: read into lines first, which can be resumed, and then written in its format."""

import contextlib
import pathlib
import tempfile
from collections.abc import Sequence
from typing import BinaryIO, Final

import msgspec

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.atomic_write import naming
from mixpanel_async.jobs.exports.outputs.formats import OutputKind
from mixpanel_async.jobs.exports.outputs.place import open_parent
from mixpanel_async.jobs.exports.outputs.profile_tables import open_profile_output
from mixpanel_async.jobs.exports.outputs.writer import CountedFile
from mixpanel_async.jobs.exports.profile_check import BadProfile
from mixpanel_async.jobs.exports.profile_stage import StageFile
from mixpanel_async.redaction import is_remote

_COPIED_BYTES: Final = 1024 * 1024


class ProfileFile:
    """One output, and the lines that it is made of. Blocks.

    Args:
        target: Path or URL of the file.
        kind: Format and compression.
        key: Digest of what is asked for.
        resumes: Whether to go on where an earlier export ended.
        overwrite: Whether an existing file is replaced.
        is_group: Whether the profiles are those of groups, with a group key.

    Attributes:
        path: Path or URL for reports.
        stage: The lines that were read.

    Raises:
        InvalidArgumentError: The earlier export asked for something else or is running, or cannot be in a store.
        OutputError: The file exists already or cannot be written.
        MissingExtraError: A package that the format needs is not installed.
    """

    def __init__(
        self, target: str, kind: OutputKind, *, key: str, resumes: bool, overwrite: bool, is_group: bool
    ) -> None:
        if resumes and is_remote(target):
            raise InvalidArgumentError(
                "resume is invalid: a store keeps nothing of an export that ended early; export to a local file"
            )
        folder, name = open_parent(target)
        self.path = folder.path(name)
        with contextlib.ExitStack() as opened:
            self._output = folder.open(name, overwrite=overwrite)
            opened.callback(self._output.discard)
            beside = pathlib.Path(target)
            if is_remote(target):
                beside = pathlib.Path(opened.enter_context(tempfile.TemporaryDirectory())) / name
            self.stage = StageFile(beside, key, resumes=resumes)
            opened.callback(self.stage.close)
            self._counted = CountedFile(self._output)
            self._writer = open_profile_output(kind, self._counted, is_group=is_group)
            opened.callback(self._writer.abandon)
            self._opened = opened.pop_all()
        self._lines: BinaryIO | None = None
        self._bad_lines: BinaryIO | None = None

    @property
    def size(self) -> int:
        """Number of bytes that were written in the file's format."""
        return self._counted.size

    def copy_some(self) -> bool:
        """Write some of the lines in the file's format; return False when all are written."""
        if self._lines is None:
            self._lines = self._reading(self.stage.path)
        lines = b"".join(self._lines.readlines(_COPIED_BYTES))
        if lines:
            self._writer.add(lines)
        return bool(lines)

    def some_bad_profiles(self) -> Sequence[BadProfile]:
        """Return the next profiles that could not be read, those of an earlier run first; none: those were all."""
        if self._bad_lines is None:
            self._bad_lines = self._reading(self.stage.bad_path)
        return [msgspec.json.decode(line, type=BadProfile) for line in self._bad_lines.readlines(_COPIED_BYTES)]

    def _reading(self, path: pathlib.Path) -> BinaryIO:
        with naming(self.path, "read the started export of"):
            return self._opened.enter_context(path.open("rb"))

    def end(self) -> None:
        """Write the end of the file; it is not visible yet."""
        self._writer.end()

    def complete(self) -> None:
        """Make the file visible under its name, and remove the lines."""
        self._output.commit()
        self.stage.remove()

    def close(self) -> None:
        """Close everything; of an export that is not complete, keep the lines."""
        self._opened.close()
