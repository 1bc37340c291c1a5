"""Time, sleep and randomness behind one Protocol, so that a test decides what time it is."""

import asyncio
import math
import random
import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """What the running code needs to know of time and chance."""

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean something."""

    def time(self) -> float:
        """Return Unix time in seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until `event` is set, `seconds` at most (`inf`: for ever)."""

    def uniform(self, low: float, high: float) -> float:
        """Return a random number of seconds between `low` and `high`."""


class SystemClock:
    """The machine's own clock."""

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - spreads retries, protects nothing

    # The event loop's own notion of time, and the machine's; asked for every event, so no call is put around them.
    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` without blocking the loop."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until `event` is set, `seconds` at most."""
        # -inf is what is due at once: only +inf means for ever.
        with anyio.move_on_after(None if seconds == math.inf else max(0.0, seconds)):
            await event.wait()

    def uniform(self, low: float, high: float) -> float:
        """Return a random number between `low` and `high`."""
        return self._random.uniform(low, high)
