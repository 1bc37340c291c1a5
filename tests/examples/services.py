"""PostgreSQL and Redis for the examples; without them a test is skipped with a hint how to start them."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from mixpanel_async.emulator import Emulator, InjectedFault

POSTGRES_VARIABLE = "MIXPANEL_ASYNC_TEST_POSTGRES_DSN"
REDIS_VARIABLE = "MIXPANEL_ASYNC_TEST_REDIS_URL"
POSTGRES_DSNS = ("postgresql://postgres@127.0.0.1:5432/test", "postgresql://127.0.0.1:5432/test")
REDIS_URL = "redis://127.0.0.1:6379/0"


async def postgres_dsn() -> str:
    """Return the DSN of a running PostgreSQL."""
    given = os.environ.get(POSTGRES_VARIABLE)
    tried = []
    for dsn in (given,) if given else POSTGRES_DSNS:
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            tried.append(f"{'its value' if given else dsn}: {error}")
        else:
            await connection.close()
            return dsn
    pytest.skip(
        f"no PostgreSQL: {'; '.join(tried)}. Set {POSTGRES_VARIABLE}, or start one as CONTRIBUTING.md says "
        "(apt install postgresql; createdb test)"
    )


async def redis_url() -> str:
    """Return the URL of a running Redis."""
    given = os.environ.get(REDIS_VARIABLE)
    url = given or REDIS_URL
    async with Redis.from_url(url, socket_connect_timeout=5) as redis:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            pytest.skip(
                f"no Redis: {'its value' if given else url}: {error}. Set {REDIS_VARIABLE}, or start one as "
                "CONTRIBUTING.md says (apt install redis-server)"
            )
    return url


FAULTS = (
    InjectedFault(path="/import", kind="status", status=503),
    InjectedFault(path="/import", kind="reset_after"),
    InjectedFault(path="/import", kind="status", status=429),
    InjectedFault(path="/import", kind="truncate"),
    InjectedFault(path="/import", kind="reset_before"),
    InjectedFault(path="/import", kind="garbage_body"),
    InjectedFault(path="/import", kind="reset_after", after=2),
)


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Poll a condition; fail the test after a minute."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what it waits for is in other processes
            await asyncio.sleep(0.01)


async def requests_are(server: Emulator, count: int) -> bool:
    """Return whether the server has received this number of requests."""
    return (await server.counts()).requests >= count


def tell(process: asyncio.subprocess.Process, which: signal.Signals) -> None:
    """Send a signal; unlike the method of the process, this does not reap it before the event loop does."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, which)


async def is_ended_by(process: asyncio.subprocess.Process, which: signal.Signals) -> bool:
    """Send a signal again; return whether the process has ended."""
    tell(process, which)
    return process.returncode is not None


def is_away(emulator: Emulator) -> None:
    """Make the server refuse all imports until its faults are cleared."""
    emulator.faults.add(InjectedFault(path="/import", kind="status", status=503, times=None))


class Counted:
    """Replaces an async generator function and counts what it yields.

    Args:
        function: Makes the generator.
    """

    def __init__(self, function: Callable[..., AsyncIterator[Any]]) -> None:
        self._function = function
        self.count = 0

    async def __call__(self, *arguments: object) -> AsyncIterator[Any]:
        async for item in self._function(*arguments):
            self.count += 1
            yield item
