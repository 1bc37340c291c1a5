"""Lets one process at a time use a checkpoint or a directory."""

import contextlib
import os
import pathlib
import sys
from typing import Final

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.atomic_write import naming

_MAX_PID_BYTES: Final = 20


class LockFile:
    """A file beside another one that is locked while that one is in use; the lock ends with the process. Blocks.

    Args:
        path: Path of the file that is in use. It is replaced again and again, and cannot be locked itself.
        name: What is in use, for the error (default: the checkpoint at `path`).
        others: What to name instead, for the error.
    """

    def __init__(self, path: str, *, name: str | None = None, others: str = "another checkpoint") -> None:
        self._path = path
        self._name = name or f"checkpoint {path}"
        self._others = others
        target = pathlib.Path(path)
        self._lock_path = target.with_name(f".{target.name}.lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Lock the file.

        Raises:
            InvalidArgumentError: Another process has locked it.
            OutputError: It cannot be written.
        """
        if sys.platform == "win32" or self._descriptor is not None:
            return
        import fcntl  # not there on Windows

        with naming(self._path):
            while True:
                flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
                descriptor = os.open(self._lock_path, flags, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    owner = os.read(descriptor, _MAX_PID_BYTES).decode("ascii", "replace").strip()
                    os.close(descriptor)
                    raise InvalidArgumentError(
                        f"{self._name} is in use by process {owner or 'unknown'}; wait for it to end, or name "
                        f"{self._others}"
                    ) from None
                if self._is_current(descriptor):
                    break
                os.close(descriptor)  # the other process has just removed it
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            self._descriptor = descriptor

    def _is_current(self, descriptor: int) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), self._lock_path.stat())
        return False

    def release(self) -> None:
        """Remove the file, if this object locked it."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._lock_path.unlink()
            os.close(self._descriptor)
            self._descriptor = None
