"""Where an output goes: a file on the disk, an object at a URL, or an open stream. Blocks."""

import contextlib
import os
import pathlib
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.atomic_write import AtomicFile, exists_already, naming
from mixpanel_async.jobs.state.lock_file import LockFile
from mixpanel_async.redaction import shown


@runtime_checkable
class WritableFile(Protocol):
    """An open file in binary mode that takes an output."""

    def write(self, data: bytes, /) -> object:
        """Write all of `data`."""


class OutputFile(Protocol):
    """The next content of one output; nothing of it is visible before `commit`."""

    def write(self, block: bytes) -> None:
        """Write a block.

        Raises:
            OutputError: It cannot be written.
        """

    def commit(self) -> None:
        """Make the content visible under its name.

        Raises:
            OutputError: It cannot be written.
        """

    def discard(self) -> None:
        """Remove what was written; does nothing after `commit`."""


class Folder(Protocol):
    """A place with outputs.

    Attributes:
        name: Name for messages.
    """

    name: str

    def create(self) -> None:
        """Create the folder if it is missing, and lock it against other exports where that is possible.

        Raises:
            InvalidArgumentError: Another export is writing it.
            OutputError: It cannot be created.
        """

    def release(self) -> None:
        """Unlock it."""

    def sizes(self) -> Mapping[str, int]:
        """Return the sizes of its files in bytes, by name.

        Raises:
            OutputError: It cannot be listed.
        """

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if there is none.

        Raises:
            OutputError: It cannot be read.
        """

    def remove(self, name: str) -> None:
        """Remove a file.

        Raises:
            OutputError: It cannot be removed.
        """

    def path(self, name: str) -> str:
        """Return the path or URL of a file, for reports."""

    def open(self, name: str, *, overwrite: bool = True) -> OutputFile:
        """Begin the next content of a file.

        Raises:
            OutputError: It cannot be written.
        """


class DiskFolder:
    """A directory.

    Args:
        path: Path of the directory.
        lock_name: The file in it whose lock is that of the directory.
    """

    def __init__(self, path: str, lock_name: str = "_manifest.json") -> None:
        self._path = pathlib.Path(path)
        self.name = shown(path)
        self._lock = LockFile(
            str(self._path / lock_name), name=f"the directory {self.name}", others="another directory"
        )

    def create(self) -> None:
        """Create the directory if it is missing, and lock it against other exports."""
        with naming(self.name):
            self._path.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()

    def release(self) -> None:
        """Unlock it."""
        self._lock.release()

    def sizes(self) -> Mapping[str, int]:
        """Return the sizes of its files in bytes, by name."""
        with naming(self.name, "read"), os.scandir(self._path) as entries:
            return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if there is none."""
        with naming(self.path(name), "read"), contextlib.suppress(FileNotFoundError):
            return (self._path / name).read_bytes()
        return None

    def remove(self, name: str) -> None:
        """Remove a file."""
        with naming(self.path(name), "remove"):
            (self._path / name).unlink(missing_ok=True)

    def path(self, name: str) -> str:
        """Return the path of a file."""
        return str(self._path / name)

    def open(self, name: str, *, overwrite: bool = True) -> OutputFile:
        """Begin the next content of a file."""
        target = self._path / name
        with naming(str(target)):
            is_other = target.exists() and not target.is_file()
        if is_other:
            raise OutputError(f"cannot write {target}: it is not a regular file; name another one, or - for a stream")
        if not overwrite and os.path.lexists(target):
            raise exists_already(str(target))
        return AtomicFile(target, overwrite=overwrite)
