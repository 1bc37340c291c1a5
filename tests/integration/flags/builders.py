"""Definitions, replies and changes for the tests of flags."""

import asyncio
from collections.abc import Callable
from typing import Any

from mixpanel_async.flags import FlagsChange, LocalFlags
from tests.integration.attack.server import reply

USER = {"distinct_id": "user-1"}


def flag(key: str = "f", value: object = True, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a definition that gives everybody one variant, `on`."""
    ruleset = {"variants": [{"key": "on", "value": value, "split": 1.0}], "rollout": [{"rollout_percentage": 1.0}]}
    return {"key": key, "context": "distinct_id", "ruleset": ruleset, **changes}


def definitions(*flags: object, **headers: str) -> bytes:
    """Return a reply with definitions."""
    return reply(200, {"flags": flags}, **headers)


def variants(**flags: object) -> bytes:
    """Return a reply with the values of variants."""
    return reply(
        200, {"code": 200, "flags": {key: {"variant_key": "on", "variant_value": one} for key, one in flags.items()}}
    )


class Changes:
    """Waits for changes of local flags.

    Args:
        flags: The flags.
    """

    def __init__(self, flags: LocalFlags) -> None:
        self._queue: asyncio.Queue[FlagsChange] = asyncio.Queue()
        self.stop: Callable[[], None] = flags.listen(self._queue.put_nowait)

    async def next(self) -> FlagsChange:
        """Return the next change."""
        async with asyncio.timeout(20):
            return await self._queue.get()

    async def kinds(self, count: int) -> list[str]:
        """Return the kinds of the next changes."""
        return [(await self.next()).kind for _ in range(count)]


def flag_tasks() -> list[str]:
    """Return the names of the running tasks that poll definitions."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "mixpanel_async.flags"]
