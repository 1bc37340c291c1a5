"""Default settings in an outage: how long a request handler is held when the buffer is full."""

import asyncio
import time

from mixpanel_async import AsyncMixpanel, Settings
from tests.conftest import TOKEN
from tests.integration.attack.conftest import Note

NOBODY = "http://127.0.0.1:9"
PROPERTIES = {"text": "x" * 1_000}
# As by default but for the size: the time is what is tested. A busy machine is allowed for.
SETTINGS = Settings(max_buffer_bytes=8_000_000)
LIMIT_SECONDS = SETTINGS.overflow_wait_seconds + 0.5


async def track_only(mp: AsyncMixpanel) -> float:
    """Track twenty events, as a request handler does; return the seconds that it took."""
    started = time.monotonic()
    for number in range(20):
        await mp.track(f"u{number}", "E", PROPERTIES)
    return time.monotonic() - started


async def call_four(mp: AsyncMixpanel) -> float:
    """Track, import and update a profile and a group, as a request handler does; return the seconds that it took."""
    started = time.monotonic()
    await mp.track("u", "E", PROPERTIES)
    await mp.people.set("u", PROPERTIES)
    await mp.groups.set("company", "c", PROPERTIES)
    await mp.import_event("u", "E", PROPERTIES, time=1_700_000_000)
    return time.monotonic() - started


async def test_handlers_one_by_one(note: Note) -> None:
    """One handler after the other: one is held about a second, when the buffer becomes full; no other is."""
    async with AsyncMixpanel(TOKEN, base_url=NOBODY, settings=SETTINGS) as mp:
        held = [await track_only(mp) for _ in range(600)]
        await mp.aclose(timeout=0)
    note("the buffer becomes full: longest hold of a handler is about a second", "True", str(max(held) < LIMIT_SECONDS))
    note("the buffer becomes full: handlers held for more than half a second", "1", str(sum(s > 0.5 for s in held)))


async def test_handlers_together(note: Note) -> None:
    """Fifty handlers that are at work when the buffer becomes full are each held for about a second, once."""
    async with AsyncMixpanel(TOKEN, base_url=NOBODY, settings=SETTINGS) as mp:
        held = [await asyncio.gather(*[track_only(mp) for _ in range(50)]) for _ in range(12)]
        await mp.aclose(timeout=0)
    longest = max(map(max, held))
    rounds = sum(max(some) > 0.5 for some in held)
    note("fifty handlers at once: longest hold is about a second", "True", str(longest < LIMIT_SECONDS))
    note("fifty handlers at once: rounds with a hold of more than half a second", "1", str(rounds))


async def test_handlers_of_four_endpoints(note: Note) -> None:
    """A handler that calls four endpoints is held for about a second, too."""
    async with AsyncMixpanel(TOKEN, credentials=None, base_url=NOBODY, settings=SETTINGS) as mp:
        held = [await call_four(mp) for _ in range(2_500)]
        await mp.aclose(timeout=0)
    note("four endpoints: longest hold of a handler is about a second", "True", str(max(held) < LIMIT_SECONDS))
    note("four endpoints: at most four handlers are held", "True", str(sum(s > 0.5 for s in held) <= 4))
