"""One thread that runs blocking calls: reading, writing and syncing files."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class WorkerThread:
    """Runs blocking calls one after another.

    The thread is a daemon, unlike those of an executor: a read from a terminal or pipe that never returns must not
    keep the process alive.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._name = name
        self._thread: threading.Thread | None = None

    def submit(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Run a call on the thread; return a future of its result, which need not be awaited."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        future.add_done_callback(_retrieve_exception)

        def run() -> None:
            try:
                result = call()
            except BaseException as error:
                _call_soon(loop, partial(_fail, future, error))
            else:
                _call_soon(loop, partial(_succeed, future, result))

        self._calls.put(run)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        return future

    def close(self) -> None:
        """End the thread after the calls submitted so far."""
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


@contextlib.asynccontextmanager
async def made_on(thread: WorkerThread, make: Callable[[], T], undo: Callable[[T], object]) -> AsyncIterator[T]:
    """Give what a call on a thread makes; undo it there if the block raises or is cancelled, however early.

    Args:
        thread: Runs the calls.
        make: Makes it.
        undo: Called with what was made.
    """
    made: list[T] = []

    def run() -> T:
        made.append(make())
        return made[0]

    try:
        yield await thread.submit(run)
    except BaseException:
        # Shielded: a second cancellation must not leave anything behind.
        await asyncio.shield(thread.submit(lambda: [undo(one) for one in made]))
        raise


def _call_soon(loop: asyncio.AbstractEventLoop, settle: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed, so nothing awaits the future
        loop.call_soon_threadsafe(settle)


def _succeed(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[T]", error: BaseException) -> None:
    if not future.done():
        # A future cannot raise StopIteration.
        future.set_exception(RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)


def _retrieve_exception(future: "asyncio.Future[T]") -> None:
    if not future.cancelled():
        future.exception()  # asyncio would log an exception that nothing retrieves
