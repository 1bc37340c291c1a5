"""The machine's own clock."""

import asyncio
import math

import pytest

from mixpanel_async.clock import SystemClock


@pytest.mark.parametrize("seconds", [-math.inf, -1.0, 0.0, 0.001])
async def test_what_is_due_is_not_waited_for(seconds: float) -> None:
    """A wait ends at its time, and at once if that has passed, however long ago."""
    async with asyncio.timeout(5):
        await SystemClock().wait(asyncio.Event(), seconds)


async def test_a_wait_for_ever_ends_with_its_event() -> None:
    """An infinite wait ends when the event is set, and not before."""
    event = asyncio.Event()
    waiting = asyncio.create_task(SystemClock().wait(event, math.inf))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    await asyncio.wait_for(waiting, 5)
