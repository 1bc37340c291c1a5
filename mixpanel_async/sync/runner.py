"""Runs an asynchronous client in a thread of its own."""

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, Final, NamedTuple, TypeVar

from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.errors import ClientClosedError
from mixpanel_async.models import DeliveryReport

T = TypeVar("T")
_log = logging.getLogger("mixpanel_async")
_CLOSED: Final = "the client is closed; make a new one"
_EXIT_GRACE_SECONDS: Final = 2.0  # for the client's own deadline to be kept
_JOIN_SECONDS: Final = 1.0


class _Raised(NamedTuple):
    error: BaseException


class Runner:
    """An asynchronous client in an event loop in a thread.

    What it holds is delivered at the end of the process, even if the program has forgotten it.

    Args:
        make: Makes the client.
        exit_seconds: Time for delivery at the end of the process.

    Attributes:
        client: The client.

    Raises:
        ClientClosedError: The process is ending.
    """

    def __init__(self, make: Callable[[], AsyncMixpanel], exit_seconds: float) -> None:
        self._make = make
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._is_ended = False
        self._lock = threading.RLock()  # reentrant: a signal handler may run in the middle
        self._calls: set[Future[Any]] = set()
        self._exit = _AtExit(self, exit_seconds)
        self._thread = threading.Thread(target=self._run, name="mixpanel_async-sync", daemon=True)
        self._thread.start()
        self._started.wait()
        self._check_started()

    @property
    def is_ended(self) -> bool:
        """Whether the thread takes no more calls."""
        return self._is_ended

    def _check_started(self) -> None:
        if self._failure is not None:
            self._exit.runner = None
            raise self._failure

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                try:
                    runner.run(self._main())
                finally:
                    with self._lock:  # from here on, no call is added whose coroutine nobody would run
                        self._is_ended = True
                    runner.run(asyncio.sleep(0))  # calls that were just added become tasks, which are cancelled next
        except BaseException as error:
            if self._started.is_set():
                _log.exception("the client's thread ended; it takes no more records")
            self._failure = error
        finally:
            self._is_ended = True
            self._started.set()
            for call in tuple(self._calls):
                call.cancel()

    async def _main(self) -> None:
        self.client = await self._make().__aenter__()
        self._loop = asyncio.get_running_loop()
        self._started.set()
        await self._stop.wait()

    def run(self, work: Callable[[AsyncMixpanel], Coroutine[Any, Any, T]], timeout: float | None) -> T:
        """Run a call in the thread and wait for its result.

        Raises:
            TimeoutError: It took longer.
            ClientClosedError: The client is closed, or was closed meanwhile.
        """

        async def start() -> T | _Raised:
            try:
                return await work(self.client)
            except (KeyboardInterrupt, SystemExit) as error:  # they are the caller's, and would end the loop here
                return _Raised(error)

        future = self._submit(start)
        try:
            found = future.result(timeout)
        except CancelledError:
            if self._is_ended:
                raise ClientClosedError("the client was closed while the call ran; make a new one") from None
            raise
        except BaseException:  # a time-out, or Ctrl-C
            future.cancel()
            raise
        finally:
            self._calls.discard(future)
        if isinstance(found, _Raised):
            raise found.error
        return found

    def _submit(self, start: Callable[[], Coroutine[Any, Any, T]]) -> "Future[T]":
        with self._lock:
            if self._is_ended or self._loop is None:
                raise ClientClosedError(_CLOSED)
            future = asyncio.run_coroutine_threadsafe(start(), self._loop)
            self._calls.add(future)
        return future

    def close(self, timeout: float | None, *, wait_seconds: float | None = None) -> DeliveryReport | None:
        """Deliver what is left, and end the thread; do nothing if it has ended.

        Args:
            timeout: Seconds for the delivery; None: the client's setting.
            wait_seconds: Seconds to wait at most, if the client does not keep its time; None: as long as it takes.

        Raises:
            TimeoutError: It took longer than `wait_seconds`.
        """
        self._exit.runner = None
        try:
            return self.run(lambda client: client.aclose(timeout), wait_seconds)
        except ClientClosedError:
            return None
        finally:
            self._end()

    def abandon(self) -> None:
        """Take no more calls, because the thread answers none."""
        self._is_ended = True

    def _end(self) -> None:
        with self._lock:
            if not self._is_ended and self._loop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_JOIN_SECONDS)


class _AtExit:
    """Closes a runner at the end of the process, while executors take work, which delivery needs.

    A child process that was forked leaves the runner to its parent.

    Raises:
        ClientClosedError: The process is ending already.
    """

    def __init__(self, runner: Runner, seconds: float) -> None:
        self.runner: Runner | None = runner
        self._seconds = seconds
        self._pid = os.getpid()
        register = getattr(threading, "_register_atexit", None)  # `atexit` comes when executors take no more work
        try:
            (register or atexit.register)(self._close)
        except RuntimeError:
            raise ClientClosedError("the process is ending: a client cannot be started any more") from None

    def _close(self) -> None:
        runner = self.runner
        if runner is None or os.getpid() != self._pid:
            return
        try:
            runner.close(self._seconds, wait_seconds=self._seconds + _EXIT_GRACE_SECONDS)
        except TimeoutError:
            runner.abandon()
            _log.warning("the client did not close within its time, and what it still holds is lost")
