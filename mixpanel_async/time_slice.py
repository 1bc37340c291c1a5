"""Time slices: long work on the event loop is done in steps, and other tasks run between them."""

import asyncio
import time
from collections.abc import Generator
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")
# Work in steps: it yields after each of them, none of which takes long, and then returns its result.
Steps: TypeAlias = Generator[None, None, T]
# Two tasks that work in slices, and a call on a thread that holds the interpreter lock for 5 ms (the interpreter's own
# interval), together stay below 20 ms.
SLICE_SECONDS: Final = 0.005
# A thread that works in Python keeps the interpreter lock for 5 ms each time that the loop asks for it, and the loop
# asks after every system call. One that pauses now and then hands it over at once.
_TURN_SECONDS: Final = 0.001
_TURNS: Final = 3  # of the loop, after each slice
_PAUSE_SECONDS: Final = 0.00005


class TimeSlice:
    """The time for which a task may hold the loop."""

    def __init__(self) -> None:
        # The loop's clock, not the machine's: in virtual time no slice ends, so that a simulation can be repeated.
        self._time = asyncio.get_running_loop().time
        self._end = self._time() + SLICE_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether other tasks should run now."""
        return self._time() >= self._end

    async def next(self) -> None:
        """Let other tasks run, then begin a new slice."""
        # Before the first turn, the loop finds the timers that are due; in it, they wake the tasks that sleep; those
        # run in the second turn, after this task.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self._end = self._time() + SLICE_SECONDS


async def in_slices(steps: Steps[T], time_slice: TimeSlice | None = None) -> T:
    """Return the result of work in steps; other tasks run whenever a slice is over.

    Args:
        steps: The work.
        time_slice: The slice of a task that does several such works in a row; None: a new one.
    """
    time_slice = time_slice or TimeSlice()
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        if time_slice.is_over:
            await time_slice.next()


class ThreadTurns:
    """The time for which a thread may keep the interpreter lock; asked after each step of long work on a thread."""

    def __init__(self) -> None:
        self._end = time.monotonic() + _TURN_SECONDS

    def give_way(self) -> None:
        """Pause for a moment if the turn is over, so that the event loop gets the lock."""
        if time.monotonic() >= self._end:
            time.sleep(_PAUSE_SECONDS)
            self._end = time.monotonic() + _TURN_SECONDS


def run_in_turns(steps: Steps[T]) -> T:
    """Return the result of work in steps on a thread; between them the event loop gets the interpreter lock.

    Args:
        steps: The work.
    """
    turns = ThreadTurns()
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        turns.give_way()
