from collections.abc import AsyncIterator

import aiohttp
import pytest

from mixpanel_async.emulator import Emulator
from tests.integration.emulator.api import Api, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def emulator(clock: HandClock) -> AsyncIterator[Emulator]:
    async with Emulator(now=clock.now, monotonic=clock.now, sleep=clock.sleep) as running:
        yield running


@pytest.fixture
async def api(emulator: Emulator) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(emulator, session)
