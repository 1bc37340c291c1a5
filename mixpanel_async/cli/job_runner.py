"""Runs a job from the command line: the first interrupt stops it gracefully, the second one at once."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.cli.options.common import ServerOptions

T = TypeVar("T")
_MAX_CONCURRENCY = 100


@contextlib.asynccontextmanager
async def opened(client: AsyncMixpanel) -> AsyncIterator[AsyncMixpanel]:
    """Close a client at the end: gracefully, or at once after a cancellation."""
    try:
        yield client
    except asyncio.CancelledError:
        await client.aclose(timeout=0)
        raise
    finally:
        await client.aclose()


def run_until_terminated(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop of its own; SIGTERM cancels it as an interrupt does, so that it can clean up.

    Raises:
        KeyboardInterrupt: It was interrupted or terminated.
    """

    async def main() -> T:
        task = asyncio.current_task()
        # asyncio.run() handles SIGINT itself. Windows has no handler for SIGTERM, and other threads have none at all.
        if task is not None and threading.current_thread() is threading.main_thread():
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work()

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def run_job(
    server: ServerOptions,
    concurrency: int | None,
    job: Callable[[AsyncMixpanel, asyncio.Event], Awaitable[T]],
    say: Callable[[str], None],
) -> T:
    """Run a job with a client of its own.

    Args:
        server: The client's server and project.
        concurrency: Maximum number of requests of the job in flight, or None for the client's default.
        job: Called with the client and the event that stops the job.
        say: Prints a line to standard error.

    Raises:
        KeyboardInterrupt: The job was interrupted twice.
    """

    async def main() -> T:
        stop = asyncio.Event()
        _stop_on_interrupt(stop, say)
        async with opened(server.client(_settings(concurrency))) as client:
            return await job(client, stop)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _settings(concurrency: int | None) -> Settings:
    if concurrency is None:
        return Settings()
    return Settings(max_concurrency=min(_MAX_CONCURRENCY, concurrency + 1))  # the engine reserves one for live records


def _stop_on_interrupt(stop: asyncio.Event, say: Callable[[str], None]) -> None:
    task = asyncio.current_task()

    def interrupt() -> None:
        if not stop.is_set():
            stop.set()
            say("stopping after the requests in flight; interrupt again to stop now")
        elif task is not None:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: the first interrupt stops the job at once
            loop.add_signal_handler(number, interrupt)
