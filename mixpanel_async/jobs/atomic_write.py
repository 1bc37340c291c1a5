"""Atomic file replacement: a file appears under its name only when all of it is on the disk."""

import asyncio
import contextlib
import os
import pathlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from functools import partial
from typing import BinaryIO

from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.worker_thread import WorkerThread

_WRITE_BYTES = 1024 * 1024
_MODE = 0o600  # exported events and checkpoints hold personal data


class AtomicFile:
    """The next content of a file, written beside it and then renamed over it. Blocks.

    Args:
        target: Path of the file.

    Raises:
        OutputError: The file cannot be written; the error names the target, as all errors of the methods do.
    """

    def __init__(self, target: pathlib.Path) -> None:
        self._target = target
        # Always the same name, so that the next run replaces what a killed run left. No symbolic link is followed:
        # in a shared directory, another user could make the write go elsewhere.
        self._partial = target.with_name(f".{target.name}.partial")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with naming(str(target)):
            self._file: BinaryIO = os.fdopen(os.open(self._partial, flags, _MODE), "wb")

    def write(self, block: bytes) -> None:
        """Write a block."""
        with naming(str(self._target)):
            self._file.write(block)

    def commit(self) -> None:
        """Sync the content to the disk and give it the target's name."""
        with naming(str(self._target)):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.replace(self._target)
        with contextlib.suppress(OSError):  # a directory cannot be synced everywhere
            directory = os.open(self._target.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def discard(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        with contextlib.suppress(OSError):  # closing flushes, which fails again on a full disk
            self._file.close()
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)


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
        file = await thread.submit(partial(AtomicFile, target))
        try:
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
        except BaseException:
            # Shielded: a second cancellation must not leave the partial file behind.
            await asyncio.shield(thread.submit(file.discard))
            raise
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
