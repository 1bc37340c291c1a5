"""Waiting calls while the event loop is stalled: a paused container, a debugger, a starved machine."""

import asyncio
import itertools

from mixpanel_async.config import Rates, Settings
from mixpanel_async.session.governor import Governor
from tests.simulation.scripted import NO_LIMIT, ScriptedServer, accepted, client_of
from tests.virtual_time import VirtualClock, VirtualLoop, run_virtually


def test_callers_that_wait_for_their_turn_survive_a_stall() -> None:
    """After a stall longer than the window each caller gets its turn, still no faster than the limit."""

    async def main() -> None:
        clock = VirtualClock()
        governor = Governor(Rates(gdpr_per_second=1), clock)
        turns: list[float] = []

        async def call() -> None:
            async with governor.permit("gdpr", operation="gdpr"):
                turns.append(clock.monotonic())

        calls = [asyncio.create_task(call()) for _ in range(5)]
        await asyncio.sleep(0)
        governor.pause("gdpr", 4)
        stall(3.5)
        await asyncio.gather(*calls)
        assert len(turns) == 5
        assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(turns))

    run_virtually(main())


def test_a_caller_that_is_cancelled_during_a_stall_gets_its_cancellation() -> None:
    """A cancelled wait raises CancelledError and nothing else, also where its booking has expired meanwhile."""

    async def main() -> None:
        clock = VirtualClock()
        governor = Governor(Rates(gdpr_per_second=1), clock)

        async def call() -> None:
            async with governor.permit("gdpr", operation="gdpr"):
                pass

        await call()
        waiting = [asyncio.create_task(call()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        stall(30)
        governor._limits["gdpr"].reserve(clock.monotonic(), 0, 0)  # drops what has expired
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError] * 3

    run_virtually(main())


def test_a_record_made_just_after_a_stall_has_its_whole_time() -> None:
    """A record that joins a batch from before a stall is delivered, not expired with the time that the loop lost."""

    async def main() -> None:
        settings = Settings(rates=NO_LIMIT, delivery_deadline_seconds=30.0)
        async with client_of(ScriptedServer(accepted), settings) as mp:
            await mp.track("u", "before")
            stall(200)
            receipt = await mp.track("u", "after")
            assert (await receipt).is_delivered

    run_virtually(main())


def stall(seconds: float) -> None:
    """Let time pass without running the loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.advance(seconds)
