"""A full buffer in an outage, in virtual time: how often and how long callers are held."""

import asyncio

from mixpanel_async import AsyncMixpanel, Outcome, Settings
from mixpanel_async.errors import ConnectFailedError
from tests.simulation.scripted import NO_LIMIT, ScriptedServer, accepted, client_of
from tests.virtual_time import run_virtually

SETTINGS = Settings(rates=NO_LIMIT, max_buffer_bytes=400_000, max_batch_bytes=20_000, overflow_wait_seconds=1.0)
LARGE = {"text": "x" * 5_000}


def down() -> ScriptedServer:
    return ScriptedServer(lambda _: ConnectFailedError("down"))


async def seconds_of(mp: AsyncMixpanel, properties: dict[str, str]) -> float:
    """Track an event; return the seconds that it took."""
    started = asyncio.get_running_loop().time()
    await mp.track("u", "E", properties)
    return asyncio.get_running_loop().time() - started


async def fill(mp: AsyncMixpanel) -> list[float]:
    """Track large events until one is held; return the seconds that each took."""
    held: list[float] = []
    while not held or held[-1] < 1.0:
        held.append(await seconds_of(mp, LARGE))
    return held


def test_callers_that_come_together() -> None:
    """Callers that come when the buffer is full are each held for a second; those that come later are not."""

    async def main() -> None:
        async with client_of(down(), SETTINGS) as mp:
            rounds = [await asyncio.gather(*[seconds_of(mp, LARGE) for _ in range(20)]) for _ in range(30)]
            longest = [max(some) for some in rounds]
            assert longest.count(0.0) == 29
            assert max(longest) == 1.0
            await mp.aclose(timeout=0)

    run_virtually(main())


def test_small_records_that_still_fit() -> None:
    """A small record that finds space does not make the next large one wait again."""

    async def main() -> None:
        async with client_of(down(), SETTINGS) as mp:
            assert sum(await fill(mp)) == 1.0
            held = [await seconds_of(mp, properties) for _ in range(50) for properties in ({}, LARGE)]
            assert sum(held) == 0.0
            await mp.aclose(timeout=0)

    run_virtually(main())


def test_after_an_outage_callers_wait_again() -> None:
    """Once batches are accepted again, a caller that finds the buffer full waits, and its record is delivered."""

    async def main() -> None:
        server = down()
        async with client_of(server, SETTINGS) as mp:
            await fill(mp)
            server.answer = accepted
            await mp.flush()
            server.answer = lambda _: ConnectFailedError("down")
            assert sum(await fill(mp)) == 1.0
            await mp.aclose(timeout=0)

    run_virtually(main())


def test_while_a_backlog_is_delivered_callers_wait() -> None:
    """From the first batch accepted after an outage, callers wait for space, and their records are delivered."""

    async def main() -> None:
        server = ScriptedServer(lambda _: ConnectFailedError("down"), 0.1)
        async with client_of(server, SETTINGS) as mp:
            await fill(mp)
            server.answer = accepted
            while not mp.stats.outcomes[Outcome.UNVERIFIED]:
                await mp.track("u", "E", LARGE)
                await asyncio.sleep(0.05)
            dropped = mp.stats.outcomes[Outcome.DROPPED]
            for _ in range(300):
                await mp.track("u", "E", LARGE)
            await mp.flush()
            assert mp.stats.outcomes[Outcome.DROPPED] == dropped

    run_virtually(main())
