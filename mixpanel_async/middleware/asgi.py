"""`ASGIMiddleware`: for FastAPI, Starlette, Litestar and every other ASGI application."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, Unpack, cast

from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.clock import Clock
from mixpanel_async.json_types import JSONValue
from mixpanel_async.middleware.asgi_routes import ASGIScope, route_template
from mixpanel_async.middleware.options import MiddlewareOptions
from mixpanel_async.middleware.tracker import RequestTracker, TrackedRequest

ASGIMessage: TypeAlias = ASGIScope
Receive: TypeAlias = Callable[[], Awaitable[ASGIMessage]]
Send: TypeAlias = Callable[[ASGIMessage], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[ASGIScope, Receive, Send], Awaitable[None]]


class ASGIMiddleware:
    """Gives each HTTP request a context, and tracks an event for it, if that is asked for.

    The response passes through unchanged and unbuffered. The event is tracked when the last byte was sent, before
    background tasks run. Whatever goes wrong with tracking is logged, and breaks no request; what the application
    raises is raised unchanged. Websockets and lifespan events pass through.

    Args:
        app: The application.
        client: The client, or a function that returns it for a scope, such as one that an application makes when it
            starts; None: nothing is tracked.
        clock: Replaces time and randomness; for tests.
        **options: See `MiddlewareOptions`.

    Raises:
        InvalidSettingError: An option is unknown or invalid.
        MissingExtraError: `user_agent` is set, and ua-parser is not installed.

    Reference: https://developer.mixpanel.com/reference/track-event

    Example:
        ```python
        from mixpanel_async.middleware import ASGIMiddleware

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        app = ASGIMiddleware(app, mp, request_event="Request Served")
        ```
    """

    def __init__(
        self,
        app: ASGIApp,
        client: AsyncMixpanel | Callable[[ASGIScope], AsyncMixpanel | None],
        *,
        clock: Clock | None = None,
        **options: Unpack[MiddlewareOptions[ASGIScope]],
    ) -> None:
        self._app = app
        self._client = client
        self._tracker: RequestTracker[ASGIScope] = RequestTracker(_Reader(), options, route=self._route, clock=clock)

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Serve a request.

        Args:
            scope: The scope of ASGI.
            receive: Receives messages.
            send: Sends messages.
        """
        client = self._client_for(scope) if scope["type"] == "http" else None
        if client is None:
            await self._app(scope, receive, send)
            return
        tracked = self._tracker.begin(scope, client, client.track_nowait)
        with tracked.surround():
            if not tracked.is_open:
                await self._app(scope, receive, send)
                return
            tracked.begin = dict(scope)  # routers write into the scope, also over what the server has set
            await _serve(self._app, scope, receive, send, tracked)

    def _client_for(self, scope: ASGIScope) -> AsyncMixpanel | None:
        find = self._client
        if isinstance(find, AsyncMixpanel):
            return find
        return self._tracker.guard.call("the function `client`", lambda: find(scope), None)

    def _route(self, scope: ASGIScope, begin: ASGIScope | None) -> str | None:
        if begin is None:
            return None
        routes = getattr(self._app, "routes", None) or getattr(begin.get("app"), "routes", None)
        return route_template(begin, scope, routes)


async def _serve(
    app: ASGIApp, scope: ASGIScope, receive: Receive, send: Send, tracked: TrackedRequest[ASGIScope]
) -> None:
    """Run the application and note what it sends."""
    exchange = _Exchange(receive, send, tracked)
    try:
        await app(scope, exchange.receive, exchange.send)
    except asyncio.CancelledError as error:
        tracked.finish(exchange.status, "cancelled", error)
        raise
    except BaseException as error:
        tracked.finish(exchange.status, "disconnected" if exchange.is_gone else "failed", error)
        raise
    tracked.finish(exchange.status, "disconnected" if exchange.is_gone else "failed")


class _Exchange:
    """The messages of one request, on their way through."""

    __slots__ = ("_receive", "_send", "_tracked", "is_gone", "status")

    def __init__(self, receive: Receive, send: Send, tracked: TrackedRequest[ASGIScope]) -> None:
        self._receive = receive
        self._send = send
        self._tracked = tracked
        self.status: int | None = None
        self.is_gone = False  # whether the client has gone before the end of the response

    async def receive(self) -> ASGIMessage:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.is_gone = True
        return message

    async def send(self, message: ASGIMessage) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self.status = _status_of(message.get("status"))
        try:
            await self._send(message)
        except OSError:  # how servers say that the client has gone
            self.is_gone = True
            raise
        if (kind == "http.response.body" and not message.get("more_body")) or kind == "http.response.pathsend":
            self._tracked.finish(self.status, "completed")


def _status_of(value: JSONValue) -> int | None:
    return int(value) if isinstance(value, int) else None  # also of an HTTPStatus


class _Reader:
    """Reads scopes."""

    def method(self, request: ASGIScope) -> str:
        return str(request.get("method", ""))

    def peer(self, request: ASGIScope) -> str | None:
        client = request.get("client")
        return str(client[0]) if isinstance(client, list | tuple) and client else None

    def header(self, request: ASGIScope, name: str) -> str:
        wanted = name.encode()
        headers = cast("list[tuple[bytes, bytes]]", request.get("headers") or ())
        found = [value for key, value in headers if key == wanted]  # ASGI has names in lower case
        return b",".join(found).decode("latin-1") if found else ""
