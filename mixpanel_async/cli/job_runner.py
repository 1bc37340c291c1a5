"""Runs a job from the command line: one interrupt ends it in good order, a second one at once."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from mixpanel_async import AsyncMixpanel
from mixpanel_async.cli.options.common import Run, ServerOptions

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


def run_job(
    server: ServerOptions,
    run: Run,
    job: Callable[[AsyncMixpanel, asyncio.Event], Awaitable[T]],
    say: Callable[[str], None],
) -> T:
    """Run a job with a client of its own until it ends.

    Args:
        server: Whom the client talks to.
        run: How the job runs.
        job: Takes the client and the event that tells it to stop.
        say: Prints a line to standard error.

    Raises:
        KeyboardInterrupt: It was interrupted twice.
    """

    async def main() -> T:
        stop = asyncio.Event()
        _listen(stop, say)
        async with opened(server.client(run.settings())) as client:
            return await job(client, stop)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _listen(stop: asyncio.Event, say: Callable[[str], None]) -> None:
    task = asyncio.current_task()

    def interrupt() -> None:
        if not stop.is_set():
            stop.set()
            say("stopping: what is on its way is finished; interrupt again to stop now")
        elif task is not None:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: the first interrupt ends the job at once
            loop.add_signal_handler(number, interrupt)
