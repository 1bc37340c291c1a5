"""Profiles of an export that is not complete yet, in a file beside the target, and the place where it goes on."""

import contextlib
import os
import pathlib
from typing import BinaryIO, Final

import msgspec

from mixpanel_async.actions.query.pagination import ProfileCursor
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.atomic_write import naming, replace_file
from mixpanel_async.jobs.state.lock_file import LockFile

_VERSION: Final = 1
_MODE: Final = 0o600  # profiles are personal data


class Stage(msgspec.Struct, frozen=True):
    """How far an export came.

    Attributes:
        key: Digest of what was asked for, and of which project and server.
        cursor: Where the export goes on.
        profiles: Number of profiles in the file.
        size: Size of their lines; the file may be longer, because this is written afterwards.
        version: Version of this layout.
    """

    key: str
    cursor: ProfileCursor = ProfileCursor()
    profiles: int = 0
    size: int = 0
    version: int = _VERSION


class StageFile:
    """The lines of a started export. Each block is on the disk before the stage says so. Blocks.

    Args:
        target: Path of the file that the export will become.
        key: Digest of what is asked for.
        resumes: Whether to go on where an earlier export ended; if not, what it left is removed.

    Raises:
        InvalidArgumentError: The earlier export asked for something else, or is running.
        OutputError: The files cannot be written; the error names the target, as all errors of the methods do.
    """

    def __init__(self, target: pathlib.Path, key: str, *, resumes: bool) -> None:
        self._target = target
        self.path = target.with_name(f".{target.name}.started")
        self._stage_path = target.with_name(f".{target.name}.started.json")
        self._lock = LockFile(str(self.path), name=f"export {target}", others="another file")
        self.restarts = 0
        self._lock.acquire()
        try:
            self.stage = self._earlier(key) if resumes else Stage(key)
            self._file = self._opened()
            self._truncate()
        except BaseException:
            self._lock.release()
            raise

    def _earlier(self, key: str) -> Stage:
        with naming(str(self._target), "read the started export of"):
            try:
                content = self._stage_path.read_bytes()
                size = self.path.lstat().st_size
            except FileNotFoundError:
                return Stage(key)
        try:
            stage = msgspec.json.decode(content, type=Stage)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Stage(key)
        if stage.version != _VERSION or size < stage.size:
            return Stage(key)
        if stage.key != key:
            raise InvalidArgumentError(
                f"resume is invalid: the started export of {self._target} has other options, or another project or "
                "server; repeat those, or start again without resume"
            )
        return stage

    def _opened(self) -> BinaryIO:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with naming(str(self._target)):
            if not self.stage.profiles:  # never written through a link that somebody else made
                self.path.unlink(missing_ok=True)
                flags |= os.O_EXCL
            return os.fdopen(os.open(self.path, flags, _MODE), "r+b")

    def _truncate(self) -> None:
        with naming(str(self._target)):
            self._file.truncate(self.stage.size)
            self._file.seek(self.stage.size)

    def append(self, lines: bytes, profiles: int, cursor: ProfileCursor) -> None:
        """Add the lines of some profiles, and the place after them."""
        with naming(str(self._target)):
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())
        stage = Stage(self.stage.key, cursor, self.stage.profiles + profiles, self.stage.size + len(lines))
        replace_file(self._stage_path, [msgspec.json.encode(stage)])
        self.stage = stage

    def restart(self) -> None:
        """Begin again without profiles."""
        self.restarts += 1
        self.stage = Stage(self.stage.key)
        replace_file(self._stage_path, [msgspec.json.encode(self.stage)])
        self._truncate()

    def remove(self) -> None:
        """Remove the lines: they are in the target."""
        for path in (self._stage_path, self.path):  # in this order: a place without lines would be an error
            with contextlib.suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Keep what is there for a later export; if there is nothing, leave nothing behind."""
        with contextlib.suppress(OSError):
            self._file.close()
        if not self.stage.profiles:
            self.remove()
        self._lock.release()
