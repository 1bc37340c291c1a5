"""Serves ASGI applications over real sockets, in the test's own loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, TypeAlias

import uvicorn

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = Message
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
HIDDEN = frozenset({"token", "time", "$insert_id", "mp_lib", "$lib_version"})


class _Server(uvicorn.Server):
    """A server that leaves the signals to the test."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: Callable[..., Any]) -> AsyncIterator[str]:
    """Serve an application; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_level="critical")
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def sent(emulator: Emulator, mp: AsyncMixpanel) -> list[Mapping[str, Any]]:
    """Return the events that arrived, in the order in which they were tracked."""
    assert (await mp.flush(timeout=20)).is_complete
    return sorted(await emulator.events(), key=lambda event: float(event["properties"]["time"]))


def own(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an event without those that every event has."""
    return {name: value for name, value in event["properties"].items() if name not in HIDDEN}
