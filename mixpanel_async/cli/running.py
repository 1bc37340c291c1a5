"""Runs a job from the command line: one interrupt ends it in good order, a second one at once."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from mixpanel_async import AsyncMixpanel

T = TypeVar("T")


@contextlib.asynccontextmanager
async def opened(client: AsyncMixpanel) -> AsyncIterator[AsyncMixpanel]:
    """Close a client at the end: in good order, or at once where there is no time left."""
    try:
        yield client
    except asyncio.CancelledError:
        await client.aclose(timeout=0)
        raise
    finally:
        await client.aclose()


def run_job(job: Callable[[asyncio.Event], Awaitable[T]], say: Callable[[str], None]) -> T:
    """Run a job until it ends.

    Args:
        job: Takes the event that tells it to stop.
        say: Prints a line to standard error.

    Raises:
        KeyboardInterrupt: It was interrupted twice.
    """
    try:
        return asyncio.run(_interruptible(job, say))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _interruptible(job: Callable[[asyncio.Event], Awaitable[T]], say: Callable[[str], None]) -> T:
    stop = asyncio.Event()
    task = asyncio.current_task()

    def interrupt() -> None:
        if stop.is_set():
            if task is not None:
                task.cancel()
            return
        stop.set()
        say("stopping: what is on its way is finished; interrupt again to stop now")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: the first interrupt ends the job at once
            loop.add_signal_handler(number, interrupt)
    return await job(stop)
