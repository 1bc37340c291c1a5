"""Profiles of an export that is not complete yet, in a file beside the target, and the place where it goes on."""

import contextlib
import os
import pathlib
from collections.abc import Sequence
from typing import BinaryIO, Final

import msgspec

from mixpanel_async.actions.query.pagination import ProfileCursor
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.atomic_write import naming, replace_file
from mixpanel_async.jobs.exports.profile_check import BadProfile
from mixpanel_async.jobs.state.lock_file import LockFile

_VERSION: Final = 2
_MODE: Final = 0o600  # profiles are personal data


class Stage(msgspec.Struct, frozen=True):
    """How far an export came.

    Attributes:
        key: Digest of what was asked for, and of which project and server.
        cursor: Where the export goes on.
        profiles: Number of profiles in the file.
        size: Size of the lines; the file may be longer, because this is written afterwards.
        bad_profiles: Number of profiles that could not be read, in a file of their own.
        bad_size: Size of that file, as of the other one.
        version: Version of this layout.
    """

    key: str
    cursor: ProfileCursor = ProfileCursor()
    profiles: int = 0
    size: int = 0
    bad_profiles: int = 0
    bad_size: int = 0
    version: int = _VERSION

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read so far."""
        return not self.profiles and not self.bad_profiles


class _GrowingFile:
    """A file to which blocks are added; each one is on the disk when `add` returns. Blocks.

    Args:
        path: Path of the file.
        target: The file that errors name.
        size: Size of what is kept of an earlier run; 0: begin anew.
    """

    def __init__(self, path: pathlib.Path, target: pathlib.Path, size: int) -> None:
        self.path = path
        self._target = str(target)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with naming(self._target):
            if not size:  # never written through a link that somebody else made
                path.unlink(missing_ok=True)
                flags |= os.O_EXCL
            self._file: BinaryIO = os.fdopen(os.open(path, flags, _MODE), "r+b")
        self.truncate(size)

    def truncate(self, size: int) -> None:
        with naming(self._target):
            self._file.truncate(size)
            self._file.seek(size)

    def add(self, block: bytes) -> None:
        if block:
            with naming(self._target):
                self._file.write(block)
                self._file.flush()
                os.fsync(self._file.fileno())

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


class StageFile:
    """The lines of a started export, and the profiles that could not be read. Blocks.

    Each block is on the disk before the stage says so.

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
        self.bad_path = target.with_name(f".{target.name}.started.bad")
        self._stage_path = target.with_name(f".{target.name}.started.json")
        self._lock = LockFile(str(self.path), name=f"export {target}", others="another file")
        self.restarts = 0
        self._lock.acquire()
        try:
            self.stage = self._earlier(key) if resumes else Stage(key)
            self._file = _GrowingFile(self.path, target, self.stage.size)
            try:
                self._bad_file = _GrowingFile(self.bad_path, target, self.stage.bad_size)
            except BaseException:
                self._file.close()
                raise
        except BaseException:
            self._lock.release()
            raise

    def _earlier(self, key: str) -> Stage:
        with naming(str(self._target), "read the started export of"):
            try:
                content = self._stage_path.read_bytes()
                size, bad_size = self.path.lstat().st_size, self.bad_path.lstat().st_size
            except FileNotFoundError:
                return Stage(key)
        try:
            stage = msgspec.json.decode(content, type=Stage)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Stage(key)
        if stage.version != _VERSION or size < stage.size or bad_size < stage.bad_size:
            return Stage(key)
        if stage.key != key:
            raise InvalidArgumentError(
                f"resume is invalid: the started export of {self._target} has other options, or another project or "
                "server; repeat those, or start again without resume"
            )
        return stage

    def append(self, lines: bytes, profiles: int, bad: Sequence[BadProfile], cursor: ProfileCursor) -> None:
        """Add what came with a page.

        Args:
            lines: Lines of profiles.
            profiles: Number of profiles that could be read.
            bad: Those that could not.
            cursor: The place after them.
        """
        bad_lines = b"".join(msgspec.json.encode(one) + b"\n" for one in bad)
        self._file.add(lines)
        self._bad_file.add(bad_lines)
        now = self.stage
        self._save(
            Stage(
                now.key,
                cursor,
                profiles=now.profiles + profiles,
                size=now.size + len(lines),
                bad_profiles=now.bad_profiles + len(bad),
                bad_size=now.bad_size + len(bad_lines),
            )
        )

    def _save(self, stage: Stage) -> None:
        replace_file(self._stage_path, [msgspec.json.encode(stage)])
        self.stage = stage

    def restart(self) -> None:
        """Begin again without profiles."""
        self.restarts += 1
        self._save(Stage(self.stage.key))
        self._file.truncate(0)
        self._bad_file.truncate(0)

    def remove(self) -> None:
        """Remove the lines: they are in the target."""
        for path in (
            self._stage_path,
            self.path,
            self.bad_path,
        ):  # in this order: a place without lines would be an error
            with contextlib.suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Keep what is there for a later export; if there is nothing, leave nothing behind."""
        self._file.close()
        self._bad_file.close()
        if self.stage.is_empty:
            self.remove()
        self._lock.release()
