"""The event loop that a client belongs to."""

import asyncio
import os
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial

from mixpanel_async.errors import ClientClosedError, WrongLoopError

if sys.version_info >= (3, 12):
    _here: Callable[[], object] = asyncio.get_running_loop
else:
    # Until 3.11 asking for the running loop asks the system for the process id, a microsecond for each event. A thread
    # runs one loop at a time: if it is our thread and our loop is running, our loop is the one that is running.
    _here = threading.get_ident


class LoopOwner:
    """Binds a client to the loop that uses it first, and refuses every other loop, thread and process.

    Attributes:
        is_closed: Whether the client was closed; another loop is then told that, and not that it is the wrong one.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._home: object = None
        self._is_running: Callable[[], bool] = bool
        self._pid = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the client belongs to, for other threads.

        Raises:
            WrongLoopError: The client was not used in a loop so far, or this is a child of its process.
        """
        if self._loop is None:
            raise WrongLoopError("the client belongs to no event loop so far; enter it with `async with` there first")
        if os.getpid() != self._pid:
            raise WrongLoopError("this client was made before a fork; make a new one in the child process")
        return self._loop

    def is_home(self) -> bool:
        """Return whether this is certainly the loop that the client belongs to; cheap, for every event."""
        try:
            return _here() == self._home and self._is_running()
        except RuntimeError:  # no asyncio loop is running: `check` says so in our own words
            return False

    def check(self) -> None:
        """Bind to the running loop on first use; afterwards accept no other one.

        Raises:
            WrongLoopError: This is another loop, thread or process, or no asyncio loop is running.
            ClientClosedError: This is another loop, and the client was closed.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise WrongLoopError(_explain_missing_loop()) from None
        if self._loop is None:
            self._bind(loop)
        elif loop is self._loop and os.getpid() == self._pid and self._home is not None:
            return
        elif self.is_closed:
            raise ClientClosedError("the client is closed; make a new one")
        elif os.getpid() != self._pid:
            raise WrongLoopError("this client was made before a fork; make a new one in the child process")
        else:
            raise WrongLoopError(
                "this client belongs to another event loop or thread; make one in each loop, or use "
                f"asyncio.run_coroutine_threadsafe (now in thread {threading.current_thread().name!r})"
            )

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._home = _here()
        self._is_running = loop.is_running
        self._pid = os.getpid()
        if hasattr(os, "register_at_fork"):
            # A child has the parent's thread id and a loop that looks as if it ran: it must notice by itself.
            os.register_at_fork(after_in_child=partial(_forget_home, weakref.ref(self)))


def _forget_home(owner: "weakref.ref[LoopOwner]") -> None:
    mine = owner()
    if mine is not None:
        mine._home = None  # noqa: SLF001 - the owner's own hook


def _explain_missing_loop() -> str:
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return "mixpanel_async runs on asyncio only, and this is trio; use trio-asyncio or a thread with asyncio.run()"
    return "no event loop is running here; call this from async code"
