"""The default transport, which loads aiohttp when the first request is sent."""

from mixpanel_async.config import Settings
from mixpanel_async.loading import load
from mixpanel_async.session.messages import Reply, StreamReply, Transport, WireRequest


class LazyTransport:
    """Passes requests to an `AiohttpTransport`, which it makes on first use.

    Args:
        settings: Time-outs, proxy, TLS, size of the pool.
    """

    reports_sent = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._transport: Transport | None = None
        self._is_closed = False

    async def send(self, request: WireRequest) -> Reply:
        """Send a request once and return the whole reply."""
        return await (await self._opened()).send(request)

    async def open_stream(self, request: WireRequest) -> StreamReply:
        """Send a request once and return as soon as the reply's head is there."""
        return await (await self._opened()).open_stream(request)

    async def close_stream(self, reply: StreamReply) -> None:
        """Give the connection of a stream back, or drop it where its body was not read to the end."""
        await (await self._opened()).close_stream(reply)

    async def aclose(self) -> None:
        """Close all connections, for good."""
        self._is_closed = True
        if self._transport is not None:
            await self._transport.aclose()

    async def _opened(self) -> Transport:
        if self._transport is None:
            await load("mixpanel_async.session.transport")
        if self._transport is None:  # another request may have made it meanwhile
            from mixpanel_async.session.transport import AiohttpTransport

            self._transport = AiohttpTransport(self._settings)
            if self._is_closed:
                await self._transport.aclose()
        return self._transport
