"""Runs an asynchronous client in a thread of its own."""

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.errors import ClientClosedError
from mixpanel_async.models import DeliveryReport

T = TypeVar("T")


class Runner:
    """An asynchronous client in an event loop in a thread.

    What it holds is delivered at the end of the process, even if the program has forgotten it.

    Args:
        make: Makes the client.
        exit_seconds: Time for delivery at the end of the process.

    Attributes:
        client: The client.
    """

    def __init__(self, make: Callable[[], AsyncMixpanel], exit_seconds: float) -> None:
        self._make = make
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="mixpanel_async-sync", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        self._exit = _AtExit(self, exit_seconds)

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            self.client = loop.run_until_complete(self._enter())
        except BaseException as error:
            self._failure = error
            loop.close()
            return
        finally:
            self._loop = loop
            self._started.set()
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    async def _enter(self) -> AsyncMixpanel:
        return await self._make().__aenter__()

    def forget(self) -> None:
        """Leave everything to the parent process, in one that was forked."""
        self._exit.runner = None

    def run(self, work: Callable[[AsyncMixpanel], Coroutine[Any, Any, T]], timeout: float | None) -> T:
        """Run a call in the thread and wait for its result.

        Raises:
            TimeoutError: It took longer.
            ClientClosedError: The client is closed.
        """

        async def start() -> T:
            return await work(self.client)

        loop = self._loop
        if loop is None or loop.is_closed():
            raise ClientClosedError("the client is closed; make a new one")
        future = asyncio.run_coroutine_threadsafe(start(), loop)
        try:
            return future.result(timeout)
        except BaseException:  # a time-out, or Ctrl-C
            future.cancel()
            raise

    def close(self, timeout: float | None) -> DeliveryReport:
        """Deliver what is left, and end the thread."""
        self._exit.runner = None
        report = self.run(lambda client: client.aclose(timeout), None)
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)
        self._thread.join(1.0)
        return report


class _AtExit:
    """Closes a runner at the end of the process, while threads can still be started, which delivery needs."""

    def __init__(self, runner: Runner, seconds: float) -> None:
        self.runner: Runner | None = runner
        self._seconds = seconds
        register = getattr(threading, "_register_atexit", None)  # `atexit` comes when executors take no more work
        with contextlib.suppress(RuntimeError):  # the process is ending already
            (register or atexit.register)(self._close)

    def _close(self) -> None:
        if self.runner is not None:
            self.runner.close(self._seconds)
