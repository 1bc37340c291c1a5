"""Virtual time: an event loop that jumps from timer to timer, so that sleeping is free and every run is the same."""

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from typing import TypeVar

from mixpanel_async.clock import SystemClock

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Never blocks; advances the loop's time instead of waiting."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("deadlock: every task waits for something that never happens")
        self.loop.advance(timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that starts at second 1,000 and jumps from timer to timer."""

    def __init__(self) -> None:
        selector = _Selector()
        super().__init__(selector)
        selector.loop = self
        self._now = 1_000.0
        self.after_step: Callable[[], None] | None = None

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        if self.after_step is not None:
            self.after_step()

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: object) -> "asyncio.Future[T]":
        """Run the work at once, because a thread does not share the virtual time."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        future.set_result(func(*args))
        return future

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += max(0.0, seconds)


class VirtualClock(SystemClock):
    """The clock of a `VirtualLoop`, with seeded randomness."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None, seed: int = 0) -> None:
        super().__init__()
        self._loop = loop or asyncio.get_running_loop()
        self._random = random.Random(seed)
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self._loop.time()

    def time(self) -> float:
        return 1_750_000_000.0 + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds)


class FastClock(SystemClock):
    """A clock faster than the wall clock, for tests over real sockets: a back-off of 3 s takes 30 ms."""

    def __init__(self, speed: float = 100.0) -> None:
        super().__init__()
        self._speed = speed
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return super().monotonic() * self._speed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds / self._speed)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        await super().wait(event, seconds / self._speed)


class StillClock(SystemClock):
    """A clock that only advances by sleeping, for tests over real sockets on machines of any speed."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(0)


def run_virtually(main: Coroutine[object, object, T]) -> T:
    """Run a coroutine in virtual time and return its result."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
