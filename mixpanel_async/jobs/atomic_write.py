"""Atomic file replacement: a file appears under its name only when all of it is on the disk."""

import contextlib
import os
import pathlib
import stat
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from functools import partial
from typing import BinaryIO

from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.worker_thread import WorkerThread, made_on

_WRITE_BYTES = 1024 * 1024
_MODE = 0o600  # exported events and checkpoints hold personal data


class AtomicFile:
    """The next content of a file, written beside it and then renamed over it. Blocks.

    The content is written under a name of its own, always the same one, so that the next run replaces what a killed run
    left. That name is unlinked and created anew, and never opened for writing: a symbolic or hard link that somebody
    planted there would make the write go elsewhere. While it is written it is locked, so that of two processes that
    write the same file the second one is told.

    Args:
        target: Path of the file.
        overwrite: Whether the file may exist; if not, `commit` refuses to replace one that appeared meanwhile.

    Raises:
        OutputError: The file cannot be written; the error names the target, as all errors of the methods do.
    """

    def __init__(self, target: pathlib.Path, *, overwrite: bool = True) -> None:
        self._target = target
        self._overwrite = overwrite
        self._partial = target.with_name(f".{target.name}.partial")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with naming(str(target)):
            self._remove_leftover()
            try:
                descriptor = os.open(self._partial, flags, _MODE)
            except FileExistsError:
                raise self._in_use() from None
            self._file: BinaryIO = os.fdopen(descriptor, "wb")
            if not try_lock(descriptor):
                self._file.close()
                raise self._in_use()

    def _remove_leftover(self) -> None:
        """Remove the partial file of a killed run.

        Raises:
            OutputError: The run that writes it is alive.
        """
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISREG(self._partial.lstat().st_mode):
                with contextlib.suppress(PermissionError):  # of another user; in a shared directory unlink says so
                    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                    descriptor = os.open(self._partial, flags)
                    try:
                        is_alive = not try_lock(descriptor)
                    finally:
                        os.close(descriptor)
                    if is_alive:
                        raise self._in_use()
            self._partial.unlink()

    def _in_use(self) -> OutputError:
        return OutputError(f"cannot write {self._target}: another process is writing it; wait for that to end")

    def write(self, block: bytes) -> None:
        """Write a block."""
        with naming(str(self._target)):
            self._file.write(block)

    def commit(self) -> None:
        """Sync the content to the disk and give it the target's name."""
        with naming(str(self._target)):
            self._file.flush()
            os.fsync(self._file.fileno())
            if not self._is_ours():
                raise self._in_use()
            self._rename()
            self._file.close()
        with contextlib.suppress(OSError):  # a directory cannot be synced everywhere
            directory = os.open(self._target.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def _is_ours(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file.fileno()), self._partial.lstat())
        return False

    def _rename(self) -> None:
        if sys.platform == "win32":  # an open file cannot be renamed there
            self._file.close()
        if not self._overwrite:
            with contextlib.suppress(OSError):  # not every file system has hard links
                self._target.hardlink_to(self._partial)
                self._partial.unlink()
                return
            if os.path.lexists(self._target):
                raise exists_already(str(self._target))
        self._partial.replace(self._target)

    def discard(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        is_ours = not self._file.closed and self._is_ours()
        with contextlib.suppress(OSError):  # closing flushes, which fails again on a full disk
            self._file.close()
        if is_ours:
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)


def exists_already(name: str) -> OutputError:
    """Return the error for a file that must not be replaced.

    Args:
        name: Name of the file.
    """
    return OutputError(f"cannot write {name}: it exists already; name another file, or set overwrite (--force)")


def try_lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return False if another one has locked it. Blocks.

    Where files cannot be locked, as on Windows and on some network file systems, the answer is True.
    """
    if sys.platform == "win32":
        return True
    import fcntl  # not there on Windows

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def replace_file(target: pathlib.Path, blocks: Iterable[bytes]) -> None:
    """Replace the content of a file in one step. Blocks.

    Raises:
        OutputError: The file cannot be written; its old content is intact.
    """
    file = AtomicFile(target)
    try:
        for block in blocks:
            file.write(block)
        file.commit()
    except BaseException:
        file.discard()
        raise


async def write_stream(
    target: pathlib.Path, source: AsyncGenerator[bytes], count: Callable[[bytes], int]
) -> tuple[int, int]:
    """Write a stream of blocks to a file on a thread of its own; the file appears when the stream is complete.

    Args:
        target: Path of the file.
        source: The blocks; an error of the stream is raised as it is, and the old content stays intact.
        count: Returns how many records a block holds.

    Returns:
        The numbers of records and bytes written.

    Raises:
        OutputError: The file cannot be written.
    """
    thread = WorkerThread("mixpanel_async-export")
    records = size = 0
    try:
        async with made_on(thread, partial(AtomicFile, target), AtomicFile.discard) as file:
            held: list[bytes] = []
            held_bytes = 0
            async with contextlib.aclosing(source) as blocks:
                async for block in blocks:
                    records += count(block)
                    size += len(block)
                    held.append(block)
                    held_bytes += len(block)
                    if held_bytes >= _WRITE_BYTES:
                        await thread.submit(partial(file.write, b"".join(held)))
                        held, held_bytes = [], 0
            await thread.submit(partial(file.write, b"".join(held)))
            await thread.submit(file.commit)
    finally:
        thread.close()
    return records, size


@contextlib.contextmanager
def naming(path: str, action: str = "write") -> Iterator[None]:
    """Turn an OSError into an OutputError that names the path which the caller knows."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot {action} {path}: {error.strerror or error}") from None
