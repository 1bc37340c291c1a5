"""One thread for calls that block: reading a file or a pipe, writing and syncing one."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class WorkerThread:
    """Runs blocking calls one after another.

    The thread is a daemon: a read from a terminal or pipe that never ends must not keep the program alive.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._name = name
        self._thread: threading.Thread | None = None

    def submit(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Run a call on the thread; return a future of its result, which may be left alone."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        future.add_done_callback(_look_at)

        def run() -> None:
            try:
                result = call()
            except BaseException as error:
                _tell(loop, partial(_fail, future, error))
            else:
                _tell(loop, partial(_succeed, future, result))

        self._calls.put(run)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        return future

    def close(self) -> None:
        """End the thread when the calls that were submitted have ended."""
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _tell(loop: asyncio.AbstractEventLoop, settle: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settle)


def _succeed(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[T]", error: BaseException) -> None:
    if not future.done():
        # A StopIteration cannot be raised out of a future.
        future.set_exception(RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)


def _look_at(future: "asyncio.Future[T]") -> None:
    if not future.cancelled():
        future.exception()  # a result nobody waits for any more is no error
