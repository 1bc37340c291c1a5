"""Runs a job from the command line: one interrupt ends it in good order, a second one at once."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def run_job(job: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Run a job until it ends.

    Args:
        job: Takes the event that tells it to stop.

    Raises:
        KeyboardInterrupt: It was interrupted twice.
    """
    try:
        return asyncio.run(_interruptible(job))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _interruptible(job: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    stop = asyncio.Event()
    task = asyncio.current_task()

    def interrupt() -> None:
        if stop.is_set():
            if task is not None:
                task.cancel()
            return
        stop.set()
        sys.stderr.write("\nstopping: what is on its way is finished; interrupt again to stop now\n")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: the first interrupt ends the job at once
            loop.add_signal_handler(number, interrupt)
    return await job(stop)
