"""A file that has its name only when it is whole."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.worker_thread import WorkerThread


async def write_whole(target: Path, source: AsyncGenerator[bytes], count: Callable[[bytes], int]) -> tuple[int, int]:
    """Write blocks to a file, which is called like it with `.partial` behind until all of them are on the disk.

    Args:
        target: The file; one that is there is replaced at the end.
        source: The blocks; whatever it raises goes on to the caller, and leaves what was there as it was.
        count: Says how many records a block holds.

    Returns:
        How many records and bytes were written.

    Raises:
        OutputError: The file cannot be written.
    """
    thread = WorkerThread("mixpanel_async-export")
    unfinished = target.with_name(target.name + ".partial")
    records = size = 0
    try:
        file = await thread.submit(lambda: unfinished.open("wb"))
        try:
            async with aclosing(source) as blocks:
                async for block in blocks:
                    records += count(block)
                    size += len(block)
                    await thread.submit(partial(file.write, block))
            await thread.submit(partial(_sync, file))
        finally:
            await asyncio.shield(thread.submit(file.close))
        await thread.submit(lambda: unfinished.replace(target))
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        thread.close()
    return records, size


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
